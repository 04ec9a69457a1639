// The directory's logs that were succeeded by another one (docs/transparency.md, "Another log"): kept as they ended, so that whoever
// knew one of them reads it to its end and finds the people they follow in the next.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/db/database.h"
#include "common/directory/log_succession.h"
#include "keyserver/store/directory_log.h"

namespace plumbline::keyserver {

struct FormerLog {
  uint64_t number = 0;  // as directory::LogNumber
  uint64_t size = 0;
  std::string checkpoint;  // the note of that size
  Bytes succession;        // encoded directory::SignedLogSuccession: by which log it was succeeded
  Secret follow;           // what the keys of its feed come from
  Bytes log_key;           // where its key is in a token, as SigningKey::Serialize; empty: it was in none
};

// Where a person whose index was `former_index` is in the next log: a sealed directory::Handover.
struct HandedOver {
  Bytes former_index;
  Bytes sealed;
};

// Over one connection, and as little thread-safe as that; the database outlives it. DATA_LOSS if what is stored contradicts itself; else
// codes of the engine.
class FormerLogs final {
 public:
  static const db::Migration& Tables();

  explicit FormerLogs(db::Database& database) : database_(database) {}

  // The log that is there becomes `former`. Its tables are empty afterwards.
  absl::Status TakeOver(db::Transaction& transaction, const FormerLog& former);
  absl::Status Add(db::Transaction& transaction, uint64_t number, const std::string& user, const HandedOver& handed_over);

  // None if no log of that number was succeeded.
  absl::StatusOr<std::optional<FormerLog>> Find(uint64_t number);
  // Leaves from `from` on, at most `limit`.
  absl::StatusOr<std::vector<Bytes>> ReadLeaves(const FormerLog& log, uint64_t from, size_t limit);
  // As DirectoryLog::OwnerOf.
  absl::StatusOr<std::optional<DirectoryLog::Owner>> OwnerOf(const FormerLog& log, uint64_t place);
  // By their former index, at most `limit` behind the first `after`.
  absl::StatusOr<std::vector<HandedOver>> HandedOverAfter(const FormerLog& log, uint64_t after, size_t limit);
  // The newest token key of a purpose and class before a copy was restored; none if none was, or none of that kind was there.
  absl::StatusOr<std::optional<tlog::TokenKeyLeaf>> RestoredTokenKey(absl::string_view purpose, absl::string_view token_class);
  // As DirectoryLog::Erase, of all of them.
  absl::Status Erase(db::Transaction& transaction, const identity::UserUri& user);

 private:
  db::Database& database_;
};

// What follows `former`, which is the log that `before` reads: the log of `next`, with every record that is there as it is, and the keys of
// tokens that still count. `hand_over`: who follows somebody is told where they are in it, under keys that come from `follow`.
// `restored`: other keys of tokens may have been given out since; those that are there are void, and RestoredTokenKey names them.
struct Succession {
  FormerLog former;
  const DirectoryLogKeys& next;
  const Secret& follow;
  bool hand_over = true;
  bool restored = false;
};
absl::Status BeginNextLog(db::Transaction& transaction, DirectoryLog& before, const Succession& succession, absl::Time now);

}  // namespace plumbline::keyserver
