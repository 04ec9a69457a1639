// Deletion is real: what was acknowledged, has expired or was deleted by its owner is, within a minute, in no page of the databases
// and their journals (live, free, half overwritten), in no other file and not in the memory of the server. Every page is decrypted
// with the database's own key; each search has first found what it looks for (docs/protocols/delivery.md, "Sessions, limits, deletion").
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "assess/tools/canary.h"
#include "assess/tools/database.h"
#include "assess/tools/memory.h"
#include "assess/tools/snapshot.h"
#include "common/rpc/status.h"
#include "server/keys.h"
#include "server/store/mailbox_chain.h"
#include "tests/common/certificates.h"
#include "tests/server/uploader.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

using testing::ValueOf;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
namespace v1 = delivery::v1;

constexpr absl::Duration kPromised = absl::Seconds(60);

// Bytes of that size that show `marker` in each stretch of 256, so that no page can hold a piece of it without showing it.
Bytes Marked(const std::string& marker, size_t size) {
  Bytes bytes = RandomBytes(size);
  for (size_t at = 7; at + marker.size() <= size; at += 256) std::copy(marker.begin(), marker.end(), bytes.begin() + at);
  return bytes;
}

class Deletion : public ::testing::Test {
 protected:
  Deletion() {
    SetClock(absl::ZeroDuration());
    Start();
    const ServerKeys keys = ValueOf(OpenKeys(server_.directory().File("data"), Secret::CopyOf(AsBytes("a passphrase for this test"))));
    keys_.emplace(kDatabaseFile, db::Key::CopyOf(keys.database));
    keys_.emplace(kAttachmentsFile, AttachmentsKey(keys.database));
  }

