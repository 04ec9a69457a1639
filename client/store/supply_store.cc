#include "client/store/supply_store.h"

#include "client/store/columns.h"

namespace plumbline::client {
namespace {

StoredKeyPackage ReadKeyPackage(const db::Statement& row) {
  return StoredKeyPackage{BytesColumn(row, 0), SecretColumn(row, 1), row.Int64(2) != 0, row.Int64(3) != 0,
                          absl::FromUnixSeconds(row.Int64(4))};
}

}  // namespace

absl::Status SupplyStore::AddToken(Change& change, const StoredToken& token, absl::string_view purpose, absl::Time expires) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT OR IGNORE INTO token (bytes, token_key, purpose, expires) VALUES (?1, ?2, ?3, ?4)"));
  return insert.Bind(1, ByteView(token.token))
      .Bind(2, ByteView(token.token_key))
      .Bind(3, purpose)
      .Bind(4, absl::ToUnixSeconds(expires))
      .Run();
}

absl::StatusOr<std::optional<StoredToken>> SupplyStore::TakeToken(Change& change, absl::string_view purpose, absl::Time now) {
  {
    ASSIGN_OR_RETURN(db::Statement expire, change.db().Prepare("DELETE FROM token WHERE expires < ?1"));
    RETURN_IF_ERROR(expire.Bind(1, absl::ToUnixSeconds(now + absl::Minutes(1))).Run());
  }
  StoredToken token;
  {
    ASSIGN_OR_RETURN(db::Statement row, change.db().Prepare("SELECT bytes, token_key FROM token WHERE purpose = ?1 LIMIT 1"));
    row.Bind(1, purpose);
    ASSIGN_OR_RETURN(const bool found, row.Step());
    if (!found) return std::nullopt;
    token = {BytesColumn(row, 0), BytesColumn(row, 1)};
  }
  ASSIGN_OR_RETURN(db::Statement remove, change.db().Prepare("DELETE FROM token WHERE bytes = ?1"));
  RETURN_IF_ERROR(remove.Bind(1, ByteView(token.token)).Run());
  return token;
}

absl::Status SupplyStore::RemoveTokens(Change& change, absl::string_view purpose) {
  ASSIGN_OR_RETURN(db::Statement remove, change.db().Prepare("DELETE FROM token WHERE purpose = ?1"));
  return remove.Bind(1, purpose).Run();
}

absl::Status SupplyStore::AddGrant(Change& change, ByteView grant, uint32_t expires_day) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT OR IGNORE INTO mailbox_grant (bytes, expires_day) VALUES (?1, ?2)"));
  return insert.Bind(1, grant).Bind(2, int64_t{expires_day}).Run();
}

absl::StatusOr<std::optional<SupplyStore::Grant>> SupplyStore::TakeGrant(Change& change, uint32_t today) {
  Grant grant;
  {
    ASSIGN_OR_RETURN(db::Statement row,
                     change.db().Prepare("SELECT bytes, expires_day FROM mailbox_grant WHERE expires_day > ?1 "
                                         "ORDER BY expires_day DESC LIMIT 1"));
    row.Bind(1, int64_t{today});
    ASSIGN_OR_RETURN(const bool found, row.Step());
    if (!found) return std::nullopt;
    grant = {BytesColumn(row, 0), static_cast<uint32_t>(row.Int64(1))};
  }
  ASSIGN_OR_RETURN(db::Statement remove,
                   change.db().Prepare("DELETE FROM mailbox_grant WHERE bytes = ?1 OR expires_day <= ?2"));
  RETURN_IF_ERROR(remove.Bind(1, ByteView(grant.bytes)).Bind(2, int64_t{today}).Run());
  return grant;
}

absl::Status SupplyStore::RemoveGrants(Change& change) { return change.db().Execute("DELETE FROM mailbox_grant"); }

absl::Status SupplyStore::AddKeyPackage(Change& change, const StoredKeyPackage& key_package) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT INTO key_package (ref, bundle, last_resort, published, not_after) "
                                       "VALUES (?1, ?2, ?3, ?4, ?5)"));
  return insert.Bind(1, ByteView(key_package.ref))
      .Bind(2, key_package.bundle.view())
      .Bind(3, int64_t{key_package.last_resort})
      .Bind(4, int64_t{key_package.published})
      .Bind(5, absl::ToUnixSeconds(key_package.not_after))
      .Run();
}

absl::StatusOr<std::vector<StoredKeyPackage>> SupplyStore::KeyPackages(bool published) {
  ASSIGN_OR_RETURN(db::Statement row,
                   store_.db().Prepare("SELECT ref, bundle, last_resort, published, not_after FROM key_package "
                                       "WHERE published = ?1"));
  row.Bind(1, int64_t{published});
  std::vector<StoredKeyPackage> all;
  for (;;) {
    ASSIGN_OR_RETURN(const bool found, row.Step());
    if (!found) return all;
    all.push_back(ReadKeyPackage(row));
  }
}

absl::StatusOr<std::optional<StoredKeyPackage>> SupplyStore::FindKeyPackage(ByteView ref) {
  ASSIGN_OR_RETURN(db::Statement row,
                   store_.db().Prepare("SELECT ref, bundle, last_resort, published, not_after FROM key_package "
                                       "WHERE ref = ?1"));
  row.Bind(1, ref);
  ASSIGN_OR_RETURN(const bool found, row.Step());
  if (!found) return std::nullopt;
  return ReadKeyPackage(row);
}

absl::Status SupplyStore::MarkPublished(Change& change, ByteView ref) {
  ASSIGN_OR_RETURN(db::Statement update, change.db().Prepare("UPDATE key_package SET published = 1 WHERE ref = ?1"));
  return update.Bind(1, ref).Run();
}

absl::Status SupplyStore::RemoveKeyPackage(Change& change, ByteView ref) {
  ASSIGN_OR_RETURN(db::Statement remove, change.db().Prepare("DELETE FROM key_package WHERE ref = ?1"));
  return remove.Bind(1, ref).Run();
}

}  // namespace plumbline::client
