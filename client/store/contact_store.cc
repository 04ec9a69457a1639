#include "client/store/contact_store.h"

#include "client/store/columns.h"
#include "common/codec.h"

namespace plumbline::client {

identity::Hash DevicesHash(const identity::DirectoryRecord& record) {
  Writer out;
  for (const identity::RecordDevice& device : record.devices) {
    out.Fixed(device.device_id).Fixed(device.mls_signature_public_key);
  }
  return Sha256(out.view());
}

absl::StatusOr<std::optional<Contact>> ContactStore::Find(absl::string_view user) {
  ASSIGN_OR_RETURN(db::Statement row,
                   store_.db().Prepare("SELECT record, signature, shown_devices, verified_devices, proved, map_index NOT NULL, base FROM contact "
                                       "WHERE user = ?1"));
  row.Bind(1, user);
  ASSIGN_OR_RETURN(const bool found, row.Step());
  if (!found) return std::nullopt;
  Contact contact;
  contact.user = std::string(user);
  contact.record = BytesColumn(row, 0);
  contact.signature = BytesColumn(row, 1);
  contact.shown_devices = BytesColumn(row, 2);
  if (!row.IsNull(3)) contact.verified_devices = BytesColumn(row, 3);
  contact.proved = row.Int64(4) != 0;
  contact.followed = row.Int64(5) != 0;
  if (!row.IsNull(6)) contact.base = BytesColumn(row, 6);
  absl::StatusOr<identity::DirectoryRecord> parsed = identity::ParseDirectoryRecord(contact.record);
  if (!parsed.ok()) return absl::DataLossError("a directory record in the client's store is malformed");
  contact.parsed = *std::move(parsed);
  return contact;
}

absl::StatusOr<std::vector<identity::NamedPerson>> ContactStore::People() {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare("SELECT user, record FROM contact ORDER BY user"));
  std::vector<identity::NamedPerson> people;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return people;
    absl::StatusOr<identity::DirectoryRecord> parsed = identity::ParseDirectoryRecord(BytesColumn(row, 1));
    if (!parsed.ok()) return absl::DataLossError("a directory record in the client's store is malformed");
    people.push_back({std::string(row.Text(0)), std::move(parsed->display_name)});
  }
}

absl::Status ContactStore::SetRecord(Change& change, const identity::DirectoryRecord& parsed, ByteView record,
                                     ByteView signature, bool proved) {
  {
    ASSIGN_OR_RETURN(db::Statement update,
                     change.db().Prepare("UPDATE contact SET version = ?2, record = ?3, signature = ?4, proved = ?5, base = NULL WHERE user = ?1"));
    RETURN_IF_ERROR(update.Bind(1, absl::string_view(parsed.user))
                        .Bind(2, static_cast<int64_t>(parsed.version))
                        .Bind(3, record)
                        .Bind(4, signature)
                        .Bind(5, int64_t{proved})
                        .Run());
  }
  if (change.db().changes() > 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT INTO contact (user, version, record, signature, shown_devices, "
                                       "verified_devices, proved) VALUES (?1, ?2, ?3, ?4, ?5, NULL, ?6)"));
  return insert.Bind(1, absl::string_view(parsed.user))
      .Bind(2, static_cast<int64_t>(parsed.version))
      .Bind(3, record)
      .Bind(4, signature)
      .Bind(5, ByteView())
      .Bind(6, int64_t{proved})
      .Run();
}

absl::Status ContactStore::SetBase(Change& change, absl::string_view user, ByteView base) {
  ASSIGN_OR_RETURN(db::Statement update, change.db().Prepare("UPDATE contact SET base = ?2 WHERE user = ?1"));
  return update.Bind(1, user).Bind(2, base).Run();
}

absl::Status ContactStore::SetBasesUnknown(Change& change) {
  ASSIGN_OR_RETURN(db::Statement update, change.db().Prepare("UPDATE contact SET base = x'' WHERE map_index IS NULL AND base IS NULL"));
  return update.Run();
}

