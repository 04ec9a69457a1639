#include "keyserver/store/adoption.h"

#include "common/directory/cause.h"
#include "common/identity/record.h"

namespace plumbline::keyserver {
namespace {

// The working keys of a record's devices, which no record shows.
absl::StatusOr<directory::Adopted> AdoptedAs(db::Database& database, ByteView record) {
  const absl::StatusOr<identity::DirectoryRecord> parsed = identity::ParseDirectoryRecord(record);
  if (!parsed.ok()) return absl::DataLossError("a stored directory record does not parse");
  ASSIGN_OR_RETURN(db::Statement select,
                   database.Prepare("SELECT working_key FROM device WHERE id = ?1 UNION SELECT working_key FROM revoked_device "
                                    "WHERE id = ?1"));
  directory::Adopted out;
  for (const identity::RecordDevice& device : parsed->devices) {
    select.Reset();
    ASSIGN_OR_RETURN(const bool found, select.Bind(1, ByteView(device.device_id)).Step());
    const absl::StatusOr<identity::PublicKey> key = identity::ToFixed<32>(found ? select.Blob(0) : ByteView());
    if (!key.ok()) return absl::DataLossError("the working key of a device is missing");
    out.devices.push_back({device.device_id, *key});
  }
  return out;
}

// The next versions of the records that the log lacks, one of each person.
absl::StatusOr<std::vector<RecordChange>> NextToAdopt(db::Database& database) {
  ASSIGN_OR_RETURN(
      db::Statement select,
      database.Prepare("SELECT r.user, r.version, r.record FROM directory_record r WHERE r.version = 1 + "
                       "IFNULL((SELECT MAX(o.version) FROM opening o WHERE o.user = r.user), 0) ORDER BY r.user LIMIT 65536"));
  std::vector<RecordChange> out;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return out;
    const absl::StatusOr<identity::UserUri> user = identity::ParseUserUri(select.Text(0));
    if (!user.ok()) return absl::DataLossError("a stored name is damaged");
    ASSIGN_OR_RETURN(const directory::Adopted cause, AdoptedAs(database, select.Blob(2)));
    out.push_back({*user, static_cast<uint64_t>(select.Int64(1)), ToBytes(select.Blob(2)), directory::Encode(cause)});
  }
}

}  // namespace

absl::Status AdoptRecords(db::Transaction& transaction, DirectoryLog& log) {
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<RecordChange> older, NextToAdopt(transaction.database()));
    if (older.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(log.Append(transaction, older));
  }
}

}  // namespace plumbline::keyserver
