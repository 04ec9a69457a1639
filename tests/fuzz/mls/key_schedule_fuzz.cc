// Stored epoch secrets and PSK ids from outside: what is read is written back byte for byte.
#include "mls/key_schedule.h"
#include "tests/fuzz/fuzz.h"
#include "tests/vectors/vectors.h"

namespace plumbline::fuzz {
namespace {

const mls::CipherSuite& Suite() { return **mls::CipherSuite::Get(1); }

}  // namespace

void Fuzz(ByteView input) {
  Reader ids(input);
  if (const auto id = mls::ReadPreSharedKeyId(ids); id.ok()) {
    Writer out;
    mls::WritePreSharedKeyId(out, *id);
    CHECK(Equal(out.view(), input.first(input.size() - ids.rest().size())));
  }
  Reader secrets(input);
  if (const auto read = mls::ReadEpochSecrets(Suite(), secrets); read.ok()) {
    Writer out;
    mls::WriteEpochSecrets(out, *read);
    CHECK(Equal(out.view(), input.first(input.size() - secrets.rest().size())));
  }
}

std::vector<Bytes> Seeds() {
  Writer secrets;
  mls::WriteEpochSecrets(secrets, mls::DeriveEpochSecrets(Suite(), {Secret(32)}));
  Writer external;
  mls::WritePreSharedKeyId(external, {.psk_id = {1, 2, 3}, .psk_nonce = Bytes(32, 4)});
  Writer resumption;
  mls::WritePreSharedKeyId(resumption, {.type = mls::PskType::kResumption, .psk_group_id = {5}, .psk_nonce = Bytes(32, 6)});
  return {secrets.TakeBytes(), external.TakeBytes(), resumption.TakeBytes()};
}

// Ids of the published PSKs, and the secrets of the published epochs.
absl::StatusOr<std::vector<Bytes>> PublishedSeeds() {
  std::vector<Bytes> seeds;
  ASSIGN_OR_RETURN(const nlohmann::json lists, testing::ReadVectorJson("mls/psk_secret.json.gz"));
  for (const nlohmann::json& c : lists) {
    for (const nlohmann::json& psk : c["psks"]) {
      Writer out;
      mls::WritePreSharedKeyId(out, {.psk_id = testing::FromHex(psk["psk_id"]), .psk_nonce = testing::FromHex(psk["psk_nonce"])});
      seeds.push_back(out.TakeBytes());
    }
  }
  ASSIGN_OR_RETURN(const nlohmann::json groups, testing::ReadVectorJson("mls/key-schedule.json.gz"));
  for (const nlohmann::json& c : groups) {
    if (c["cipher_suite"].get<int>() != 1) continue;
    for (const nlohmann::json& epoch : c["epochs"]) {
      mls::EpochSecret secret = mls::DeriveEpochSecret(
          Suite(), mls::JoinerSecret{Secret::CopyOf(testing::FromHex(epoch["joiner_secret"]))},
          mls::PskSecret{Secret::CopyOf(testing::FromHex(epoch["psk_secret"]))}, testing::FromHex(epoch["group_context"]));
      Writer out;
      mls::WriteEpochSecrets(out, mls::DeriveEpochSecrets(Suite(), std::move(secret)));
      seeds.push_back(out.TakeBytes());
    }
  }
  return seeds;
}

}  // namespace plumbline::fuzz
