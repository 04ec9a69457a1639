// Our MLS and ts-mls in one group, each in both roles, for every suite that both have. Needs node
// and the packages of ts-mls/package-lock.json (`./dev test` installs them). What ts-mls does
// otherwise than RFC 9420 is bridged in ts-mls/peer.mjs and listed in docs/interop.md.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/interop/ts_mls_fixture.h"

namespace plumbline::interop {
namespace {

// Ours creates and adds; theirs joins with and without the tree, updates its path, adds and
// removes.
TEST_P(TsMls, JoinsAGroupOfOurs) {
  for (const bool open : {false, true}) {
    const bool with_tree = open == (GetParam() % 2 == 0);
    const auto framing =
        open ? mls::HandshakeFraming::kPublicMessage : mls::HandshakeFraming::kPrivateMessage;
    SCOPED_TRACE(absl::StrCat(with_tree ? "tree in the Welcome" : "tree beside it",
                              open ? ", public" : ", private"));
    Ours ours = OurGroup();
    mls::CommitParams params;
    params.adds = {TheirPackage("theirs"), TheirPackage("third")};
    params.framing = framing;
    params.tree_in_welcome = with_tree;
    params.force_path = with_tree;
    const mls::StagedCommit staged = Commit(ours, std::move(params));
    for (const std::string who : {"theirs", "third"}) {
      json join = {{"who", who}, {"welcome", ToHex(*staged.welcome)}};
      if (!with_tree) join["tree"] = ToHex(ours.group.EncodedTree());
      Ask("join", join);
      Agree(ours, who);
    }
    // An empty commit of each: new keys on its path.
    const json updated = Ask("commit", {{"who", "theirs"}, {"public", open}});
    Take(ours, updated.value("commit", ""));
    Ask("process", {{"who", "third"}, {"message", updated.value("commit", "")}});
    Agree(ours, "third");
    const mls::StagedCommit mine = Commit(ours, {.framing = framing});
    for (const std::string who : {"theirs", "third"}) Ask("process", Given(who, mine.message));
    Agree(ours, "theirs");
    // Theirs removes the third and adds one of ours, by value. (The third does not notice: D10.)
    Joiner fourth = OurJoiner("fourth");
    const json changed = Ask("commit", {{"who", "theirs"},
                                        {"public", open},
                                        {"tree", with_tree},
                                        {"proposals", {{{"remove", 2}}, {{"add", Wire(fourth)}}}}});
    Take(ours, changed.value("commit", ""));
    Ours joined = Join(changed, fourth);
    EXPECT_EQ(joined.group.EpochAuthenticator(), ours.group.EpochAuthenticator());
    Agree(joined, "theirs");
  }
}

// Theirs creates; ours joins, proposes Add, Update and Remove by reference, commits and removes.
TEST_P(TsMls, TakesOursIntoItsGroup) {
  for (const bool open : {false, true}) {
    const bool with_tree = open == (GetParam() % 2 == 0);
    const auto framing =
        open ? mls::HandshakeFraming::kPublicMessage : mls::HandshakeFraming::kPrivateMessage;
    SCOPED_TRACE(absl::StrCat(with_tree ? "tree in the Welcome" : "tree beside it",
                              open ? ", public" : ", private"));
    Their("theirs");
    Ask("create", {{"who", "theirs"}, {"group", ToHex(RandomBytes(16))}});
    Joiner joiner = OurJoiner("ours"), other = OurJoiner("other");
    const json added =
        Ask("commit", {{"who", "theirs"},
                       {"tree", with_tree},
                       {"public", open},
                       {"proposals", {{{"add", Wire(joiner)}}, {{"add", Wire(other)}}}}});
    Ours ours = Join(added, joiner), second = Join(added, other);
    Agree(ours, "theirs");
    Agree(second, "theirs");

    const mls::KeyPackage third = TheirPackage("third");
    const absl::StatusOr<Bytes> add = ours.group.ProposeAdd(third, framing, kEveryone, Now());
    const absl::StatusOr<Bytes> update = ours.group.ProposeUpdate({}, framing);
    const absl::StatusOr<Bytes> remove = ours.group.ProposeRemove(second.group.own_leaf(), framing);
    for (const absl::StatusOr<Bytes>* proposal : {&add, &update, &remove}) {
      ASSERT_OK(*proposal);
      Ask("process", Given("theirs", **proposal));
    }
    const json committed = Ask("commit", {{"who", "theirs"}, {"public", open}});
    Take(ours, committed.value("commit", ""));
    Ask("join", {{"who", "third"}, {"welcome", committed.value("welcome", "")}});
    Agree(ours, "theirs");
    Agree(ours, "third");

    // Theirs proposes, ours commits.
    const json proposed =
        Ask("propose",
            {{"who", "third"}, {"public", open}, {"proposal", {{"add", ToHex(Their("fourth"))}}}});
    Take(ours, proposed.value("proposal", ""));
    Ask("process", {{"who", "theirs"}, {"message", proposed.value("proposal", "")}});
    const mls::StagedCommit last = Commit(ours, {.force_path = false, .framing = framing});
    for (const std::string who : {"theirs", "third"}) Ask("process", Given(who, last.message));
    Ask("join", {{"who", "fourth"}, {"welcome", ToHex(*last.welcome)}});
    for (const std::string who : {"theirs", "third", "fourth"}) Agree(ours, who);

    mls::CommitParams removal;
    removal.removes = {mls::LeafIndex{0}};
    removal.framing = framing;
    const mls::StagedCommit removed = Commit(ours, std::move(removal));
    for (const std::string who : {"third", "fourth"}) Ask("process", Given(who, removed.message));
    Agree(ours, "fourth");
    EXPECT_EQ(Ask("process", Given("theirs", removed.message)).value("state", ""),
              "removedFromGroup");
  }
}

// Messages of one epoch in another order, and one that comes after the next commit.
TEST_P(TsMls, ReadsOutOfOrder) {
  Ours ours = OurGroup();
  mls::CommitParams params;
  params.adds = {TheirPackage("theirs")};
  const mls::StagedCommit staged = Commit(ours, std::move(params));
  Ask("join", {{"who", "theirs"}, {"welcome", ToHex(*staged.welcome)}});
  std::vector<Bytes> ours_sent;
  std::vector<std::string> theirs_sent;
  for (uint8_t i = 0; i < 3; ++i) {
    ours_sent.push_back(*ours.group.Protect(Bytes{i}, {}));
    theirs_sent.push_back(
        Ask("protect", {{"who", "theirs"}, {"plaintext", ToHex(Bytes{i})}}).value("message", ""));
  }
  const auto read = [&](int i) {
    EXPECT_EQ(Ask("process", Given("theirs", ours_sent[i])).value("plaintext", ""),
              absl::StrCat("0", i));
    absl::StatusOr<mls::Processed> got =
        ours.group.Process(FromHex(theirs_sent[i]), kEveryone, Now());
    ASSERT_OK(got);
    EXPECT_EQ(ToHex(std::get<mls::ApplicationMessage>(*got).plaintext.view()),
              absl::StrCat("0", i));
  };
  read(2);
  read(0);
  const mls::StagedCommit next = Commit(ours, {});
  Ask("process", Given("theirs", next.message));
  read(1);
}

std::vector<uint16_t> Suites() {
  std::vector<uint16_t> out;
  for (const mls::SuiteId suite : mls::CipherSuite::Supported())
    out.push_back(static_cast<uint16_t>(suite));
  std::sort(out.begin(), out.end());
  return out;
}
INSTANTIATE_TEST_SUITE_P(Suites, TsMls, ::testing::ValuesIn(Suites()),
                         [](const auto& suite) { return absl::StrCat("Suite", suite.param); });

}  // namespace
}  // namespace plumbline::interop
