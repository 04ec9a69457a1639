#include "interop/harness.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "interop/material.h"
#include "mls/message_header.h"

namespace plumbline::interop {

void KnownPsks::Add(ByteView id, ByteView secret) {
  secrets_[ToBytes(id)] = std::make_shared<const Secret>(Secret::CopyOf(secret));
}

absl::StatusOr<Secret> KnownPsks::ExternalPsk(ByteView psk_id) const {
  const auto it = secrets_.find(ToBytes(psk_id));
  if (it == secrets_.end())
    return absl::NotFoundError("this member was not told the external PSK (StorePSK)");
  return Secret::CopyOf(it->second->view());
}

Harness::Harness(HarnessLimits limits)
    : states_("state", limits.states, numbers_),
      joiners_("transaction", limits.states, numbers_),
      suspended_("reinit", limits.states, numbers_),
      signers_("signer", limits.states, numbers_) {}

absl::Status Harness::Do(const pb::NameRequest&, pb::NameResponse& out) {
  out.set_name("plumbline");
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::SupportedCiphersuitesRequest&,
                         pb::SupportedCiphersuitesResponse& out) {
  for (const mls::SuiteId suite : mls::CipherSuite::Supported())
    out.add_ciphersuites(static_cast<uint32_t>(suite));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::CreateGroupRequest& in, pb::CreateGroupResponse& out) {
  ASSIGN_OR_RETURN(const mls::CipherSuite* const suite, SuiteOf(in.cipher_suite()));
  mls::CreateGroupParams params;
  params.suite = suite->id();
  params.group_id = BytesOf(in.group_id());
  params.credential = mls::Credential::Basic(AsBytes(in.identity()));
  params.lifetime = LeafLifetime();
  params.policy = Policy();
  ASSIGN_OR_RETURN(mls::Group group,
                   mls::Group::Create(std::move(params), suite->GenerateSignatureKeyPair()));
  out.set_state_id(states_.Put(State{std::move(group), in.encrypt_handshake(), {}, {}, {}}));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::CreateKeyPackageRequest& in, pb::CreateKeyPackageResponse& out) {
  ASSIGN_OR_RETURN(const mls::CipherSuite* const suite, SuiteOf(in.cipher_suite()));
  ASSIGN_OR_RETURN(Joiner joiner,
                   NewJoiner(*suite, mls::Credential::Basic(AsBytes(in.identity()))));
  out.set_key_package(ToString(mls::EncodeKeyPackageMessage(joiner.bundle.key_package)));
  out.set_init_priv(ToString(joiner.bundle.init_private_key.bytes.view()));
  out.set_encryption_priv(ToString(joiner.bundle.encryption_private_key.bytes.view()));
  out.set_signature_priv(ToString(joiner.signature_key.private_key.bytes.view()));
  out.set_transaction_id(joiners_.Put(std::move(joiner)));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::JoinGroupRequest& in, pb::JoinGroupResponse& out) {
  ASSIGN_OR_RETURN(Joiner* const joiner, joiners_.Get(in.transaction_id()));
  ASSIGN_OR_RETURN(mls::Group group, mls::Group::Join(AsBytes(in.welcome()), joiner->bundle,
                                                      CopyOf(joiner->signature_key.private_key),
                                                      TreeOf(in.ratchet_tree()), kEveryone, Now(),
                                                      Policy(), &joiner->psks));
  out.set_epoch_authenticator(ToString(group.EpochAuthenticator()));
  State state{std::move(group), in.encrypt_handshake(), std::move(joiner->psks), {}, {}};
  joiners_.Remove(in.transaction_id());
  out.set_state_id(states_.Put(std::move(state)));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::ExternalJoinRequest& in, pb::ExternalJoinResponse& out) {
  ASSIGN_OR_RETURN(const mls::GroupInfo info, mls::ParseGroupInfoMessage(AsBytes(in.group_info())));
  ASSIGN_OR_RETURN(const mls::CipherSuite* const suite, SuiteOf(info.group_context.cipher_suite));
  KnownPsks psks;
  mls::ExternalJoinParams params;
  params.credential = mls::Credential::Basic(AsBytes(in.identity()));
  params.ratchet_tree = TreeOf(in.ratchet_tree());
  params.replace_own_leaf = in.remove_prior();
  for (const pb::PreSharedKey& psk : in.psks()) {
    psks.Add(AsBytes(psk.psk_id()), AsBytes(psk.psk_secret()));
    params.external_psks.push_back(BytesOf(psk.psk_id()));
  }
  params.psks = &psks;
  ASSIGN_OR_RETURN(
      mls::StagedCommit staged,
      mls::Group::JoinExternally(AsBytes(in.group_info()), std::move(params),
                                 suite->GenerateSignatureKeyPair(), kEveryone, Now(), Policy()));
  out.set_commit(ToString(staged.message));
  out.set_epoch_authenticator(ToString(staged.next->EpochAuthenticator()));
  ASSIGN_OR_RETURN(mls::Group group, mls::Group::Enter(*std::move(staged.next)));
  out.set_state_id(
      states_.Put(State{std::move(group), in.encrypt_handshake(), std::move(psks), {}, {}}));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::GroupInfoRequest& in, pb::GroupInfoResponse& out) {
  ASSIGN_OR_RETURN(State* const state, states_.Get(in.state_id()));
  ASSIGN_OR_RETURN(
      const Bytes info,
      state->group.ExportGroupInfo({.ratchet_tree = !in.external_tree(), .external_pub = true}));
  out.set_group_info(ToString(info));
  if (in.external_tree()) out.set_ratchet_tree(ToString(state->group.EncodedTree()));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::StateAuthRequest& in, pb::StateAuthResponse& out) {
  ASSIGN_OR_RETURN(State* const state, states_.Get(in.state_id()));
  out.set_state_auth_secret(ToString(state->group.EpochAuthenticator()));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::ExportRequest& in, pb::ExportResponse& out) {
  ASSIGN_OR_RETURN(State* const state, states_.Get(in.state_id()));
  ASSIGN_OR_RETURN(const mls::CipherSuite* const suite,
                   SuiteOf(static_cast<uint32_t>(state->group.suite())));
  const size_t longest = 255 * suite->hash_size();
  if (in.key_length() == 0 || in.key_length() > longest)
    return absl::InvalidArgumentError(absl::StrCat("key_length is not in 1..", longest));
  out.set_exported_secret(
      ToString(state->group.Export(in.label(), AsBytes(in.context()), in.key_length()).view()));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::ProtectRequest& in, pb::ProtectResponse& out) {
  ASSIGN_OR_RETURN(State* const state, states_.Get(in.state_id()));
  ASSIGN_OR_RETURN(const Bytes message,
                   state->group.Protect(AsBytes(in.plaintext()), AsBytes(in.authenticated_data())));
  out.set_ciphertext(ToString(message));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::UnprotectRequest& in, pb::UnprotectResponse& out) {
  ASSIGN_OR_RETURN(State* const state, states_.Get(in.state_id()));
  ASSIGN_OR_RETURN(const mls::MessageHeader header,
                   mls::ReadMessageHeader(AsBytes(in.ciphertext())));
  if (header.content_type != mls::ContentType::kApplication)
    return absl::InvalidArgumentError("ciphertext is a proposal or a commit");
  ASSIGN_OR_RETURN(mls::Processed processed,
                   state->group.Process(AsBytes(in.ciphertext()), kEveryone, Now()));
  const auto* message = std::get_if<mls::ApplicationMessage>(&processed);
  if (message == nullptr)
    return absl::InvalidArgumentError("ciphertext is this member's own: its keys are gone");
  out.set_authenticated_data(ToString(message->authenticated_data));
  out.set_plaintext(ToString(message->plaintext.view()));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::StorePSKRequest& in, pb::StorePSKResponse&) {
  if (Joiner* const joiner = joiners_.Find(in.state_or_transaction_id()); joiner != nullptr) {
    joiner->psks.Add(AsBytes(in.psk_id()), AsBytes(in.psk_secret()));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(State* const state, states_.Get(in.state_or_transaction_id()));
  state->psks.Add(AsBytes(in.psk_id()), AsBytes(in.psk_secret()));
  return absl::OkStatus();
}

absl::Status Harness::Do(const pb::FreeRequest& in, pb::FreeResponse&) {
  RETURN_IF_ERROR(states_.Get(in.state_id()).status());
  states_.Remove(in.state_id());
  return absl::OkStatus();
}

}  // namespace plumbline::interop
