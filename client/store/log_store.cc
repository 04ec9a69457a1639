#include "client/store/log_store.h"

#include "client/store/columns.h"

namespace plumbline::client {
namespace {

// Columns from `first` on: size, root, signature.
absl::StatusOr<identity::SeenCheckpoint> ReadSeen(const db::Statement& row, int first) {
  identity::SeenCheckpoint out;
  const auto root = identity::ToFixed<32>(row.Blob(first + 1));
  const auto signature = identity::ToFixed<64>(row.Blob(first + 2));
  if (row.Int64(first) < 0 || !root.ok() || !signature.ok())
    return absl::DataLossError("a checkpoint in the client's store is malformed");
  out.size = static_cast<uint64_t>(row.Int64(first));
  out.root = *root;
  out.signature = *signature;
  return out;
}

}  // namespace

absl::StatusOr<std::optional<KnownLog>> LogStore::Get() {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare("SELECT policy_certificate, policy, policy_signature, checkpoint, size, "
                                                          "root, log_signature, number, genesis, restored FROM directory_log WHERE id = 1"));
  ASSIGN_OR_RETURN(const bool found, row.Step());
  if (!found) return std::nullopt;
  KnownLog out;
  out.policy = {BytesColumn(row, 0), BytesColumn(row, 1), BytesColumn(row, 2)};
  out.checkpoint = std::string(row.Text(3));
  ASSIGN_OR_RETURN(out.seen, ReadSeen(row, 4));
  out.number = static_cast<uint64_t>(row.Int64(7));
  out.genesis = BytesColumn(row, 8);
  out.restored = row.Int64(9) != 0;
  return out;
}

absl::Status LogStore::Set(Change& change, const KnownLog& log) {
  ASSIGN_OR_RETURN(db::Statement replace,
                   change.db().Prepare("INSERT OR REPLACE INTO directory_log (id, policy_certificate, policy, policy_signature, size, "
                                       "root, log_signature, checkpoint, number, genesis, restored) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, "
                                       "?8, ?9, ?10)"));
  return replace.Bind(1, ByteView(log.policy.certificate))
      .Bind(2, ByteView(log.policy.policy))
      .Bind(3, ByteView(log.policy.signature))
      .Bind(4, static_cast<int64_t>(log.seen.size))
      .Bind(5, ByteView(log.seen.root))
      .Bind(6, ByteView(log.seen.signature))
      .Bind(7, absl::string_view(log.checkpoint))
      .Bind(8, static_cast<int64_t>(log.number))
      .Bind(9, ByteView(log.genesis))
      .Bind(10, int64_t{log.restored})
      .Run();
}

absl::Status LogStore::ForgetTree(Change& change) {
  ASSIGN_OR_RETURN(db::Statement forget, change.db().Prepare("DELETE FROM log_node"));
  return forget.Run();
}

absl::StatusOr<tlog::TokenKeys> LogStore::TokenKeys() {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare("SELECT leaf FROM token_key"));
  tlog::TokenKeys out;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return out;
    const absl::StatusOr<tlog::DirectoryLeaf> leaf = tlog::ParseDirectoryLeaf(row.Blob(0));
    const auto* key = leaf.ok() ? std::get_if<tlog::TokenKeyLeaf>(&*leaf) : nullptr;
    if (key == nullptr) return absl::DataLossError("a token key in the client's store is malformed");
    out[{key->purpose, key->token_class}] = *key;
  }
}

absl::Status LogStore::SetTokenKey(Change& change, const tlog::TokenKeyLeaf& key) {
  ASSIGN_OR_RETURN(db::Statement replace,
                   change.db().Prepare("INSERT OR REPLACE INTO token_key (purpose, token_class, leaf) VALUES (?1, ?2, ?3)"));
  return replace.Bind(1, absl::string_view(key.purpose))
      .Bind(2, absl::string_view(key.token_class))
      .Bind(3, ByteView(tlog::Encode(key)))
      .Run();
}

absl::StatusOr<Bytes> LogStore::OrganisationKeys() {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare("SELECT statement FROM organisation_keys WHERE id = 1"));
  ASSIGN_OR_RETURN(const bool found, row.Step());
  return found ? BytesColumn(row, 0) : Bytes();
}

absl::Status LogStore::SetOrganisationKeys(Change& change, ByteView wire) {
  ASSIGN_OR_RETURN(db::Statement replace, change.db().Prepare("INSERT OR REPLACE INTO organisation_keys (id, statement) VALUES (1, ?1)"));
  return replace.Bind(1, wire).Run();
}

absl::Status LogStore::AddHeard(Change& change, const HeardCheckpoint& heard) {
  {
    ASSIGN_OR_RETURN(db::Statement smaller, change.db().Prepare("DELETE FROM heard_checkpoint WHERE device_id = ?1 AND size < ?2"));
    RETURN_IF_ERROR(smaller.Bind(1, ByteView(heard.device)).Bind(2, static_cast<int64_t>(heard.seen.size)).Run());
  }
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT OR IGNORE INTO heard_checkpoint (device_id, user, size, root, signature, received) "
                                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"));
  return insert.Bind(1, ByteView(heard.device))
      .Bind(2, absl::string_view(heard.user))
      .Bind(3, static_cast<int64_t>(heard.seen.size))
      .Bind(4, ByteView(heard.seen.root))
      .Bind(5, ByteView(heard.seen.signature))
      .Bind(6, absl::ToUnixSeconds(heard.received))
      .Run();
}

absl::StatusOr<std::vector<HeardCheckpoint>> LogStore::Heard() {
  ASSIGN_OR_RETURN(db::Statement row,
                   store_.db().Prepare("SELECT device_id, user, received, size, root, signature FROM heard_checkpoint ORDER BY size"));
  std::vector<HeardCheckpoint> out;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return out;
    HeardCheckpoint& heard = out.emplace_back();
    const auto device = identity::ToFixed<16>(row.Blob(0));
    if (!device.ok()) return absl::DataLossError("a device id in the client's store is malformed");
    heard.device = *device;
    heard.user = std::string(row.Text(1));
    heard.received = absl::FromUnixSeconds(row.Int64(2));
    ASSIGN_OR_RETURN(heard.seen, ReadSeen(row, 3));
  }
}

absl::Status LogStore::RemoveHeard(Change& change, const identity::DeviceId& device) {
  ASSIGN_OR_RETURN(db::Statement remove, change.db().Prepare("DELETE FROM heard_checkpoint WHERE device_id = ?1"));
  return remove.Bind(1, ByteView(device)).Run();
}

absl::Status LogStore::AddEvidence(Change& change, absl::Time now, absl::string_view reason, absl::string_view file) {
  ASSIGN_OR_RETURN(db::Statement insert, change.db().Prepare("INSERT INTO log_evidence (time, reason, file) VALUES (?1, ?2, ?3)"));
  return insert.Bind(1, absl::ToUnixSeconds(now)).Bind(2, reason).Bind(3, file).Run();
}

absl::StatusOr<std::vector<LogEvidence>> LogStore::Evidence() {
  ASSIGN_OR_RETURN(db::Statement row, store_.db().Prepare("SELECT id, time, reason, file FROM log_evidence ORDER BY id"));
  std::vector<LogEvidence> out;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return out;
    out.push_back({row.Int64(0), absl::FromUnixSeconds(row.Int64(1)), std::string(row.Text(2)), std::string(row.Text(3))});
  }
}

}  // namespace plumbline::client
