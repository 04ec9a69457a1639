// Proposals of ours (RFC 9420 §12.1).
#include <utility>

#include "mls/epoch_change.h"

namespace plumbline::mls {
namespace {

// Judges what is proposed where no credential is: nobody is asked.
class NoCredentials final : public AuthenticationService {
 public:
  absl::Status Validate(const Credential&, ByteView, absl::Time) const override {
    return absl::UnauthenticatedError("nobody to judge a credential");
  }
  bool SameClient(const Credential& a, const Credential& b) const override { return a == b; }
};

// Signs, stores and protects a proposal of ours that was checked before.
absl::StatusOr<Bytes> Propose(GroupState& group, Proposal proposal, HandshakeFraming framing,
                              ByteView authenticated_data) {
  RETURN_IF_ERROR(group.CheckAlive());
  RETURN_IF_ERROR(group.proposals.CheckRoom());
  ASSIGN_OR_RETURN(const WireFormat format, FormatOf(group.policy, framing));
  AuthenticatedContent content = NewContent(group, format, authenticated_data, proposal);
  RETURN_IF_ERROR(SignContent(*group.suite, group.signature_key, Encode(group.context), content));
  StoredProposal stored{
      {ProposalReference(*group.suite, content)}, group.as_sender(), std::move(proposal)};
  ASSIGN_OR_RETURN(const MlsMessage message, Protect(group, std::move(content), {}));
  group.proposals.Add(std::move(stored));
  return Encode(message);
}

// The same for proposals that hold no credential.
absl::StatusOr<Bytes> CheckAndPropose(GroupState& group, Proposal proposal,
                                      HandshakeFraming framing, ByteView authenticated_data) {
  const NoCredentials nobody;
  RETURN_IF_ERROR(
      CheckProposal(group, proposal, group.as_sender(), Judge{nobody, absl::InfinitePast()}));
  return Propose(group, std::move(proposal), framing, authenticated_data);
}

}  // namespace

absl::StatusOr<Bytes> Group::ProposeAdd(const KeyPackage& key_package, HandshakeFraming framing,
                                        const AuthenticationService& authentication, absl::Time now,
                                        ByteView authenticated_data) {
  Proposal proposal = AddProposal{key_package};
  RETURN_IF_ERROR(
      CheckProposal(*state_, proposal, state_->as_sender(), Judge{authentication, now}));
  return Propose(*state_, std::move(proposal), framing, authenticated_data);
}

absl::StatusOr<Bytes> Group::ProposeRemove(LeafIndex index, HandshakeFraming framing,
                                           ByteView authenticated_data) {
  return CheckAndPropose(*state_, RemoveProposal{index}, framing, authenticated_data);
}

absl::StatusOr<Bytes> Group::ProposeExternalPsk(ByteView psk_id, HandshakeFraming framing,
                                                ByteView authenticated_data) {
  return CheckAndPropose(*state_, NewExternalPsk(*state_->suite, psk_id), framing,
                         authenticated_data);
}

absl::StatusOr<Bytes> Group::ProposeResumptionPsk(uint64_t epoch, HandshakeFraming framing,
                                                  ByteView authenticated_data) {
  return CheckAndPropose(*state_, NewResumptionPsk(*state_, epoch), framing, authenticated_data);
}

absl::StatusOr<Bytes> Group::ProposeGroupContextExtensions(Extensions extensions,
                                                           HandshakeFraming framing,
                                                           ByteView authenticated_data) {
  return CheckAndPropose(*state_, GroupContextExtensionsProposal{std::move(extensions)}, framing,
                         authenticated_data);
}

absl::StatusOr<Bytes> Group::ProposeReInit(ReInitProposal reinit, HandshakeFraming framing,
                                           ByteView authenticated_data) {
  return CheckAndPropose(*state_, std::move(reinit), framing, authenticated_data);
}

void ApplyLeafChange(const LeafChange& change, LeafNode& leaf) {
  if (change.extensions) leaf.extensions = *change.extensions;
  if (change.credential) leaf.credential = *change.credential;
  if (change.signature_key) leaf.signature_key = change.signature_key->public_key;
  if (change.capabilities) leaf.capabilities = *change.capabilities;
}

absl::StatusOr<Bytes> Group::ProposeUpdate(LeafChange change, HandshakeFraming framing,
                                           ByteView authenticated_data) {
  PendingUpdate pending{state_->suite->GenerateHpkeKeyPair(), std::nullopt};
  LeafNode leaf = own_leaf_node();
  ApplyLeafChange(change, leaf);
  leaf.source = LeafNodeSource::kUpdate;
  leaf.encryption_key = pending.encryption_key.public_key;
  leaf.lifetime = {};
  leaf.parent_hash.clear();
  RETURN_IF_ERROR(CheckLeafNodeAlone(*state_->suite, leaf));
  RETURN_IF_ERROR(CheckLeafNodeSupports(leaf, state_->context.extensions));
  const SignaturePrivateKey& signer =
      change.signature_key ? change.signature_key->private_key : state_->signature_key;
  RETURN_IF_ERROR(SignLeafNode(*state_->suite, signer, LeafPosition{group_id(), own_leaf()}, leaf));
  ASSIGN_OR_RETURN(Bytes message,
                   Propose(*state_, UpdateProposal{std::move(leaf)}, framing, authenticated_data));
  if (change.signature_key) pending.signature_key = std::move(change.signature_key->private_key);
  state_->proposals.AddUpdate(std::move(pending));
  return message;
}

}  // namespace plumbline::mls
