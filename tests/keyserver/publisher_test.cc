// Witnesses that are slow, away, wrong or hostile, and what is published all the same or not at all.
#include "keyserver/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/file.h"
#include "tests/common/scratch.h"
#include "tests/common/test_witness.h"
#include "tests/keyserver/store/directory_keys.h"
#include "tests/status_matchers.h"

namespace plumbline::keyserver {
namespace {

constexpr absl::Duration kGenerous = absl::Seconds(60), kBrief = absl::Milliseconds(300);

// A log alone, which grows by a person at a time.
class LogStore final : public DirectoryStore {
 public:
  LogStore() {
    database_ = *db::Database::Open(scratch_ / "log.db", db::Key::Random());
    CHECK(database_->Migrate({&DirectoryLog::Tables(), 1}).ok());
    log_ = std::make_unique<DirectoryLog>(*database_, keys_);
    CHECK(Do([&](db::Transaction& t) { return log_->Begin(t); }).ok());
  }
  void Grow() {
    MutexLock lock(mutex_);
    const RecordChange change{*identity::ParseUserUri(absl::StrCat("mimi://example.org/u/person", ++people_)), 1, {1}, {1}};
    CHECK(Do([&](db::Transaction& t) { return log_->Append(t, {change}); }).ok());
  }
  absl::StatusOr<DirectoryEntry> Find(const identity::UserUri&) override { return absl::UnimplementedError("not here"); }
  absl::StatusOr<FeedPage> ReadLog(uint64_t, size_t, size_t, bool) override { return absl::UnimplementedError("not here"); }
  absl::StatusOr<FormerPage> ReadFormer(uint64_t, const FormerPlace&, size_t, size_t, bool) override { return absl::UnimplementedError("not here"); }
  absl::StatusOr<DirectoryLog::Head> Newest() override {
    MutexLock lock(mutex_);
    return log_->Newest();
  }
  absl::StatusOr<DirectoryLog::Head> Published() override {
    MutexLock lock(mutex_);
    return log_->Published();
  }
  absl::StatusOr<std::vector<tlog::Hash>> ProveConsistency(uint64_t from, uint64_t size) override {
    MutexLock lock(mutex_);
    return log_->ProveConsistency(from, size);
  }
  absl::Status Publish(absl::string_view note) override {
    MutexLock lock(mutex_);
    return Do([&](db::Transaction& t) { return log_->Publish(t, note); });
  }
  absl::Status WriteFiles(const std::string& folder) override {
    written = folder;
    return absl::UnavailableError("a full disk");
  }
  const tlog::VerifierKey& key() const { return keys_.signer.verifier(); }
  std::string written;

 private:
  absl::Status Do(const std::function<absl::Status(db::Transaction&)>& work) {
    ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(*database_));
    RETURN_IF_ERROR(work(transaction));
    return transaction.Commit();
  }
  const testing::ScratchDir scratch_;
  const DirectoryLogKeys keys_ = TestDirectoryKeys();
  Mutex mutex_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<DirectoryLog> log_;
  int people_ = 0;
};

// Witnesses by their names in the policy, each as a test wants it.
struct Witnesses final : WitnessSender {
  using Answers = std::function<absl::StatusOr<Answer>(const std::string& request)>;
  absl::StatusOr<Answer> AddCheckpoint(const tlog::PolicyWitness& witness, const std::string& request) override {
    Answers answers;
    {
      MutexLock lock(mutex);
      answers = of.at(witness.name);
    }
    return answers(request);
  }
  Mutex mutex;
  std::map<std::string, Answers> of;
};

class PublisherTest : public ::testing::Test {
 protected:
  PublisherTest() {
    auto sender = std::make_unique<Witnesses>();
    witnesses_ = sender.get();
    sender_ = std::move(sender);
    uint8_t seed = 20;
    for (const char* name : {"a", "b", "c"}) {
      by_.try_emplace(name, clock_, ++seed, absl::StrCat("w.example/", name));
      Honest(name);
    }
  }
  // Cosigns what continues the log that it saw, from the size that it has; says its size else.
  void Honest(const std::string& name) {
    auto seen = std::make_shared<uint64_t>(0);
    Set(name, [this, name, seen](const std::string& body) -> absl::StatusOr<WitnessSender::Answer> {
      const tlog::WitnessRequest request = *tlog::ParseWitnessRequest(body);
      if (request.old_size != *seen) return WitnessSender::Answer{409, absl::StrCat(*seen, "\n")};
      *seen = request.checkpoint.size;
      return WitnessSender::Answer{200, By(name).Answer(body)};
    });
  }
  void Set(const std::string& name, Witnesses::Answers answers) {
    MutexLock lock(witnesses_->mutex);
    witnesses_->of[name] = std::move(answers);
  }
  const testing::TestWitness& By(const std::string& name) const { return by_.at(name); }
  Publisher& Start(int quorum, const std::string& folder = "") {
    std::string text = absl::StrCat("log ", store_.key().ToText(), "\n");
    for (const auto& [name, witness] : by_) {
      const std::string line = witness.Policy();
      absl::StrAppend(&text, "witness ", name, line.substr(9, line.find('\n') - 8));
    }
    policy_ = *tlog::Policy::Parse(absl::StrCat(text, "group all ", quorum, " a b c\nquorum all\n"));
    publisher_ = std::make_unique<Publisher>(store_, *policy_, std::move(sender_), *logger_, folder, absl::Milliseconds(50));
    return *publisher_;
  }
  uint64_t PublishedSize() { return store_.Published()->size; }

