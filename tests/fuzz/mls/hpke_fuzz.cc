// HPKE ciphertexts from outside, in every mode: refused or opened, and nothing opens but what was sealed.
#include "common/codec.h"
#include "mls/crypto/cipher_suite.h"
#include "mls/crypto/hpke.h"
#include "tests/fuzz/fuzz.h"
#include "tests/vectors/vectors.h"

namespace plumbline::fuzz {
namespace {

constexpr size_t kMax = 1 << 16;

struct Case {
  uint8_t flags = 0;  // bit 0: psk; bit 1: auth; bit 2: ChaCha20-Poly1305; bit 3: with keys of its own, not those of here
  ByteView private_key, public_key, sender, psk, psk_id;  // only with bit 3; empty: none
  ByteView info, aad, kem_output, ciphertext;
};

absl::StatusOr<Case> ReadCase(ByteView input) {
  Reader in(input);
  Case c;
  ASSIGN_OR_RETURN(c.flags, in.U8());
  if ((c.flags & 8) != 0) {
    for (ByteView* const part : {&c.private_key, &c.public_key, &c.sender, &c.psk, &c.psk_id}) {
      ASSIGN_OR_RETURN(*part, in.Vector(kMax));
    }
  }
  ASSIGN_OR_RETURN(c.info, in.Vector(kMax));
  ASSIGN_OR_RETURN(c.aad, in.Vector(kMax));
  ASSIGN_OR_RETURN(c.kem_output, in.Vector(kMax));
  ASSIGN_OR_RETURN(c.ciphertext, in.Vector(kMax));
  RETURN_IF_ERROR(in.Done());
  return c;
}

const mls::HpkeKeyPair& Pair(uint8_t seed) {
  static const mls::HpkeKeyPair* const kRecipient = new mls::HpkeKeyPair(*mls::DeriveX25519KeyPair(Bytes(32, 1)));
  static const mls::HpkeKeyPair* const kSender = new mls::HpkeKeyPair(*mls::DeriveX25519KeyPair(Bytes(32, 2)));
  static const mls::HpkeKeyPair* const kEphemeral = new mls::HpkeKeyPair(*mls::DeriveX25519KeyPair(Bytes(32, 3)));
  return seed == 1 ? *kRecipient : seed == 2 ? *kSender : *kEphemeral;
}

struct Setting {
  explicit Setting(uint8_t flags)
      : aead((flags & 4) != 0 ? mls::AeadId::kChaCha20Poly1305 : mls::AeadId::kAes128Gcm), auth((flags & 2) != 0) {
    if ((flags & 1) != 0) psk = {secret, id};
  }
  Bytes secret = Bytes(32, 9);
  Bytes id = Bytes(4, 8);
  mls::HpkePsk psk;
  mls::AeadId aead;
  bool auth;
};

Bytes Seal(uint8_t flags, ByteView info, ByteView aad, ByteView plaintext) {
  const Setting setting(flags);
  auto sender = mls::SetupHpkeSenderWithEphemeral(Pair(3), setting.aead, Pair(1).public_key, info, setting.psk,
                                                  setting.auth ? &Pair(2).private_key : nullptr);
  Writer out;
  out.U8(flags).Vector(info).Vector(aad).Vector(sender->kem_output).Vector(*sender->context.Seal(aad, plaintext));
  return out.TakeBytes();
}

// Nothing is known about these keys, so nothing can be said about what opens but its length.
void OpenWithOwnKeys(const Case& c) {
  const Setting setting(c.flags);
  auto context = mls::SetupHpkeRecipient(setting.aead, {Secret::CopyOf(c.private_key)}, c.public_key, c.kem_output, c.info,
                                         {c.psk, c.psk_id}, c.sender);
  if (!context.ok()) return;
  const absl::StatusOr<Secret> plaintext = context->Open(c.aad, c.ciphertext);
  if (plaintext.ok()) CHECK(plaintext->size() + 16 == c.ciphertext.size());
}

}  // namespace

void Fuzz(ByteView input) {
  const absl::StatusOr<Case> c = ReadCase(input);
  if (!c.ok()) return;
  if ((c->flags & 8) != 0) return OpenWithOwnKeys(*c);
  const Setting setting(c->flags);
  auto context = mls::SetupHpkeRecipient(setting.aead, Pair(1).private_key, Pair(1).public_key, c->kem_output, c->info,
                                         setting.psk, setting.auth ? ByteView(Pair(2).public_key) : ByteView());
  if (!context.ok()) return;
  const absl::StatusOr<Secret> plaintext = context->Open(c->aad, c->ciphertext);
  if (!plaintext.ok()) return;
  CHECK(Equal(Seal(c->flags, c->info, c->aad, plaintext->view()), input));
}

std::vector<Bytes> Seeds() {
  std::vector<Bytes> seeds;
  for (uint8_t flags = 0; flags < 8; ++flags) seeds.push_back(Seal(flags, AsBytes("info"), AsBytes("aad"), Bytes(20, flags)));
  return seeds;
}

// The first message of each published case of this KEM and KDF, with its keys.
absl::StatusOr<std::vector<Bytes>> PublishedSeeds() {
  std::vector<Bytes> seeds;
  ASSIGN_OR_RETURN(const nlohmann::json cases, testing::ReadVectorJson("hpke/rfc9180.json.gz"));
  for (const nlohmann::json& c : cases) {
    const int kem = c["kem_id"].get<int>(), kdf = c["kdf_id"].get<int>(), aead = c["aead_id"].get<int>();
    if (kem != 32 || kdf != 1 || (aead != 1 && aead != 3)) continue;
    Writer out;
    out.U8(aead == 3 ? 12 : 8);
    for (const char* field : {"skRm", "pkRm", "pkSm", "psk", "psk_id"}) {
      out.Vector(c.contains(field) ? testing::FromHex(c[field]) : Bytes());
    }
    const nlohmann::json& message = c["encryptions"][0];
    out.Vector(testing::FromHex(c["info"])).Vector(testing::FromHex(message["aad"]));
    out.Vector(testing::FromHex(c["enc"])).Vector(testing::FromHex(message["ct"]));
    const Bytes seed = out.TakeBytes();
    const Case read = *ReadCase(seed);
    auto context = mls::SetupHpkeRecipient(Setting(read.flags).aead, {Secret::CopyOf(read.private_key)}, read.public_key,
                                           read.kem_output, read.info, {read.psk, read.psk_id}, read.sender);
    CHECK(context.ok() && context->Open(read.aad, read.ciphertext).ok());
    seeds.push_back(seed);
  }
  return seeds;
}

}  // namespace plumbline::fuzz
