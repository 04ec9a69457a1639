// Keys in a token, with a real one (SoftHSM).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "common/crypto/issue.h"
#include "common/identity/reason.h"
#include "common/pkcs11/derivation_key.h"
#include "common/pkcs11/key_object.h"
#include "common/pkcs11/signing_keys.h"
#include "tests/common/certificates.h"
#include "tests/common/pkcs11/softhsm.h"
#include "tests/status_matchers.h"

namespace plumbline::pkcs11 {
namespace {

using identity::ReasonOf;
using testing::SoftHsm;
using testing::StatusIs;
using testing::ValueOf;

CK_OBJECT_CLASS kPrivateClass = CKO_PRIVATE_KEY, kSecretClass = CKO_SECRET_KEY;

// The token's first object of a class, as any other program that has the PIN finds it.
CK_OBJECT_HANDLE FirstOf(Token& token, CK_SESSION_HANDLE session, CK_OBJECT_CLASS& object_class) {
  CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &object_class, sizeof object_class}};
  CK_OBJECT_HANDLE found = CK_INVALID_HANDLE;
  CK_ULONG count = 0;
  CHECK(token.calls().C_FindObjectsInit(session, wanted, 1) == CKR_OK);
  CHECK(token.calls().C_FindObjects(session, &found, 1, &count) == CKR_OK && count == 1);
  CHECK(token.calls().C_FindObjectsFinal(session) == CKR_OK);
  return found;
}

CK_RV ReadValue(Token& token, CK_OBJECT_CLASS& object_class) {
  CK_RV result = CKR_OK;
  CHECK(token.Run("read a value", [&](CK_SESSION_HANDLE session) -> CK_RV {
    CK_BYTE value[256];
    CK_ATTRIBUTE wanted = {CKA_VALUE, value, sizeof value};
    result = token.calls().C_GetAttributeValue(session, FirstOf(token, session, object_class), &wanted, 1);
    return CKR_OK;
  }).ok());
  return result;
}

// All sessions of this process on the token, as when it was unplugged for a moment: the login goes with them.
void LoseSessions(Token& token) {
  CHECK(token.Run("lose its sessions", [&](CK_SESSION_HANDLE session) -> CK_RV {
    CK_SESSION_INFO info = {};
    CHECK(token.calls().C_GetSessionInfo(session, &info) == CKR_OK);
    return token.calls().C_CloseAllSessions(info.slotID);
  }).ok());
}

// By the token's user, from `old_pin`.
void ChangePin(Token& token, const std::string& old_pin, const std::string& new_pin) {
  const auto bytes = [](const std::string& text) { return reinterpret_cast<CK_UTF8CHAR*>(const_cast<char*>(text.data())); };
  CHECK(token.RunWriting("change its PIN", [&](CK_SESSION_HANDLE session) -> CK_RV {
    return token.calls().C_SetPIN(session, bytes(old_pin), old_pin.size(), bytes(new_pin), new_pin.size());
  }).ok());
}

