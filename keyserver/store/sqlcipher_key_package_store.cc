#include "keyserver/store/sqlcipher_key_package_store.h"

#include "common/identity/reason.h"
#include "keyserver/store/account_rows.h"

namespace plumbline::keyserver {
namespace {

using identity::Refuse;

absl::StatusOr<uint32_t> Count(db::Database& database, const identity::DeviceId& device, absl::Time now) {
  ASSIGN_OR_RETURN(
      db::Statement count,
      database.Prepare("SELECT count(*) FROM key_package WHERE device = ? AND last_resort = 0 AND "
                       "message IS NOT NULL AND expires_unix > ?"));
  RETURN_IF_ERROR(count.Bind(1, ByteView(device)).Bind(2, absl::ToUnixSeconds(now)).Step().status());
  return static_cast<uint32_t>(count.Int64(0));
}

absl::Status Insert(db::Database& database, const identity::DeviceId& device,
                    const PublishedKeyPackage& package, bool last_resort) {
  ASSIGN_OR_RETURN(
      db::Statement insert,
      database.Prepare("INSERT INTO key_package (hash, device, suite, expires_unix, last_resort, message) "
                       "VALUES (?, ?, ?, ?, ?, ?)"));
  const absl::Status inserted = insert.Bind(1, ByteView(Sha256(package.message)))
                                    .Bind(2, ByteView(device))
                                    .Bind(3, int64_t{package.cipher_suite})
                                    .Bind(4, static_cast<int64_t>(package.expires_unix))
                                    .Bind(5, int64_t{last_resort})
                                    .Bind(6, ByteView(package.message))
                                    .Run();
  if (absl::IsAlreadyExists(inserted)) {
    return Refuse(absl::StatusCode::kAlreadyExists, "key_package_known",
                  "a key package was published before; each is for one use, make new ones");
  }
  return inserted;
}

absl::Status ReplaceLastResort(db::Database& database, const identity::DeviceId& device,
                               const PublishedKeyPackage& package) {
  ASSIGN_OR_RETURN(
      db::Statement remove,
      database.Prepare("DELETE FROM key_package WHERE device = ? AND suite = ? AND last_resort = 1"));
  RETURN_IF_ERROR(remove.Bind(1, ByteView(device)).Bind(2, int64_t{package.cipher_suite}).Run());
  return Insert(database, device, package, true);
}

// Those under a former credential; their hashes stay.
absl::Status DropFormer(db::Database& database, const identity::DeviceId& device) {
  ASSIGN_OR_RETURN(db::Statement drop, database.Prepare("UPDATE key_package SET message = NULL WHERE device = ? AND former = 1"));
  return drop.Bind(1, ByteView(device)).Run();
}

absl::StatusOr<std::vector<identity::DeviceId>> DevicesOf(db::Database& database, absl::string_view user) {
  ASSIGN_OR_RETURN(db::Statement select,
                   database.Prepare("SELECT d.id FROM device d JOIN account a ON a.user = d.user "
                                    "WHERE d.user = ? AND a.suspended = 0 ORDER BY d.id"));
  select.Bind(1, user);
  std::vector<identity::DeviceId> out;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return out;
    ASSIGN_OR_RETURN(const identity::DeviceId id, identity::ToFixed<16>(select.Blob(0)));
    out.push_back(id);
  }
}

// The oldest single-use package, marked as claimed, else the last resort; none if the device has neither.
absl::StatusOr<std::optional<ClaimedKeyPackage>> ClaimOne(db::Database& database,
                                                          const identity::DeviceId& device,
                                                          uint16_t cipher_suite, absl::Time now, bool spare_single_use) {
  ASSIGN_OR_RETURN(
      db::Statement select,
      database.Prepare(
          "SELECT number, message, last_resort FROM key_package WHERE device = ? AND suite = ? AND "
          "message IS NOT NULL AND expires_unix > ? ORDER BY last_resort = ? DESC, number LIMIT 1"));
  ASSIGN_OR_RETURN(const bool found, select.Bind(1, ByteView(device))
                                         .Bind(2, int64_t{cipher_suite})
                                         .Bind(3, absl::ToUnixSeconds(now))
                                         .Bind(4, int64_t{spare_single_use})
                                         .Step());
  if (!found) return std::optional<ClaimedKeyPackage>();
  const int64_t number = select.Int64(0);
  ClaimedKeyPackage out{device, ToBytes(select.Blob(1)), select.Int64(2) != 0};
  select.Reset();
  if (!out.last_resort) {
    ASSIGN_OR_RETURN(db::Statement mark,
                     database.Prepare("UPDATE key_package SET message = NULL WHERE number = ?"));
    RETURN_IF_ERROR(mark.Bind(1, number).Run());
  }
  return std::optional<ClaimedKeyPackage>(std::move(out));
}

}  // namespace

absl::StatusOr<uint32_t> SqlcipherKeyPackageStore::Publish(
    const identity::DeviceId& device, const std::vector<PublishedKeyPackage>& packages,
    const std::optional<PublishedKeyPackage>& last_resort, absl::Time now) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  RETURN_IF_ERROR(CheckActive(database, device));
  RETURN_IF_ERROR(DropFormer(database, device));
  for (const PublishedKeyPackage& package : packages)
    RETURN_IF_ERROR(Insert(database, device, package, false));
  if (last_resort) RETURN_IF_ERROR(ReplaceLastResort(database, device, *last_resort));
  ASSIGN_OR_RETURN(const uint32_t waiting, Count(database, device, now));
  if (waiting > kMaxWaitingKeyPackages) {
    return Refuse(absl::StatusCode::kResourceExhausted, "too_many_key_packages",
                  "enough key packages wait already");
  }
  RETURN_IF_ERROR(transaction.Commit());
  return waiting;
}

absl::StatusOr<std::vector<ClaimedKeyPackage>> SqlcipherKeyPackageStore::Claim(absl::string_view user,
                                                                               uint16_t cipher_suite,
                                                                               absl::Time now, bool spare_single_use) {
  MutexLock lock(connection_.mutex());
  db::Database& database = connection_.database();
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(database));
  ASSIGN_OR_RETURN(const std::vector<identity::DeviceId> devices, DevicesOf(database, user));
  std::vector<ClaimedKeyPackage> out;
  for (const identity::DeviceId& device : devices) {
    ASSIGN_OR_RETURN(std::optional<ClaimedKeyPackage> claimed, ClaimOne(database, device, cipher_suite, now, spare_single_use));
    if (claimed) out.push_back(*std::move(claimed));
  }
  RETURN_IF_ERROR(transaction.Commit());
  return out;
}

absl::StatusOr<uint32_t> SqlcipherKeyPackageStore::CountAvailable(const identity::DeviceId& device,
                                                                  absl::Time now) {
  MutexLock lock(connection_.mutex());
  return Count(connection_.database(), device, now);
}

}  // namespace plumbline::keyserver
