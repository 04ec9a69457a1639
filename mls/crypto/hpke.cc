#include "mls/crypto/hpke.h"

#include <algorithm>

#include "absl/strings/string_view.h"
#include "common/codec.h"

namespace plumbline::mls {
namespace {

constexpr absl::string_view kVersion = "HPKE-v1";
constexpr uint8_t kModePsk = 0x01;
constexpr uint8_t kModeAuth = 0x02;
constexpr int kMaxCandidates = 256;  // of a private key; RFC 9180 §7.1.3

Bytes KemSuiteId(KemId kem) {
  Writer out;
  out.Fixed(AsBytes("KEM")).U16(static_cast<uint16_t>(kem));
  return out.TakeBytes();
}

Bytes SuiteIdOf(const HpkeSuite& suite) {
  Writer out;
  out.Fixed(AsBytes("HPKE")).U16(static_cast<uint16_t>(suite.kem)).U16(static_cast<uint16_t>(suite.kdf));
  out.U16(static_cast<uint16_t>(suite.aead));
  return out.TakeBytes();
}

// RFC 9180 §4: the labelled functions, bound to a suite id.
struct Labelled {
  HashId hash;
  ByteView suite_id;

  Secret Extract(ByteView salt, absl::string_view label, ByteView ikm) const {
    return HkdfExtract(hash, salt, {AsBytes(kVersion), suite_id, AsBytes(label), ikm});
  }
  Secret Expand(ByteView prk, absl::string_view label, ByteView info, size_t size) const {
    Writer labelled;
    labelled.U16(static_cast<uint16_t>(size)).Fixed(AsBytes(kVersion)).Fixed(suite_id).Fixed(AsBytes(label));
    labelled.Fixed(info);
    return HkdfExpand(hash, prk, labelled.view(), size);
  }
};

// RFC 9180 §4.1, ExtractAndExpand.
Secret ExtractAndExpand(KemId kem, ByteView dh, ByteView kem_context) {
  const Bytes suite_id = KemSuiteId(kem);
  const Labelled kdf{KemHash(kem), suite_id};
  const Secret eae_prk = kdf.Extract({}, "eae_prk", dh);
  return kdf.Expand(eae_prk.view(), "shared_secret", kem_context, HashSize(kdf.hash));
}

// A NIST scalar is drawn until it is below the order, as a string of its size need not be one.
absl::StatusOr<Secret> DeriveNistScalar(KemId kem, const Labelled& kdf, ByteView prk) {
  for (int counter = 0; counter < kMaxCandidates; ++counter) {
    const auto octet = static_cast<uint8_t>(counter);
    Secret candidate = kdf.Expand(prk, "candidate", ByteView(&octet, 1), KemPrivateKeySize(kem));
    if (kem == KemId::kP521) candidate.span()[0] &= 0x01;
    if (IsKemPrivateKey(kem, candidate.view())) return candidate;
  }
  return absl::InvalidArgumentError("no private key follows from this key material");
}

}  // namespace

// RFC 9180 §5.1: from a KEM's shared secret to a context. Knows nothing of the KEM but its number.
class HpkeSchedule final {
 public:
  static absl::StatusOr<HpkeContext> Run(const HpkeSuite& suite, bool authenticated, ByteView shared_secret,
                                         ByteView info, const HpkePsk& psk) {
    if (psk.psk.empty() != psk.id.empty()) {
      return absl::InvalidArgumentError("an HPKE psk and its id must come together");
    }
    const Bytes suite_id = SuiteIdOf(suite);
    const Labelled kdf{suite.kdf, suite_id};
    const Secret psk_id_hash = kdf.Extract({}, "psk_id_hash", psk.id);
    const Secret info_hash = kdf.Extract({}, "info_hash", info);
    const int mode = (psk.psk.empty() ? 0 : kModePsk) | (authenticated ? kModeAuth : 0);
    Writer context;
    context.U8(static_cast<uint8_t>(mode)).Fixed(psk_id_hash.view()).Fixed(info_hash.view());

    const Secret secret = kdf.Extract(shared_secret, "secret", psk.psk);
    Secret exporter = kdf.Expand(secret.view(), "exp", context.view(), HashSize(suite.kdf));
    if (suite.aead == AeadId::kExportOnly) return HpkeContext(suite, Secret(), Secret(), std::move(exporter));
    Secret key = kdf.Expand(secret.view(), "key", context.view(), AeadKeySize(suite.aead));
    Secret nonce = kdf.Expand(secret.view(), "base_nonce", context.view(), kAeadNonceSize);
    return HpkeContext(suite, std::move(key), std::move(nonce), std::move(exporter));
  }