TEST(Token, SignsWithEd25519AsAKeyInMemoryDoes) {
  const SoftHsm hsm;
  ASSERT_OK_AND_ASSIGN(const auto token, hsm.Open());
  ASSERT_OK_AND_ASSIGN(const auto key, Ed25519Key::Generate(token, "plumbline directory"));
  ASSERT_OK_AND_ASSIGN(const Bytes signature, crypto::SignUnder(*key, "label", AsBytes("message")));
  EXPECT_OK(key->public_key().Verify("label", AsBytes("message"), signature));
  ASSERT_OK_AND_ASSIGN(const Bytes again, crypto::SignUnder(*key, "label", AsBytes("message")));
  EXPECT_EQ(again, signature);
  EXPECT_THAT(key->public_key().Verify("other", AsBytes("message"), signature), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Token, IssuesCertificates) {
  const SoftHsm hsm;
  const absl::Time now = absl::Now();
  const crypto::Validity validity{now - absl::Hours(1), now + absl::Hours(1)};
  ASSERT_OK_AND_ASSIGN(const auto token, hsm.Open());
  ASSERT_OK_AND_ASSIGN(const auto issuing_key, P256Key::Generate(token, "plumbline issuing"));
  const crypto::P256PrivateKey root_key = crypto::P256PrivateKey::Generate();
  ASSERT_OK_AND_ASSIGN(const auto root, crypto::MakeRoot(root_key, "Root", validity));
  ASSERT_OK_AND_ASSIGN(const auto issuing, crypto::MakeIssuing(root, root_key, issuing_key->spki(), "Issuing", validity));
  crypto::LeafSpec spec;
  spec.spki = crypto::P256PrivateKey::Generate().spki();
  spec.uris = {"plumbline://example.org/x"};
  spec.validity = validity;
  for (int i = 0; i < 64; ++i) {  // r and s with and without a leading zero
    ASSERT_OK_AND_ASSIGN(const auto leaf, crypto::IssueLeaf(issuing, *issuing_key, spec));
    EXPECT_OK(crypto::VerifyChain(leaf, {issuing}, root, now, crypto::Purpose::kTlsClient));
  }
}

// RFC 9474: what the token signs blindly is a signature once its author unblinds it.
TEST(Token, SignsBlindly) {
  const SoftHsm hsm;
  ASSERT_OK_AND_ASSIGN(const auto token, hsm.Open());
  ASSERT_OK_AND_ASSIGN(const auto key, BlindRsaKey::Generate(token, "plumbline tokens"));
  ASSERT_OK_AND_ASSIGN(const auto again, BlindRsaKey::Open(token, key->name(), key->public_key()));
  for (const auto& each : {key, again}) {
    ASSERT_OK_AND_ASSIGN(const auto blinding, crypto::BlindRsaBlinding::Create(key->public_key(), AsBytes("message")));
    ASSERT_OK_AND_ASSIGN(const auto blind_signature, each->BlindSign(blinding.blinded_message()));
    ASSERT_OK_AND_ASSIGN(const auto signature, blinding.Finalize(blind_signature));
    EXPECT_OK(key->public_key().Verify(AsBytes("message"), signature));
  }
  for (const Bytes& wrong : {ToBytes(key->public_key().modulus()), Bytes(256, 0xff), Bytes(255, 1), Bytes(257, 1), Bytes()})
    EXPECT_THAT(key->BlindSign(wrong), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK_AND_ASSIGN(const auto other, BlindRsaKey::Generate(token, "plumbline tokens"));
  EXPECT_EQ(ReasonOf(BlindRsaKey::Open(token, key->name(), other->public_key()).status()), "pkcs11_key_wrong");
}

TEST(Token, DestroysTheKeysThatNobodyNeedsAndNoOthers) {
  const SoftHsm hsm;
  ASSERT_OK_AND_ASSIGN(const auto token, hsm.Open());
  ASSERT_OK_AND_ASSIGN(const auto kept, BlindRsaKey::Generate(token, "plumbline tokens 1"));
  ASSERT_OK_AND_ASSIGN(const auto over, BlindRsaKey::Generate(token, "plumbline tokens 1"));
  ASSERT_OK_AND_ASSIGN(const auto others, BlindRsaKey::Generate(token, "plumbline tokens 2"));
  ASSERT_OK(DestroyOthers(*token, "plumbline tokens 1", {kept->name()}));
  EXPECT_OK(BlindRsaKey::Open(token, kept->name(), kept->public_key()).status());
  EXPECT_OK(BlindRsaKey::Open(token, others->name(), others->public_key()).status());
  EXPECT_EQ(ReasonOf(BlindRsaKey::Open(token, over->name(), over->public_key()).status()), "pkcs11_key_missing");
}

TEST(Token, FindsItsKeysAgain) {
  const SoftHsm hsm;
  ASSERT_OK_AND_ASSIGN(auto token, hsm.Open());
  ASSERT_OK_AND_ASSIGN(auto ed25519, Ed25519Key::Generate(token, "plumbline log"));
  ASSERT_OK_AND_ASSIGN(auto p256, P256Key::Generate(token, "plumbline issuing"));
  ASSERT_OK_AND_ASSIGN(auto derivation, DerivationKey::Generate(token, "plumbline key ring"));
  ASSERT_OK_AND_ASSIGN(const Secret derived, derivation->Derive("label", Bytes(3, 1)));
  const KeyName names[] = {ed25519->name(), p256->name(), derivation->name()};
  const crypto::Ed25519PublicKey public_key = ed25519->public_key();
  const Bytes spki = p256->spki();
  ed25519.reset();
  p256.reset();
  derivation.reset();
  token.reset();

  ASSERT_OK_AND_ASSIGN(token, hsm.Open());
  ASSERT_OK_AND_ASSIGN(ed25519, Ed25519Key::Open(token, names[0], public_key));
  EXPECT_OK(ed25519->SignBare(AsBytes("message")).status());
  ASSERT_OK_AND_ASSIGN(p256, P256Key::Open(token, names[1], spki));
  EXPECT_OK(p256->Sign(AsBytes("message")).status());
  ASSERT_OK_AND_ASSIGN(derivation, DerivationKey::Open(token, names[2]));
  EXPECT_EQ(ValueOf(derivation->Derive("label", Bytes(3, 1))), derived);
  EXPECT_FALSE(ValueOf(derivation->Derive("label", Bytes(3, 2))) == derived);
  EXPECT_FALSE(ValueOf(derivation->Derive("labe", Bytes(3, 1))) == derived);
  ASSERT_OK_AND_ASSIGN(const auto other, DerivationKey::Generate(token, "plumbline key ring"));
  EXPECT_FALSE(ValueOf(other->Derive("label", Bytes(3, 1))) == derived);
}

TEST(Token, GivesNoPrivateKeyAway) {
  const SoftHsm hsm;
  ASSERT_OK_AND_ASSIGN(const auto token, hsm.Open());
  ASSERT_OK_AND_ASSIGN(const auto key, Ed25519Key::Generate(token, "plumbline log"));
  EXPECT_EQ(ReadValue(*token, kPrivateClass), CKR_ATTRIBUTE_SENSITIVE);
  ASSERT_OK(Destroy(*token, key->name()));
  ASSERT_OK_AND_ASSIGN(const auto authority, P256Key::Generate(token, "plumbline issuing"));
  EXPECT_EQ(ReadValue(*token, kPrivateClass), CKR_ATTRIBUTE_SENSITIVE);
  ASSERT_OK_AND_ASSIGN(const auto derivation, DerivationKey::Generate(token, "plumbline key ring"));
  EXPECT_EQ(ReadValue(*token, kSecretClass), CKR_ATTRIBUTE_SENSITIVE);
}

TEST(Token, RefusesAKeyThatCanBeReadOut) {
  const SoftHsm hsm;
  ASSERT_OK_AND_ASSIGN(const auto token, hsm.Open());
  ASSERT_OK_AND_ASSIGN(const KeyName name, NewName("plumbline key ring"));
  CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
  CK_ULONG size = 32;
  CK_ATTRIBUTE open_key[] = {{CKA_TOKEN, &yes, 1},     {CKA_PRIVATE, &yes, 1}, {CKA_SENSITIVE, &no, 1}, {CKA_EXTRACTABLE, &yes, 1},
                             {CKA_SIGN, &yes, 1},      {CKA_VALUE_LEN, &size, sizeof size},
                             {CKA_LABEL, const_cast<char*>(name.label.data()), name.label.size()},
                             {CKA_ID, const_cast<uint8_t*>(name.id.data()), name.id.size()}};
  ASSERT_OK(token->RunWriting("make a key", [&](CK_SESSION_HANDLE session) {
    CK_MECHANISM how = {CKM_GENERIC_SECRET_KEY_GEN, nullptr, 0};
    CK_OBJECT_HANDLE key = 0;
    return token->calls().C_GenerateKey(session, &how, open_key, std::size(open_key), &key);
  }));
  EXPECT_EQ(ReasonOf(DerivationKey::Open(token, name).status()), "pkcs11_key_extractable");
}

TEST(Token, RefusesAnotherKeyThanTheOneAskedFor) {
  const SoftHsm hsm;
  ASSERT_OK_AND_ASSIGN(const auto token, hsm.Open());
  ASSERT_OK_AND_ASSIGN(const auto one, Ed25519Key::Generate(token, "plumbline log"));
  ASSERT_OK_AND_ASSIGN(const auto other, Ed25519Key::Generate(token, "plumbline log"));
  EXPECT_EQ(ReasonOf(Ed25519Key::Open(token, one->name(), other->public_key()).status()), "pkcs11_key_wrong");
  ASSERT_OK_AND_ASSIGN(const auto authority, P256Key::Generate(token, "plumbline issuing"));
  EXPECT_EQ(ReasonOf(P256Key::Open(token, authority->name(), crypto::P256PrivateKey::Generate().spki()).status()), "pkcs11_key_wrong");
  EXPECT_EQ(ReasonOf(P256Key::Open(token, one->name(), authority->spki()).status()), "pkcs11_key_wrong");
}

TEST(Token, NamesWhatIsMissing) {
  const SoftHsm hsm;
  ASSERT_OK_AND_ASSIGN(const auto token, hsm.Open());
  ASSERT_OK_AND_ASSIGN(const auto key, Ed25519Key::Generate(token, "plumbline log"));
  KeyName name = key->name();
  name.label = "plumbline lob";
  EXPECT_THAT(Ed25519Key::Open(token, name, key->public_key()).status(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(ReasonOf(Ed25519Key::Open(token, name, key->public_key()).status()), "pkcs11_key_missing");
  ASSERT_OK(Destroy(*token, key->name()));
  EXPECT_EQ(ReasonOf(Ed25519Key::Open(token, key->name(), key->public_key()).status()), "pkcs11_key_missing");
  EXPECT_FALSE(key->SignBare(AsBytes("message")).ok());

  EXPECT_EQ(ReasonOf(hsm.Open("plumbun").status()), "pkcs11_token_missing");
  EXPECT_EQ(ReasonOf(hsm.Open("plumblin").status()), "pkcs11_token_missing");
}

TEST(Token, RefusesALabelThatTwoTokensHave) {
  const SoftHsm hsm;
  hsm.Add(SoftHsm::kLabel);
  EXPECT_EQ(ReasonOf(hsm.Open().status()), "pkcs11_token_ambiguous");
}

TEST(Token, NamesTheMechanismThatIsMissing) {
  const auto reason = [](const char* missing, const auto& make) {
    const SoftHsm hsm(missing);
    const auto token = hsm.Open();
    CHECK(token.ok());
    const absl::Status status = make(*token);
    EXPECT_EQ(ReasonOf(status), "pkcs11_mechanism_missing") << status;
    return std::string(status.message());
  };
  const auto all = [](const auto& token) { return ProbeMaking(token); };
  for (const char* each : {"CKM_EDDSA", "CKM_EC_EDWARDS_KEY_PAIR_GEN", "CKM_ECDSA", "CKM_EC_KEY_PAIR_GEN", "CKM_RSA_X_509",
                           "CKM_RSA_PKCS_KEY_PAIR_GEN", "CKM_SHA256_HMAC", "CKM_GENERIC_SECRET_KEY_GEN"}) {
    EXPECT_THAT(reason(absl::StrCat("-CKM_MD5,", each).c_str(), all), ::testing::HasSubstr(each));
  }
  const auto ed25519 = [](const auto& token) { return Ed25519Key::Generate(token, "x").status(); };
  const auto p256 = [](const auto& token) { return P256Key::Generate(token, "x").status(); };
  const auto derivation = [](const auto& token) { return DerivationKey::Generate(token, "x").status(); };
  EXPECT_THAT(reason("-CKM_MD5,CKM_EDDSA", ed25519), ::testing::HasSubstr("CKM_EDDSA"));
  EXPECT_THAT(reason("-CKM_MD5,CKM_EC_EDWARDS_KEY_PAIR_GEN", ed25519), ::testing::HasSubstr("CKM_EC_EDWARDS_KEY_PAIR_GEN"));
  EXPECT_THAT(reason("-CKM_MD5,CKM_ECDSA", p256), ::testing::HasSubstr("CKM_ECDSA"));
  const auto blind = [](const auto& token) { return BlindRsaKey::Generate(token, "x").status(); };
  EXPECT_THAT(reason("-CKM_MD5,CKM_RSA_X_509", blind), ::testing::HasSubstr("CKM_RSA_X_509"));
  EXPECT_THAT(reason("-CKM_MD5,CKM_SHA256_HMAC", derivation), ::testing::HasSubstr("CKM_SHA256_HMAC"));
}

// Nothing of the probe stays.
TEST(Token, IsProbedWithoutATrace) {
  const SoftHsm hsm;
  ASSERT_OK_AND_ASSIGN(const auto token, hsm.Open());
  ASSERT_OK(ProbeMaking(token));
  ASSERT_OK(token->Run("list its keys", [&](CK_SESSION_HANDLE session) -> CK_RV {
    CK_OBJECT_HANDLE found[1];
    CK_ULONG count = 0;
    CHECK(token->calls().C_FindObjectsInit(session, nullptr, 0) == CKR_OK);
    CHECK(token->calls().C_FindObjects(session, found, 1, &count) == CKR_OK);
    EXPECT_EQ(count, 0u);
    return token->calls().C_FindObjectsFinal(session);
  }));
}

TEST(Token, RefusesALibraryThatIsNone) {
  for (const char* path : {"/usr/lib/softhsm/missing.so", "libsofthsm2.so", "", "/lib/x86_64-linux-gnu/libc.so.6", "/etc/passwd"}) {
    SCOPED_TRACE(path);
    const absl::Status status = Module::Load(path).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition));
    EXPECT_EQ(ReasonOf(status), "pkcs11_module_unusable");
  }
}

TEST(Token, RefusesAWrongPin) {
  const SoftHsm hsm;
  const absl::Status status = hsm.Open(SoftHsm::kLabel, "4712").status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(ReasonOf(status), "pkcs11_pin_wrong");
  EXPECT_THAT(std::string(status.message()), ::testing::Not(::testing::HasSubstr("4712")));
  EXPECT_OK(hsm.Open().status());
}

// A token locks itself after a few wrong PINs: once refused, the PIN is not shown to it again, though it would be right by now.
TEST(Token, NeverShowsARefusedPinAgain) {
  const SoftHsm hsm;
  ASSERT_OK_AND_ASSIGN(const auto token, hsm.Open());
  ASSERT_OK_AND_ASSIGN(const auto key, Ed25519Key::Generate(token, "plumbline log"));
  ChangePin(*token, SoftHsm::kPin, "9999");
  LoseSessions(*token);
  EXPECT_EQ(ReasonOf(key->SignBare(AsBytes("message")).status()), "pkcs11_pin_wrong");
  {
    ASSERT_OK_AND_ASSIGN(const auto operators, hsm.Open(SoftHsm::kLabel, "9999"));
    ChangePin(*operators, "9999", SoftHsm::kPin);
  }
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ReasonOf(key->SignBare(AsBytes("message")).status()), "pkcs11_pin_wrong");
  EXPECT_OK(hsm.Open().status());
}

// What a token says of its PIN is believed before the PIN is shown to it.
TEST(Token, IsNotTriedWhereAWrongPinWouldLockIt) {
  const SoftHsm hsm;
  const auto open = [](CK_FLAGS flags) -> absl::Status {
    CHECK(setenv("PLUMBLINE_PIN_FLAGS", std::to_string(flags).c_str(), 1) == 0);
    ASSIGN_OR_RETURN(std::unique_ptr<Module> library, Module::Load(PLUMBLINE_PIN_STATE_MODULE));
    return Token::Open(std::move(library), SoftHsm::kLabel, Secret::CopyOf(AsBytes(SoftHsm::kPin))).status();
  };
  EXPECT_EQ(ReasonOf(open(CKF_USER_PIN_FINAL_TRY)), "pkcs11_pin_last_try");
  EXPECT_EQ(ReasonOf(open(CKF_USER_PIN_LOCKED)), "pkcs11_pin_locked");
  EXPECT_OK(open(0));
}

TEST(Token, SignsAgainAfterItsSessionsWereLost) {
  const SoftHsm hsm;
  ASSERT_OK_AND_ASSIGN(const auto token, hsm.Open());
  ASSERT_OK_AND_ASSIGN(const auto key, Ed25519Key::Generate(token, "plumbline log"));
  ASSERT_OK_AND_ASSIGN(const auto authority, P256Key::Generate(token, "plumbline issuing"));
  for (int i = 0; i < 3; ++i) {
    LoseSessions(*token);
    EXPECT_OK(key->SignBare(AsBytes("message")).status());
    LoseSessions(*token);
    EXPECT_OK(authority->Sign(AsBytes("message")).status());
    LoseSessions(*token);
    EXPECT_OK(DerivationKey::Generate(token, "x").status());
  }
}

// Somebody else of this process logs out: private keys are not to be seen, and their handles are stale.
TEST(Token, SignsAgainAfterTheLoginWasLost) {
  const SoftHsm hsm;
  ASSERT_OK_AND_ASSIGN(const auto token, hsm.Open());
  ASSERT_OK_AND_ASSIGN(const auto key, Ed25519Key::Generate(token, "plumbline log"));
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(token->Run("log out", [&](CK_SESSION_HANDLE session) { return token->calls().C_Logout(session); }));
    EXPECT_OK(key->SignBare(AsBytes("message")).status());
  }
  ASSERT_OK(token->Run("log out", [&](CK_SESSION_HANDLE session) { return token->calls().C_Logout(session); }));
  EXPECT_OK(Ed25519Key::Open(token, key->name(), key->public_key()).status());
}

