#include "common/backup/manifest.h"

#include <gmock/gmock.h>

#include "tests/status_matchers.h"

namespace plumbline::backup {
namespace {

using plumbline::testing::StatusIs;

Manifest Sample() {
  Manifest out{.service = identity::Service::kAdmin, .domain = "example.org", .time = absl::FromUnixSeconds(1'790'000'000)};
  out.logs = {{"example.org/audit/admin", 17, tlog::EmptyRoot()}};
  out.files = {{"admin.keys", 300, Sha256(AsBytes("a"))}, {"admin.db", 40960, Sha256(AsBytes("b"))}};
  Prove(out, *db::Key::FromSecret(Secret(32)));
  return out;
}

TEST(Manifest, ComesBackAsItWas) {
  const Manifest manifest = Sample();
  const auto parsed = ParseManifest(Encode(manifest));
  ASSERT_OK(parsed.status());
  EXPECT_EQ(*parsed, manifest);
}

TEST(Manifest, IsRefusedCutOffExtendedAndOfALaterVersion) {
  Bytes wire = Encode(Sample());
  for (size_t n = 0; n < wire.size(); ++n) {
    SCOPED_TRACE(n);
    EXPECT_THAT(ParseManifest(ByteView(wire).first(n)).status(), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  wire.push_back(0);
  EXPECT_THAT(ParseManifest(wire).status(), StatusIs(absl::StatusCode::kInvalidArgument));
  wire.pop_back();
  wire[0] = 2;
  EXPECT_THAT(ParseManifest(wire).status(), StatusIs(absl::StatusCode::kUnimplemented));
}

TEST(Manifest, NamesNoFileThatLeadsElsewhere) {
  for (const char* name : {"", ".", "..", "../keys", "a/b", "/etc", ".hidden", "end.", "UPPER", "a b", "a-b", "file1"}) {
    SCOPED_TRACE(name);
    Manifest manifest = Sample();
    manifest.files[1].name = name;
    EXPECT_THAT(ParseManifest(Encode(manifest)).status(), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  Manifest twice = Sample();
  twice.files[1].name = twice.files[0].name;
  EXPECT_FALSE(ParseManifest(Encode(twice)).ok());
  Manifest none = Sample();
  none.files.clear();
  EXPECT_FALSE(ParseManifest(Encode(none)).ok());
  Manifest many = Sample();
  while (many.files.size() < kMaxFiles + 1) many.files.push_back({std::string(many.files.size(), 'a'), 1, {}});
  EXPECT_FALSE(ParseManifest(Encode(many)).ok());
  many.files.pop_back();
  EXPECT_TRUE(ParseManifest(Encode(many)).ok());
  Manifest no_log = Sample();
  no_log.logs.clear();
  EXPECT_FALSE(ParseManifest(Encode(no_log)).ok());
}

TEST(Manifest, HasAProofOfItsKeyOverAllOfIt) {
  const db::Key key = *db::Key::FromSecret(Secret(32));
  const Manifest manifest = Sample();
  ASSERT_OK(CheckProof(manifest, key));
  EXPECT_THAT(CheckProof(manifest, db::Key::Random()), StatusIs(absl::StatusCode::kUnauthenticated));
  const Bytes wire = Encode(manifest);
  for (size_t at = 0; at < wire.size(); ++at) {
    SCOPED_TRACE(at);
    Bytes changed = wire;
    changed[at] ^= 1;
    const auto parsed = ParseManifest(changed);
    EXPECT_FALSE(parsed.ok() && CheckProof(*parsed, key).ok());
  }
}

}  // namespace
}  // namespace plumbline::backup
