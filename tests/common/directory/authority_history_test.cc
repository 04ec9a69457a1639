// Whole histories: what is taken on trust, what is counted, and that nothing honest is found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/common/directory/history.h"
#include "tests/status_matchers.h"

namespace plumbline::directory {
namespace {

using identity::Action;
using identity::RecordStatus;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;
using Rule = AuthorityRule;
using Draft = History::Draft;

TEST(AuthorityFindingTest, SaysWhatIsWrongAndNamesNobody) {
  EXPECT_EQ((AuthorityFinding{Rule::kGhostDevice, 17}.ToString()), "entry 17: a device was added that its person did not approve");
  std::set<absl::string_view> texts;
  for (int rule = 0; rule <= static_cast<int>(Rule::kNotDone); ++rule) texts.insert(Describe(static_cast<Rule>(rule)));
  EXPECT_EQ(texts.size(), static_cast<size_t>(Rule::kNotDone) + 1);
}

TEST(AuthorityTermsTest, AreOfThisLogAndWhole) {
  const History h;
  EXPECT_OK(Authority::Create(h.Terms(), h.Genesis()).status());
  tlog::GenesisLeaf other = h.Genesis();
  other.authority[0] ^= 1;
  EXPECT_THAT(Authority::Create(h.Terms(), other).status(), StatusIs(Code::kUnauthenticated, HasSubstr("another organisation")));
  const auto refused = [&](const std::function<void(AuthorityTerms&)>& change) {
    AuthorityTerms terms = h.Terms();
    change(terms);
    EXPECT_THAT(Authority::Create(terms, h.Genesis()).status(), StatusIs(Code::kInvalidArgument));
  };
  refused([](auto& t) { t.domain = "Example.org"; });
  refused([](auto& t) { t.issuing.clear(); });
  refused([](auto& t) { t.administrators.clear(); });
  refused([](auto& t) { t.approvals = 0; });
  refused([](auto& t) {
    t.approvals = 9;
    while (t.administrators.size() < 9) t.administrators.push_back({crypto::Ed25519KeyPair::Generate().public_key()});
  });
  refused([](auto& t) { t.approvals = 3; });
  refused([](auto& t) {
    t.approvals = 2;
    t.administrators[1] = t.administrators[0];
  });
}

// Before the log: alice with two devices of which one went, in four versions; bob with one.
class AdoptionTest : public ::testing::Test {
 protected:
  AdoptionTest() {
    for (const std::string name : {"alice", "bob"}) {
      Adopt(name, h_.Create(name));
      Adopt(name, h_.Join(name));
    }
    Adopt("alice", h_.Join("alice"));
    Adopt("alice", h_.Remove("alice", h_.people["alice"].devices[0], h_.people["alice"].devices[1].id));
  }
  void Adopt(const std::string& name, const Draft& draft) {
    std::vector<TestDevice> devices = h_.people[name].devices;
    if (draft.device) devices.push_back(*draft.device);
    h_.Append(name, History::AsAdopted(draft, devices));
  }
  // The rule that the last entry breaks; nothing before it may.
  std::optional<Rule> Last() const {
    Authority authority = *Authority::Create(h_.Terms(), h_.Genesis());
    for (const History::Item& item : h_.items) {
      const auto finding = authority.Take(item.place, item.entry, item.opening);
      if (&item == &h_.items.back()) return finding ? std::optional<Rule>(finding->rule) : std::nullopt;
      EXPECT_FALSE(finding) << finding->ToString();
    }
    return std::nullopt;
  }
  History h_;
};

TEST_F(AdoptionTest, TheLogBeginsWithWhatWasThere) {
  EXPECT_EQ(Last(), std::nullopt);
  h_.Append("alice", h_.Approve("alice", h_.people["alice"].devices[0]));
  EXPECT_EQ(Last(), std::nullopt) << "an adopted device decides";
  h_.Append("bob", h_.Join("bob"));
  EXPECT_EQ(Last(), std::nullopt) << "an adopted person enrols";
  Authority authority = *Authority::Create(h_.Terms(), h_.Genesis());
  for (const History::Item& item : h_.items) authority.Take(item.place, item.entry, item.opening);
  EXPECT_EQ(authority.counts().adopted, 6u);
  EXPECT_EQ(authority.counts().checked, 2u);
}

TEST_F(AdoptionTest, NothingIsAdoptedLater) {
  h_.Append("carol", h_.Create("carol"));
  Draft late = h_.Join("alice");
  late.record = h_.Next("alice");
  const auto found_with = [&](const std::string& name, const Draft& draft) {
    Authority authority = *Authority::Create(h_.Terms(), h_.Genesis());
    for (const History::Item& item : h_.items) EXPECT_FALSE(authority.Take(item.place, item.entry, item.opening));
    const History::Item item = h_.Commit(name, draft);
    const auto finding = authority.Take(item.place, item.entry, item.opening);
    return finding ? std::optional<Rule>(finding->rule) : std::nullopt;
  };
  EXPECT_EQ(found_with("dora", History::AsAdopted(h_.Create("dora"), {})), Rule::kAdopted) << "a new person";
  EXPECT_EQ(found_with("alice", History::AsAdopted(late, {})), Rule::kAdopted) << "a version of an adopted one";
  EXPECT_EQ(found_with("carol", History::AsAdopted({h_.Next("carol"), {}, {}}, {})), Rule::kAdopted) << "of one who was created";
}

TEST_F(AdoptionTest, WorkingKeysAreOfTheRecordsDevices) {
  Draft draft = h_.Create("carol");
  draft.cause = Adopted{{{TestDevice().id, TestDevice().working_key()}}};
  h_.Append("carol", draft);
  EXPECT_EQ(Last(), Rule::kAdopted);
}

TEST_F(AdoptionTest, ADeviceWithoutItsWorkingKeyDoesNotDecide) {
  const TestDevice device;
  const Draft draft = h_.Join("bob", h_.IssueCode("bob"), device);
  h_.Append("bob", History::AsAdopted(draft, {}));
  EXPECT_EQ(Last(), std::nullopt);
  h_.Append("bob", h_.Approve("bob", device));
  EXPECT_EQ(Last(), Rule::kSigner);
}

TEST_F(AdoptionTest, WhatWasThereBeforeTheLogDoesNotComeBack) {
  const TestDevice stays = h_.people["alice"].devices[0], gone = h_.people["alice"].devices[1];
  const auto expect_returned = [&](const TestDevice& device, const char* what) {
    h_.Append("alice", h_.Approve("alice", stays, device));
    EXPECT_EQ(Last(), Rule::kReturned) << what;
    h_.TakeBack("alice");
  };
  expect_returned(gone, "all of it");
  TestDevice device;
  device.id = gone.id;
  expect_returned(device, "its id");
  device = TestDevice();
  device.mls = gone.mls;
  expect_returned(device, "its MLS key");
  device = TestDevice();
  device.working = gone.working;
  expect_returned(device, "its working key");
  device.working = h_.people["bob"].devices[0].working;
  expect_returned(device, "the working key of one that is there");
}

// Long honest histories pass, and there is no entry of theirs that could have been another.
TEST(AuthorityPropertyTest, HonestHistoriesPassAndEachChangeOfThemIsFound) {
  for (const uint32_t seed : {1, 2}) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    History h;
    while (h.items.size() < 200) Step(h, random);
    Authority authority = *Authority::Create(h.Terms(), h.Genesis());
    std::map<tlog::MapIndex, History::Item> before;
    for (const History::Item& item : h.items) {
      const auto expect_found = [&](const std::function<bool(identity::DirectoryRecord&)>& change, const char* what) {
        identity::DirectoryRecord record = *identity::ParseDirectoryRecord(item.opening.record->record);
        if (!change(record)) return;
        History::Item changed = item;
        changed.opening.record->record = identity::Encode(record);
        History::Recommit(changed);
        Authority after = authority;
        EXPECT_TRUE(after.Take(changed.place, changed.entry, changed.opening)) << what << " at " << item.place;
      };
      using Record = identity::DirectoryRecord;
      expect_found(
          [](Record& r) {
            if (r.status == RecordStatus::kRemoved || r.devices.size() == identity::kMaxDevices) return false;
            History::Add(r, {identity::RandomFixed<16>(), "ghost", TestDevice().mls_key(), {}, 1});
            return true;
          },
          "a ghost");
      expect_found([&](Record& r) { return !r.devices.empty() && (r.devices.erase(r.devices.begin() + random() % r.devices.size()), true); },
                   "one less");
      expect_found([&](Record& r) { return !r.devices.empty() && (++r.devices[random() % r.devices.size()].mls_signature_public_key[0], true); },
                   "a key");
      expect_found([](Record& r) { return r.display_name += "x", true; }, "a name");
      expect_found(
          [](Record& r) {
            r.status = r.status == RecordStatus::kActive ? RecordStatus::kSuspended : RecordStatus::kActive;
            return true;
          },
          "a status");
      expect_found([](Record& r) { return ++r.cause[0], true; }, "a cause's name");
      const History::Item& any = h.items[random() % h.items.size()];
      if (any.place != item.place) {
        History::Item changed = item;
        changed.opening.cause = any.opening.cause;
        History::Recommit(changed);
        Authority after = authority;
        EXPECT_TRUE(after.Take(changed.place, changed.entry, changed.opening)) << "another's cause at " << item.place;
      }
      if (const auto last = before.find(item.entry.index); last != before.end()) {
        History::Item repeated = last->second;
        repeated.entry.version = item.entry.version;
        repeated.place = repeated.opening.place = item.place;
        Authority after = authority;
        EXPECT_TRUE(after.Take(repeated.place, repeated.entry, repeated.opening)) << "the one before again at " << item.place;
      }
      before[item.entry.index] = item;
      const auto finding = authority.Take(item.place, item.entry, item.opening);
      ASSERT_FALSE(finding) << finding->ToString();
    }
    EXPECT_EQ(authority.counts().checked, h.items.size());
  }
}

}  // namespace
}  // namespace plumbline::directory