  // With the allocator as the unit has it (deploy/systemd): what is freed is overwritten, small blocks too.
  void Start() {
    server_.Start({{"LD_PRELOAD", PLUMBLINE_CLOCK},
                   {"ASSESS_CLOCK_FILE", server_.directory().File("clock")},
                   {"GLIBC_TUNABLES", "glibc.malloc.tcache_count=0"}});
    client_ = server_.Client();
  }
  void SetClock(absl::Duration ahead) const {
    std::ofstream(server_.directory().File("clock.new")) << absl::ToInt64Seconds(ahead);
    std::filesystem::rename(server_.directory().File("clock.new"), server_.directory().File("clock"));
  }
  // A marker that is looked for from now on.
  std::string Marker(const std::string& name) {
    const std::string marker = assess::NewMarker();
    patterns_.AddMarker(name, marker);
    return marker;
  }
  v1::SubmitRequest Letter(const TestMailbox& mailbox, const std::string& name, size_t size) {
    v1::SubmitRequest request;
    request.set_session_id(server_.Session(*client_));
    AddEnvelope(request, mailbox, Marked(Marker(name), size));
    return request;
  }
  // What is on the disk for it is sealed once more, so that is looked for too: sixteen bytes of each stretch of 256.
  void SubmitLetter(const TestMailbox& mailbox, const std::string& name, size_t size) {
    Submit(Letter(mailbox, name, size));
    identity::MailboxPlace& place = places_.try_emplace(mailbox.id, mailbox.begin).first->second;
    const ChainStep step(place);
    place = step.next;
    const auto copy = ValueOf(db::Database::Open(Copy(kDatabaseFile), keys_.at(kDatabaseFile)));
    db::Statement read = ValueOf(copy->Prepare("SELECT content FROM envelopes WHERE row = ?"));
    ASSERT_TRUE(ValueOf(read.Bind(1, static_cast<int64_t>(step.row)).Step()));
    const std::string content = ToString(read.Blob(0));
    ASSERT_EQ(content.size(), size + kRowOverhead);
    for (size_t at = 7; at + 16 <= content.size(); at += 256) patterns_.AddMarker(name, content.substr(at, 16));
  }
  void Submit(const v1::SubmitRequest& request) {
    grpc::ClientContext context;
    v1::SubmitResponse response;
    ASSERT_OK(rpc::FromGrpc(client_->Submit(&context, request, &response)));
  }
  void AcknowledgeAll(const TestMailbox& mailbox, size_t expected) {
    Receiver receiver(*client_, mailbox);
    ASSERT_TRUE(receiver.Open());
    std::vector<uint64_t> tags;
    for (const auto& delivery : receiver.UntilCaughtUp()) tags.push_back(delivery.tag());
    ASSERT_EQ(tags.size(), expected);
    receiver.Ack(tags);
    receiver.WritesDone();
    ASSERT_TRUE(receiver.Finish().ok());
  }
  // The names of what is anywhere on the disk, each page decrypted. While the server stands still, so that file and journal belong
  // together.
  std::set<std::string> OnDisk() {
    std::set<std::string> names;
    for (const auto& [file, key] : keys_) {
      for (const assess::Hit& hit : assess::SearchDatabase(Decrypt(Copy(file), key), file, patterns_)) names.insert(hit.name);
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(server_.directory().path())) {
      if (!entry.is_regular_file()) continue;
      const std::string content = testing::ReadAll(entry.path());
      patterns_.Search(AsBytes(content), [&](const assess::Hit& hit) { names.insert(hit.name); });
    }
    return names;
  }
  std::string Copy(const std::string& file) {
    const std::string to = copies_.File(absl::StrCat(++copied_));
    std::filesystem::create_directory(to);
    const assess::Pause pause(server_.pid());
    return ValueOf(assess::CopyDatabase(server_.directory().File("data/" + file), to));
  }
  static assess::DecryptedDatabase Decrypt(const std::string& path, const db::Key& key) {
    assess::DecryptedDatabase database = ValueOf(assess::DecryptDatabase(path, key.view()));
    EXPECT_EQ(database.unreadable, 0u);
    return database;
  }
  std::set<std::string> InMemory() {
    const absl::StatusOr<assess::MemorySearch> search = assess::SearchMemory(server_.pid(), patterns_);
    if (absl::IsPermissionDenied(search.status())) return {"NO PRIVILEGE"};
    EXPECT_OK(search);
    std::set<std::string> names;
    for (const assess::Hit& hit : search->hits) names.insert(hit.name);
    return names;
  }
  // Nothing but `kept` is found any more before what was promised is over; and a copy of the same files shows what is put there.
  void ExpectOnly(const std::set<std::string>& kept) {
    const absl::Time begun = absl::Now();
    std::set<std::string> found;
    EXPECT_TRUE(assess::PollUntil([&] { return (found = OnDisk()) == kept; }, kPromised)) << ::testing::PrintToString(found);
    std::printf("gone from the disk after %.0f s\n", absl::ToDoubleSeconds(absl::Now() - begun));
    for (const auto& [file, key] : keys_) ExpectControlsFound(file, key);
  }
  void ExpectControlsFound(const std::string& file, const db::Key& key) {
    const std::string copy = Copy(file), live = assess::NewMarker(), deleted = assess::NewMarker();
    assess::PatternSet controls;
    controls.AddMarker("live", live);
    controls.AddMarker("deleted", deleted);
    const auto found = [&](bool wal) {
      std::set<std::string> names;
      for (const assess::Hit& hit : assess::SearchDatabase(Decrypt(copy, key), file, controls)) {
        if (absl::StrContains(hit.place, "-wal") == wal) names.insert(hit.name);
      }
      return names;
    };
    const std::set<std::string> both = {"live", "deleted"};
    EXPECT_OK(assess::PlantControls(copy, key.view(), 4096, live, deleted, [&] {
      EXPECT_EQ(found(/*wal=*/true), both);
      return absl::OkStatus();
    }));
    EXPECT_EQ(found(/*wal=*/false), both);
  }

  ServerProcess server_;
  std::unique_ptr<v1::Delivery::Stub> client_;
  std::map<std::string, db::Key> keys_;
  assess::PatternSet patterns_;
  std::map<identity::MailboxId, identity::MailboxPlace> places_;  // where the next letter goes
  const TemporaryDirectory copies_;
  int copied_ = 0;
};

