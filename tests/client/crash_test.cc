// A client that is killed at any write point goes on as if nothing had happened: every text arrives once.
//
// A child process works on the stores and is killed (SIGKILL, in the commit observer) just before or just after its n-th
// commit; "the server" is a directory of files: what is there was durably accepted, by envelope id. Then the next child
// repeats the same program over whatever is on disk, as a person would start the client again.
#include <gmock/gmock.h>
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/client/killed.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using ::testing::ElementsAre;

// Envelopes that were accepted, in order of arrival, in files. Accepting one twice changes nothing.
class Spool final {
 public:
  explicit Spool(std::string folder) : folder_(std::move(folder)) { std::filesystem::create_directories(folder_); }

  void Accept(const OutgoingEnvelope& envelope) {
    const std::string name = ToHex(envelope.envelope_id);
    for (const auto& file : std::filesystem::directory_iterator(folder_)) {
      if (file.path().extension() == "." + name) return;
    }
    const size_t number = static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
    const std::string path = folder_ + "/" + std::to_string(1000 + number) + "." + name;
    std::ofstream(path + ".part", std::ios::binary) << ToString(envelope.mailbox_id) << ToString(envelope.sealed);
    std::filesystem::rename(path + ".part", path);
  }

  std::vector<OutgoingEnvelope> Stored() const {
    std::vector<std::filesystem::path> paths;
    for (const auto& file : std::filesystem::directory_iterator(folder_)) {
      if (file.path().extension() != ".part") paths.push_back(file.path());
    }
    std::sort(paths.begin(), paths.end());
    std::vector<OutgoingEnvelope> stored;
    for (const auto& path : paths) {
      std::ifstream file(path, std::ios::binary);
      const std::string content((std::istreambuf_iterator<char>(file)), {});
      OutgoingEnvelope envelope;
      const std::string id = path.extension().string().substr(1);
      for (size_t i = 0; i < 16; ++i) envelope.envelope_id[i] = static_cast<uint8_t>(std::stoi(id.substr(2 * i, 2), nullptr, 16));
      envelope.mailbox_id = testing::ValueOf(identity::ToFixed<16>(AsBytes(content.substr(0, 16))));
      envelope.sealed = ToBytes(AsBytes(content).subspan(16));
      stored.push_back(std::move(envelope));
    }
    return stored;
  }

 private:
  const std::string folder_;
};

// One run of the sending client: write the text down if it is not yet, encrypt it, bring it to the server, take the answer.
void SendOnce(Device& alice, const std::string& to, const std::string& text, Spool& spool) {
  const std::vector<std::string> texts = alice.Texts();
  if (std::find(texts.begin(), texts.end(), text) == texts.end()) CHECK(alice.conversations->AddText(to, text).ok());
  CHECK(alice.conversations->EncryptNext(to).ok());
  for (;;) {
    const std::optional<OutboxItem> item = testing::ValueOf(alice.stores->outbox.Next(0));
    if (!item.has_value()) return;
    std::vector<EnvelopeAnswer> answers;
    for (const OutgoingEnvelope& envelope : item->envelopes) {
      spool.Accept(envelope);
      answers.push_back({envelope.envelope_id, Delivered::kStored});
    }
    CHECK((item->gated_commit.has_value() ? alice.conversations->CommitAccepted(*item)
                                          : alice.conversations->MessageAnswered(*item, answers)).ok());
  }
}

TEST(Crash, ATextIsSentOnceWhereverTheSenderIsKilled) {
  for (int n = 0;; ++n) {
    SCOPED_TRACE(n);
    TwoPeople two;
    two.Connect();
    testing::ScratchDir folder;
    Spool spool(folder / "spool");
    const std::string bob = two.bob.user();
    const bool finished = RunKilledAt(two.alice, n, [&] { SendOnce(two.alice, bob, "exactly once", spool); });
    two.alice.Reopen();
    SendOnce(two.alice, bob, "exactly once", spool);  // the person starts the client again
    GiveTo(two.bob, spool.Stored());
    EXPECT_THAT(two.bob.Texts(), ElementsAre("exactly once"));
    EXPECT_THAT(two.bob.Texts(EntryKind::kGap), ElementsAre());
    EXPECT_THAT(two.alice.Texts(), ElementsAre("exactly once"));
    // And the ratchet did not fall behind: the next one can be read too.
    GiveTo(two.bob, two.Say(two.alice, bob, "and on"));
    EXPECT_THAT(two.bob.Texts(), ElementsAre("exactly once", "and on"));
    if (finished) {
      EXPECT_GE(n, 6);  // written down, encrypted, answered: three commits, two points each
      break;
    }
  }
}

