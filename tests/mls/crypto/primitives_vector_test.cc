// The primitives against Project Wycheproof's edge cases.
#include <gtest/gtest.h>

#include "mls/crypto/cipher_suite.h"
#include "mls/crypto/primitives.h"
#include "tests/status_matchers.h"
#include "tests/vectors/vectors.h"

namespace plumbline::mls {
namespace {

using nlohmann::json;
using testing::FromHex;

// Every test of every group, with its group; the number that ran must be the number the file promises, or known.
template <typename Check>
void ForEachTest(const json& file, Check&& check) {
  for (const json& group : file["testGroups"]) {
    for (const json& test : group["tests"]) {
      SCOPED_TRACE("tcId " + test["tcId"].dump());
      check(group, test);
    }
  }
}

bool HasFlag(const json& test, absl::string_view flag) {
  for (const json& have : test["flags"]) {
    if (have.get_ref<const std::string&>() == flag) return true;
  }
  return false;
}

TEST(X25519Vector, AgreesOnEverySecretAndRefusesTheZeroOne) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/x25519_test.json.gz");
  int ran = 0;
  int zero = 0;
  ForEachTest(file, [&](const json&, const json& test) {
    const Bytes point = FromHex(test["public"]);
    const Bytes expected = FromHex(test["shared"]);
    const absl::StatusOr<Secret> shared = X25519(FromHex(test["private"]), point);
    const bool must_fail = HasFlag(test, "ZeroSharedSecret");
    EXPECT_EQ(shared.ok(), !must_fail);
    EXPECT_EQ(IsX25519SmallOrder(point), must_fail);
    if (shared.ok()) {
      EXPECT_EQ(ToBytes(shared->view()), expected);
    }
    ++ran;
    zero += must_fail;
  });
  EXPECT_EQ(ran, file["numberOfTests"].get<int>());
  EXPECT_GT(zero, 0);
}

TEST(Ed25519Vector, VerifiesExactlyTheValidSignatures) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/ed25519_test.json.gz");
  int ran = 0;
  ForEachTest(file, [&](const json& group, const json& test) {
    const bool valid = test["result"] == "valid";
    const absl::Status verified =
        Ed25519Verify(FromHex(group["publicKey"]["pk"]), FromHex(test["msg"]), FromHex(test["sig"]));
    EXPECT_EQ(verified.ok(), valid) << verified << test["comment"];
    ++ran;
  });
  EXPECT_EQ(ran, file["numberOfTests"].get<int>());
}

int RunAead(AeadId aead, const json& file) {
  int ran = 0;
  ForEachTest(file, [&](const json& group, const json& test) {
    if (group["keySize"] != AeadKeySize(aead) * 8 || group["ivSize"] != 96 || group["tagSize"] != 128) return;
    const Bytes key = FromHex(test["key"]);
    const Bytes nonce = FromHex(test["iv"]);
    const Bytes aad = FromHex(test["aad"]);
    const Bytes plaintext = FromHex(test["msg"]);
    const Bytes ciphertext = Concat({FromHex(test["ct"]), FromHex(test["tag"])});
    const absl::StatusOr<Secret> opened = AeadOpen(aead, key, nonce, aad, ciphertext);
    const bool valid = test["result"] == "valid";
    EXPECT_EQ(opened.ok(), valid) << test["comment"];
    if (valid) {
      EXPECT_EQ(AeadSeal(aead, key, nonce, aad, plaintext), ciphertext);
    }
    if (opened.ok()) {
      EXPECT_EQ(ToBytes(opened->view()), plaintext);
    }
    ++ran;
  });
  return ran;
}

TEST(AeadVector, Aes128Gcm) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/aes_gcm_test.json.gz");
  EXPECT_GT(RunAead(AeadId::kAes128Gcm, file), 50);
}

TEST(AeadVector, Aes256Gcm) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/aes_gcm_test.json.gz");
  EXPECT_GT(RunAead(AeadId::kAes256Gcm, file), 50);
}

TEST(AeadVector, ChaCha20Poly1305) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/chacha20_poly1305_test.json.gz");
  EXPECT_GT(RunAead(AeadId::kChaCha20Poly1305, file), 200);
}

TEST(HkdfVector, Sha256) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/hkdf_sha256_test.json.gz");
  int ran = 0;
  ForEachTest(file, [&](const json&, const json& test) {
    ++ran;
    const size_t size = test["size"].get<size_t>();
    // A caller's bug here, stopped before the function; the file marks exactly these as invalid.
    ASSERT_EQ(size > kMaxHkdfSha256Size, test["result"] == "invalid");
    if (size > kMaxHkdfSha256Size) return;
    const Secret prk = HkdfSha256Extract(FromHex(test["salt"]), {FromHex(test["ikm"])});
    const Secret okm = HkdfSha256Expand(prk.view(), FromHex(test["info"]), size);
    EXPECT_EQ(ToBytes(okm.view()), FromHex(test["okm"]));
  });
  EXPECT_EQ(ran, file["numberOfTests"].get<int>());
}

// Truncated tags are not ours: MLS compares whole tags only, so a valid truncated one must be refused too.
TEST(HmacVector, Sha256) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/hmac_sha256_test.json.gz");
  ASSERT_OK_AND_ASSIGN(const CipherSuite* const suite, CipherSuite::Get(1));
  int ran = 0;
  ForEachTest(file, [&](const json& group, const json& test) {
    const bool valid = test["result"] == "valid" && group["tagSize"] == 256;
    EXPECT_EQ(suite->MacVerify(FromHex(test["key"]), FromHex(test["msg"]), FromHex(test["tag"])), valid);
    ++ran;
  });
  EXPECT_EQ(ran, file["numberOfTests"].get<int>());
}

}  // namespace
}  // namespace plumbline::mls
