// From one epoch's state to the next (RFC 9420 §8), and content of ours on its way out (§6).
#include <algorithm>
#include <limits>
#include <utility>

#include "common/check.h"
#include "mls/group_state.h"
#include "mls/transcript_hash.h"
#include "mls/tree/tree_validation.h"

namespace plumbline::mls {

SignaturePrivateKey CopyOf(const SignaturePrivateKey& key) {
  return {Secret::CopyOf(key.bytes.view())};
}

HpkeKeyPair CopyOf(const HpkeKeyPair& key) {
  return {HpkePrivateKey{Secret::CopyOf(key.private_key.bytes.view())}, key.public_key};
}

namespace {

PendingUpdate CopyOf(const PendingUpdate& update) {
  PendingUpdate copy{mls::CopyOf(update.encryption_key), std::nullopt};
  if (update.signature_key) copy.signature_key = mls::CopyOf(*update.signature_key);
  return copy;
}

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
  GroupState copy{suite,
                  policy,
                  context,
                  tree,
                  keys.Clone(),
                  CopyOf(signature_key),
                  CopyOf(secrets),
                  SecretTree::CopyOf(secret_tree),
                  interim_transcript_hash,
                  confirmation_tag,
                  proposals,
                  {},
                  {}};
  for (const PendingUpdate& update : updates) copy.updates.push_back(CopyOf(update));
  for (const PastEpoch& epoch : past) copy.past.push_back(CopyOf(epoch));
  return copy;
}

Bytes PathContext(const GroupState& group, const RatchetTree& tree, const Extensions& extensions) {
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

absl::StatusOr<NextEpoch> EnterEpoch(const GroupState& group, EpochInputs inputs,
                                     const AuthenticatedContent& content, const PskStore* store) {
  const CipherSuite& suite = *group.suite;
  if (group.context.epoch == std::numeric_limits<uint64_t>::max()) {
    return absl::ResourceExhaustedError("the group has no further epoch");
  }
  RETURN_IF_ERROR(CheckCredentialTypes(inputs.tree));
  ASSIGN_OR_RETURN(PskSecret psk, ResolvePsks(&group, suite, inputs.psks, store));

  GroupContext context = group.context;
  context.epoch += 1;
  context.extensions = std::move(inputs.extensions);
  context.tree_hash = ToBytes(inputs.tree.RootHash());
  context.confirmed_transcript_hash = ConfirmedTranscriptHash(suite, group.interim_transcript_hash,
                                                              ConfirmedTranscriptInput(content));
  const Bytes encoded = Encode(context);

  InitSecret init{Secret::CopyOf(group.secrets.init.bytes.view())};
  JoinerSecret joiner =
      DeriveJoinerSecret(suite, std::move(init), std::move(inputs.commit_secret), encoded);
  EpochSecrets secrets = DeriveEpochSecrets(
      suite, DeriveEpochSecret(suite, JoinerSecret{Secret::CopyOf(joiner.bytes.view())},
                               PskSecret{Secret::CopyOf(psk.bytes.view())}, encoded));
  Bytes tag = ConfirmationTag(suite, secrets.confirmation, context.confirmed_transcript_hash);
  Bytes interim = InterimTranscriptHash(suite, context.confirmed_transcript_hash, tag);
  SecretTree secret_tree(suite, inputs.tree.leaf_count(), std::move(secrets.encryption),
                         group.policy.ratchet_limits);
  return NextEpoch{GroupState{&suite,
                              group.policy,
                              std::move(context),
                              std::move(inputs.tree),
                              std::move(inputs.keys),
                              std::move(inputs.signature_key),
                              std::move(secrets),
                              std::move(secret_tree),
                              std::move(interim),
                              tag,
                              {},
                              {},
                              {}},
                   tag, std::move(joiner), std::move(psk)};
}

AuthenticatedContent NewContent(const GroupState& group, WireFormat format,
                                ByteView authenticated_data, Content content) {
  AuthenticatedContent out;
  out.wire_format = format;
  out.content.group_id = group.context.group_id;
  out.content.epoch = group.context.epoch;
  out.content.sender = {SenderType::kMember, group.own().value};
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
