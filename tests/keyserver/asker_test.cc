// Who asked about whom is not kept: two key servers that begin equal, and are asked by others about others, end equal in all that
// they store, but for the nullifiers of the tokens that were spent.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/keyserver/world.h"

namespace plumbline::keyserver {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kCarol[] = "mimi://example.org/u/carol";
constexpr char kDan[] = "mimi://example.org/u/dan";
constexpr char kNobody[] = "mimi://example.org/u/nobody";
constexpr int kTokens = 6;  // of each device

// Every table's rows, every column of them as a literal of SQL, sorted.
using Content = std::map<std::string, std::vector<std::string>>;
Content ReadAll(SqlcipherConnection& connection) {
  MutexLock lock(connection.mutex());
  const auto query = [&](const std::string& sql) {
    std::vector<std::string> rows;
    auto select = connection.database().Prepare(sql);
    CHECK(select.ok());
    while (*select->Step()) rows.emplace_back(select->Text(0));
    return rows;
  };
  Content out;
  for (const std::string& table : query("SELECT name FROM sqlite_master WHERE type = 'table'")) {
    auto columns = connection.database().Prepare(absl::StrCat("PRAGMA table_info(\"", table, "\")"));
    CHECK(columns.ok());
    std::string row;
    while (*columns->Step()) absl::StrAppend(&row, row.empty() ? "" : "||' '||", "quote(\"", std::string(columns->Text(1)), "\")");
    out[table] = query(absl::StrCat("SELECT ", row, " FROM \"", table, "\" ORDER BY 1"));
  }
  return out;
}

// What is in one and not in the other, by table.
Content Difference(const Content& one, const Content& other) {
  Content out;
  for (const auto& [table, rows] : one) {
    std::vector<std::string> rest;
    const auto there = other.find(table);
    const std::vector<std::string> theirs = there == other.end() ? std::vector<std::string>() : there->second;
    std::set_difference(rows.begin(), rows.end(), theirs.begin(), theirs.end(), std::back_inserter(rest));
    if (!rest.empty()) out[table] = rest;
  }
  return out;
}

class Askers : public ::testing::Test {
 protected:
  Askers() {
    for (const char* user : {kAlice, kBob, kCarol, kDan}) {
      TestDevice& device = devices_.emplace(user, world_.Enrol(user)).first->second;
      keys::v1::PublishKeyPackagesRequest packages;
      for (int i = 0; i < 2; ++i) packages.add_key_packages(MakeKeyPackage(device, world_.clock().Now()));
      packages.set_last_resort_key_package(MakeKeyPackage(device, world_.clock().Now(), {.last_resort = true}));
      keys::v1::PublishKeyPackagesResponse published;
      CHECK(world_.devices().PublishKeyPackages(&device.tls, world_.Sign(device, "PublishKeyPackages", packages), published).ok());
      keys::v1::DrawGrantsRequest grants;
      grants.set_count(2);
      keys::v1::DrawGrantsResponse granted;
      CHECK(world_.devices().DrawGrants(&device.tls, world_.Sign(device, "DrawGrants", grants), granted).ok());
      for (int i = 0; i < kTokens; ++i) tokens_[user].push_back(world_.Token(device));
    }
    world_.publisher().PublishAndWait(absl::Seconds(60));
    world_.Keep(begin_ / "data");
  }

  // One question: by whose token, and about whom.
  struct Question {
    std::string asker, target;
    bool claim = false;
    absl::StatusCode answer = absl::StatusCode::kOk;
  };
  // What is stored after these questions to a world as it was in the beginning.
  Content After(const std::vector<Question>& questions) {
    world_.GoBack(begin_ / "data");
    std::map<std::string, size_t> used;
    spent_.clear();
    for (const Question& each : questions) {
      const tokens::ShownToken& token = tokens_.at(each.asker).at(used[each.asker]++);
      Ask(each, token);
      spent_.push_back(token);
    }
    return ReadAll(world_.connection());
  }
  void Ask(const Question& question, const tokens::ShownToken& token) {
    keys::v1::LookUpRequest look_up;
    tokens::Show(look_up, token);
    look_up.set_user(question.target);
    keys::v1::LookUpResponse record;
    keys::v1::ClaimKeyPackagesRequest claim;
    tokens::Show(claim, token);
    claim.set_user(question.target);
    claim.set_cipher_suite(3);
    keys::v1::ClaimKeyPackagesResponse packages;
    const absl::Status status =
        question.claim ? world_.directory().ClaimKeyPackages(claim, packages) : world_.directory().LookUp(look_up, record);
    EXPECT_EQ(status.code(), question.answer) << status;
    keys::v1::ReadLogRequest feed;  // as clients do before they ask
    feed.set_limit(100);
    feed.set_followed(true);
    keys::v1::ReadLogResponse leaves;
    EXPECT_OK(world_.directory().ReadLog(feed, leaves));
  }
  std::string LogText() const {
    std::stringstream text;
    text << std::ifstream(world_.log_path()).rdbuf();
    return text.str();
  }

