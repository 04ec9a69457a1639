// The primitives against Project Wycheproof's edge cases.
#include <gtest/gtest.h>

#include "mls/crypto/cipher_suite.h"
#include "mls/crypto/curve448.h"
#include "mls/crypto/nist_curve.h"
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

void RunHkdf(HashId hash, const json& file) {
  int ran = 0;
  ForEachTest(file, [&](const json&, const json& test) {
    ++ran;
    const size_t size = test["size"].get<size_t>();
    // A caller's bug here, stopped before the function; the file marks exactly these as invalid.
    ASSERT_EQ(size > MaxHkdfSize(hash), test["result"] == "invalid");
    if (size > MaxHkdfSize(hash)) return;
    const Secret prk = HkdfExtract(hash, FromHex(test["salt"]), {FromHex(test["ikm"])});
    const Secret okm = HkdfExpand(hash, prk.view(), FromHex(test["info"]), size);
    EXPECT_EQ(ToBytes(okm.view()), FromHex(test["okm"]));
  });
  EXPECT_EQ(ran, file["numberOfTests"].get<int>());
}

TEST(HkdfVector, Sha256) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/hkdf_sha256_test.json.gz");
  RunHkdf(HashId::kSha256, file);
}

TEST(HkdfVector, Sha384) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/hkdf_sha384_test.json.gz");
  RunHkdf(HashId::kSha384, file);
}

TEST(HkdfVector, Sha512) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/hkdf_sha512_test.json.gz");
  RunHkdf(HashId::kSha512, file);
}

// Truncated tags are not ours: MLS compares whole tags only, so a valid truncated one must be refused too.
void RunHmac(uint16_t suite_id, const json& file) {
  ASSERT_OK_AND_ASSIGN(const CipherSuite* const suite, CipherSuite::Get(suite_id));
  int ran = 0;
  ForEachTest(file, [&](const json& group, const json& test) {
    const bool valid = test["result"] == "valid" && group["tagSize"] == suite->hash_size() * 8;
    EXPECT_EQ(suite->MacVerify(FromHex(test["key"]), FromHex(test["msg"]), FromHex(test["tag"])), valid);
    ++ran;
  });
  EXPECT_EQ(ran, file["numberOfTests"].get<int>());
}

TEST(HmacVector, Sha256) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/hmac_sha256_test.json.gz");
  RunHmac(1, file);
}

TEST(HmacVector, Sha384) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/hmac_sha384_test.json.gz");
  RunHmac(7, file);
}

TEST(HmacVector, Sha512) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/hmac_sha512_test.json.gz");
  RunHmac(5, file);
}

TEST(X448Vector, AgreesOnEverySecretAndRefusesTheZeroOne) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/x448_test.json.gz");
  int ran = 0;
  int zero = 0;
  ForEachTest(file, [&](const json&, const json& test) {
    const Bytes point = FromHex(test["public"]);
    const Bytes expected = FromHex(test["shared"]);
    const absl::StatusOr<Secret> shared = X448(FromHex(test["private"]), point);
    const bool must_fail = point.size() != kX448Size || expected == Bytes(kX448Size);
    EXPECT_EQ(shared.ok(), !must_fail) << test["comment"];
    if (point.size() == kX448Size) {
      EXPECT_EQ(IsX448SmallOrder(point), must_fail) << test["comment"];
    }
    if (shared.ok()) {
      EXPECT_EQ(ToBytes(shared->view()), expected);
    }
    ++ran;
    zero += must_fail;
  });
  EXPECT_EQ(ran, file["numberOfTests"].get<int>());
  EXPECT_GT(zero, 0);
}

TEST(Ed448Vector, VerifiesExactlyTheValidSignatures) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/ed448_test.json.gz");
  int ran = 0;
  ForEachTest(file, [&](const json& group, const json& test) {
    const bool valid = test["result"] == "valid";
    const absl::Status verified =
        Ed448Verify(FromHex(group["publicKey"]["pk"]), FromHex(test["msg"]), FromHex(test["sig"]));
    EXPECT_EQ(verified.ok(), valid) << verified << test["comment"];
    ++ran;
  });
  EXPECT_EQ(ran, file["numberOfTests"].get<int>());
}

// Compressed points are valid elsewhere and refused here: MLS has uncompressed ones only (RFC 9420 §5.1.1).
void RunEcdh(NistCurve curve, const json& file) {
  int ran = 0;
  int refused = 0;
  ForEachTest(file, [&](const json&, const json& test) {
    const Bytes point = FromHex(test["public"]);
    Bytes scalar = FromHex(test["private"]);
    while (scalar.size() > FieldSize(curve) && scalar[0] == 0) scalar.erase(scalar.begin());
    scalar.insert(scalar.begin(), FieldSize(curve) - std::min(FieldSize(curve), scalar.size()), 0);
    const absl::StatusOr<Secret> shared = NistEcdh(curve, scalar, point);
    const bool uncompressed = point.size() == PointSize(curve) && point[0] == 4;
    const bool valid = test["result"] != "invalid" && uncompressed;
    EXPECT_EQ(shared.ok(), valid) << test["comment"] << test["flags"];
    EXPECT_EQ(CheckNistPoint(curve, point).ok(), valid) << test["comment"];
    if (shared.ok()) {
      EXPECT_EQ(ToBytes(shared->view()), FromHex(test["shared"]));
    }
    ++ran;
    refused += !shared.ok();
  });
  EXPECT_EQ(ran, file["numberOfTests"].get<int>());
  EXPECT_GT(refused, 0);
}

TEST(EcdhVector, P256) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/ecdh_secp256r1_ecpoint_test.json.gz");
  RunEcdh(NistCurve::kP256, file);
}

TEST(EcdhVector, P384) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/ecdh_secp384r1_ecpoint_test.json.gz");
  RunEcdh(NistCurve::kP384, file);
}

TEST(EcdhVector, P521) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/ecdh_secp521r1_ecpoint_test.json.gz");
  RunEcdh(NistCurve::kP521, file);
}

void RunEcdsa(NistCurve curve, const json& file) {
  int ran = 0;
  ForEachTest(file, [&](const json& group, const json& test) {
    const bool valid = test["result"] == "valid";
    const absl::Status verified = EcdsaVerify(curve, FromHex(group["publicKey"]["uncompressed"]), FromHex(test["msg"]),
                                              FromHex(test["sig"]));
    EXPECT_EQ(verified.ok(), valid) << verified << test["comment"];
    ++ran;
  });
  EXPECT_EQ(ran, file["numberOfTests"].get<int>());
}

TEST(EcdsaVector, P256) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/ecdsa_secp256r1_sha256_test.json.gz");
  RunEcdsa(NistCurve::kP256, file);
}

TEST(EcdsaVector, P384) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/ecdsa_secp384r1_sha384_test.json.gz");
  RunEcdsa(NistCurve::kP384, file);
}

TEST(EcdsaVector, P521) {
  LOAD_VECTORS_OR_SKIP(const json file, "wycheproof/ecdsa_secp521r1_sha512_test.json.gz");
  RunEcdsa(NistCurve::kP521, file);
}

}  // namespace
}  // namespace plumbline::mls
