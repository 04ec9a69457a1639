#include "client/store/group_store.h"

#include "client/store/columns.h"

namespace plumbline::client {
namespace {

constexpr char kSelect[] =
    "SELECT id, conversation, handle, status, state, joined_epoch, sent_sequence, sent_hash, address_due FROM mls_group ";

absl::StatusOr<StoredGroup> ReadGroup(const db::Statement& row) {
  StoredGroup group;
  group.id = BytesColumn(row, 0);
  group.conversation = TextColumn(row, 1);
  RETURN_IF_ERROR(ReadColumn(row, 2, group.handle));
  group.status = static_cast<GroupStatus>(row.Int64(3));
  group.state = SecretColumn(row, 4);
  group.joined_epoch = static_cast<uint64_t>(row.Int64(5));
  group.sent_sequence = static_cast<uint64_t>(row.Int64(6));
  RETURN_IF_ERROR(ReadColumn(row, 7, group.sent_hash));
  group.address_due = row.Int64(8) != 0;
  return group;
}

absl::StatusOr<std::vector<StoredGroup>> ReadGroups(db::Statement& row) {
  std::vector<StoredGroup> groups;
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, row.Step());
    if (!found) return groups;
    ASSIGN_OR_RETURN(StoredGroup group, ReadGroup(row));
    groups.push_back(std::move(group));
  }
}

absl::Status Write(db::Statement statement, const StoredGroup& group) {
  return statement.Bind(1, ByteView(group.id))
      .Bind(2, absl::string_view(group.conversation))
      .Bind(3, ByteView(group.handle))
      .Bind(4, static_cast<int64_t>(group.status))
      .Bind(5, group.state.view())
      .Bind(6, static_cast<int64_t>(group.joined_epoch))
      .Bind(7, static_cast<int64_t>(group.sent_sequence))
      .Bind(8, ByteView(group.sent_hash))
      .Bind(9, int64_t{group.address_due})
      .Run();
}

}  // namespace

absl::Status GroupStore::Add(Change& change, const StoredGroup& group) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT INTO mls_group (id, conversation, handle, status, state, joined_epoch, "
                                       "sent_sequence, sent_hash, address_due) "
                                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"));
  return Write(std::move(insert), group);
}

absl::Status GroupStore::Update(Change& change, const StoredGroup& group) {
  ASSIGN_OR_RETURN(db::Statement update,
                   change.db().Prepare("UPDATE mls_group SET conversation = ?2, handle = ?3, status = ?4, state = ?5, "
                                       "joined_epoch = ?6, sent_sequence = ?7, sent_hash = ?8, address_due = ?9 "
                                       "WHERE id = ?1"));
  return Write(std::move(update), group);
}

absl::Status GroupStore::Remove(Change& change, ByteView id) {
  ASSIGN_OR_RETURN(db::Statement remove, change.db().Prepare("DELETE FROM mls_group WHERE id = ?1"));
  return remove.Bind(1, id).Run();
}

absl::StatusOr<std::optional<StoredGroup>> GroupStore::Find(ByteView id) {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare(std::string(kSelect) + "WHERE id = ?1"));
  row.Bind(1, id);
  ASSIGN_OR_RETURN(const bool found, row.Step());
  if (!found) return std::nullopt;
  ASSIGN_OR_RETURN(StoredGroup group, ReadGroup(row));
  return group;
}

absl::StatusOr<std::vector<StoredGroup>> GroupStore::InConversation(absl::string_view conversation) {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare(std::string(kSelect) + "WHERE conversation = ?1"));
  row.Bind(1, conversation);
  return ReadGroups(row);
}

absl::StatusOr<std::vector<StoredGroup>> GroupStore::All() {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare(kSelect));
  return ReadGroups(row);
}

absl::StatusOr<std::optional<ChainHead>> GroupStore::FindChain(ByteView group_id, const identity::DeviceId& device) {
  ASSIGN_OR_RETURN(db::Statement row,
                   store_.db().Prepare("SELECT sequence, hash FROM chain WHERE group_id = ?1 AND device_id = ?2"));
  row.Bind(1, group_id).Bind(2, ByteView(device));
  ASSIGN_OR_RETURN(const bool found, row.Step());
  if (!found) return std::nullopt;
  ChainHead head;
  head.sequence = static_cast<uint64_t>(row.Int64(0));
  RETURN_IF_ERROR(ReadColumn(row, 1, head.hash));
  return head;
}

absl::Status GroupStore::SetChain(Change& change, ByteView group_id, const identity::DeviceId& device,
                                  const ChainHead& head) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT OR REPLACE INTO chain (group_id, device_id, sequence, hash) "
                                       "VALUES (?1, ?2, ?3, ?4)"));
  return insert.Bind(1, group_id)
      .Bind(2, ByteView(device))
      .Bind(3, static_cast<int64_t>(head.sequence))
      .Bind(4, ByteView(head.hash))
      .Run();
}

absl::Status GroupStore::ForgetChains(Change& change, ByteView group_id) {
  for (const char* sql : {"DELETE FROM chain WHERE group_id = ?1", "DELETE FROM missing WHERE group_id = ?1"}) {
    ASSIGN_OR_RETURN(db::Statement remove, change.db().Prepare(sql));
    RETURN_IF_ERROR(remove.Bind(1, group_id).Run());
  }
  return absl::OkStatus();
}

absl::Status GroupStore::AddMissing(Change& change, ByteView group_id, const identity::DeviceId& device,
                                    uint64_t sequence) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT OR IGNORE INTO missing (group_id, device_id, sequence) VALUES (?1, ?2, ?3)"));
  return insert.Bind(1, group_id).Bind(2, ByteView(device)).Bind(3, static_cast<int64_t>(sequence)).Run();
}

absl::StatusOr<bool> GroupStore::TakeMissing(Change& change, ByteView group_id, const identity::DeviceId& device,
                                             uint64_t sequence) {
  ASSIGN_OR_RETURN(db::Statement remove,
                   change.db().Prepare("DELETE FROM missing WHERE group_id = ?1 AND device_id = ?2 AND sequence = ?3"));
  RETURN_IF_ERROR(remove.Bind(1, group_id).Bind(2, ByteView(device)).Bind(3, static_cast<int64_t>(sequence)).Run());
  return change.db().changes() > 0;
}

}  // namespace plumbline::client
