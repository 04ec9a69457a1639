#include "client/store/mailbox_store.h"

#include "client/store/columns.h"

namespace plumbline::client {
namespace {

constexpr char kSelect[] =
    "SELECT id, group_id, owner_seed, hpke_private, hpke_public, capability, grant_bytes, expires_day, open, begin_place, place, place_store FROM mailbox ";

absl::StatusOr<identity::MailboxPlace> ReadPlace(const db::Statement& row, int column, const identity::MailboxId& mailbox) {
  if (row.IsNull(column)) return identity::MailboxPlace::Former(mailbox);
  return identity::MailboxPlace::Parse(row.Blob(column));
}

absl::StatusOr<Mailbox> ReadMailbox(const db::Statement& row) {
  Mailbox mailbox;
  RETURN_IF_ERROR(ReadColumn(row, 0, mailbox.id));
  mailbox.group_id = BytesColumn(row, 1);
  mailbox.owner_seed = SecretColumn(row, 2);
  mailbox.hpke_private = SecretColumn(row, 3);
  RETURN_IF_ERROR(ReadColumn(row, 4, mailbox.hpke_public));
  RETURN_IF_ERROR(ReadColumn(row, 5, mailbox.capability));
  mailbox.grant = BytesColumn(row, 6);
  mailbox.expires_day = static_cast<uint32_t>(row.Int64(7));
  mailbox.open = row.Int64(8) != 0;
  ASSIGN_OR_RETURN(mailbox.begin, ReadPlace(row, 9, mailbox.id));
  ASSIGN_OR_RETURN(mailbox.place, ReadPlace(row, 10, mailbox.id));
  mailbox.place_store = BytesColumn(row, 11);
  return mailbox;
}

absl::StatusOr<std::optional<Mailbox>> ReadOne(db::Statement& row) {
  ASSIGN_OR_RETURN(const bool found, row.Step());
  if (!found) return std::nullopt;
  ASSIGN_OR_RETURN(Mailbox mailbox, ReadMailbox(row));
  return mailbox;
}

}  // namespace

absl::Status MailboxStore::Add(Change& change, const Mailbox& mailbox) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT INTO mailbox (id, group_id, owner_seed, hpke_private, hpke_public, "
                                       "capability, grant_bytes, expires_day, open, begin_place, place, place_store) "
                                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"));
  return insert.Bind(1, ByteView(mailbox.id))
      .Bind(2, ByteView(mailbox.group_id))
      .Bind(3, mailbox.owner_seed.view())
      .Bind(4, mailbox.hpke_private.view())
      .Bind(5, ByteView(mailbox.hpke_public))
      .Bind(6, ByteView(mailbox.capability))
      .Bind(7, ByteView(mailbox.grant))
      .Bind(8, int64_t{mailbox.expires_day})
      .Bind(9, int64_t{mailbox.open})
      .Bind(10, mailbox.begin.view())
      .Bind(11, mailbox.place.view())
      .Bind(12, ByteView(mailbox.place_store))
      .Run();
}

absl::Status MailboxStore::MarkOpen(Change& change, const identity::MailboxId& id) {
  ASSIGN_OR_RETURN(db::Statement update, change.db().Prepare("UPDATE mailbox SET open = 1 WHERE id = ?1"));
  return update.Bind(1, ByteView(id)).Run();
}

absl::Status MailboxStore::SetPlace(Change& change, const identity::MailboxId& id, const identity::MailboxPlace& place, ByteView place_store) {
  ASSIGN_OR_RETURN(db::Statement update, change.db().Prepare("UPDATE mailbox SET place = ?2, place_store = ?3 WHERE id = ?1"));
  return update.Bind(1, ByteView(id)).Bind(2, place.view()).Bind(3, place_store).Run();
}

absl::Status MailboxStore::Remove(Change& change, const identity::MailboxId& id) {
  ASSIGN_OR_RETURN(db::Statement remove, change.db().Prepare("DELETE FROM mailbox WHERE id = ?1"));
  return remove.Bind(1, ByteView(id)).Run();
}

absl::StatusOr<std::vector<Mailbox>> MailboxStore::All() {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare(kSelect));
  std::vector<Mailbox> all;
  for (;;) {
    ASSIGN_OR_RETURN(std::optional<Mailbox> mailbox, ReadOne(row));
    if (!mailbox.has_value()) return all;
    all.push_back(*std::move(mailbox));
  }
}

absl::StatusOr<std::optional<Mailbox>> MailboxStore::Find(const identity::MailboxId& id) {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare(std::string(kSelect) + "WHERE id = ?1"));
  row.Bind(1, ByteView(id));
  return ReadOne(row);
}

absl::StatusOr<std::optional<Mailbox>> MailboxStore::FindFor(ByteView group_id) {
  ASSIGN_OR_RETURN(db::Statement row,
                   store_.db().Prepare(std::string(kSelect) + "WHERE group_id = ?1 ORDER BY expires_day DESC LIMIT 1"));
  row.Bind(1, group_id);
  return ReadOne(row);
}

}  // namespace plumbline::client
