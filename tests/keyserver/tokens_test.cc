// Anonymous tokens: drawn under a quota, signed under keys that everybody finds in the directory's log.
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "common/tlog/directory_replay.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {
namespace {

using plumbline::testing::StatusIs;
using ::testing::StartsWith;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
const absl::Duration kMinute = absl::Minutes(1);

std::vector<tokens::TokenKey> Keys(World& world) {
  std::vector<tokens::TokenKey> out;
  for (const Bytes& statement : world.tokens().Statements()) {
    const auto key = tokens::OpenTokenKey(statement, world.organisation().keys().tokens.key.public_key(), kDomain);
    EXPECT_OK(key.status());
    out.push_back(*key);
  }
  return out;
}

tokens::TokenKey NewestOf(World& world, absl::string_view purpose) {
  std::optional<tokens::TokenKey> out;
  for (const tokens::TokenKey& key : Keys(world)) {
    if (key.leaf.purpose == purpose) out = key;
  }
  return *out;
}

keys::v1::DrawTokensRequest Request(const tokens::TokenKey& key, absl::string_view purpose, int count) {
  keys::v1::DrawTokensRequest out;
  out.set_purpose(std::string(purpose));
  const auto pending = tokens::PendingToken::Begin(tokens::ChallengeFor(kDomain, purpose), key.key);
  for (int i = 0; i < count; ++i) out.add_token_requests(ToString(tokens::Encode(pending->request())));
  return out;
}

absl::StatusOr<keys::v1::DrawTokensResponse> Draw(World& world, TestDevice& device, const keys::v1::DrawTokensRequest& request) {
  keys::v1::DrawTokensResponse out;
  RETURN_IF_ERROR(world.devices().DrawTokens(&device.tls, world.Sign(device, "DrawTokens", request), out));
  return out;
}

// What the published log shows to everybody.
std::vector<tlog::TokenKeyLeaf> LeavesIn(World& world) {
  tlog::MemoryMap map;
  tlog::DirectoryReplay replay("example.org/directory", map);
  std::vector<tlog::TokenKeyLeaf> out;
  keys::v1::ReadLogRequest request;
  request.set_limit(1000);
  while (true) {
    request.set_from(replay.size());
    keys::v1::ReadLogResponse response;
    EXPECT_OK(world.directory().ReadLog(request, response));
    if (response.leaves().empty()) return out;
    for (const keys::v1::LogLeaf& leaf : response.leaves()) {
      EXPECT_OK(replay.Take(AsBytes(leaf.leaf())));
      const auto parsed = tlog::ParseDirectoryLeaf(AsBytes(leaf.leaf()));
      if (const auto* key = std::get_if<tlog::TokenKeyLeaf>(&*parsed)) out.push_back(*key);
    }
  }
}

TEST(Tokens, AreDrawnWithinADailyQuota) {
  World world;  // 100 a day
  TestDevice device = world.Enrol(kAlice);
  ASSERT_OK(world.tokens().Prepare());
  keys::v1::DrawTokensRequest request = Request(NewestOf(world, "delivery"), "delivery", 50);
  ASSERT_OK_AND_ASSIGN(const auto drawn, Draw(world, device, request));
  EXPECT_EQ(drawn.token_responses_size(), 50);
  EXPECT_EQ(world.LastEvent("tokens.drawn").details.at("count"), "50");
  EXPECT_OK(Draw(world, device, request).status());
  const auto quota = StatusIs(absl::StatusCode::kResourceExhausted, StartsWith("quota_spent: "));
  EXPECT_THAT(Draw(world, device, request).status(), quota);
  world.Restart();
  ASSERT_OK(world.tokens().Prepare());
  EXPECT_THAT(Draw(world, device, request).status(), quota) << "the count is on disk";
  EXPECT_OK(Draw(world, device, Request(NewestOf(world, "directory"), "directory", 50)).status()) << "each purpose has its own";
  world.clock().Advance(absl::Hours(24));
  ASSERT_OK(world.tokens().Prepare());
  EXPECT_OK(Draw(world, device, Request(NewestOf(world, "delivery"), "delivery", 50)).status());
}

TEST(Tokens, OddPurposesCountsAndRequestsAreRefusedAndCostNothing) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  ASSERT_OK(world.tokens().Prepare());
  const tokens::TokenKey key = NewestOf(world, "delivery");
  const std::string before = world.Dump();
  for (const auto& [purpose, count] :
       std::vector<std::pair<std::string, int>>{{"delivery", 0}, {"delivery", 51}, {"", 1}, {"Delivery", 1}, {"admin", 1}}) {
    keys::v1::DrawTokensRequest request = Request(key, "delivery", count);
    request.set_purpose(purpose);
    EXPECT_THAT(Draw(world, device, request).status(), StatusIs(kInvalid, StartsWith("request_malformed: ")));
  }
  keys::v1::DrawTokensRequest cut = Request(key, "delivery", 2);
  cut.mutable_token_requests(1)->pop_back();
  EXPECT_THAT(Draw(world, device, cut).status(), StatusIs(kInvalid, StartsWith("request_malformed: ")));
  const auto unknown = StatusIs(absl::StatusCode::kNotFound, StartsWith("token_key_unknown: "));
  EXPECT_THAT(Draw(world, device, Request(key, "directory", 1)).status(), unknown) << "another purpose's key";
  keys::v1::DrawTokensRequest other = Request(key, "delivery", 2);
  (*other.mutable_token_requests(1))[2] ^= 0x55;
  EXPECT_THAT(Draw(world, device, other).status(), unknown);
  EXPECT_EQ(world.Dump(), before);
}

