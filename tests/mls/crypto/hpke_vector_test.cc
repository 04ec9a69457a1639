// HPKE against the vectors of RFC 9180: every case whose KEM and KDF this build has, in all modes.
#include <gtest/gtest.h>

#include <iostream>
#include <set>
#include <tuple>

#include "mls/crypto/hpke.h"
#include "tests/status_matchers.h"
#include "tests/vectors/vectors.h"

namespace plumbline::mls {
namespace {

using nlohmann::json;
using testing::FromHex;
using testing::StatusIs;

Bytes Optional(const json& test, const char* field) { return test.contains(field) ? FromHex(test[field]) : Bytes(); }

HpkeKeyPair DeriveExpecting(const json& test, const char* ikm, const char* private_key, const char* public_key) {
  absl::StatusOr<HpkeKeyPair> pair = DeriveKemKeyPair(static_cast<KemId>(test["kem_id"].get<int>()), FromHex(test[ikm]));
  if (!pair.ok()) {
    ADD_FAILURE() << pair.status();
    return {};
  }
  EXPECT_EQ(ToBytes(pair->private_key.bytes.view()), FromHex(test[private_key]));
  EXPECT_EQ(pair->public_key, FromHex(test[public_key]));
  return *std::move(pair);
}

HpkeSuite SuiteOf(const json& test) {
  return {static_cast<KemId>(test["kem_id"].get<int>()), static_cast<HashId>(test["kdf_id"].get<int>()),
          static_cast<AeadId>(test["aead_id"].get<int>())};
}

void RunMessages(const json& test, HpkeContext& sender, HpkeContext& recipient) {
  for (const json& message : test["encryptions"]) {
    const Bytes aad = FromHex(message["aad"]);
    const Bytes plaintext = FromHex(message["pt"]);
    Bytes ciphertext = FromHex(message["ct"]);
    ASSERT_OK_AND_ASSIGN(const Bytes sealed, sender.Seal(aad, plaintext));
    EXPECT_EQ(sealed, ciphertext);
    ciphertext.back() ^= 1;  // a refused message must not use up its number
    EXPECT_THAT(recipient.Open(aad, ciphertext), StatusIs(absl::StatusCode::kInvalidArgument));
    ASSERT_OK_AND_ASSIGN(const Secret opened, recipient.Open(aad, sealed));
    EXPECT_EQ(ToBytes(opened.view()), plaintext);
  }
}

void RunCase(const json& test) {
  const HpkeSuite suite = SuiteOf(test);
  const bool authenticated = test["mode"].get<int>() >= 2;
  const Bytes info = FromHex(test["info"]);
  const Bytes psk_bytes = Optional(test, "psk");
  const Bytes psk_id = Optional(test, "psk_id");
  const HpkePsk psk = {psk_bytes, psk_id};
  const HpkeKeyPair ephemeral = DeriveExpecting(test, "ikmE", "skEm", "pkEm");
  const HpkeKeyPair recipient = DeriveExpecting(test, "ikmR", "skRm", "pkRm");
  HpkeKeyPair sender_key;
  if (authenticated) sender_key = DeriveExpecting(test, "ikmS", "skSm", "pkSm");

  ASSERT_OK_AND_ASSIGN(HpkeSender sender,
                       SetupHpkeSenderWithEphemeral(ephemeral, suite, recipient.public_key, info, psk,
                                                    authenticated ? &sender_key.private_key : nullptr));
  EXPECT_EQ(sender.kem_output, FromHex(test["enc"]));
  ASSERT_OK_AND_ASSIGN(HpkeContext opener,
                       SetupHpkeRecipient(suite, recipient.private_key, recipient.public_key, sender.kem_output, info, psk,
                                          sender_key.public_key));
  if (suite.aead == AeadId::kExportOnly) {
    EXPECT_THAT(sender.context.Seal({}, {}), StatusIs(absl::StatusCode::kFailedPrecondition));
    EXPECT_THAT(opener.Open({}, Bytes(16)), StatusIs(absl::StatusCode::kFailedPrecondition));
  } else {
    RunMessages(test, sender.context, opener);
  }
  for (const json& exported : test["exports"]) {
    const Bytes context = FromHex(exported["exporter_context"]);
    const size_t size = exported["L"].get<size_t>();
    for (const HpkeContext* side : {&sender.context, &opener}) {
      ASSERT_OK_AND_ASSIGN(const Secret value, side->Export(context, size));
      EXPECT_EQ(ToBytes(value.view()), FromHex(exported["exported_value"]));
    }
  }
}

// Every case: no KEM, KDF or AEAD of the file is one that this build does not have.
TEST(HpkeVector, EveryModeKemKdfAndAead) {
  LOAD_VECTORS_OR_SKIP(const json cases, "hpke/rfc9180.json.gz");
  std::set<std::tuple<int, int, int, int>> ran;
  for (const json& test : cases) {
    const auto key = std::make_tuple(test["kem_id"].get<int>(), test["kdf_id"].get<int>(), test["aead_id"].get<int>(),
                                     test["mode"].get<int>());
    SCOPED_TRACE("KEM " + test["kem_id"].dump() + " KDF " + test["kdf_id"].dump() + " AEAD " + test["aead_id"].dump() +
                 " mode " + test["mode"].dump());
    RunCase(test);
    ran.insert(key);
  }
  EXPECT_EQ(ran.size(), cases.size());
  std::cout << ran.size() << " cases ran, none skipped\n";
}

TEST(Hpke, RefusesAPskWithoutItsIdAndAnIdWithoutItsPsk) {
  ASSERT_OK_AND_ASSIGN(const HpkeKeyPair pair, DeriveX25519KeyPair(Bytes(32, 1)));
  const Bytes bytes(32, 2);
  for (const HpkePsk& psk : {HpkePsk{bytes, {}}, HpkePsk{{}, bytes}}) {
    EXPECT_THAT(SetupHpkeSender(AeadId::kAes128Gcm, pair.public_key, {}, psk),
                StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(SetupHpkeRecipient(AeadId::kAes128Gcm, pair.private_key, pair.public_key, pair.public_key, {}, psk),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(Hpke, ModesDoNotOpenEachOther) {
  ASSERT_OK_AND_ASSIGN(const HpkeKeyPair recipient, DeriveX25519KeyPair(Bytes(32, 1)));
  ASSERT_OK_AND_ASSIGN(const HpkeKeyPair author, DeriveX25519KeyPair(Bytes(32, 2)));
  const Bytes secret(32, 3);
  const Bytes id = {4};
  const HpkePsk psk = {secret, id};
  const AeadId aead = AeadId::kChaCha20Poly1305;
  ASSERT_OK_AND_ASSIGN(HpkeSender sender, SetupHpkeSender(aead, recipient.public_key, {}, psk, &author.private_key));
  ASSERT_OK_AND_ASSIGN(const Bytes sealed, sender.context.Seal({}, Bytes{1}));
  const auto opens = [&](const HpkePsk& with, ByteView from) {
    absl::StatusOr<HpkeContext> context =
        SetupHpkeRecipient(aead, recipient.private_key, recipient.public_key, sender.kem_output, {}, with, from);
    return context.ok() && context->Open({}, sealed).ok();
  };
  EXPECT_TRUE(opens(psk, author.public_key));
  EXPECT_FALSE(opens(psk, {}));
  EXPECT_FALSE(opens({}, author.public_key));
  EXPECT_FALSE(opens({}, {}));
  EXPECT_FALSE(opens(psk, recipient.public_key));
}

TEST(Hpke, RefusesAnExportBeyondTheLimitOfTheKdf) {
  ASSERT_OK_AND_ASSIGN(const HpkeKeyPair pair, DeriveX25519KeyPair(Bytes(32, 1)));
  ASSERT_OK_AND_ASSIGN(const HpkeSender sender, SetupHpkeSender(AeadId::kExportOnly, pair.public_key, {}));
  EXPECT_OK(sender.context.Export({}, 255 * 32));
  EXPECT_THAT(sender.context.Export({}, 255 * 32 + 1), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace plumbline::mls
