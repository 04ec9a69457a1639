// The labelled functions against the MLS working group's crypto-basics vectors.
#include <gtest/gtest.h>

#include "mls/crypto/cipher_suite.h"
#include "tests/mls/suite_vectors.h"
#include "tests/status_matchers.h"
#include "tests/vectors/vectors.h"

namespace plumbline::mls {
namespace {

using nlohmann::json;
using testing::FromHex;

void CheckSigning(const CipherSuite& suite, const json& test) {
  const Bytes public_key = FromHex(test["pub"]);
  const Bytes content = FromHex(test["content"]);
  const std::string label = test["label"];
  EXPECT_OK(suite.VerifyWithLabel(public_key, label, content, FromHex(test["signature"])));
  const SignaturePrivateKey key = {Secret::Take(FromHex(test["priv"]))};
  ASSERT_OK_AND_ASSIGN(const Bytes signature, suite.SignWithLabel(key, label, content));
  EXPECT_OK(suite.VerifyWithLabel(public_key, label, content, signature));
  if (public_key[0] != 4 || public_key.size() < 65) {  // an Edwards signature, unlike an ECDSA one, is deterministic
    EXPECT_EQ(signature, FromHex(test["signature"]));
  }
  ASSERT_OK_AND_ASSIGN(const Bytes derived, suite.SignaturePublicKey(key));
  EXPECT_EQ(derived, public_key);
}

void CheckEncryption(const CipherSuite& suite, const json& test) {
  const HpkePrivateKey key = {Secret::Take(FromHex(test["priv"]))};
  const Bytes public_key = FromHex(test["pub"]);
  const Bytes context = FromHex(test["context"]);
  const Bytes plaintext = FromHex(test["plaintext"]);
  const std::string label = test["label"];
  const HpkeCiphertext sealed = {FromHex(test["kem_output"]), FromHex(test["ciphertext"])};
  ASSERT_OK_AND_ASSIGN(const Secret opened, suite.DecryptWithLabel(key, public_key, label, context, sealed));
  EXPECT_EQ(ToBytes(opened.view()), plaintext);
  ASSERT_OK_AND_ASSIGN(const Bytes derived, suite.HpkePublicKey(key));
  EXPECT_EQ(derived, public_key);
  ASSERT_OK_AND_ASSIGN(const HpkeCiphertext ours, suite.EncryptWithLabel(public_key, label, context, plaintext));
  ASSERT_OK_AND_ASSIGN(const Secret ours_opened, suite.DecryptWithLabel(key, public_key, label, context, ours));
  EXPECT_EQ(ToBytes(ours_opened.view()), plaintext);
}

TEST(CryptoBasicsVector, EveryLabelledFunction) {
  LOAD_VECTORS_OR_SKIP(const json cases, "mls/crypto-basics.json.gz");
  ForEachSuite(cases, [](const CipherSuite& suite, const json& test) {
    const json& ref = test["ref_hash"];
    EXPECT_EQ(suite.RefHash(ref["label"].get<std::string>(), FromHex(ref["value"])), FromHex(ref["out"]));

    const json& expand = test["expand_with_label"];
    EXPECT_EQ(ToBytes(suite.ExpandWithLabel(FromHex(expand["secret"]), expand["label"].get<std::string>(),
                                            FromHex(expand["context"]), expand["length"].get<size_t>())
                          .view()),
              FromHex(expand["out"]));
    const json& derive = test["derive_secret"];
    EXPECT_EQ(ToBytes(suite.DeriveSecret(FromHex(derive["secret"]), derive["label"].get<std::string>()).view()),
              FromHex(derive["out"]));
    const json& tree = test["derive_tree_secret"];
    EXPECT_EQ(ToBytes(suite.DeriveTreeSecret(FromHex(tree["secret"]), tree["label"].get<std::string>(),
                                             tree["generation"].get<uint32_t>(), tree["length"].get<size_t>())
                          .view()),
              FromHex(tree["out"]));
    CheckSigning(suite, test["sign_with_label"]);
    CheckEncryption(suite, test["encrypt_with_label"]);
  });
}

}  // namespace
}  // namespace plumbline::mls