// For a day, minute by minute: at each moment one key of each purpose is the newest, its tokens live long enough to be used, and
// all keys that ever were are in the log that everybody reads.
TEST(TokenKeys, FollowOneAnotherAndAreAllInTheLog) {
  World world;
  std::map<std::string, std::set<uint64_t>> epochs;
  ASSERT_OK(world.tokens().Prepare());
  for (int minute = 0; minute < 5 * 60; ++minute) {
    const auto now = static_cast<uint64_t>(absl::ToUnixSeconds(world.clock().Now()));
    for (const char* purpose : {"delivery", "directory"}) {
      const tlog::TokenKeyLeaf newest = NewestOf(world, purpose).leaf;
      EXPECT_LE(newest.opens, now);
      EXPECT_GE(newest.closes, now + 10 * 60);
      EXPECT_EQ(newest.closes - newest.opens, 3600u);
      EXPECT_EQ(newest.ends - newest.closes, 600u);
      epochs[purpose].insert(newest.epoch);
    }
    EXPECT_LE(Keys(world).size(), 4u);
    world.clock().Advance(kMinute);
    ASSERT_OK(world.tokens().Prepare());
  }
  EXPECT_EQ(epochs["delivery"], (std::set<uint64_t>{1, 2, 3, 4, 5, 6}));  // each the newest for 50 minutes
  EXPECT_EQ(epochs["directory"], epochs["delivery"]);
  world.publisher().PublishAndWait(absl::Seconds(60));
  const std::vector<tlog::TokenKeyLeaf> leaves = LeavesIn(world);
  for (const tokens::TokenKey& key : Keys(world)) EXPECT_EQ(std::count(leaves.begin(), leaves.end(), key.leaf), 1);
  EXPECT_GE(leaves.size(), 12u);
  EXPECT_EQ(world.LastEvent("tokens.keys_made").actor, "keyserver");
}

TEST(TokenKeys, AreTheSameAfterARestart) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  ASSERT_OK(world.tokens().Prepare());
  const std::vector<tokens::TokenKey> before = Keys(world);
  const tokens::ShownToken token = world.Token(device);
  world.Restart();
  ASSERT_OK(world.tokens().Prepare());
  EXPECT_EQ(Keys(world), before);
  keys::v1::LookUpRequest request;
  tokens::Show(request, token);
  request.set_user(kAlice);
  keys::v1::LookUpResponse response;
  EXPECT_OK(world.directory().LookUp(request, response));
}

