#include "server/store/mailbox_chain.h"

#include <sodium.h>

#include <map>

namespace plumbline::server {
namespace {

constexpr char kContext[crypto_kdf_CONTEXTBYTES + 1] = "plmailbx";
constexpr uint8_t kNonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES] = {};
constexpr size_t kTag = crypto_aead_chacha20poly1305_ietf_ABYTES;
constexpr size_t kId = std::tuple_size_v<identity::EnvelopeId>;
static_assert(kRowOverhead == kTag + kId);

constexpr int64_t kTogether = 1000;  // rows moved in one transaction

int64_t PositiveNumber(ByteView bytes) {
  int64_t number = 0;
  for (int i = 0; i < 8; ++i) number = number << 8 | bytes[i];
  return number & INT64_MAX;
}

// Appends rows to their mailboxes and writes the places of those in the end.
class Movers final {
 public:
  explicit Movers(db::Database& database) : database_(database) {}

  // A row of a mailbox that is gone is dropped.
  absl::Status Move(ByteView mailbox, ByteView envelope_id, int64_t day, ByteView sealed) {
    ASSIGN_OR_RETURN(const identity::EnvelopeId id, identity::ToFixed<kId>(envelope_id));
    ASSIGN_OR_RETURN(db::Statement find, database_.Prepare("SELECT row FROM mailboxes WHERE mailbox = ?"));
    ASSIGN_OR_RETURN(const bool found, find.Bind(1, mailbox).Step());
    if (!found) return absl::OkStatus();
    auto known = places_.find(find.Int64(0));
    if (known == places_.end()) {
      ASSIGN_OR_RETURN(const identity::MailboxPlace place, ReadPlace(database_, find.Int64(0)));
      known = places_.emplace(find.Int64(0), place).first;
    }
    return AppendRow(database_, known->second, id, day, sealed).status();
  }
  absl::Status Write() {
    for (const auto& [row, place] : places_) RETURN_IF_ERROR(WritePlace(database_, row, place));
    return absl::OkStatus();
  }

 private:
  db::Database& database_;
  std::map<int64_t, identity::MailboxPlace> places_;  // by the mailbox's row
};

// Moves at most kTogether rows that `find` gives and `remove` deletes; false if there were none.
absl::StatusOr<bool> MoveEnvelopes(db::Database& database, const char* find_sql, const char* remove_sql) {
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  Movers movers(database);
  bool any = false;
  {
    ASSIGN_OR_RETURN(db::Statement find, database.Prepare(find_sql));
    ASSIGN_OR_RETURN(bool found, find.Bind(1, kTogether).Step());
    any = found;
    while (found) {
      RETURN_IF_ERROR(movers.Move(find.Blob(0), find.Blob(1), find.Int64(2), find.Blob(3)));
      ASSIGN_OR_RETURN(found, find.Step());
    }
  }
  RETURN_IF_ERROR(movers.Write());
  ASSIGN_OR_RETURN(db::Statement remove, database.Prepare(remove_sql));
  RETURN_IF_ERROR(remove.Bind(1, kTogether).Run());
  RETURN_IF_ERROR(transaction.Commit());
  return any;
}

absl::StatusOr<bool> MoveAnswers(db::Database& database) {
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  bool any = false;
  {
    ASSIGN_OR_RETURN(db::Statement find, database.Prepare("SELECT envelope_id, content_hash, outcome, day FROM unplaced_answers ORDER BY row LIMIT ?"));
    ASSIGN_OR_RETURN(db::Statement insert, database.Prepare("INSERT OR IGNORE INTO answers (row, envelope_id, content_hash, outcome, day) "
                                                            "VALUES (?, ?, ?, ?, ?)"));
    ASSIGN_OR_RETURN(bool found, find.Bind(1, kTogether).Step());
    any = found;
    while (found) {
      ASSIGN_OR_RETURN(const identity::EnvelopeId id, identity::ToFixed<kId>(find.Blob(0)));
      insert.Reset();
      RETURN_IF_ERROR(insert.Bind(1, AnswerRow(id)).Bind(2, ByteView(id)).Bind(3, find.Blob(1)).Bind(4, find.Int64(2)).Bind(5, find.Int64(3)).Run());
      ASSIGN_OR_RETURN(found, find.Step());
    }
  }
  ASSIGN_OR_RETURN(db::Statement remove, database.Prepare("DELETE FROM unplaced_answers WHERE row IN (SELECT row FROM unplaced_answers ORDER BY row LIMIT ?)"));
  RETURN_IF_ERROR(remove.Bind(1, kTogether).Run());
  RETURN_IF_ERROR(transaction.Commit());
  return any;
}

// For mailboxes that were opened before there were places.
absl::StatusOr<bool> GivePlaces(db::Database& database) {
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  std::map<int64_t, identity::MailboxPlace> places;
  {
    ASSIGN_OR_RETURN(db::Statement find, database.Prepare("SELECT row, mailbox FROM mailboxes WHERE row NOT IN (SELECT row FROM mailbox_places) LIMIT ?"));
    ASSIGN_OR_RETURN(bool found, find.Bind(1, kTogether).Step());
    while (found) {
      ASSIGN_OR_RETURN(const identity::MailboxId id, identity::ToFixed<16>(find.Blob(1)));
      places.emplace(find.Int64(0), identity::MailboxPlace::Former(id));
      ASSIGN_OR_RETURN(found, find.Step());
    }
  }
  for (const auto& [row, place] : places) RETURN_IF_ERROR(WritePlace(database, row, place));
  RETURN_IF_ERROR(transaction.Commit());
  return !places.empty();
}

}  // namespace