// Destroyed by another program, which this one's handles do not know.
TEST(Token, SignsWithNoKeyThatIsGone) {
  const SoftHsm hsm;
  ASSERT_OK_AND_ASSIGN(const auto token, hsm.Open());
  ASSERT_OK_AND_ASSIGN(const auto key, Ed25519Key::Generate(token, "plumbline log"));
  ASSERT_OK_AND_ASSIGN(const auto other, Ed25519Key::Generate(token, "plumbline grants"));
  ASSERT_OK(Destroy(*token, key->name()));
  const absl::Status status = key->SignBare(AsBytes("message")).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(ReasonOf(status), "pkcs11_key_missing");
  EXPECT_OK(other->SignBare(AsBytes("message")).status());
}

TEST(Token, SignsForManyAtOnce) {
  const SoftHsm hsm;
  ASSERT_OK_AND_ASSIGN(const auto token, hsm.Open());
  ASSERT_OK_AND_ASSIGN(const auto key, Ed25519Key::Generate(token, "plumbline log"));
  ASSERT_OK_AND_ASSIGN(const auto authority, P256Key::Generate(token, "plumbline issuing"));
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const Bytes message = {static_cast<uint8_t>(t), static_cast<uint8_t>(i)};
        const auto signature = crypto::SignUnder(*key, "label", message);
        if (signature.ok() && key->public_key().Verify("label", message, *signature).ok()) ++good;
        const auto issued = authority->Sign(message);
        if (issued.ok() && crypto::VerifyP256(authority->spki(), message, *issued).ok()) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 6 * 50 * 2);
}

TEST(Token, IsNotThereAfterItWasRemoved) {
  const SoftHsm hsm;
  KeyName name;
  {
    ASSERT_OK_AND_ASSIGN(const auto token, hsm.Open());
    ASSERT_OK_AND_ASSIGN(const auto key, DerivationKey::Generate(token, "plumbline key ring"));
    name = key->name();
  }
  hsm.Remove();
  EXPECT_EQ(ReasonOf(hsm.Open().status()), "pkcs11_token_missing");
  hsm.Add(SoftHsm::kLabel);
  ASSERT_OK_AND_ASSIGN(const auto token, hsm.Open());
  EXPECT_EQ(ReasonOf(DerivationKey::Open(token, name).status()), "pkcs11_key_missing");
}

}  // namespace
}  // namespace plumbline::pkcs11
