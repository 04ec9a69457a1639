#include "mls/crypto/hpke.h"

#include <array>

#include "absl/strings/string_view.h"
#include "common/codec.h"

namespace plumbline::mls {
namespace {

constexpr uint16_t kKemId = 0x0020;  // DHKEM(X25519, HKDF-SHA256)
constexpr uint16_t kKdfId = 0x0001;  // HKDF-SHA256
constexpr absl::string_view kVersion = "HPKE-v1";
constexpr uint8_t kModePsk = 0x01;
constexpr uint8_t kModeAuth = 0x02;

Bytes KemSuiteId() {
  Writer out;
  out.Fixed(AsBytes("KEM")).U16(kKemId);
  return out.TakeBytes();
}

// RFC 9180 §4: the labelled functions, bound to a suite id.
Secret LabeledExtract(ByteView suite_id, ByteView salt, absl::string_view label, ByteView ikm) {
  return HkdfSha256Extract(salt, {AsBytes(kVersion), suite_id, AsBytes(label), ikm});
}

Secret LabeledExpand(ByteView suite_id, ByteView prk, absl::string_view label, ByteView info, size_t size) {
  Writer labelled;
  labelled.U16(static_cast<uint16_t>(size)).Fixed(AsBytes(kVersion)).Fixed(suite_id).Fixed(AsBytes(label)).Fixed(info);
  return HkdfSha256Expand(prk, labelled.view(), size);
}

// RFC 9180 §4.1, ExtractAndExpand.
Secret ExtractAndExpand(ByteView dh, ByteView kem_context) {
  const Bytes suite_id = KemSuiteId();
  const Secret eae_prk = LabeledExtract(suite_id, {}, "eae_prk", dh);
  return LabeledExpand(suite_id, eae_prk.view(), "shared_secret", kem_context, kX25519Size);
}

}  // namespace

// RFC 9180 §5.1: from a KEM's shared secret to a context. Knows nothing of the KEM but its number.
class HpkeSchedule final {
 public:
  static absl::StatusOr<HpkeContext> Run(AeadId aead, bool authenticated, ByteView shared_secret, ByteView info,
                                         const HpkePsk& psk) {
    if (psk.psk.empty() != psk.id.empty()) {
      return absl::InvalidArgumentError("an HPKE psk and its id must come together");
    }
    Writer suite;
    suite.Fixed(AsBytes("HPKE")).U16(kKemId).U16(kKdfId).U16(static_cast<uint16_t>(aead));
    const ByteView suite_id = suite.view();
    const Secret psk_id_hash = LabeledExtract(suite_id, {}, "psk_id_hash", psk.id);
    const Secret info_hash = LabeledExtract(suite_id, {}, "info_hash", info);
    const int mode = (psk.psk.empty() ? 0 : kModePsk) | (authenticated ? kModeAuth : 0);
    Writer context;
    context.U8(static_cast<uint8_t>(mode)).Fixed(psk_id_hash.view()).Fixed(info_hash.view());

    const Secret secret = LabeledExtract(suite_id, shared_secret, "secret", psk.psk);
    Secret exporter = LabeledExpand(suite_id, secret.view(), "exp", context.view(), kSha256Size);
    if (aead == AeadId::kExportOnly) return HpkeContext(aead, Secret(), Secret(), std::move(exporter));
    Secret key = LabeledExpand(suite_id, secret.view(), "key", context.view(), AeadKeySize(aead));
    Secret nonce = LabeledExpand(suite_id, secret.view(), "base_nonce", context.view(), kAeadNonceSize);
    return HpkeContext(aead, std::move(key), std::move(nonce), std::move(exporter));
  }

