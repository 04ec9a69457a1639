#include "mls/key_schedule.h"

#include <gtest/gtest.h>

#include "mls/transcript_hash.h"
#include "tests/mls/suite_vectors.h"
#include "tests/status_matchers.h"
#include "tests/vectors/vectors.h"

namespace plumbline::mls {
namespace {

using nlohmann::json;
using testing::FromHex;
using testing::StatusIs;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

const CipherSuite& Suite() { return **CipherSuite::Get(1); }

Secret SecretFromHex(const json& text) { return Secret::Take(FromHex(text)); }

#define EXPECT_SECRET_EQ(secret, text) EXPECT_EQ(ToHex((secret).view()), (text).get<std::string>())

// Runs one epoch and returns the init secret of the next one.
InitSecret RunEpoch(const CipherSuite& suite, InitSecret init, const json& epoch) {
  const Bytes context = FromHex(epoch["group_context"]);
  const auto psk = [&] { return PskSecret{SecretFromHex(epoch["psk_secret"])}; };
  JoinerSecret joiner =
      DeriveJoinerSecret(suite, std::move(init), CommitSecret{SecretFromHex(epoch["commit_secret"])}, context);
  EXPECT_SECRET_EQ(joiner.bytes, epoch["joiner_secret"]);
  EXPECT_SECRET_EQ(DeriveWelcomeSecret(suite, joiner, psk()), epoch["welcome_secret"]);
  EpochSecrets secrets = DeriveEpochSecrets(suite, DeriveEpochSecret(suite, std::move(joiner), psk(), context));
  EXPECT_SECRET_EQ(secrets.init.bytes, epoch["init_secret"]);
  EXPECT_SECRET_EQ(secrets.sender_data.bytes, epoch["sender_data_secret"]);
  EXPECT_SECRET_EQ(secrets.encryption.bytes, epoch["encryption_secret"]);
  EXPECT_SECRET_EQ(secrets.exporter.bytes, epoch["exporter_secret"]);
  EXPECT_SECRET_EQ(secrets.authenticator.bytes, epoch["epoch_authenticator"]);
  EXPECT_SECRET_EQ(secrets.external.bytes, epoch["external_secret"]);
  EXPECT_SECRET_EQ(secrets.confirmation.bytes, epoch["confirmation_key"]);
  EXPECT_SECRET_EQ(secrets.membership.bytes, epoch["membership_key"]);
  EXPECT_SECRET_EQ(secrets.resumption.bytes, epoch["resumption_psk"]);
  EXPECT_EQ(DeriveExternalKeyPair(suite, secrets.external).public_key, FromHex(epoch["external_pub"]));
  const json& exported = epoch["exporter"];
  EXPECT_SECRET_EQ(Export(suite, secrets.exporter, exported["label"].get<std::string>(), FromHex(exported["context"]),
                          exported["length"].get<size_t>()),
                   exported["secret"]);
  return std::move(secrets.init);
}

TEST(KeyScheduleVector, EveryEpoch) {
  LOAD_VECTORS_OR_SKIP(const json cases, "mls/key-schedule.json.gz");
  ForEachSuite(cases, [](const CipherSuite& suite, const json& test) {
    InitSecret init = {SecretFromHex(test["initial_init_secret"])};
    ASSERT_FALSE(test["epochs"].empty());
    for (const json& epoch : test["epochs"]) init = RunEpoch(suite, std::move(init), epoch);
  });
}

TEST(PskSecretVector, EveryChain) {
  LOAD_VECTORS_OR_SKIP(const json cases, "mls/psk_secret.json.gz");
  ForEachSuite(cases, [](const CipherSuite& suite, const json& test) {
    std::vector<Psk> psks;
    for (const json& psk : test["psks"]) {
      PreSharedKeyId id;
      id.psk_id = FromHex(psk["psk_id"]);
      id.psk_nonce = FromHex(psk["psk_nonce"]);
      psks.push_back({std::move(id), SecretFromHex(psk["psk"])});
    }
    ASSERT_OK_AND_ASSIGN(const PskSecret secret, DerivePskSecret(suite, psks));
    EXPECT_SECRET_EQ(secret.bytes, test["psk_secret"]);
  });
}

// The confirmation tag is the last field of the AuthenticatedContent, and all of the rest is hashed.
TEST(TranscriptHashesVector, EveryCommit) {
  LOAD_VECTORS_OR_SKIP(const json cases, "mls/transcript-hashes.json.gz");
  ForEachSuite(cases, [](const CipherSuite& suite, const json& test) {
    const Bytes content = FromHex(test["authenticated_content"]);
    const size_t tag_size = suite.hash_size();
    ASSERT_GT(content.size(), tag_size + 1);
    const ByteView tag = ByteView(content).last(tag_size);
    const ByteView commit = ByteView(content).first(content.size() - Writer().Vector(tag).size());
    const Bytes confirmed = ConfirmedTranscriptHash(suite, FromHex(test["interim_transcript_hash_before"]), commit);
    EXPECT_EQ(confirmed, FromHex(test["confirmed_transcript_hash_after"]));
    EXPECT_EQ(InterimTranscriptHash(suite, confirmed, tag), FromHex(test["interim_transcript_hash_after"]));
    const ConfirmationKey key = {SecretFromHex(test["confirmation_key"])};
    EXPECT_EQ(ConfirmationTag(suite, key, confirmed), ToBytes(tag));
    EXPECT_OK(VerifyConfirmationTag(suite, key, confirmed, tag));
  });
}

TEST(ConfirmationTag, RefusesEveryFlippedBitAndEveryPrefix) {
  const ConfirmationKey key = {Secret::CopyOf(Bytes(32, 7))};
  const Bytes confirmed(32, 1);
  Bytes tag = ConfirmationTag(Suite(), key, confirmed);
  for (size_t bit = 0; bit < tag.size() * 8; ++bit) {
    tag[bit / 8] ^= 1 << (bit % 8);
    EXPECT_THAT(VerifyConfirmationTag(Suite(), key, confirmed, tag), StatusIs(kInvalid)) << bit;
    tag[bit / 8] ^= 1 << (bit % 8);
  }
  for (size_t size = 0; size < tag.size(); ++size) {
    EXPECT_THAT(VerifyConfirmationTag(Suite(), key, confirmed, ByteView(tag).first(size)), StatusIs(kInvalid)) << size;
  }
  tag.push_back(0);
  EXPECT_THAT(VerifyConfirmationTag(Suite(), key, confirmed, tag), StatusIs(kInvalid));
}

TEST(ExternalInit, GivesJoinerAndMembersTheSameSecret) {
  const ExternalSecret external = {Secret::Random(32)};
  const HpkeKeyPair pair = DeriveExternalKeyPair(Suite(), external);
  ASSERT_OK_AND_ASSIGN(const ExternalInit made, MakeExternalInit(Suite(), pair.public_key));
  ASSERT_OK_AND_ASSIGN(const InitSecret opened, OpenExternalInit(Suite(), external, made.kem_output));
  EXPECT_EQ(ToHex(opened.bytes.view()), ToHex(made.init.bytes.view()));
  EXPECT_THAT(OpenExternalInit(Suite(), external, Bytes(31)), StatusIs(kInvalid));
  EXPECT_THAT(OpenExternalInit(Suite(), external, Bytes(32)), StatusIs(kInvalid));
  EXPECT_THAT(MakeExternalInit(Suite(), Bytes(32)), StatusIs(kInvalid));
}

TEST(PskSecret, DependsOnOrderAndCount) {
  const auto chain = [](std::vector<uint8_t> keys) {
    std::vector<Psk> psks;
    for (uint8_t key : keys) psks.push_back({PreSharedKeyId{}, Secret::CopyOf(Bytes(32, key))});
    return ToHex(DerivePskSecret(Suite(), psks)->bytes.view());
  };
  EXPECT_EQ(chain({}), std::string(64, '0'));
  EXPECT_NE(chain({1, 2}), chain({2, 1}));
  EXPECT_NE(chain({1}), chain({1, 1}));
}

TEST(EpochSecrets, SurviveStorageAndRefuseTruncation) {
  EpochSecrets secrets = DeriveEpochSecrets(Suite(), EpochSecret{Secret::Random(32)});
  secrets.encryption.bytes = Secret();  // consumed by the secret tree
  Writer out;
  WriteEpochSecrets(out, secrets);
  const Bytes wire = out.TakeBytes();
  Reader in(wire);
  ASSERT_OK_AND_ASSIGN(const EpochSecrets read, ReadEpochSecrets(Suite(), in));
  EXPECT_OK(in.Done());
  Writer again;
  WriteEpochSecrets(again, CopyOf(read));
  EXPECT_EQ(again.TakeBytes(), wire);
  for (size_t size = 0; size < wire.size(); ++size) {
    Reader cut(ByteView(wire).first(size));
    EXPECT_THAT(ReadEpochSecrets(Suite(), cut), StatusIs(kInvalid)) << size;
  }
}

TEST(PreSharedKeyId, RoundTripsAndRefusesUnknownTypes) {
  PreSharedKeyId external;
  external.psk_id = {1, 2};
  external.psk_nonce = Bytes(32, 3);
  PreSharedKeyId resumption;
  resumption.type = PskType::kResumption;
  resumption.usage = ResumptionPskUsage::kBranch;
  resumption.psk_group_id = {9};
  resumption.psk_epoch = 77;
  resumption.psk_nonce = Bytes(32, 4);
  for (const PreSharedKeyId& id : {external, resumption}) {
    Writer out;
    WritePreSharedKeyId(out, id);
    Bytes wire = out.TakeBytes();
    Reader in(wire);
    ASSERT_OK_AND_ASSIGN(const PreSharedKeyId read, ReadPreSharedKeyId(in));
    EXPECT_OK(in.Done());
    EXPECT_EQ(read, id);
    for (size_t size = 0; size < wire.size(); ++size) {
      Reader cut(ByteView(wire).first(size));
      EXPECT_THAT(ReadPreSharedKeyId(cut), StatusIs(kInvalid)) << size;
    }
    for (uint8_t bad : {0, 3, 255}) {
      wire[0] = bad;
      Reader broken(wire);
      EXPECT_THAT(ReadPreSharedKeyId(broken), StatusIs(kInvalid)) << int{bad};
    }
  }
  for (uint8_t usage : {0, 4, 255}) {
    const Bytes wire = {2, usage, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    Reader in(wire);
    EXPECT_THAT(ReadPreSharedKeyId(in), StatusIs(kInvalid)) << int{usage};
  }
}

}  // namespace
}  // namespace plumbline::mls
