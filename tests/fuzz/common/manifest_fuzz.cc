// What a service says of itself, from a service that may be anybody: an answer is refused, or has the bytes that were signed; and whatever an
// honest signature is over, a notice is made of it, compared, and told, in bounded lines.
#include "common/check.h"
#include "common/manifest/notice.h"
#include "common/manifest/running.h"
#include "plumbline/config/v1/server.pb.h"
#include "tests/common/certificates.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using metadata::v1::GetManifestResponse;
using metadata::v1::RunningManifest;
using testing::ValueOf;

constexpr char kService[] = "plumbline://example.org/service/delivery";

struct World {
  World() : organisation(absl::FromUnixSeconds(1'800'000'000)) {
    crypto::LeafSpec spec = organisation.Spec(key, crypto::Purpose::kTlsPeer);
    spec.uris = {kService};
    chain = crypto::ToPemChain({organisation.Leaf(spec), organisation.issuing});
    genuine = Sign(manifest::Describe(kService, config::v1::ServerConfig()));
  }
  GetManifestResponse Sign(const RunningManifest& running) const {
    return ValueOf(manifest::Sign(running, organisation.now, chain, key.ToPem()));
  }
  const testing::TestOrganisation organisation;
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  std::string chain;
  GetManifestResponse genuine;
};

const World& TheWorld() {
  static const auto* const world = new World;
  return *world;
}

void FuzzAnswer(ByteView input) {
  GetManifestResponse answer;
  if (!answer.ParseFromArray(input.data(), static_cast<int>(input.size()))) return;
  const World& world = TheWorld();
  const auto verified = manifest::Verify(answer, kService, world.organisation.root, world.organisation.now);
  if (verified.ok()) CHECK(answer.running() == world.genuine.running());
}

void FuzzSigned(ByteView input) {
  RunningManifest running;
  if (!running.ParseFromArray(input.data(), static_cast<int>(input.size()))) return;
  const World& world = TheWorld();
  const auto verified = manifest::Verify(world.Sign(running), kService, world.organisation.root, world.organisation.now);
  if (!verified.ok()) {
    CHECK(running.service() != kService);
    return;
  }
  const metadata::v1::Notice before = manifest::MakeNotice({}), after = manifest::MakeNotice({*verified});
  CHECK(manifest::VersionOf(after).size() == 16);
  CHECK(manifest::VersionOf(after) == manifest::VersionOf(manifest::MakeNotice({*verified})));
  CHECK(manifest::Changes(after, after).empty());
  manifest::NoticeLines(after);
  manifest::Changes(before, after);
  manifest::Differences(*verified);
}

Bytes Seed(uint8_t target, const std::string& body) { return Concat({Bytes{target}, ToBytes(AsBytes(body))}); }

}  // namespace

// The first byte says what the rest is.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  if (input[0] == 0) FuzzAnswer(input.subspan(1));
  if (input[0] == 1) FuzzSigned(input.subspan(1));
}

std::vector<Bytes> Seeds() {
  RunningManifest little;
  little.set_service(kService);
  const RunningManifest whole = manifest::Describe(kService, config::v1::ServerConfig());
  for (int i = 0; i < 3 && i < whole.manifest().field_size(); ++i) *little.mutable_manifest()->add_field() = whole.manifest().field(i);
  for (const auto& setting : whole.setting()) *little.add_setting() = setting;
  return {Seed(0, TheWorld().genuine.SerializeAsString()), Seed(1, whole.SerializeAsString()), Seed(1, little.SerializeAsString())};
}

}  // namespace plumbline::fuzz
