// Proposals and commits (RFC 9420 §12.1, §12.4): the changes members suggest and the list that
// makes an epoch.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "common/bytes.h"
#include "common/codec.h"
#include "common/status.h"
#include "mls/extension.h"
#include "mls/key_package.h"
#include "mls/key_schedule.h"
#include "mls/leaf_node.h"
#include "mls/tree/tree_kem.h"

namespace plumbline::mls {

// RFC 9420 §17.4.
enum class ProposalKind : uint16_t {
  kAdd = 1,
  kUpdate = 2,
  kRemove = 3,
  kPsk = 4,
  kReInit = 5,
  kExternalInit = 6,
  kGroupContextExtensions = 7,
};

// struct { KeyPackage key_package; } Add;
struct AddProposal {
  KeyPackage key_package;
  bool operator==(const AddProposal&) const = default;
};
// struct { LeafNode leaf_node; } Update;
struct UpdateProposal {
  LeafNode leaf_node;
  bool operator==(const UpdateProposal&) const = default;
};
// struct { uint32 removed; } Remove;
struct RemoveProposal {
  LeafIndex removed;
  bool operator==(const RemoveProposal&) const = default;
};
// struct { PreSharedKeyID psk; } PreSharedKey;
struct PskProposal {
  PreSharedKeyId id;
  bool operator==(const PskProposal&) const = default;
};
// struct { opaque group_id<V>; ProtocolVersion version; CipherSuite cipher_suite; Extension
// extensions<V>; } ReInit;
struct ReInitProposal {
  Bytes group_id;
  uint16_t version = kProtocolVersionMls10;
  uint16_t cipher_suite = 0;
  Extensions extensions;
  bool operator==(const ReInitProposal&) const = default;
};
// struct { opaque kem_output<V>; } ExternalInit;
struct ExternalInitProposal {
  Bytes kem_output;
  bool operator==(const ExternalInitProposal&) const = default;
};
// struct { Extension extensions<V>; } GroupContextExtensions;
struct GroupContextExtensionsProposal {
  Extensions extensions;
  bool operator==(const GroupContextExtensionsProposal&) const = default;
};

// struct { ProposalType proposal_type; select (proposal_type) { ... }; } Proposal;   in the order
// of ProposalKind
using Proposal = std::variant<AddProposal, UpdateProposal, RemoveProposal, PskProposal,
                              ReInitProposal, ExternalInitProposal, GroupContextExtensionsProposal>;

inline ProposalKind KindOf(const Proposal& proposal) {
  return static_cast<ProposalKind>(proposal.index() + 1);
}

// The content of each proposal by itself, without its type.
void WriteProposalBody(Writer& out, const Proposal& proposal);
absl::StatusOr<Proposal> ReadProposalBody(Reader& in, ProposalKind kind);

// UNIMPLEMENTED for a type this build does not know: nothing tells how long it is.
absl::StatusOr<Proposal> ReadProposal(Reader& in);
void WriteProposal(Writer& out, const Proposal& proposal);

// RefHash of the AuthenticatedContent that carried a proposal (§5.2).
struct ProposalRef {
  Bytes value;
  auto operator<=>(const ProposalRef&) const = default;
};

// struct { ProposalOrRefType type; select (type) { case proposal: Proposal proposal;
//                                                  case reference: ProposalRef reference; }; }
//                                                  ProposalOrRef;
using ProposalOrRef = std::variant<Proposal, ProposalRef>;

// struct { ProposalOrRef proposals<V>; optional<UpdatePath> path; } Commit;
struct Commit {
  std::vector<ProposalOrRef> proposals;
  std::optional<UpdatePath> path;
  bool operator==(const Commit&) const = default;
};

inline constexpr size_t kMaxProposalsInCommit = 20'000;

absl::StatusOr<Commit> ReadCommit(Reader& in);
void WriteCommit(Writer& out, const Commit& commit);

}  // namespace plumbline::mls
