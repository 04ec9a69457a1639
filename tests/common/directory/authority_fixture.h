// A history of a directory, and what an auditor of authority says of it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "common/directory/authority.h"
#include "tests/common/directory/history.h"
#include "tests/status_matchers.h"

namespace plumbline::directory {

using identity::Action;
using identity::RecordStatus;
using Rule = AuthorityRule;
using Draft = History::Draft;

// Alice has three devices and removed one, Bob has one, Carol is suspended with one, Dora is removed.
class AuthorityTest : public ::testing::Test {
 protected:
  AuthorityTest() {
    for (const char* name : {"alice", "bob", "carol", "dora"}) {
      h_.Append(name, h_.Create(name));
      h_.Append(name, h_.Join(name));
    }
    for (int i = 0; i < 3; ++i) h_.Append("alice", h_.Approve("alice", Device("alice", 0)));
    h_.Append("alice", h_.Remove("alice", Device("alice", 0), Device("alice", 3).id));
    h_.Append("carol", h_.Act("carol", Action::kSuspendAccount));
    h_.Append("dora", h_.Act("dora", Action::kRemoveAccount));
    EXPECT_EQ(Replay(authority_), std::vector<AuthorityFinding>());
    EXPECT_EQ(authority_.counts().checked, h_.items.size());
  }
  Authority Fresh() const { return *Authority::Create(h_.Terms(), h_.Genesis()); }
  const TestDevice& Device(const std::string& name, size_t i) { return h_.people[name].devices[i]; }

  // All items into `authority`, or those it has not seen.
  std::vector<AuthorityFinding> Replay(Authority& authority) const {
    std::vector<AuthorityFinding> out;
    const AuthorityCounts& counts = authority.counts();
    for (size_t i = counts.checked + counts.adopted + counts.unchecked + counts.violations; i < h_.items.size(); ++i) {
      const auto finding = authority.Take(h_.items[i].place, h_.items[i].entry, h_.items[i].opening);
      if (finding) out.push_back(*finding);
    }
    return out;
  }
  std::optional<AuthorityFinding> Next(const History::Item& item) {
    EXPECT_EQ(Replay(authority_), std::vector<AuthorityFinding>()) << "what came before is honest";
    Authority after = authority_;
    return after.Take(item.place, item.entry, item.opening);
  }
  void ExpectFound(Rule rule, const History::Item& item, const std::string& what) {
    const auto finding = Next(item);
    ASSERT_TRUE(finding) << what << ": nothing was found";
    EXPECT_EQ(finding->ToString(), (AuthorityFinding{rule, item.place}.ToString())) << what;
  }
  // Draft is as an honest key server would have made it, but for what `change` does.
  void ExpectFound(Rule rule, const std::string& name, Draft draft, const std::string& what) {
    ExpectFound(rule, h_.Commit(name, draft), what);
  }
  void ExpectFine(const std::string& name, const Draft& draft, const std::string& what) {
    const auto finding = Next(h_.Commit(name, draft));
    EXPECT_FALSE(finding) << what << ": " << finding->ToString();
  }

  // What only a key server that lies would make.
  Draft WithIntent(Draft draft, const identity::Intent& intent, uint64_t revision) const {
    draft.cause = h_.Signed(intent, revision);
    return History::Named(std::move(draft));
  }
  Draft WithDecision(Draft draft, const std::function<void(identity::DeviceDecision&)>& change, const TestDevice& by) const {
    auto& decided = std::get<Decided>(draft.cause);
    identity::DeviceDecision decision = *identity::ParseDeviceDecision(decided.decision);
    change(decision);
    decided = History::Decide(decision, by, decided.joined);
    return History::Named(std::move(draft));
  }
  identity::RecordDevice Ghost() const {
    identity::RecordDevice out{identity::RandomFixed<16>(), "phone", TestDevice().mls_key(), {}, static_cast<uint32_t>(h_.now / 86400)};
    out.credential_hash.fill(1);
    return out;
  }

  History h_;
  Authority authority_ = Fresh();
};

}  // namespace plumbline::directory
