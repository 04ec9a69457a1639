// A month of made-up traffic through the delivery server's own classes, on a clock that the test moves: people with one device each,
// groups and pairs, a mailbox for each device and conversation as clients open them, a third of the devices away for days at a time.
// What is random in it follows from the seed. Then what somebody reads who has the database and its key.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "assess/tools/database.h"
#include "server/delivery.h"
#include "server/store/sqlcipher_store.h"
#include "tests/common/audit/logs.h"
#include "tests/server/fake_clock.h"
#include "tests/server/organisation.h"
#include "tests/server/temporary_directory.h"

namespace plumbline::privacy {

// Leaks that are put there on purpose.
enum class Planted {
  kNone,
  kSharedCapability,
  kSharedBytes,  // in what is sealed for the members of a conversation
  kKeptPlaces,   // how far each mailbox was fetched, in a table of its own
};

// One mailbox, as the test knows it.
struct Truth {
  identity::MailboxId id{};
  int owner = 0;
  int conversation = 0;  // -1: an intake mailbox
};

struct SeenRow {
  int64_t row = 0;
  std::optional<size_t> mailbox;  // index into Snapshot::mailboxes, if anything led to it
  int64_t day = 0;
  Bytes content;
  int64_t answer = 0;                // row of its answer; 0 if that is gone, or not known
  uint32_t page = 0, last_page = 0;  // of the main file, where its content begins and ends; 0 if only in the journal
  int journal_commit = -1;           // number of the transaction in the journal that brought it; -1: moved to the file already
};

struct SeenMailbox {
  Truth truth;
  int64_t row = 0;
  int64_t expires_day = 0;
  identity::MailboxPlace place;
  std::vector<Bytes> values;  // what its row and the rows that were found to be its own hold: keys, serials, ids, hashes, how each content begins
  int journal_commit = -1;    // number of the transaction in the journal that brought its place; -1: moved to the file already
};

struct SeenCommit {
  Bytes handle;
  int64_t row = 0;
  int64_t day = 0;
  size_t size = 0;
};

// The database of one moment, read with its key.
struct Snapshot {
  std::vector<SeenMailbox> mailboxes;
  std::vector<SeenRow> rows;  // by row
  std::vector<SeenCommit> commits;
  size_t found = 0;  // rows that something led to: thirty-two bytes anywhere in the file or the journal that are a place before it
  // Where something is left of what was stored for a message that was acknowledged a minute ago or earlier, for people; and how often that
  // was in the unused middle of a page of rows.
  std::vector<std::string> left_over;
  size_t left_in_gaps = 0;
  size_t acknowledged = 0;  // messages, until a minute ago
};

class Month final {
 public:
  explicit Month(uint64_t seed, Planted planted = Planted::kNone);
  ~Month();
  // Runs to the end; a snapshot at `moments` drawn moments of the last week.
  std::vector<Snapshot> Run(int moments);

 private:
  struct Device;
  struct Conversation;
  struct Event;
  int Below(int n) { return static_cast<int>(random_() % static_cast<uint64_t>(n)); }
  void Found(int conversation);
  server::TestMailbox& MailboxOf(int device, int conversation);
  void OpenMailbox(Device& device, const server::TestMailbox& mailbox);
  std::string NewSession();
  void Say(int conversation);
  void Fetch(int device);
  Snapshot Look();
  void LookAtPages(Snapshot& snapshot);
  // Tries every place in every page.
  void FindOwners(Snapshot& snapshot, const assess::DecryptedDatabase& pages);

  std::mt19937_64 random_;
  const Planted planted_;
  server::FakeClock clock_;
  server::TemporaryDirectory directory_;
  const db::Key key_ = db::Key::Random();
  const audit::LogKey log_key_ = audit::TestLogKey();
  server::Sessions sessions_{clock_, {}};
  server::Streams streams_{100};
  server::Counters counters_;
  std::unique_ptr<server::SqlcipherStore> store_;
  std::unique_ptr<db::Database> aside_;  // another connection to the same file
  std::optional<server::Delivery> delivery_;
  std::vector<Device> devices_;
  std::vector<Conversation> conversations_;
  std::vector<Truth> truths_;
  struct Gone {
    uint64_t prefix;  // bytes 16 to 23 of what was stored
    absl::Time at;
  };
  std::vector<Gone> gone_;
};

}  // namespace plumbline::privacy
