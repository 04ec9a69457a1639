#include "client/store/history_store.h"

#include <algorithm>

#include "client/store/columns.h"

namespace plumbline::client {
namespace {

constexpr char kSelect[] =
    "SELECT id, time, conversation, kind, sender, device_id, media_type, body, state, detail FROM history ";
constexpr uint32_t kRememberDays = 60;

Entry ReadEntry(const db::Statement& row) {
  Entry entry;
  entry.id = row.Int64(0);
  entry.time = absl::FromUnixSeconds(row.Int64(1));
  entry.conversation = TextColumn(row, 2);
  entry.kind = static_cast<EntryKind>(row.Int64(3));
  entry.sender = TextColumn(row, 4);
  entry.device_id = BytesColumn(row, 5);
  entry.media_type = TextColumn(row, 6);
  entry.body = BytesColumn(row, 7);
  entry.state = static_cast<EntryState>(row.Int64(8));
  entry.detail = TextColumn(row, 9);
  return entry;
}

absl::StatusOr<std::vector<Entry>> ReadEntries(db::Statement& row) {
  std::vector<Entry> entries;
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, row.Step());
    if (!found) return entries;
    entries.push_back(ReadEntry(row));
  }
}

}  // namespace

absl::StatusOr<int64_t> HistoryStore::Add(Change& change, const Entry& entry) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT INTO history (time, conversation, kind, sender, device_id, media_type, "
                                       "body, state, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"));
  RETURN_IF_ERROR(insert.Bind(1, absl::ToUnixSeconds(entry.time))
                      .Bind(2, absl::string_view(entry.conversation))
                      .Bind(3, static_cast<int64_t>(entry.kind))
                      .Bind(4, absl::string_view(entry.sender))
                      .Bind(5, ByteView(entry.device_id))
                      .Bind(6, absl::string_view(entry.media_type))
                      .Bind(7, ByteView(entry.body))
                      .Bind(8, static_cast<int64_t>(entry.state))
                      .Bind(9, absl::string_view(entry.detail))
                      .Run());
  return change.db().last_insert_rowid();
}

absl::Status HistoryStore::SetState(Change& change, int64_t id, EntryState state) {
  ASSIGN_OR_RETURN(db::Statement update, change.db().Prepare("UPDATE history SET state = ?2 WHERE id = ?1"));
  return update.Bind(1, id).Bind(2, static_cast<int64_t>(state)).Run();
}

absl::StatusOr<std::optional<Entry>> HistoryStore::Find(int64_t id) {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare(std::string(kSelect) + "WHERE id = ?1"));
  row.Bind(1, id);
  ASSIGN_OR_RETURN(const bool found, row.Step());
  if (!found) return std::nullopt;
  return ReadEntry(row);
}

absl::StatusOr<std::vector<Entry>> HistoryStore::InConversation(absl::string_view conversation, int64_t limit) {
  ASSIGN_OR_RETURN(db::Statement row,
                   store_.db().Prepare(std::string(kSelect) +
                                       "WHERE (?1 = '' OR conversation = ?1) AND kind != 4 ORDER BY id DESC LIMIT ?2"));
  row.Bind(1, conversation).Bind(2, limit);
  ASSIGN_OR_RETURN(std::vector<Entry> entries, ReadEntries(row));
  std::reverse(entries.begin(), entries.end());
  return entries;
}

absl::StatusOr<std::vector<Entry>> HistoryStore::InState(EntryState state) {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare(std::string(kSelect) + "WHERE state = ?1 ORDER BY id"));
  row.Bind(1, static_cast<int64_t>(state));
  return ReadEntries(row);
}

absl::StatusOr<std::vector<HistoryStore::Summary>> HistoryStore::Summaries() {
  ASSIGN_OR_RETURN(db::Statement row,
                   store_.db().Prepare("SELECT conversation, sum(kind = 1), sum(state = 1), max(time) FROM history "
                                       "WHERE conversation != '' GROUP BY conversation ORDER BY max(id) DESC"));
  std::vector<Summary> summaries;
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, row.Step());
    if (!found) return summaries;
    summaries.push_back({TextColumn(row, 0), row.Int64(1), row.Int64(2), absl::FromUnixSeconds(row.Int64(3))});
  }
}

absl::StatusOr<bool> HistoryStore::Seen(const identity::EnvelopeId& id) {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare("SELECT 1 FROM seen WHERE envelope_id = ?1"));
  row.Bind(1, ByteView(id));
  return row.Step();
}

absl::Status HistoryStore::MarkSeen(Change& change, const identity::EnvelopeId& id, uint32_t today) {
  {
    ASSIGN_OR_RETURN(db::Statement insert,
                     change.db().Prepare("INSERT OR IGNORE INTO seen (envelope_id, day) VALUES (?1, ?2)"));
    RETURN_IF_ERROR(insert.Bind(1, ByteView(id)).Bind(2, int64_t{today}).Run());
  }
  ASSIGN_OR_RETURN(db::Statement forget, change.db().Prepare("DELETE FROM seen WHERE day < ?1"));
  return forget.Bind(1, int64_t{today > kRememberDays ? today - kRememberDays : 0}).Run();
}

}  // namespace plumbline::client