  const testing::ScratchDir scratch_;
  const std::unique_ptr<Logger> logger_ = *Logger::Create({"test", scratch_ / "log", LogLevel::kInfo});
  const SystemClock clock_;
  std::map<std::string, testing::TestWitness> by_;
  LogStore store_;
  std::unique_ptr<WitnessSender> sender_;
  Witnesses* witnesses_;
  std::optional<tlog::Policy> policy_;
  std::unique_ptr<Publisher> publisher_;
};

const auto kAway = [](const std::string&) -> absl::StatusOr<WitnessSender::Answer> { return absl::UnavailableError("away"); };

TEST_F(PublisherTest, PublishesWhatEnoughWitnessesCosign) {
  Set("c", kAway);
  Publisher& publisher = Start(2);
  for (int i = 0; i < 5; ++i) {
    store_.Grow();
    publisher.PublishAndWait(kGenerous);
    EXPECT_EQ(PublishedSize(), 2u + 2 * (i + 1));
    EXPECT_OK(policy_->Open(store_.Published()->note));
  }
}

TEST_F(PublisherTest, WithoutEnoughOfThemNothingIsPublished) {
  Set("b", kAway);
  Set("c", kAway);
  Publisher& publisher = Start(2);
  publisher.PublishAndWait(kBrief);
  EXPECT_EQ(PublishedSize(), 0u);
  Honest("c");
  publisher.PublishAndWait(kGenerous);
  EXPECT_EQ(PublishedSize(), 2u);
}

// One that never answers keeps its own thread busy and nobody else.
TEST_F(PublisherTest, ASlowWitnessHoldsUpNobody) {
  // The publisher, which is stopped after this test's end, asks until then.
  struct Gate {
    Mutex mutex;
    CondVar changed;
    bool open = false;
  };
  const auto gate = std::make_shared<Gate>();
  Set("a", [gate](const std::string&) -> absl::StatusOr<WitnessSender::Answer> {
    MutexLock lock(gate->mutex);
    while (!gate->open) gate->changed.Wait(gate->mutex);
    return absl::UnavailableError("late");
  });
  Publisher& publisher = Start(2);
  store_.Grow();
  publisher.PublishAndWait(kGenerous);
  EXPECT_EQ(PublishedSize(), 4u);
  MutexLock lock(gate->mutex);
  gate->open = true;
  gate->changed.NotifyAll();
}

// Lines for other witnesses, and of other texts, in a witness's answer: only its own cosignature of this checkpoint is taken.
TEST_F(PublisherTest, AHostileAnswerSpoilsNothing) {
  Set("a", [this](const std::string& body) -> absl::StatusOr<WitnessSender::Answer> {
    tlog::NoteSignature forged = tlog::ParseNote(tlog::FormatNote(tlog::ParseWitnessRequest(body)->note) + By("b").Answer(body))->signatures.back();
    forged.signature.back() ^= 1;
    return WitnessSender::Answer{200, tlog::FormatSignature(forged)};
  });
  Set("b", [](const std::string&) -> absl::StatusOr<WitnessSender::Answer> { return WitnessSender::Answer{200, "nonsense"}; });
  Publisher& publisher = Start(2);
  publisher.PublishAndWait(kBrief);
  EXPECT_EQ(PublishedSize(), 0u);
  Honest("b");
  publisher.PublishAndWait(kGenerous);
  EXPECT_EQ(PublishedSize(), 2u);
}

// It knows another key of this log, as one does that nobody told of the new one.
TEST_F(PublisherTest, AWitnessThatRefusesIsSaidOnceUntilItIsBack) {
  const auto refuse = [](const std::string&) -> absl::StatusOr<WitnessSender::Answer> { return WitnessSender::Answer{403, "no\n"}; };
  Set("a", refuse);
  Publisher& publisher = Start(2);
  const auto said = [&] {
    const std::string log = *ReadTextFile(scratch_ / "log", 1 << 20);
    size_t count = 0;
    for (size_t at = 0; (at = log.find("directory.witness_refuses", at)) != std::string::npos; ++at) ++count;
    return count;
  };
  const auto until = [&](const std::function<bool()>& done) {
    const absl::Time end = absl::Now() + kGenerous;
    while (!done() && absl::Now() < end) publisher.PublishAndWait(kBrief);
    return done();
  };
  EXPECT_TRUE(until([&] { return said() == 1; }));
  std::atomic<int> asked = 0;
  Set("a", [&](const std::string&) -> absl::StatusOr<WitnessSender::Answer> { return ++asked, WitnessSender::Answer{403, "no\n"}; });
  EXPECT_TRUE(until([&] { return asked >= 2; }));
  EXPECT_EQ(said(), 1u);
  EXPECT_GT(PublishedSize(), 0u) << "the others are enough";
  std::atomic<int> cosigned = 0;
  Set("a", [&](const std::string& body) -> absl::StatusOr<WitnessSender::Answer> { return ++cosigned, WitnessSender::Answer{200, By("a").Answer(body)}; });
  EXPECT_TRUE(until([&] { return cosigned >= 1; }));
  Set("a", refuse);
  EXPECT_TRUE(until([&] { return said() == 2; }));
}

TEST_F(PublisherTest, AWitnessThatHasSeenAnotherLogIsSaid) {
  const auto further = [](const std::string&) -> absl::StatusOr<WitnessSender::Answer> { return WitnessSender::Answer{409, "100\n"}; };
  for (const char* name : {"a", "b", "c"}) Set(name, further);
  Publisher& publisher = Start(1);
  publisher.PublishAndWait(kBrief);
  EXPECT_EQ(PublishedSize(), 0u);
  std::string log;
  const absl::Time end = absl::Now() + kGenerous;
  while (log.find("directory.witnesses_missing") == std::string::npos && absl::Now() < end) {
    publisher.PublishAndWait(kBrief);
    log = *ReadTextFile(scratch_ / "log", 1 << 20);
  }
  EXPECT_NE(log.find("directory.witnesses_missing"), std::string::npos) << log;
  size_t said = 0;
  for (size_t at = 0; (at = log.find("directory.witness_saw_another_log", at)) != std::string::npos; ++at) ++said;
  EXPECT_EQ(said, 3u) << log;  // of each once
}

TEST_F(PublisherTest, ItsTimeIsKeptFresh) {
  Publisher& publisher = Start(3);
  publisher.PublishAndWait(kGenerous);
  const std::string first = store_.Published()->note;
  const absl::Time end = absl::Now() + kGenerous;
  while (store_.Published()->note == first && absl::Now() < end) publisher.PublishAndWait(kBrief);
  EXPECT_NE(store_.Published()->note, first);
  EXPECT_EQ(PublishedSize(), 2u);
}

TEST_F(PublisherTest, FilesThatCannotBeWrittenStopNothing) {
  Publisher& publisher = Start(1, "a folder");
  publisher.PublishAndWait(kGenerous);
  EXPECT_EQ(PublishedSize(), 2u);
  EXPECT_EQ(store_.written, "a folder");
}

}  // namespace
}  // namespace plumbline::keyserver