TEST(Crash, AnEnvelopeTakesEffectOnceWhereverTheRecipientIsKilled) {
  for (int n = 0;; ++n) {
    SCOPED_TRACE(n);
    TwoPeople two;
    const std::vector<OutgoingEnvelope> welcome = two.Begin(two.alice, two.bob, two.bob_intake);
    std::vector<OutgoingEnvelope> all = welcome;
    for (const char* text : {"one", "two"}) {
      for (const OutgoingEnvelope& envelope : two.Say(two.alice, two.bob.user(), text)) all.push_back(envelope);
    }
    const bool finished = RunKilledAt(two.bob, n, [&] { GiveTo(two.bob, all); });
    two.bob.Reopen();
    GiveTo(two.bob, all);  // nothing was acknowledged: the server brings all of it again
    EXPECT_THAT(two.bob.Texts(), ElementsAre("one", "two"));
    EXPECT_THAT(two.bob.Texts(EntryKind::kNotice), ElementsAre());
    EXPECT_THAT(two.bob.Texts(EntryKind::kGap), ElementsAre());
    if (finished) {
      EXPECT_GE(n, 6);  // three envelopes
      break;
    }
  }
}

TEST(Crash, AConversationIsBegunOnceWhereverItsMakerIsKilled) {
  for (int n = 0;; ++n) {
    SCOPED_TRACE(n);
    TwoPeople two;
    testing::ScratchDir folder;
    Spool spool(folder / "spool");
    const Mailbox mailbox = two.alice.AddMailbox(RandomBytes(32));
    const mls::KeyPackage key_package = two.bob.AddKeyPackage(two.bob_intake);
    const std::string bob = two.bob.user();
    const auto begin = [&] {
      if (testing::ValueOf(two.alice.stores->groups.All()).empty()) {
        CHECK(two.alice.conversations->Create(std::nullopt, {key_package}, mailbox).ok());
      }
      SendOnce(two.alice, bob, "first", spool);  // brings the commit through
      SendOnce(two.alice, bob, "first", spool);  // and the text
    };
    const bool finished = RunKilledAt(two.alice, n, begin);
    two.alice.Reopen();
    begin();
    GiveTo(two.bob, spool.Stored());
    EXPECT_THAT(two.bob.Texts(), ElementsAre("first"));
    EXPECT_THAT(two.bob.Texts(EntryKind::kNotice), ElementsAre());
    if (finished) break;
  }
}

// The bytes that are sent again are the bytes that were sent: an outbox never seals anew.
TEST(Crash, SentAgainIsTheSameBytes) {
  TwoPeople two;
  two.Connect();
  ASSERT_OK(two.alice.conversations->AddText(two.bob.user(), "hello").status());
  ASSERT_OK(two.alice.conversations->EncryptNext(two.bob.user()).status());
  ASSERT_OK_AND_ASSIGN(const std::optional<OutboxItem> before, two.alice.stores->outbox.Next(0));
  two.alice.Reopen();
  ASSERT_OK_AND_ASSIGN(const std::optional<OutboxItem> after, two.alice.stores->outbox.Next(0));
  ASSERT_EQ(before->envelopes.size(), after->envelopes.size());
  EXPECT_EQ(before->envelopes[0].envelope_id, after->envelopes[0].envelope_id);
  EXPECT_EQ(before->envelopes[0].sealed, after->envelopes[0].sealed);
}

}  // namespace
}  // namespace plumbline::client
