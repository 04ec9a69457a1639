// Proposals of members and of parties outside the group.
#include <utility>

#include "interop/harness.h"
#include "interop/material.h"
#include "mls/tree/ratchet_tree.h"

namespace plumbline::interop {
namespace {

absl::StatusOr<mls::ReInitProposal> ReInitOf(
    const std::string& group_id, uint32_t cipher_suite,
    const google::protobuf::RepeatedPtrField<pb::Extension>& extensions) {
  mls::ReInitProposal reinit;
  reinit.group_id = BytesOf(group_id);
  ASSIGN_OR_RETURN(const mls::CipherSuite* const suite, SuiteOf(cipher_suite));
  reinit.cipher_suite = static_cast<uint16_t>(suite->id());
  ASSIGN_OR_RETURN(reinit.extensions, ExtensionsOf(extensions));
  return reinit;
}

// What an external signer is told of the group.
struct Outside {
  const mls::CipherSuite& suite;
  const mls::GroupInfo& info;
  const std::string& ratchet_tree;
};

absl::StatusOr<mls::LeafIndex> MemberNamed(const Outside& group, ByteView identity) {
  const Bytes* const carried =
      mls::FindExtension(group.info.extensions, mls::kExtensionRatchetTree);
  const ByteView wire = carried != nullptr ? ByteView(*carried) : AsBytes(group.ratchet_tree);
  ASSIGN_OR_RETURN(const mls::RatchetTree tree,
                   mls::RatchetTree::Parse(group.suite, wire, Policy().max_members));
  const mls::Credential wanted = mls::Credential::Basic(identity);
  for (uint32_t i = 0; i < tree.leaf_count().value; ++i) {
    const mls::LeafNode* const leaf = tree.leaf({i});
    if (leaf != nullptr && leaf->credential == wanted) return mls::LeafIndex{i};
  }
  return absl::InvalidArgumentError("removed_id: no member has this identity");
}

absl::StatusOr<mls::Proposal> ProposalOf(const Outside& group,
                                         const pb::ProposalDescription& description) {
  const std::string& type = description.proposal_type();
  if (type == "add") {
    ASSIGN_OR_RETURN(mls::KeyPackage key_package,
                     mls::ParseKeyPackageMessage(AsBytes(description.key_package())));
    return mls::Proposal(mls::AddProposal{std::move(key_package)});
  }
  if (type == "remove") {
    ASSIGN_OR_RETURN(const mls::LeafIndex removed,
                     MemberNamed(group, AsBytes(description.removed_id())));
    return mls::Proposal(mls::RemoveProposal{removed});
  }
  if (type == "groupContextExtensions") {
    ASSIGN_OR_RETURN(mls::Extensions extensions, ExtensionsOf(description.extensions()));
    return mls::Proposal(mls::GroupContextExtensionsProposal{std::move(extensions)});
  }
  if (type == "reinit") {
    ASSIGN_OR_RETURN(
        mls::ReInitProposal reinit,
        ReInitOf(description.group_id(), description.cipher_suite(), description.extensions()));
    return mls::Proposal(std::move(reinit));
  }
  mls::PskProposal psk;
  psk.id.psk_nonce = RandomBytes(group.suite.hash_size());
  if (type == "externalPSK") {
    psk.id.psk_id = BytesOf(description.psk_id());
    return mls::Proposal(std::move(psk));
  }
  if (type == "resumptionPSK") {
    psk.id.type = mls::PskType::kResumption;
    psk.id.psk_group_id = group.info.group_context.group_id;
    psk.id.psk_epoch = description.epoch_id();
    return mls::Proposal(std::move(psk));
  }
  return absl::InvalidArgumentError("proposal_type is none of the known ones");
}

}  // namespace

template <typename Propose>
absl::Status Harness::AsProposal(uint32_t state_id, pb::ProposalResponse& out, Propose propose) {
  ASSIGN_OR_RETURN(State* const state, states_.Get(state_id));
  absl::StatusOr<Bytes> message = propose(*state);
  if (!message.ok()) return message.status();
  out.set_proposal(ToString(*message));
  state->proposals[*std::move(message)] = state->group.pending_refs().back();
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::AddProposalRequest& in, pb::ProposalResponse& out) {
  ASSIGN_OR_RETURN(const mls::KeyPackage key_package,
                   mls::ParseKeyPackageMessage(AsBytes(in.key_package())));
  return AsProposal(in.state_id(), out, [&](State& state) {
    return state.group.ProposeAdd(key_package, FramingOf(state), kEveryone, Now());
  });
}

absl::Status Harness::Do(const pb::UpdateProposalRequest& in, pb::ProposalResponse& out) {
  return AsProposal(in.state_id(), out,
                    [&](State& state) { return state.group.ProposeUpdate({}, FramingOf(state)); });
}

absl::Status Harness::Do(const pb::RemoveProposalRequest& in, pb::ProposalResponse& out) {
  return AsProposal(in.state_id(), out, [&](State& state) -> absl::StatusOr<Bytes> {
    ASSIGN_OR_RETURN(const mls::LeafIndex removed,
                     interop::MemberNamed(state.group, AsBytes(in.removed_id())));
    return state.group.ProposeRemove(removed, FramingOf(state));
  });
}

absl::Status Harness::Do(const pb::ExternalPSKProposalRequest& in, pb::ProposalResponse& out) {
  return AsProposal(in.state_id(), out, [&](State& state) {
    return state.group.ProposeExternalPsk(AsBytes(in.psk_id()), FramingOf(state));
  });
}

absl::Status Harness::Do(const pb::ResumptionPSKProposalRequest& in, pb::ProposalResponse& out) {
  return AsProposal(in.state_id(), out, [&](State& state) {
    return state.group.ProposeResumptionPsk(in.epoch_id(), FramingOf(state));
  });
}

absl::Status Harness::Do(const pb::GroupContextExtensionsProposalRequest& in,
                         pb::ProposalResponse& out) {
  ASSIGN_OR_RETURN(const mls::Extensions extensions, ExtensionsOf(in.extensions()));
  return AsProposal(in.state_id(), out, [&](State& state) {
    return state.group.ProposeGroupContextExtensions(extensions, FramingOf(state));
  });
}

absl::Status Harness::Do(const pb::ReInitProposalRequest& in, pb::ProposalResponse& out) {
  ASSIGN_OR_RETURN(const mls::ReInitProposal reinit,
                   ReInitOf(in.group_id(), in.cipher_suite(), in.extensions()));
  return AsProposal(in.state_id(), out, [&](State& state) {
    return state.group.ProposeReInit(reinit, FramingOf(state));
  });
}

absl::Status Harness::Do(const pb::NewMemberAddProposalRequest& in,
                         pb::NewMemberAddProposalResponse& out) {
  ASSIGN_OR_RETURN(const mls::GroupInfo info, mls::ParseGroupInfoMessage(AsBytes(in.group_info())));
  ASSIGN_OR_RETURN(const mls::CipherSuite* const suite, SuiteOf(info.group_context.cipher_suite));
  ASSIGN_OR_RETURN(const mls::GroupEpoch epoch, EpochOf(info));
  ASSIGN_OR_RETURN(Joiner joiner,
                   NewJoiner(*suite, mls::Credential::Basic(AsBytes(in.identity()))));
  ASSIGN_OR_RETURN(const Bytes proposal, mls::ProposeOwnAdd(epoch, joiner.bundle.key_package,
                                                            joiner.signature_key.private_key));
  out.set_proposal(ToString(proposal));
  out.set_init_priv(ToString(joiner.bundle.init_private_key.bytes.view()));
  out.set_encryption_priv(ToString(joiner.bundle.encryption_private_key.bytes.view()));
  out.set_signature_priv(ToString(joiner.signature_key.private_key.bytes.view()));
  out.set_transaction_id(joiners_.Put(std::move(joiner)));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::CreateExternalSignerRequest& in,
                         pb::CreateExternalSignerResponse& out) {
  ASSIGN_OR_RETURN(const mls::CipherSuite* const suite, SuiteOf(in.cipher_suite()));
  Signer signer{suite->GenerateSignatureKeyPair()};
  Writer wire;
  wire.Vector(signer.key.public_key);
  mls::WriteCredential(wire, mls::Credential::Basic(AsBytes(in.identity())));
  out.set_external_sender(ToString(wire.view()));
  out.set_signer_id(signers_.Put(std::move(signer)));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::AddExternalSignerRequest& in, pb::ProposalResponse& out) {
  return AsProposal(in.state_id(), out, [&](State& state) -> absl::StatusOr<Bytes> {
    // struct { SignaturePublicKey signature_key<V>; Credential credential; } ExternalSender;
    Reader wire(AsBytes(in.external_sender()));
    mls::ExternalSender added;
    ASSIGN_OR_RETURN(const ByteView key, wire.Vector(1024));
    added.signature_key = ToBytes(key);
    ASSIGN_OR_RETURN(added.credential, mls::ReadCredential(wire));
    RETURN_IF_ERROR(wire.Done());

    mls::Extensions extensions = state.group.group_context_extensions();
    std::vector<mls::ExternalSender> senders;
    if (const Bytes* const present = mls::FindExtension(extensions, mls::kExtensionExternalSenders);
        present != nullptr) {
      ASSIGN_OR_RETURN(senders, mls::ParseExternalSenders(*present));
    }
    senders.push_back(std::move(added));
    std::erase_if(extensions,
                  [](const mls::Extension& e) { return e.type == mls::kExtensionExternalSenders; });
    extensions.push_back({mls::kExtensionExternalSenders, mls::EncodeExternalSenders(senders)});
    return state.group.ProposeGroupContextExtensions(std::move(extensions), FramingOf(state));
  });
}

absl::Status Harness::Do(const pb::ExternalSignerProposalRequest& in, pb::ProposalResponse& out) {
  ASSIGN_OR_RETURN(Signer* const signer, signers_.Get(in.signer_id()));
  ASSIGN_OR_RETURN(const mls::GroupInfo info, mls::ParseGroupInfoMessage(AsBytes(in.group_info())));
  ASSIGN_OR_RETURN(const mls::CipherSuite* const suite, SuiteOf(info.group_context.cipher_suite));
  ASSIGN_OR_RETURN(const mls::GroupEpoch epoch, EpochOf(info));
  const Bytes* const listed =
      mls::FindExtension(info.group_context.extensions, mls::kExtensionExternalSenders);
  if (listed == nullptr) return absl::InvalidArgumentError("the group has no external senders");
  ASSIGN_OR_RETURN(const std::vector<mls::ExternalSender> senders,
                   mls::ParseExternalSenders(*listed));
  uint32_t index = 0;
  while (index < senders.size() && senders[index].signature_key != signer->key.public_key) ++index;
  if (index == senders.size())
    return absl::InvalidArgumentError("signer_id: the group does not list this external sender");
  ASSIGN_OR_RETURN(mls::Proposal proposal,
                   ProposalOf(Outside{*suite, info, in.ratchet_tree()}, in.description()));
  ASSIGN_OR_RETURN(
      const Bytes message,
      mls::ProposeAsExternalSender(epoch, index, signer->key.private_key, std::move(proposal)));
  out.set_proposal(ToString(message));
  return absl::OkStatus();
}

}  // namespace plumbline::interop