absl::Status ContactStore::SetPlace(Change& change, absl::string_view user, const std::optional<ContactPlace>& place) {
  ASSIGN_OR_RETURN(db::Statement update,
                   change.db().Prepare("UPDATE contact SET map_index = ?2, follow_key = ?3 WHERE user = ?1"));
  update.Bind(1, user);
  if (place) {
    update.Bind(2, ByteView(place->index.bytes)).Bind(3, place->follow_key.view());
  } else {
    update.BindNull(2).BindNull(3);
  }
  return update.Run();
}

absl::StatusOr<std::map<tlog::MapIndex, ContactStore::Followed>> ContactStore::AllFollowed() {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare("SELECT user, version, proved, map_index, follow_key, base FROM contact "
                                                          "WHERE map_index NOT NULL"));
  std::map<tlog::MapIndex, Followed> out;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return out;
    const auto index = identity::ToFixed<32>(row.Blob(3));
    if (!index.ok() || row.Blob(4).size() != 32) return absl::DataLossError("a contact in the client's store is malformed");
    Followed& followed = out[{*index}];
    followed = {std::string(row.Text(0)), static_cast<uint64_t>(row.Int64(1)), row.Int64(2) != 0, Secret::CopyOf(row.Blob(4))};
    if (row.IsNull(5)) continue;
    const absl::StatusOr<identity::DirectoryRecord> base = identity::ParseDirectoryRecord(row.Blob(5));
    followed.version = base.ok() ? base->version : 0;
  }
}

absl::StatusOr<std::optional<Bytes>> ContactStore::OwnRecord() {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare("SELECT record FROM own_record WHERE id = 1"));
  ASSIGN_OR_RETURN(const bool found, row.Step());
  return found ? std::optional<Bytes>(BytesColumn(row, 0)) : std::nullopt;
}

absl::Status ContactStore::SetOwnRecord(Change& change, ByteView record) {
  ASSIGN_OR_RETURN(db::Statement replace, change.db().Prepare("INSERT OR REPLACE INTO own_record (id, record) VALUES (1, ?1)"));
  return replace.Bind(1, record).Run();
}

absl::StatusOr<bool> ContactStore::MarkTold(Change& change, const identity::DeviceId& device, bool gone) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT OR IGNORE INTO own_device_told (device_id, gone) VALUES (?1, ?2)"));
  RETURN_IF_ERROR(insert.Bind(1, ByteView(device)).Bind(2, int64_t{gone}).Run());
  return change.db().changes() > 0;
}

absl::Status ContactStore::SetShown(Change& change, absl::string_view user, ByteView devices_hash) {
  ASSIGN_OR_RETURN(db::Statement update, change.db().Prepare("UPDATE contact SET shown_devices = ?2 WHERE user = ?1"));
  return update.Bind(1, user).Bind(2, devices_hash).Run();
}

absl::Status ContactStore::SetVerified(Change& change, absl::string_view user,
                                       const std::optional<Bytes>& devices_hash) {
  ASSIGN_OR_RETURN(db::Statement update,
                   change.db().Prepare("UPDATE contact SET verified_devices = ?2 WHERE user = ?1"));
  update.Bind(1, user);
  if (devices_hash.has_value()) {
    update.Bind(2, ByteView(*devices_hash));
  } else {
    update.BindNull(2);
  }
  return update.Run();
}

absl::Status ContactStore::AddEvidence(Change& change, absl::Time now, absl::string_view user, absl::string_view reason,
                                       ByteView held, ByteView offered, ByteView offered_signature) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT INTO evidence (time, user, reason, held, offered, offered_signature) "
                                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"));
  return insert.Bind(1, absl::ToUnixSeconds(now))
      .Bind(2, user)
      .Bind(3, reason)
      .Bind(4, held)
      .Bind(5, offered)
      .Bind(6, offered_signature)
      .Run();
}

absl::StatusOr<int64_t> ContactStore::EvidenceCount() {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare("SELECT count(*) FROM evidence"));
  RETURN_IF_ERROR(row.Step().status());
  return row.Int64(0);
}

}  // namespace plumbline::client
