#include "mls/proposal.h"

#include <utility>

namespace plumbline::mls {
namespace {

constexpr size_t kMaxIdBytes = 65536;
constexpr uint8_t kProposal = 1;
constexpr uint8_t kReference = 2;

absl::StatusOr<ProposalOrRef> ReadProposalOrRef(Reader& in) {
  ASSIGN_OR_RETURN(const uint8_t type, in.U8());
  if (type == kProposal) {
    ASSIGN_OR_RETURN(Proposal proposal, ReadProposal(in));
    return ProposalOrRef(std::move(proposal));
  }
  if (type != kReference)
    return absl::InvalidArgumentError("unknown type of a proposal or reference");
  ASSIGN_OR_RETURN(const ByteView reference, in.Vector(255));
  return ProposalOrRef(ProposalRef{ToBytes(reference)});
}

// One overload per proposal; std::visit picks it.
struct BodyWriter {
  Writer& out;
  void operator()(const AddProposal& add) const { WriteKeyPackage(out, add.key_package); }
  void operator()(const UpdateProposal& update) const { WriteLeafNode(out, update.leaf_node); }
  void operator()(const RemoveProposal& remove) const { out.U32(remove.removed.value); }
  void operator()(const PskProposal& psk) const { WritePreSharedKeyId(out, psk.id); }
  void operator()(const ReInitProposal& reinit) const {
    out.Vector(reinit.group_id).U16(reinit.version).U16(reinit.cipher_suite);
    WriteExtensions(out, reinit.extensions);
  }
  void operator()(const ExternalInitProposal& init) const { out.Vector(init.kem_output); }
  void operator()(const GroupContextExtensionsProposal& gce) const {
    WriteExtensions(out, gce.extensions);
  }
};

absl::StatusOr<Proposal> ReadReInit(Reader& in) {
  ReInitProposal reinit;
  ASSIGN_OR_RETURN(const ByteView group_id, in.Vector(kMaxIdBytes));
  reinit.group_id = ToBytes(group_id);
  ASSIGN_OR_RETURN(reinit.version, in.U16());
  ASSIGN_OR_RETURN(reinit.cipher_suite, in.U16());
  ASSIGN_OR_RETURN(reinit.extensions, ReadExtensions(in));
  return Proposal(std::move(reinit));
}

}  // namespace

void WriteProposalBody(Writer& out, const Proposal& proposal) {
  std::visit(BodyWriter{out}, proposal);
}

absl::StatusOr<Proposal> ReadProposalBody(Reader& in, ProposalKind kind) {
  switch (kind) {
    case ProposalKind::kAdd: {
      ASSIGN_OR_RETURN(KeyPackage key_package, ReadKeyPackage(in));
      return Proposal(AddProposal{std::move(key_package)});
    }
    case ProposalKind::kUpdate: {
      ASSIGN_OR_RETURN(LeafNode leaf, ReadLeafNode(in));
      return Proposal(UpdateProposal{std::move(leaf)});
    }
    case ProposalKind::kRemove: {
      ASSIGN_OR_RETURN(const uint32_t removed, in.U32());
      return Proposal(RemoveProposal{LeafIndex{removed}});
    }
    case ProposalKind::kPsk: {
      ASSIGN_OR_RETURN(PreSharedKeyId id, ReadPreSharedKeyId(in));
      return Proposal(PskProposal{std::move(id)});
    }
    case ProposalKind::kReInit:
      return ReadReInit(in);
    case ProposalKind::kExternalInit: {
      ASSIGN_OR_RETURN(const ByteView kem_output, in.Vector(kMaxIdBytes));
      return Proposal(ExternalInitProposal{ToBytes(kem_output)});
    }
    case ProposalKind::kGroupContextExtensions: {
      ASSIGN_OR_RETURN(Extensions extensions, ReadExtensions(in));
      return Proposal(GroupContextExtensionsProposal{std::move(extensions)});
    }
  }
  return absl::UnimplementedError("unknown proposal type");
}

absl::StatusOr<Proposal> ReadProposal(Reader& in) {
  ASSIGN_OR_RETURN(const uint16_t type, in.U16());
  return ReadProposalBody(in, static_cast<ProposalKind>(type));
}

void WriteProposal(Writer& out, const Proposal& proposal) {
  out.U16(static_cast<uint16_t>(KindOf(proposal)));
  WriteProposalBody(out, proposal);
}

absl::StatusOr<Commit> ReadCommit(Reader& in) {
  Commit commit;
  ASSIGN_OR_RETURN(const ByteView list, in.Vector(kMaxVarint));
  for (Reader items(list); !items.AtEnd();) {
    if (commit.proposals.size() >= kMaxProposalsInCommit)
      return absl::InvalidArgumentError("too many proposals");
    ASSIGN_OR_RETURN(ProposalOrRef item, ReadProposalOrRef(items));
    commit.proposals.push_back(std::move(item));
  }
  ASSIGN_OR_RETURN(const bool has_path, in.Present());
  if (has_path) {
    ASSIGN_OR_RETURN(commit.path, ReadUpdatePath(in));
  }
  return commit;
}

void WriteCommit(Writer& out, const Commit& commit) {
  Writer list;
  for (const ProposalOrRef& item : commit.proposals) {
    if (const Proposal* proposal = std::get_if<Proposal>(&item)) {
      WriteProposal(list.U8(kProposal), *proposal);
    } else {
      list.U8(kReference).Vector(std::get<ProposalRef>(item).value);
    }
  }
  out.Vector(list.view()).Present(commit.path.has_value());
  if (commit.path) WriteUpdatePath(out, *commit.path);
}

}  // namespace plumbline::mls