  const testing::ScratchDir begin_;
  World world_;
  std::map<std::string, TestDevice> devices_;
  std::map<std::string, std::vector<tokens::ShownToken>> tokens_;
  std::vector<tokens::ShownToken> spent_;
};

TEST_F(Askers, LookUpsLeaveANullifierEachAndNothingElse) {
  const Content before = After({});
  const std::string log = LogText();
  const Content after = After({{kAlice, kBob}, {kAlice, kNobody}, {kCarol, kDan}, {kDan, kDan}});
  EXPECT_THAT(Difference(before, after), IsEmpty());
  EXPECT_THAT(Difference(after, before), ElementsAre(Pair("nullifier", SizeIs(4))));
  EXPECT_EQ(LogText(), log);
}

TEST_F(Askers, WhomTheyAskAboutIsNotStored) {
  const Content one = After({{kAlice, kBob}, {kCarol, kDan}, {kAlice, kNobody}, {kBob, kBob}});
  const Content other = After({{kAlice, kDan}, {kCarol, kNobody}, {kAlice, kAlice}, {kBob, kCarol}});
  EXPECT_EQ(one, other);
}

TEST_F(Askers, WhoAsksIsANullifierThatIsNowhereElse) {
  const Content one = After({{kAlice, kBob}, {kAlice, kBob}, {kBob, kDan}});
  const Content other = After({{kCarol, kBob}, {kDan, kBob}, {kDan, kDan}});
  EXPECT_THAT(Difference(one, other), ElementsAre(Pair("nullifier", SizeIs(3))));
  EXPECT_THAT(Difference(other, one), ElementsAre(Pair("nullifier", SizeIs(3))));
  // A nullifier is a hash of the token and when it is forgotten, which is the same for all that were drawn then.
  std::map<std::string, int> ends;
  for (const std::string& row : other.at("nullifier")) ++ends[row.substr(row.find(' '))];
  EXPECT_THAT(ends, SizeIs(1));
  const auto upper = [](ByteView bytes) { return absl::AsciiStrToUpper(ToHex(bytes)); };
  for (const tokens::ShownToken& shown : spent_) {
    ASSERT_OK_AND_ASSIGN(const tokens::Token token, tokens::ParseToken(AsBytes(shown.token)));
    for (const auto& [table, rows] : other) {
      const auto count = [&rows = rows](const std::string& text) {
        return std::count_if(rows.begin(), rows.end(), [&](const std::string& row) { return absl::StrContains(row, text); });
      };
      EXPECT_EQ(count(upper(tokens::Nullifier(token))), table == "nullifier" ? 1 : 0) << table;
      EXPECT_EQ(count(upper(token.input.nonce)), 0) << table;
    }
  }
}

TEST_F(Askers, WhoClaimedAPackageIsNotStored) {
  const Content before = After({});
  const Content one = After({{kAlice, kBob, true}, {kBob, kBob, true}, {kAlice, kDan, true}});
  const Content other = After({{kCarol, kBob, true}, {kDan, kBob, true}, {kDan, kDan, true}});
  EXPECT_THAT(Difference(one, other), ElementsAre(Pair("nullifier", SizeIs(3))));
  // That Bob was reached twice and Dan once is seen: three packages have gone.
  EXPECT_THAT(Difference(before, one), ElementsAre(Pair("key_package", SizeIs(3))));
}

// Refusals are recorded, and without whom they were about.
TEST_F(Askers, WhatWasRefusedNamesNobody) {
  constexpr auto kGone = absl::StatusCode::kNotFound;
  const Content one = After({{kAlice, kNobody, true, kGone}, {kCarol, "mimi://example.org/u/nobody-else", true, kGone}});
  const Content other = After({{kAlice, "mimi://example.org/u/another", true, kGone}, {kCarol, kNobody, true, kGone}});
  EXPECT_EQ(one, other);
  EXPECT_EQ(world_.LastEvent("directory.refused").actor, "");
}

// The comparison sees what it is for.
TEST_F(Askers, ATraceWouldBeFound) {
  const Content clean = After({{kAlice, kBob}});
  After({{kAlice, kBob}});
  {
    MutexLock lock(world_.connection().mutex());
    ASSERT_OK(world_.connection().database().Execute("UPDATE draw SET what = what || ' about bob' WHERE what = 'directory'"));
  }
  EXPECT_THAT(Difference(ReadAll(world_.connection()), clean), ElementsAre(Pair("draw", ::testing::Not(IsEmpty()))));
}

}  // namespace
}  // namespace plumbline::keyserver
