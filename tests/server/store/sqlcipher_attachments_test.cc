#include "server/store/sqlcipher_attachments.h"

#define SQLITE_HAS_CODEC 1
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/server/store/attachment_contract.h"

namespace plumbline::server {
namespace {

db::Key TestKey() { return *db::Key::FromSecret(Secret::CopyOf(Bytes(32, 0x5A))); }

std::shared_ptr<SqlcipherAttachments> OpenStore(const std::string& directory, int64_t max_bytes = int64_t{1} << 30) {
  AttachmentOptions options;
  options.path = directory + "/attachments.db";
  options.readers = 3;
  options.max_bytes = max_bytes;
  options.days = kAttachmentDays;
  auto store = SqlcipherAttachments::Create(options, TestKey());
  EXPECT_OK(store);
  CHECK(store.ok());
  return *std::move(store);
}

INSTANTIATE_TEST_SUITE_P(Sqlcipher, AttachmentContract, ::testing::Values(OpenStore));

// How often `mark` is in the decrypted database, its free pages included.
size_t CountInPages(const TemporaryDirectory& directory, const std::string& mark) {
  const std::string plain = directory.File("plain.db");
  sqlite3 *from = nullptr, *to = nullptr;
  CHECK(sqlite3_open(directory.File("attachments.db").c_str(), &from) == SQLITE_OK);
  CHECK(sqlite3_open(plain.c_str(), &to) == SQLITE_OK);
  const std::string literal = absl::StrCat("x'", ToHex(TestKey().view()), "'");
  CHECK(sqlite3_key(from, literal.data(), static_cast<int>(literal.size())) == SQLITE_OK);
  CHECK(sqlite3_exec(from, "PRAGMA cipher_page_size = 4096", nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_backup* backup = sqlite3_backup_init(to, "main", from, "main");
  CHECK(backup != nullptr && sqlite3_backup_step(backup, -1) == SQLITE_DONE);
  sqlite3_backup_finish(backup);
  sqlite3_close(from);
  sqlite3_close(to);
  std::ifstream file(plain, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(file)), {});
  std::filesystem::remove(plain);
  size_t count = 0;
  for (size_t at = 0; (at = content.find(mark, at)) != std::string::npos; ++at) ++count;
  return count;
}

// Uploads `attachment`, all of it or as far as `until`.
absl::Status Put(AttachmentStore& store, const SomeAttachment& attachment) {
  ASSIGN_OR_RETURN(AttachmentState state, store.Begin(attachment.Beginning(), kAttachmentDay));
  while (state.durable < attachment.bytes.size()) {
    ASSIGN_OR_RETURN(state, store.Append(attachment.id, attachment.owner, state.durable, attachment.PieceAt(state.durable),
                                         kAttachmentDay));
  }
  return absl::OkStatus();
}

void Mark(SomeAttachment& attachment, const std::string& mark) {
  for (size_t at = 0; at + mark.size() <= attachment.bytes.size(); at += 2000) {
    std::copy(mark.begin(), mark.end(), attachment.bytes.begin() + static_cast<ptrdiff_t>(at));
  }
}

TEST(SqlcipherAttachments, WhatWasRemovedIsGoneFromEveryPageAndTheJournal) {
  const TemporaryDirectory directory;
  const auto store = OpenStore(directory.path());
  SomeAttachment gone(20 * identity::kPieceSize), kept(identity::kPieceSize);
  Mark(gone, "canary-that-must-vanish");
  Mark(kept, "control-that-stays");
  ASSERT_OK(Put(*store, gone));
  ASSERT_OK(Put(*store, kept));
  ASSERT_GT(CountInPages(directory, "canary-that-must-vanish"), 0u);
  ASSERT_OK(store->Remove(gone.id, gone.owner, kAttachmentDay));
  ASSERT_OK(store->Purge(kAttachmentDay));
  EXPECT_EQ(std::filesystem::file_size(directory.File("attachments.db-wal")), 0u);
  EXPECT_EQ(CountInPages(directory, "canary-that-must-vanish"), 0u);
  EXPECT_GT(CountInPages(directory, "control-that-stays"), 0u);
}

// The columns are what is promised: nothing that joins an attachment to a session, a mailbox or a time finer than a day.
TEST(SqlcipherAttachments, KeepsNothingButWhatIsDeclared) {
  const TemporaryDirectory directory;
  const auto store = OpenStore(directory.path());
  db::OpenOptions open;
  open.exclusive = false;
  ASSERT_OK_AND_ASSIGN(const auto database, db::Database::Open(directory.File("attachments.db"), TestKey(), open));
  std::vector<std::string> names;
  for (const char* table : {"PRAGMA table_info(attachments)", "PRAGMA table_info(pieces)"}) {
    ASSERT_OK_AND_ASSIGN(db::Statement columns, database->Prepare(table));
    for (auto row = columns.Step(); row.ok() && *row; row = columns.Step()) names.emplace_back(columns.Text(1));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"row", "id", "owner_hash", "size", "durable", "expires_day", "row", "attachment",
                                             "n", "bytes"}));
}

TEST(SqlcipherAttachments, AMissingPieceIsAFaultAndNotAShorterFile) {
  const TemporaryDirectory directory;
  const auto store = OpenStore(directory.path());
  const SomeAttachment attachment(3 * identity::kPieceSize);
  ASSERT_OK(Put(*store, attachment));
  db::OpenOptions open;
  open.exclusive = false;
  ASSERT_OK_AND_ASSIGN(const auto database, db::Database::Open(directory.File("attachments.db"), TestKey(), open));
  ASSERT_OK(database->Execute("DELETE FROM pieces WHERE n = 1"));
  EXPECT_OK(store->Read(attachment.id, 0, kAttachmentDay));
  EXPECT_THAT(store->Read(attachment.id, identity::kPieceSize, kAttachmentDay), StatusIs(absl::StatusCode::kDataLoss));
}

// --- Killed in the middle -------------------------------------------------------------------------------------------------

TEST(SqlcipherAttachments, KilledAtAnyMomentItKeepsWhatItAcknowledged) {
  const TemporaryDirectory directory;
  const SomeAttachment attachment(400 * identity::kPieceSize);
  uint64_t acknowledged = 0;
  for (int round = 0; round < 8; ++round) {
    SCOPED_TRACE(round);
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(ends[0]);
      const auto store = OpenStore(directory.path());
      auto state = store->Begin(attachment.Beginning(), kAttachmentDay);
      while (state.ok() && state->durable < attachment.bytes.size()) {
        if (write(ends[1], &state->durable, sizeof state->durable) != sizeof state->durable) _exit(3);
        state = store->Append(attachment.id, attachment.owner, state->durable, attachment.PieceAt(state->durable), kAttachmentDay);
      }
      _exit(state.ok() ? 4 : 2);
    }
    close(ends[1]);
    uint64_t told = 0;
    const uint32_t pieces = 3 + randombytes_uniform(20);
    for (uint32_t i = 0; i < pieces && read(ends[0], &told, sizeof told) == sizeof told; ++i) acknowledged = told;
    absl::SleepFor(absl::Microseconds(randombytes_uniform(4000)));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the uploader failed: " << WEXITSTATUS(status);
    while (read(ends[0], &told, sizeof told) == sizeof told) acknowledged = told;
    close(ends[0]);
    const auto store = OpenStore(directory.path());
    ASSERT_OK_AND_ASSIGN(const AttachmentState state, store->Begin(attachment.Beginning(), kAttachmentDay));
    EXPECT_GE(state.durable, acknowledged);
    EXPECT_LE(state.durable, acknowledged + identity::kPieceSize);  // at most the one that was under way
  }
  EXPECT_GT(acknowledged, 10 * identity::kPieceSize);
  const auto store = OpenStore(directory.path());
  ASSERT_OK(Put(*store, attachment));
  for (uint64_t offset = 0; offset < attachment.bytes.size(); offset += identity::kPieceSize) {
    ASSERT_OK_AND_ASSIGN(const AttachmentPiece piece, store->Read(attachment.id, offset, kAttachmentDay));
    ASSERT_TRUE(Equal(piece.bytes, attachment.PieceAt(offset)));
  }
}

}  // namespace
}  // namespace plumbline::server
