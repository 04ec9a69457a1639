// How the rows of a mailbox are numbered and sealed: a KDF chain, as in the Double Ratchet (section 2.2 there), for each mailbox.
//
//   place            32 bytes; the owner chose the first one, the store keeps the present one
//   next || key    = KDF(place, 1)   32 bytes each: the place behind this row, and what its content is sealed with
//   row            = KDF(place, 2)   63 bits: its number in the table
//
// KDF is libsodium's crypto_kdf (BLAKE2b under the place, context "plmailbx"). What is stored is ChaCha20-Poly1305 (RFC 8439) over
// envelope id (16 bytes) || sealed envelope, the nonce zero since no key is used twice.
//
// It goes one way: from the present place nobody finds a row that is there, opens it, or tells whose it is. Only who comes with an earlier
// place does, and that is the owner.
#pragma once

#include <optional>

#include "common/db/database.h"
#include "common/identity/fixed.h"
#include "common/identity/mailbox_place.h"
#include "server/store/envelope_store.h"

namespace plumbline::server {

// Of one row.
struct ChainStep {
  explicit ChainStep(const identity::MailboxPlace& place);
  ~ChainStep();
  ChainStep(const ChainStep&) = delete;
  ChainStep& operator=(const ChainStep&) = delete;

  identity::MailboxPlace next;
  Row row{};
  identity::Fixed<32> key{};
};

inline constexpr size_t kRowOverhead = 32;  // of the stored content over the sealed envelope: id and tag

Bytes SealRow(const ChainStep& step, const identity::EnvelopeId& id, ByteView sealed);

struct RowContent {
  identity::EnvelopeId envelope_id;
  Bytes sealed;
};
// Nothing if it was not sealed for this step: another mailbox's row has the same number.
std::optional<RowContent> OpenRow(const ChainStep& step, ByteView stored);

// Moves the rows of `unplaced_envelopes` and `placed_envelopes`, the former layouts, behind the places of their mailboxes, and those of
// `unplaced_answers` to where they belong. A mailbox without a place gets MailboxPlace::Former if the store has no id yet, which is so until
// the first start with this layout is done; later its place was lost with a damaged page, and it is deleted: its owner opens another one, and
// senders are refused until then. In small transactions; an interrupted move is finished by the next call. Before anything else uses the tables.
absl::Status ChainRows(db::Database& database);

// The place of a mailbox, by its row; for the writing thread, in a transaction. DATA_LOSS if it is none.
absl::StatusOr<identity::MailboxPlace> ReadPlace(db::Database& database, int64_t mailbox_row);
absl::Status WritePlace(db::Database& database, int64_t mailbox_row, const identity::MailboxPlace& place);

// Stores one envelope behind `place`, which becomes the one behind it.
absl::StatusOr<Row> AppendRow(db::Database& database, identity::MailboxPlace& place, const identity::EnvelopeId& id, int64_t day, ByteView sealed);

// Where the answer for an envelope stands: 63 bits of its random id. Who chooses an id whose row is taken has used it before, or is
// told so; nobody can take the row of an id that they do not know.
int64_t AnswerRow(const identity::EnvelopeId& id);

// For a table in which the order of arrival is nobody's business: 63 random bits.
int64_t RandomRow();

}  // namespace plumbline::server