// A clock that jumps makes no two keys of one time.
TEST(TokenKeys, SurviveAClockThatIsSetBackAndForth) {
  World world;
  ASSERT_OK(world.tokens().Prepare());
  for (const absl::Duration jump : {-absl::Hours(3), absl::Hours(5), -absl::Hours(24), absl::Hours(48), -absl::Minutes(2)}) {
    world.clock().Advance(jump);
    ASSERT_OK(world.tokens().Prepare());
    EXPECT_GE(NewestOf(world, "delivery").closes(), world.clock().Now());
  }
  world.publisher().PublishAndWait(absl::Seconds(60));
  EXPECT_GE(LeavesIn(world).size(), 2u);  // and they follow one another
}

TEST(TokenKeys, SignNothingAMomentAfterTheyHaveClosed) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  ASSERT_OK(world.tokens().Prepare());
  const tokens::TokenKey key = NewestOf(world, "delivery");
  const auto advance_to = [&](absl::Time time) { world.clock().Advance(time - world.clock().Now()); };
  advance_to(key.closes() + absl::Seconds(119));
  EXPECT_OK(Draw(world, device, Request(key, "delivery", 1)).status());
  advance_to(key.closes() + absl::Seconds(120));
  EXPECT_THAT(Draw(world, device, Request(key, "delivery", 1)).status(),
              StatusIs(absl::StatusCode::kNotFound, StartsWith("token_key_unknown: ")));
}

// What is in the database of their secrets is wrapped, and gone when it is not needed any more.
TEST(TokenKeys, HaveNoSecretInTheDatabase) {
  World world;
  ASSERT_OK(world.tokens().Prepare());
  const tokens::TokenKey key = NewestOf(world, "delivery");
  const auto wrapped = [&]() -> Bytes {
    MutexLock lock(world.connection().mutex());
    auto select = *world.connection().database().Prepare("SELECT wrapped FROM token_key WHERE number = 1");
    return *select.Step() ? ToBytes(select.Blob(0)) : Bytes();
  };
  ASSERT_OK_AND_ASSIGN(const crypto::KeyWrap wrap, TokenIssuer::WrapOf(world.organisation()));
  ASSERT_OK_AND_ASSIGN(const Secret secret, wrap.Unwrap(wrapped(), key.leaf.token_key_id));
  const std::string everything = world.Dump();
  const auto has = [&](ByteView bytes) { return absl::StrContains(everything, absl::AsciiStrToUpper(ToHex(bytes))); };
  EXPECT_TRUE(has(key.key.Serialize()));  // the search finds what is there
  // The private exponent and the primes are behind the modulus.
  const Bytes modulus = ToBytes(ByteView(key.key.Serialize()).subspan(crypto::kBlindRsaSpkiSize - 5 - 256, 256));
  const auto at = std::search(secret.view().begin(), secret.view().end(), modulus.begin(), modulus.end());
  ASSERT_NE(at, secret.view().end());
  const auto behind = static_cast<size_t>(at - secret.view().begin()) + 256;
  for (size_t i = behind; i + 32 <= secret.size(); i += 16) EXPECT_FALSE(has(secret.view().subspan(i, 32))) << i;
  world.clock().Advance(absl::Minutes(62));
  ASSERT_OK(world.tokens().Prepare());
  EXPECT_TRUE(wrapped().empty());
}

// Somebody writes another key into the database, or exchanges two: nothing is signed with it.
TEST(TokenKeys, AreReadOnlyAsTheyWereMade) {
  for (const char* damage : {"UPDATE token_key SET wrapped = (SELECT wrapped FROM token_key WHERE number = 2) WHERE number = 1",
                             "UPDATE token_key SET wrapped = x'0102' WHERE number = 1", "UPDATE token_key SET leaf = x'0104'"}) {
    World world;
    ASSERT_OK(world.tokens().Prepare());
    {
      MutexLock lock(world.connection().mutex());
      ASSERT_OK(world.connection().database().Execute(damage));
    }
    world.Restart();
    EXPECT_THAT(world.tokens().Prepare(), StatusIs(absl::StatusCode::kDataLoss)) << damage;
    EXPECT_TRUE(world.tokens().Statements().empty());
  }
}

}  // namespace
}  // namespace plumbline::keyserver
