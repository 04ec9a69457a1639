// From one epoch's state to the next (RFC 9420 §8), and content of ours on its way out (§6).
#include <algorithm>
#include <limits>
#include <utility>

#include "common/check.h"
#include "mls/epoch_change.h"
#include "mls/transcript_hash.h"
#include "mls/tree/tree_validation.h"

namespace plumbline::mls {

namespace {

PastEpoch CopyOf(const PastEpoch& past) {
  return PastEpoch{past.epoch,
                   past.own_leaf,
                   past.context,
                   SenderDataSecret{Secret::CopyOf(past.sender_data.bytes.view())},
                   SecretTree::CopyOf(past.secret_tree),
                   ResumptionPsk{Secret::CopyOf(past.resumption.bytes.view())},
                   past.leaves};
}

}  // namespace

GroupState GroupState::Clone() const {
  GroupState copy{static_cast<const PublicGroup&>(*this),
                  keys.Clone(),
                  CopyOf(signature_key),
                  CopyOf(secrets),
                  SecretTree::CopyOf(secret_tree),
                  proposals.Clone(),
                  {},
                  reinit};
  for (const PastEpoch& epoch : past) copy.past.push_back(CopyOf(epoch));
  return copy;
}

absl::Status GroupState::CheckAlive() const {
  if (!reinit) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "the group was re-initialised: its successor takes its place");
}

InitSecret NextInit(const GroupState& group) {
  return {Secret::CopyOf(group.secrets.init.bytes.view())};
}

Bytes PathContext(const PublicGroup& group, const RatchetTree& tree, const Extensions& extensions) {
  GroupContext context = group.context;
  context.epoch += 1;
  context.tree_hash = ToBytes(tree.RootHash());
  context.extensions = extensions;
  return Encode(context);
}

Bytes ConfirmedTranscriptInput(const AuthenticatedContent& content) {
  Writer out;
  out.U16(static_cast<uint16_t>(content.wire_format));
  WriteFramedContent(out, content.content);
  out.Vector(content.auth.signature);
  return out.TakeBytes();
}

absl::StatusOr<NextEpoch> EnterEpoch(const PublicGroup& group, EpochInputs inputs,
                                     const AuthenticatedContent& content) {
  const CipherSuite& suite = *group.suite;
  if (group.context.epoch == std::numeric_limits<uint64_t>::max()) {
    return absl::ResourceExhaustedError("the group has no further epoch");
  }
  RETURN_IF_ERROR(CheckCredentialTypes(inputs.tree));

  GroupContext context = group.context;
  context.epoch += 1;
  context.extensions = std::move(inputs.extensions);
  context.tree_hash = ToBytes(inputs.tree.RootHash());
  context.confirmed_transcript_hash = ConfirmedTranscriptHash(suite, group.interim_transcript_hash,
                                                              ConfirmedTranscriptInput(content));
  const Bytes encoded = Encode(context);

  JoinerSecret joiner =
      DeriveJoinerSecret(suite, std::move(inputs.init), std::move(inputs.commit_secret), encoded);
  EpochSecrets secrets = DeriveEpochSecrets(
      suite, DeriveEpochSecret(suite, JoinerSecret{Secret::CopyOf(joiner.bytes.view())},
                               PskSecret{Secret::CopyOf(inputs.psk.bytes.view())}, encoded));
  Bytes tag = ConfirmationTag(suite, secrets.confirmation, context.confirmed_transcript_hash);
  Bytes interim = InterimTranscriptHash(suite, context.confirmed_transcript_hash, tag);
  SecretTree secret_tree(suite, inputs.tree.leaf_count(), std::move(secrets.encryption),
                         group.policy.ratchet_limits);
  return NextEpoch{
      GroupState{PublicGroup{&suite, group.policy, std::move(context), std::move(inputs.tree),
                             std::move(interim), std::move(tag)},
                 std::move(inputs.keys),
                 std::move(inputs.signature_key),
                 std::move(secrets),
                 std::move(secret_tree),
                 {},
                 {},
                 std::move(inputs.reinit)},
      std::move(joiner), std::move(inputs.psk)};
}

const Secret* OwnResumptionPsk(const GroupState& group, uint64_t epoch) {
  if (epoch == group.context.epoch) return &group.secrets.resumption.bytes;
  for (const PastEpoch& past : group.past) {
    if (past.epoch == epoch) return &past.resumption.bytes;
  }
  return nullptr;
}