  static Secret Export(const HpkeContext& context, ByteView exporter_context, size_t size) {
    Writer suite;
    suite.Fixed(AsBytes("HPKE")).U16(kKemId).U16(kKdfId).U16(static_cast<uint16_t>(context.aead_));
    return LabeledExpand(suite.view(), context.exporter_secret_.view(), "sec", exporter_context, size);
  }
};

absl::StatusOr<Secret> HpkeContext::Nonce() const {
  if (aead_ == AeadId::kExportOnly) return absl::FailedPreconditionError("this HPKE context only exports");
  if (sequence_ == UINT64_MAX) return absl::ResourceExhaustedError("this HPKE context has no numbers left");
  Secret nonce = Secret::CopyOf(base_nonce_.view());
  for (size_t i = 0; i < sizeof(sequence_); ++i) {
    nonce.span()[kAeadNonceSize - 1 - i] ^= static_cast<uint8_t>(sequence_ >> (8 * i));
  }
  return nonce;
}

absl::StatusOr<Bytes> HpkeContext::Seal(ByteView aad, ByteView plaintext) {
  ASSIGN_OR_RETURN(const Secret nonce, Nonce());
  ++sequence_;
  return AeadSeal(aead_, key_.view(), nonce.view(), aad, plaintext);
}

absl::StatusOr<Secret> HpkeContext::Open(ByteView aad, ByteView ciphertext) {
  ASSIGN_OR_RETURN(const Secret nonce, Nonce());
  ASSIGN_OR_RETURN(Secret plaintext, AeadOpen(aead_, key_.view(), nonce.view(), aad, ciphertext));
  ++sequence_;
  return plaintext;
}

absl::StatusOr<Secret> HpkeContext::Export(ByteView context, size_t size) const {
  if (size > kMaxHkdfSha256Size) return absl::InvalidArgumentError("HPKE export is too long");
  return HpkeSchedule::Export(*this, context, size);
}

absl::StatusOr<HpkeKeyPair> DeriveX25519KeyPair(ByteView ikm) {
  if (ikm.size() < kX25519Size) return absl::InvalidArgumentError("too little key material for a KEM key pair");
  const Bytes suite_id = KemSuiteId();
  const Secret prk = LabeledExtract(suite_id, {}, "dkp_prk", ikm);
  HpkeKeyPair pair;
  pair.private_key.bytes = LabeledExpand(suite_id, prk.view(), "sk", {}, kX25519Size);
  ASSIGN_OR_RETURN(pair.public_key, X25519PublicKey(pair.private_key.bytes.view()));
  return pair;
}

absl::StatusOr<HpkeSender> SetupHpkeSenderWithEphemeral(const HpkeKeyPair& ephemeral, AeadId aead, ByteView recipient,
                                                        ByteView info, const HpkePsk& psk,
                                                        const HpkePrivateKey* sender) {
  ASSIGN_OR_RETURN(const Secret ephemeral_dh, X25519(ephemeral.private_key.bytes.view(), recipient));
  Writer dh;
  Writer kem_context;
  dh.Fixed(ephemeral_dh.view());
  kem_context.Fixed(ephemeral.public_key).Fixed(recipient);
  if (sender != nullptr) {
    ASSIGN_OR_RETURN(const Secret static_dh, X25519(sender->bytes.view(), recipient));
    ASSIGN_OR_RETURN(const Bytes sender_public, X25519PublicKey(sender->bytes.view()));
    dh.Fixed(static_dh.view());
    kem_context.Fixed(sender_public);
  }
  const Secret shared = ExtractAndExpand(dh.view(), kem_context.view());
  ASSIGN_OR_RETURN(HpkeContext context, HpkeSchedule::Run(aead, sender != nullptr, shared.view(), info, psk));
  return HpkeSender{ephemeral.public_key, std::move(context)};
}

absl::StatusOr<HpkeSender> SetupHpkeSender(AeadId aead, ByteView recipient, ByteView info, const HpkePsk& psk,
                                           const HpkePrivateKey* sender) {
  HpkeKeyPair ephemeral;
  ephemeral.private_key.bytes = Secret::Random(kX25519Size);
  ASSIGN_OR_RETURN(ephemeral.public_key, X25519PublicKey(ephemeral.private_key.bytes.view()));
  return SetupHpkeSenderWithEphemeral(ephemeral, aead, recipient, info, psk, sender);
}

absl::StatusOr<HpkeContext> SetupHpkeRecipient(AeadId aead, const HpkePrivateKey& recipient, ByteView public_key,
                                               ByteView kem_output, ByteView info, const HpkePsk& psk,
                                               ByteView sender) {
  ASSIGN_OR_RETURN(const Secret ephemeral_dh, X25519(recipient.bytes.view(), kem_output));
  Writer dh;
  Writer kem_context;
  dh.Fixed(ephemeral_dh.view());
  kem_context.Fixed(kem_output).Fixed(public_key);
  if (!sender.empty()) {
    ASSIGN_OR_RETURN(const Secret static_dh, X25519(recipient.bytes.view(), sender));
    dh.Fixed(static_dh.view());
    kem_context.Fixed(sender);
  }
  const Secret shared = ExtractAndExpand(dh.view(), kem_context.view());
  return HpkeSchedule::Run(aead, !sender.empty(), shared.view(), info, psk);
}

}  // namespace plumbline::mls