// In pages of their own, in pages shared with what stays, and in overflow pages.
TEST_F(Deletion, NothingOfAnAcknowledgedMessageIsLeft) {
  const TestMailbox read = server_.Mailbox(*client_), unread = server_.Mailbox(*client_);
  size_t count = 0;
  std::set<std::string> gone, kept;
  for (const size_t size : {1024, 1024, 2048, 16384, 262144, 1024}) {
    gone.insert(absl::StrCat("acknowledged ", ++count));
    SubmitLetter(read, absl::StrCat("acknowledged ", count), size);
    kept.insert(absl::StrCat("unread ", count));
    SubmitLetter(unread, absl::StrCat("unread ", count), size);
  }
  EXPECT_THAT(OnDisk(), IsSupersetOf(gone));
  EXPECT_THAT(OnDisk(), IsSupersetOf(kept));
  AcknowledgeAll(read, count);
  ExpectOnly(kept);
}

// What passed through the server's memory, acknowledged and erased, as its sender sealed it. The last one may lie in a buffer until the next
// takes its place.
TEST_F(Deletion, NothingOfAnAcknowledgedMessageIsLeftInMemory) {
  const TestMailbox read = server_.Mailbox(*client_), unread = server_.Mailbox(*client_);
  for (int i = 0; i < 20; ++i) {
    Submit(Letter(read, absl::StrCat("acknowledged ", i), i % 2 == 0 ? 1024 : 65536));
    Submit(Letter(unread, "unread", 1024));
  }
  if (InMemory().contains("NO PRIVILEGE")) GTEST_SKIP() << "the memory of other processes cannot be read here";
  AcknowledgeAll(read, 20);
  {
    // As the search would be: while it is being sent, a message is in memory.
    Receiver receiver(*client_, unread);
    ASSERT_TRUE(receiver.Open());
    ASSERT_EQ(receiver.UntilCaughtUp().size(), 20u);
    EXPECT_THAT(InMemory(), Contains("unread"));
  }
  std::set<std::string> found;
  const auto none_acknowledged = [&] {
    found = InMemory();
    for (const char* name : {"unread", "acknowledged 19"}) found.erase(name);
    return found.empty();
  };
  EXPECT_TRUE(assess::PollUntil(none_acknowledged, kPromised)) << ::testing::PrintToString(found);
}

// Messages, accepted commits and mailboxes end by the clock; the sweep is the one at the start.
TEST_F(Deletion, NothingOfWhatHasExpiredIsLeft) {
  const TestMailbox mailbox = server_.Mailbox(*client_);
  SubmitLetter(mailbox, "expired message", 16384);
  v1::SubmitRequest request;
  request.set_session_id(server_.Session(*client_));
  const TestGate gate;
  gate.Sign(request, 0, true, Marked(Marker("expired commit"), 2048));
  Submit(request);
  Uploader file(server_, Marked(Marker("expired file"), 3 * identity::kPieceSize));
  ASSERT_OK(file.Begin());
  ASSERT_OK(file.PutAll());
  EXPECT_THAT(OnDisk(), IsSupersetOf({"expired message", "expired commit", "expired file"}));
  server_.Kill(SIGKILL);
  server_.Wait();
  SetClock(absl::Hours(24 * 36));
  Start();
  ExpectOnly({});
}

TEST_F(Deletion, NothingOfAFileThatItsOwnerDeletedIsLeft) {
  constexpr size_t kSize = 5 * identity::kPieceSize;
  Uploader file(server_, Marked(Marker("deleted file"), kSize)), other(server_, Marked(Marker("other file"), kSize));
  for (Uploader* upload : {&file, &other}) {
    ASSERT_OK(upload->Begin());
    ASSERT_OK(upload->PutAll());
  }
  EXPECT_THAT(OnDisk(), IsSupersetOf({"deleted file", "other file"}));
  ASSERT_OK(file.Delete());
  ExpectOnly({"other file"});
}

}  // namespace
}  // namespace plumbline::server