ChainStep::ChainStep(const identity::MailboxPlace& place) {
  static_assert(crypto_kdf_KEYBYTES == 32);
  uint8_t out[64], number[16];
  crypto_kdf_derive_from_key(out, sizeof out, 1, kContext, place.view().data());
  crypto_kdf_derive_from_key(number, sizeof number, 2, kContext, place.view().data());
  std::copy_n(out, 32, next.span().begin());
  std::copy_n(out + 32, 32, key.begin());
  row = Row{PositiveNumber(number)};
  sodium_memzero(out, sizeof out);
}

ChainStep::~ChainStep() { sodium_memzero(key.data(), key.size()); }

Bytes SealRow(const ChainStep& step, const identity::EnvelopeId& id, ByteView sealed) {
  const Bytes content = Concat({id, sealed});
  Bytes out(content.size() + kTag);
  crypto_aead_chacha20poly1305_ietf_encrypt(out.data(), nullptr, content.data(), content.size(), nullptr, 0, nullptr, kNonce, step.key.data());
  return out;
}

std::optional<RowContent> OpenRow(const ChainStep& step, ByteView stored) {
  if (stored.size() < kRowOverhead) return std::nullopt;
  Bytes content(stored.size() - kTag);
  if (crypto_aead_chacha20poly1305_ietf_decrypt(content.data(), nullptr, nullptr, stored.data(), stored.size(), nullptr, 0, kNonce,
                                                step.key.data()) != 0) {
    return std::nullopt;
  }
  RowContent out;
  std::copy_n(content.begin(), kId, out.envelope_id.begin());
  content.erase(content.begin(), content.begin() + kId);
  out.sealed = std::move(content);
  return out;
}

absl::StatusOr<identity::MailboxPlace> ReadPlace(db::Database& database, int64_t mailbox_row) {
  ASSIGN_OR_RETURN(db::Statement find, database.Prepare("SELECT place FROM mailbox_places WHERE row = ?"));
  ASSIGN_OR_RETURN(const bool found, find.Bind(1, mailbox_row).Step());
  absl::StatusOr<identity::MailboxPlace> place = found ? identity::MailboxPlace::Parse(find.Blob(0)) : identity::MailboxPlace::Parse({});
  if (!place.ok()) return absl::DataLossError("store_damaged: a mailbox has no place");
  return place;
}

absl::Status WritePlace(db::Database& database, int64_t mailbox_row, const identity::MailboxPlace& place) {
  ASSIGN_OR_RETURN(db::Statement write, database.Prepare("INSERT OR REPLACE INTO mailbox_places (row, place) VALUES (?, ?)"));
  return write.Bind(1, mailbox_row).Bind(2, place.view()).Run();
}

absl::StatusOr<Row> AppendRow(db::Database& database, identity::MailboxPlace& place, const identity::EnvelopeId& id, int64_t day, ByteView sealed) {
  ASSIGN_OR_RETURN(db::Statement insert, database.Prepare("INSERT INTO envelopes (row, day, content) VALUES (?, ?, ?)"));
  for (;;) {
    const ChainStep step(place);
    place = step.next;
    insert.Reset();
    const absl::Status status =
        insert.Bind(1, static_cast<int64_t>(step.row)).Bind(2, day).Bind(3, ByteView(SealRow(step, id, sealed))).Run();
    if (absl::IsAlreadyExists(status)) continue;  // another mailbox's row has this number: the reader passes it over
    RETURN_IF_ERROR(status);
    return step.row;
  }
}

int64_t AnswerRow(const identity::EnvelopeId& id) { return PositiveNumber(id); }

int64_t RandomRow() { return AnswerRow(identity::RandomFixed<16>()); }

absl::Status ChainRows(db::Database& database) {
  bool has_id = false;
  {
    ASSIGN_OR_RETURN(db::Statement id, database.Prepare("SELECT 1 FROM store_id"));
    ASSIGN_OR_RETURN(has_id, id.Step());
  }
  if (has_id) RETURN_IF_ERROR(database.Execute("DELETE FROM mailboxes WHERE row NOT IN (SELECT row FROM mailbox_places)"));
  for (bool more = !has_id; more;) {
    ASSIGN_OR_RETURN(more, GivePlaces(database));
  }
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(more, MoveEnvelopes(database, "SELECT mailbox, envelope_id, day, sealed FROM unplaced_envelopes ORDER BY row LIMIT ?",
                                         "DELETE FROM unplaced_envelopes WHERE row IN (SELECT row FROM unplaced_envelopes ORDER BY row LIMIT ?)"));
  }
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(more, MoveEnvelopes(database, "SELECT mailbox, envelope_id, day, sealed FROM placed_envelopes ORDER BY row LIMIT ?",
                                         "DELETE FROM placed_envelopes WHERE row IN (SELECT row FROM placed_envelopes ORDER BY row LIMIT ?)"));
  }
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(more, MoveAnswers(database));
  }
  return absl::OkStatus();
}

}  // namespace plumbline::server
