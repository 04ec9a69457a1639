#include "client/store/outbox_store.h"

#include "client/store/columns.h"

namespace plumbline::client {
namespace {

constexpr char kSelect[] = "SELECT id, group_id, epoch, gated_commit, next_state, history_id FROM outbox ";

absl::Status AddEnvelope(Change& change, int64_t item, const OutgoingEnvelope& envelope) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT INTO outbox_envelope (envelope_id, outbox_id, mailbox_id, capability, "
                                       "sealed) VALUES (?1, ?2, ?3, ?4, ?5)"));
  return insert.Bind(1, ByteView(envelope.envelope_id))
      .Bind(2, item)
      .Bind(3, ByteView(envelope.mailbox_id))
      .Bind(4, ByteView(envelope.capability))
      .Bind(5, ByteView(envelope.sealed))
      .Run();
}

}  // namespace

absl::StatusOr<int64_t> OutboxStore::Add(Change& change, const OutboxItem& item) {
  {
    ASSIGN_OR_RETURN(db::Statement insert,
                     change.db().Prepare("INSERT INTO outbox (group_id, epoch, gated_commit, next_state, history_id) "
                                         "VALUES (?1, ?2, ?3, ?4, ?5)"));
    insert.Bind(1, ByteView(item.group_id)).Bind(2, static_cast<int64_t>(item.epoch));
    if (item.gated_commit.has_value()) {
      insert.Bind(3, ByteView(*item.gated_commit)).Bind(4, item.next_state.view());
    } else {
      insert.BindNull(3).BindNull(4);
    }
    if (item.history_id.has_value()) {
      insert.Bind(5, *item.history_id);
    } else {
      insert.BindNull(5);
    }
    RETURN_IF_ERROR(insert.Run());
  }
  const int64_t id = change.db().last_insert_rowid();
  for (const OutgoingEnvelope& envelope : item.envelopes) {
    RETURN_IF_ERROR(AddEnvelope(change, id, envelope));
  }
  return id;
}

absl::StatusOr<std::optional<OutboxItem>> OutboxStore::ReadItem(db::Statement& row) {
  ASSIGN_OR_RETURN(const bool found, row.Step());
  if (!found) return std::nullopt;
  OutboxItem item;
  item.id = row.Int64(0);
  item.group_id = BytesColumn(row, 1);
  item.epoch = static_cast<uint64_t>(row.Int64(2));
  if (!row.IsNull(3)) item.gated_commit = BytesColumn(row, 3);
  if (!row.IsNull(4)) item.next_state = SecretColumn(row, 4);
  if (!row.IsNull(5)) item.history_id = row.Int64(5);
  // Ids are random, so their order says nothing about who is who.
  ASSIGN_OR_RETURN(db::Statement envelopes,
                   store_.db().Prepare("SELECT envelope_id, mailbox_id, capability, sealed FROM outbox_envelope "
                                       "WHERE outbox_id = ?1 ORDER BY envelope_id"));
  envelopes.Bind(1, item.id);
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, envelopes.Step());
    if (!more) return item;
    OutgoingEnvelope envelope;
    RETURN_IF_ERROR(ReadColumn(envelopes, 0, envelope.envelope_id));
    RETURN_IF_ERROR(ReadColumn(envelopes, 1, envelope.mailbox_id));
    RETURN_IF_ERROR(ReadColumn(envelopes, 2, envelope.capability));
    envelope.sealed = BytesColumn(envelopes, 3);
    item.envelopes.push_back(std::move(envelope));
  }
}

absl::StatusOr<std::optional<OutboxItem>> OutboxStore::Next(int64_t after) {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare(std::string(kSelect) + "WHERE id > ?1 ORDER BY id LIMIT 1"));
  row.Bind(1, after);
  return ReadItem(row);
}

absl::StatusOr<std::optional<OutboxItem>> OutboxStore::PendingCommit(ByteView group_id) {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare(std::string(kSelect) +
                                                          "WHERE group_id = ?1 AND gated_commit IS NOT NULL LIMIT 1"));
  row.Bind(1, group_id);
  return ReadItem(row);
}

absl::StatusOr<bool> OutboxStore::HasItems(ByteView group_id) {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare("SELECT 1 FROM outbox WHERE group_id = ?1 LIMIT 1"));
  row.Bind(1, group_id);
  return row.Step();
}

absl::Status OutboxStore::RemoveEnvelope(Change& change, const identity::EnvelopeId& id) {
  ASSIGN_OR_RETURN(db::Statement remove, change.db().Prepare("DELETE FROM outbox_envelope WHERE envelope_id = ?1"));
  return remove.Bind(1, ByteView(id)).Run();
}

absl::Status OutboxStore::Remove(Change& change, int64_t id) {
  ASSIGN_OR_RETURN(db::Statement remove, change.db().Prepare("DELETE FROM outbox WHERE id = ?1"));
  return remove.Bind(1, id).Run();
}

absl::StatusOr<int64_t> OutboxStore::Count() {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare("SELECT count(*) FROM outbox"));
  RETURN_IF_ERROR(row.Step().status());
  return row.Int64(0);
}

}  // namespace plumbline::client
