#include "server/store/row_places.h"

#include <sodium.h>

#include <algorithm>

#include "common/crypto/hkdf.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"

namespace plumbline::server {
namespace {

constexpr int kCountBits = 32;
constexpr int64_t kCounts = int64_t{1} << kCountBits;
constexpr uint32_t kRandomBegin = 1 << 20;
constexpr size_t kMaxRemembered = 500'000;  // places; about 20 MB
constexpr int kTogether = 1000;             // rows moved in one transaction

// Moves at most kTogether of them; false if there were none.
absl::StatusOr<bool> MoveEnvelopes(db::Database& database, const RowPlaces& places, RowNumbers& numbers) {
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  int moved = 0;
  {
    ASSIGN_OR_RETURN(db::Statement find,
                     database.Prepare("SELECT row, mailbox, envelope_id, sealed, day FROM unplaced_envelopes ORDER BY row LIMIT ?"));
    ASSIGN_OR_RETURN(db::Statement insert,
                     database.Prepare("INSERT INTO envelopes (row, mailbox, envelope_id, day, sealed) VALUES (?, ?, ?, ?, ?)"));
    ASSIGN_OR_RETURN(bool found, find.Bind(1, int64_t{kTogether}).Step());
    for (; found; ++moved) {
      ASSIGN_OR_RETURN(const identity::MailboxId mailbox, identity::ToFixed<16>(find.Blob(1)));
      ASSIGN_OR_RETURN(const int64_t row, numbers.Next(database, places.Of(mailbox)));
      insert.Reset();
      RETURN_IF_ERROR(insert.Bind(1, row).Bind(2, ByteView(mailbox)).Bind(3, find.Blob(2)).Bind(4, find.Int64(4)).Bind(5, find.Blob(3)).Run());
      ASSIGN_OR_RETURN(found, find.Step());
    }
  }
  RETURN_IF_ERROR(database.Execute("DELETE FROM unplaced_envelopes WHERE row IN (SELECT row FROM unplaced_envelopes ORDER BY row LIMIT 1000)"));
  RETURN_IF_ERROR(transaction.Commit());
  return moved > 0;
}

absl::StatusOr<bool> MoveAnswers(db::Database& database) {
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  int moved = 0;
  {
    ASSIGN_OR_RETURN(db::Statement find, database.Prepare("SELECT envelope_id, content_hash, outcome, day FROM unplaced_answers ORDER BY row LIMIT ?"));
    ASSIGN_OR_RETURN(db::Statement insert, database.Prepare("INSERT OR IGNORE INTO answers (row, envelope_id, content_hash, outcome, day) "
                                                            "VALUES (?, ?, ?, ?, ?)"));
    ASSIGN_OR_RETURN(bool found, find.Bind(1, int64_t{kTogether}).Step());
    for (; found; ++moved) {
      ASSIGN_OR_RETURN(const identity::EnvelopeId id, identity::ToFixed<16>(find.Blob(0)));
      insert.Reset();
      RETURN_IF_ERROR(insert.Bind(1, AnswerRow(id)).Bind(2, ByteView(id)).Bind(3, find.Blob(1)).Bind(4, find.Int64(2)).Bind(5, find.Int64(3)).Run());
      ASSIGN_OR_RETURN(found, find.Step());
    }
  }
  RETURN_IF_ERROR(database.Execute("DELETE FROM unplaced_answers WHERE row IN (SELECT row FROM unplaced_answers ORDER BY row LIMIT 1000)"));
  RETURN_IF_ERROR(transaction.Commit());
  return moved > 0;
}

// Rows that were placed under another key go back to where they came from, and the mark becomes this key's.
absl::Status TakeBack(db::Database& database, const RowPlaces& places) {
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  RETURN_IF_ERROR(database.Execute("INSERT INTO unplaced_envelopes (mailbox, envelope_id, sealed, day) "
                                   "SELECT mailbox, envelope_id, sealed, day FROM envelopes ORDER BY row"));
  RETURN_IF_ERROR(database.Execute("DELETE FROM envelopes"));
  ASSIGN_OR_RETURN(db::Statement set, database.Prepare("INSERT OR REPLACE INTO row_places (row, mark) VALUES (1, ?)"));
  RETURN_IF_ERROR(set.Bind(1, places.mark()).Run());
  return transaction.Commit();
}

}  // namespace

RowPlaces::RowPlaces(const db::Key& key)
    : key_(crypto::HkdfSha256(key.view(), {}, AsBytes(identity::kRowPlacesLabel), crypto_shorthash_KEYBYTES)),
      mark_(*identity::ToFixed<16>(crypto::HkdfSha256(key.view(), {}, AsBytes(identity::kRowPlacesMarkLabel), 16).view())) {}

RowPlaces::Range RowPlaces::Of(const identity::MailboxId& mailbox) const {
  uint8_t hash[crypto_shorthash_BYTES];
  crypto_shorthash(hash, mailbox.data(), mailbox.size(), key_.view().data());
  int64_t place = 0;
  for (int i = 0; i < 4; ++i) place = place << 8 | hash[i];
  const int64_t first = (place & 0x7fffffff) << kCountBits;
  return {first, first + kCounts - 1};
}

RowPlaces::Range RowPlaces::Around(int64_t row) {
  const int64_t first = row & ~(kCounts - 1);
  return {first, first + kCounts - 1};
}

absl::StatusOr<int64_t*> RowNumbers::Find(db::Database& database, const RowPlaces::Range& range) {
  const auto known = next_.find(range.first);
  if (known != next_.end()) return &known->second;
  if (next_.size() >= kMaxRemembered) {
    for (const auto& [first, row] : next_) floor_ = std::max(floor_, row - first);
    next_.clear();
  }
  ASSIGN_OR_RETURN(db::Statement newest,
                   database.Prepare("SELECT row FROM envelopes WHERE row > ? AND row <= ? ORDER BY row DESC LIMIT 1"));
  ASSIGN_OR_RETURN(const bool found, newest.Bind(1, range.first).Bind(2, range.last).Step());
  // Where a place begins is random: two mailboxes that received the same number of envelopes would have the same counts.
  const int64_t begin = range.first + floor_ + randombytes_uniform(kRandomBegin);
  const int64_t next = found ? std::max(range.first + floor_, newest.Int64(0) + 1) : begin;
  return &next_.emplace(range.first, next).first->second;
}

absl::StatusOr<int64_t> RowNumbers::Next(db::Database& database, const RowPlaces::Range& range) {
  ASSIGN_OR_RETURN(int64_t* const next, Find(database, range));
  if (*next > range.last) {
    return identity::Refuse(absl::StatusCode::kResourceExhausted, "storage_full", "this mailbox has had four billion envelopes; open another one");
  }
  return (*next)++;
}

absl::Status RowNumbers::Remember(db::Database& database, const RowPlaces::Range& range) { return Find(database, range).status(); }

int64_t AnswerRow(const identity::EnvelopeId& id) {
  int64_t row = 0;
  for (int i = 0; i < 8; ++i) row = row << 8 | id[i];
  return row & INT64_MAX;
}

int64_t RandomRow() { return AnswerRow(identity::RandomFixed<16>()); }

absl::Status PlaceRows(db::Database& database, const RowPlaces& places) {
  bool marked = false;
  {
    ASSIGN_OR_RETURN(db::Statement mark, database.Prepare("SELECT mark FROM row_places WHERE row = 1"));
    ASSIGN_OR_RETURN(const bool found, mark.Step());
    marked = found && Equal(mark.Blob(0), places.mark());
  }
  if (!marked) RETURN_IF_ERROR(TakeBack(database, places));
  RowNumbers numbers;
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(more, MoveEnvelopes(database, places, numbers));
  }
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(more, MoveAnswers(database));
  }
  return absl::OkStatus();
}

}  // namespace plumbline::server
