// Where an envelope's row stands in its table. Rows that arrived together must not lie together: whoever has the database and its
// key would read from their order which mailboxes belong to one group. So a row's number is
//
//   31 bits  the place of its mailbox: SipHash-2-4 of the mailbox id under a key that is derived from the database's
//   32 bits  a count within that place, from a random one on
//
// The rows of one mailbox are in the order of their arrival, and nothing tells when they came in relation to another's. Two
// mailboxes may share a place (by chance: nobody without the key can find such two), so a row names its mailbox as well.
#pragma once

#include <unordered_map>

#include "common/db/database.h"
#include "common/identity/fixed.h"
#include "server/store/envelope_store.h"

namespace plumbline::server {

class RowPlaces final {
 public:
  explicit RowPlaces(const db::Key& key);

  struct Range {
    int64_t first;  // inclusive; no row has this number
    int64_t last;   // inclusive
  };
  Range Of(const identity::MailboxId& mailbox) const;
  static Range Around(int64_t row);
  // Tells databases whose rows are placed under this key from others; says nothing about the key.
  ByteView mark() const { return mark_; }

 private:
  Secret key_;
  identity::Fixed<16> mark_;
};

// Gives out row numbers. Within a place they rise as long as this lives, also above rows that are gone, so a reader that knows how far it
// has come misses nothing. For the writing thread only.
class RowNumbers final {
 public:
  // The next number in `range`. RESOURCE_EXHAUSTED if the four billion of them are used up.
  absl::StatusOr<int64_t> Next(db::Database& database, const RowPlaces::Range& range);
  // To be called before rows of this range are deleted: the next number will be above them.
  absl::Status Remember(db::Database& database, const RowPlaces::Range& range);

 private:
  absl::StatusOr<int64_t*> Find(db::Database& database, const RowPlaces::Range& range);

  int64_t floor_ = 1;  // of the count, for places that were forgotten
  std::unordered_map<int64_t, int64_t> next_;
};

// Where the answer for an envelope stands: 63 bits of its random id. Who chooses an id whose row is taken has used it before, or is
// told so; nobody can take the row of an id that they do not know.
int64_t AnswerRow(const identity::EnvelopeId& id);

// For a table in which the order of arrival is nobody's business either: 63 random bits.
int64_t RandomRow();

// Moves rows of `unplaced_envelopes` and `unplaced_answers`, the former layout, to where they belong, and all
// rows if they were placed under another key. In small transactions; an interrupted move is finished by the next call. Before anything
// else uses the tables.
absl::Status PlaceRows(db::Database& database, const RowPlaces& places);

}  // namespace plumbline::server