  static Secret Export(const HpkeContext& context, ByteView exporter_context, size_t size) {
    const Bytes suite_id = SuiteIdOf(context.suite_);
    return Labelled{context.suite_.kdf, suite_id}.Expand(context.exporter_secret_.view(), "sec", exporter_context, size);
  }
};

absl::StatusOr<Secret> HpkeContext::Nonce() const {
  if (suite_.aead == AeadId::kExportOnly) return absl::FailedPreconditionError("this HPKE context only exports");
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
  return AeadSeal(suite_.aead, key_.view(), nonce.view(), aad, plaintext);
}

absl::StatusOr<Secret> HpkeContext::Open(ByteView aad, ByteView ciphertext) {
  ASSIGN_OR_RETURN(const Secret nonce, Nonce());
  ASSIGN_OR_RETURN(Secret plaintext, AeadOpen(suite_.aead, key_.view(), nonce.view(), aad, ciphertext));
  ++sequence_;
  return plaintext;
}

absl::StatusOr<Secret> HpkeContext::Export(ByteView context, size_t size) const {
  if (size > MaxHkdfSize(suite_.kdf)) return absl::InvalidArgumentError("HPKE export is too long");
  return HpkeSchedule::Export(*this, context, size);
}

absl::StatusOr<HpkeKeyPair> DeriveKemKeyPair(KemId kem, ByteView ikm) {
  if (ikm.size() < std::min(KemPrivateKeySize(kem), HashSize(KemHash(kem)))) {
    return absl::InvalidArgumentError("too little key material for a KEM key pair");
  }
  const Bytes suite_id = KemSuiteId(kem);
  const Labelled kdf{KemHash(kem), suite_id};
  const Secret prk = kdf.Extract({}, "dkp_prk", ikm);
  HpkeKeyPair pair;
  if (kem == KemId::kX25519 || kem == KemId::kX448) {
    pair.private_key.bytes = kdf.Expand(prk.view(), "sk", {}, KemPrivateKeySize(kem));
  } else {
    ASSIGN_OR_RETURN(pair.private_key.bytes, DeriveNistScalar(kem, kdf, prk.view()));
  }
  ASSIGN_OR_RETURN(pair.public_key, KemPublicKey(kem, pair.private_key.bytes.view()));
  return pair;
}

absl::StatusOr<HpkeSender> SetupHpkeSenderWithEphemeral(const HpkeKeyPair& ephemeral, HpkeSuite suite,
                                                        ByteView recipient, ByteView info, const HpkePsk& psk,
                                                        const HpkePrivateKey* sender) {
  ASSIGN_OR_RETURN(const Secret ephemeral_dh,
                   KemDiffieHellman(suite.kem, ephemeral.private_key.bytes.view(), recipient));
  Writer dh;
  Writer kem_context;
  dh.Fixed(ephemeral_dh.view());
  kem_context.Fixed(ephemeral.public_key).Fixed(recipient);
  if (sender != nullptr) {
    ASSIGN_OR_RETURN(const Secret static_dh, KemDiffieHellman(suite.kem, sender->bytes.view(), recipient));
    ASSIGN_OR_RETURN(const Bytes sender_public, KemPublicKey(suite.kem, sender->bytes.view()));
    dh.Fixed(static_dh.view());
    kem_context.Fixed(sender_public);
  }
  const Secret shared = ExtractAndExpand(suite.kem, dh.view(), kem_context.view());
  ASSIGN_OR_RETURN(HpkeContext context, HpkeSchedule::Run(suite, sender != nullptr, shared.view(), info, psk));
  return HpkeSender{ephemeral.public_key, std::move(context)};
}

absl::StatusOr<HpkeSender> SetupHpkeSender(HpkeSuite suite, ByteView recipient, ByteView info, const HpkePsk& psk,
                                           const HpkePrivateKey* sender) {
  HpkeKeyPair ephemeral;
  if (suite.kem == KemId::kX25519) {  // any string is a private key: no derivation needed
    ephemeral.private_key.bytes = Secret::Random(kX25519Size);
    ASSIGN_OR_RETURN(ephemeral.public_key, X25519PublicKey(ephemeral.private_key.bytes.view()));
  } else {
    ASSIGN_OR_RETURN(ephemeral, DeriveKemKeyPair(suite.kem, Secret::Random(KemPrivateKeySize(suite.kem)).view()));
  }
  return SetupHpkeSenderWithEphemeral(ephemeral, suite, recipient, info, psk, sender);
}

absl::StatusOr<HpkeContext> SetupHpkeRecipient(HpkeSuite suite, const HpkePrivateKey& recipient, ByteView public_key,
                                               ByteView kem_output, ByteView info, const HpkePsk& psk,
                                               ByteView sender) {
  ASSIGN_OR_RETURN(const Secret ephemeral_dh, KemDiffieHellman(suite.kem, recipient.bytes.view(), kem_output));
  Writer dh;
  Writer kem_context;
  dh.Fixed(ephemeral_dh.view());
  kem_context.Fixed(kem_output).Fixed(public_key);
  if (!sender.empty()) {
    ASSIGN_OR_RETURN(const Secret static_dh, KemDiffieHellman(suite.kem, recipient.bytes.view(), sender));
    dh.Fixed(static_dh.view());
    kem_context.Fixed(sender);
  }
  const Secret shared = ExtractAndExpand(suite.kem, dh.view(), kem_context.view());
  return HpkeSchedule::Run(suite, !sender.empty(), shared.view(), info, psk);
}

}  // namespace plumbline::mls