namespace {

absl::StatusOr<Secret> FindPsk(const GroupState* group, const PreSharedKeyId& id,
                               const PskStore* store, const SuccessorLink* link) {
  if (id.type == PskType::kExternal) {
    if (store == nullptr) return absl::NotFoundError("no store for external PSKs");
    return store->ExternalPsk(id.psk_id);
  }
  if (link != nullptr && id == link->id) return Secret::CopyOf(link->secret.view());
  if (id.usage != ResumptionPskUsage::kApplication)
    return absl::InvalidArgumentError("PSK of this usage has no place here");
  if (group != nullptr && id.psk_group_id == group->context.group_id) {
    const Secret* own = OwnResumptionPsk(*group, id.psk_epoch);
    if (own != nullptr) return Secret::CopyOf(own->view());
  }
  if (store == nullptr) return absl::NotFoundError("no resumption PSK of that group and epoch");
  return store->ResumptionPsk(id.psk_group_id, id.psk_epoch);
}

}  // namespace

absl::StatusOr<Secret> PskStore::ResumptionPsk(ByteView, uint64_t) const {
  return absl::NotFoundError("no resumption PSK of that group and epoch");
}

absl::StatusOr<PskSecret> ResolvePsks(const GroupState* group, const CipherSuite& suite,
                                      const std::vector<PreSharedKeyId>& ids, const PskStore* store,
                                      const SuccessorLink* link) {
  if (ids.empty()) return ZeroPskSecret(suite);
  std::vector<Psk> psks;
  for (const PreSharedKeyId& id : ids) {
    ASSIGN_OR_RETURN(Secret secret, FindPsk(group, id, store, link));
    psks.push_back({id, std::move(secret)});
  }
  return DerivePskSecret(suite, psks);
}

PskProposal NewExternalPsk(const CipherSuite& suite, ByteView psk_id) {
  PreSharedKeyId id;
  id.psk_id = ToBytes(psk_id);
  id.psk_nonce = RandomBytes(suite.hash_size());
  return {std::move(id)};
}

PskProposal NewResumptionPsk(const PublicGroup& group, uint64_t epoch) {
  PreSharedKeyId id;
  id.type = PskType::kResumption;
  id.psk_group_id = group.context.group_id;
  id.psk_epoch = epoch;
  id.psk_nonce = RandomBytes(group.suite->hash_size());
  return {std::move(id)};
}

absl::StatusOr<WireFormat> FormatOf(const GroupPolicy& policy, HandshakeFraming framing) {
  if (framing == HandshakeFraming::kPrivateMessage) return WireFormat::kPrivateMessage;
  if (!policy.accept_public_handshakes)
    return absl::PermissionDeniedError("the policy has handshakes encrypted only");
  return WireFormat::kPublicMessage;
}

AuthenticatedContent NewContent(const GroupState& group, WireFormat format,
                                ByteView authenticated_data, Content content) {
  AuthenticatedContent out;
  out.wire_format = format;
  out.content.group_id = group.context.group_id;
  out.content.epoch = group.context.epoch;
  out.content.sender = group.as_sender();
  out.content.authenticated_data = ToBytes(authenticated_data);
  out.content.content = std::move(content);
  return out;
}

absl::StatusOr<MlsMessage> Protect(GroupState& group, AuthenticatedContent content,
                                   Padding padding) {
  const CipherSuite& suite = *group.suite;
  if (content.wire_format == WireFormat::kPublicMessage) {
    return MlsMessage{ProtectPublic(suite, group.secrets.membership.bytes.view(),
                                    Encode(group.context), std::move(content))};
  }
  const bool is_application = content.content.type() == ContentType::kApplication;
  ASSIGN_OR_RETURN(const MessageKey key,
                   group.secret_tree.Next(group.own(), is_application ? RatchetType::kApplication
                                                                      : RatchetType::kHandshake));
  SenderData sender_data{group.own(), key.generation, {}};
  const Bytes guard = RandomBytes(sender_data.reuse_guard.size());
  std::copy(guard.begin(), guard.end(), sender_data.reuse_guard.begin());
  return MlsMessage{
      SealPrivate(suite, group.secrets.sender_data, sender_data, key.secrets, content, padding)};
}

}  // namespace plumbline::mls
