#include "mls/key_schedule.h"

#include <array>

#include "common/check.h"

namespace plumbline::mls {
namespace {

constexpr absl::string_view kExternalInitLabel = "MLS 1.0 external init secret";

// The secret that joiner_secret and psk_secret make together: parent of welcome_secret and epoch_secret.
Secret Intermediate(const CipherSuite& suite, const JoinerSecret& joiner, const PskSecret& psk) {
  return suite.KdfExtract(joiner.bytes.view(), psk.bytes.view());
}

// All secrets of an epoch, in storage order.
template <typename Secrets>
auto Fields(Secrets& s) {
  return std::array{&s.sender_data.bytes, &s.encryption.bytes, &s.exporter.bytes,   &s.external.bytes,
                    &s.confirmation.bytes, &s.membership.bytes, &s.resumption.bytes, &s.authenticator.bytes,
                    &s.init.bytes};
}

}  // namespace

CommitSecret ZeroCommitSecret(const CipherSuite& suite) { return {Secret(suite.hash_size())}; }
PskSecret ZeroPskSecret(const CipherSuite& suite) { return {Secret(suite.hash_size())}; }

JoinerSecret DeriveJoinerSecret(const CipherSuite& suite, InitSecret init, CommitSecret commit,
                                ByteView group_context) {
  const Secret extracted = suite.KdfExtract(init.bytes.view(), commit.bytes.view());
  return {suite.ExpandWithLabel(extracted.view(), "joiner", group_context, suite.hash_size())};
}

Secret DeriveWelcomeSecret(const CipherSuite& suite, const JoinerSecret& joiner, const PskSecret& psk) {
  return suite.DeriveSecret(Intermediate(suite, joiner, psk).view(), "welcome");
}

WelcomeKey DeriveWelcomeKey(const CipherSuite& suite, const JoinerSecret& joiner, const PskSecret& psk) {
  const Secret welcome = DeriveWelcomeSecret(suite, joiner, psk);
  return {suite.ExpandWithLabel(welcome.view(), "key", {}, suite.aead_key_size()),
          suite.ExpandWithLabel(welcome.view(), "nonce", {}, suite.aead_nonce_size())};
}

EpochSecret DeriveEpochSecret(const CipherSuite& suite, JoinerSecret joiner, PskSecret psk, ByteView group_context) {
  const Secret intermediate = Intermediate(suite, joiner, psk);
  return {suite.ExpandWithLabel(intermediate.view(), "epoch", group_context, suite.hash_size())};
}

EpochSecrets DeriveEpochSecrets(const CipherSuite& suite, EpochSecret epoch) {
  const auto derive = [&](absl::string_view label) { return suite.DeriveSecret(epoch.bytes.view(), label); };
  return EpochSecrets{
      .sender_data = {derive("sender data")},
      .encryption = {derive("encryption")},
      .exporter = {derive("exporter")},
      .external = {derive("external")},
      .confirmation = {derive("confirm")},
      .membership = {derive("membership")},
      .resumption = {derive("resumption")},
      .authenticator = {derive("authentication")},
      .init = {derive("init")},
  };
}

HpkeKeyPair DeriveExternalKeyPair(const CipherSuite& suite, const ExternalSecret& external) {
  absl::StatusOr<HpkeKeyPair> pair = suite.DeriveHpkeKeyPair(external.bytes.view());
  CHECK(pair.ok());
  return *std::move(pair);
}

absl::StatusOr<ExternalInit> MakeExternalInit(const CipherSuite& suite, ByteView external_public_key) {
  ASSIGN_OR_RETURN(HpkeExported exported,
                   suite.HpkeSendExport(external_public_key, {}, AsBytes(kExternalInitLabel), suite.hash_size()));
  return ExternalInit{std::move(exported.kem_output), {std::move(exported.secret)}};
}

absl::StatusOr<InitSecret> OpenExternalInit(const CipherSuite& suite, const ExternalSecret& external,
                                            ByteView kem_output) {
  const HpkeKeyPair pair = DeriveExternalKeyPair(suite, external);
  ASSIGN_OR_RETURN(Secret init, suite.HpkeReceiveExport(pair.private_key, pair.public_key, kem_output, {},
                                                        AsBytes(kExternalInitLabel), suite.hash_size()));
  return InitSecret{std::move(init)};
}

// struct { PreSharedKeyID id; uint16 index; uint16 count; } PSKLabel;
absl::StatusOr<PskSecret> DerivePskSecret(const CipherSuite& suite, const std::vector<Psk>& psks) {
  if (psks.size() > UINT16_MAX) return absl::InvalidArgumentError("too many PSKs in one commit");
  const Bytes zero(suite.hash_size());
  PskSecret chained = ZeroPskSecret(suite);
  for (size_t i = 0; i < psks.size(); ++i) {
    const Secret extracted = suite.KdfExtract(zero, psks[i].secret.view());
    Writer label;
    WritePreSharedKeyId(label, psks[i].id);
    label.U16(static_cast<uint16_t>(i)).U16(static_cast<uint16_t>(psks.size()));
    const Secret input = suite.ExpandWithLabel(extracted.view(), "derived psk", label.view(), suite.hash_size());
    chained.bytes = suite.KdfExtract(input.view(), chained.bytes.view());
  }
  return chained;
}

Secret Export(const CipherSuite& suite, const ExporterSecret& exporter, absl::string_view label, ByteView context,
              size_t size) {
  const Secret derived = suite.DeriveSecret(exporter.bytes.view(), label);
  return suite.ExpandWithLabel(derived.view(), "exported", suite.Hash(context), size);
}

void WriteEpochSecrets(Writer& out, const EpochSecrets& secrets) {
  for (const Secret* secret : Fields(secrets)) out.Vector(secret->view());
}

absl::StatusOr<EpochSecrets> ReadEpochSecrets(const CipherSuite& suite, Reader& in) {
  EpochSecrets secrets;
  for (Secret* secret : Fields(secrets)) {
    ASSIGN_OR_RETURN(const ByteView bytes, in.Vector(suite.hash_size()));
    if (!bytes.empty() && bytes.size() != suite.hash_size()) {
      return absl::InvalidArgumentError("an epoch secret has the wrong size");
    }
    *secret = Secret::CopyOf(bytes);
  }
  return secrets;
}

EpochSecrets CopyOf(const EpochSecrets& secrets) {
  EpochSecrets copy;
  const auto from = Fields(secrets);
  const auto to = Fields(copy);
  for (size_t i = 0; i < from.size(); ++i) *to[i] = Secret::CopyOf(from[i]->view());
  return copy;
}

}  // namespace plumbline::mls
