#include "interop/material.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace plumbline::interop {
namespace {

constexpr uint32_t kPastEpochs = 8;

}  // namespace

absl::Time Now() { return absl::Now(); }

absl::StatusOr<const mls::CipherSuite*> SuiteOf(uint32_t cipher_suite) {
  if (cipher_suite > 0xffff) return absl::InvalidArgumentError("cipher_suite is beyond uint16");
  return mls::CipherSuite::Get(static_cast<uint16_t>(cipher_suite));
}

absl::StatusOr<mls::Extensions> ExtensionsOf(
    const google::protobuf::RepeatedPtrField<pb::Extension>& extensions) {
  mls::Extensions out;
  for (const pb::Extension& extension : extensions) {
    if (extension.extension_type() > 0xffff)
      return absl::InvalidArgumentError("extension_type is beyond uint16");
    out.push_back(
        {static_cast<uint16_t>(extension.extension_type()), BytesOf(extension.extension_data())});
  }
  return out;
}

std::optional<Bytes> TreeOf(const std::string& ratchet_tree) {
  if (ratchet_tree.empty()) return std::nullopt;
  return BytesOf(ratchet_tree);
}

mls::GroupPolicy Policy() {
  mls::GroupPolicy policy;
  policy.max_past_epochs = kPastEpochs;
  policy.accept_external_commits = true;
  policy.accept_external_proposals = true;
  policy.accept_reinit = true;
  return policy;
}

mls::Lifetime LeafLifetime() {
  return mls::Lifetime::From(Now() - absl::Hours(1), absl::Hours(24 * 90));
}

mls::SignaturePrivateKey CopyOf(const mls::SignaturePrivateKey& key) {
  return {Secret::CopyOf(key.bytes.view())};
}

mls::SignatureKeyPair CopyOf(const mls::SignatureKeyPair& key) {
  return {CopyOf(key.private_key), key.public_key};
}

mls::HandshakeFraming FramingOf(const State& state) {
  return state.encrypt_handshake ? mls::HandshakeFraming::kPrivateMessage
                                 : mls::HandshakeFraming::kPublicMessage;
}

absl::StatusOr<Joiner> NewJoiner(const mls::CipherSuite& suite, const mls::Credential& credential) {
  Joiner joiner;
  joiner.signature_key = suite.GenerateSignatureKeyPair();
  mls::KeyPackageParams params;
  params.suite = suite.id();
  params.credential = credential;
  params.lifetime = LeafLifetime();
  ASSIGN_OR_RETURN(joiner.bundle, mls::GenerateKeyPackage(params, joiner.signature_key));
  return joiner;
}

absl::StatusOr<mls::LeafIndex> MemberNamed(const mls::Group& group, ByteView identity) {
  const mls::Credential wanted = mls::Credential::Basic(identity);
  std::optional<mls::LeafIndex> found;
  for (const mls::Member& member : group.members()) {
    if (!(member.credential == wanted)) continue;
    if (found) return absl::InvalidArgumentError("removed_id: two members have this identity");
    found = member.index;
  }
  if (!found) return absl::InvalidArgumentError("removed_id: no member has this identity");
  return *found;
}

absl::StatusOr<mls::GroupEpoch> EpochOf(const mls::GroupInfo& info) {
  ASSIGN_OR_RETURN(const mls::CipherSuite* const suite, SuiteOf(info.group_context.cipher_suite));
  return mls::GroupEpoch{suite->id(), info.group_context.group_id, info.group_context.epoch};
}

}  // namespace plumbline::interop
