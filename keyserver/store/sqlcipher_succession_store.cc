#include "keyserver/store/sqlcipher_succession_store.h"

#include "common/identity/reason.h"

namespace plumbline::keyserver {

absl::StatusOr<crypto::Certificate> SqlcipherSuccessionStore::Succeed(const crypto::Certificate& present,
                                                                      const crypto::Certificate& successor,
                                                                      const audit::Entry& entry) {
  MutexLock lock(connection_.mutex());
  ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(connection_.database()));
  db::Database& database = transaction.database();
  const identity::Hash own = Sha256(present.der()), next = Sha256(successor.spki());
  {
    ASSIGN_OR_RETURN(db::Statement select, database.Prepare("SELECT successor_hash, certificate FROM service_succession WHERE certificate_hash = ?"));
    ASSIGN_OR_RETURN(const bool succeeded, select.Bind(1, ByteView(own)).Step());
    if (succeeded && Equal(select.Blob(0), next)) {
      absl::StatusOr<crypto::Certificate> given = crypto::Certificate::Parse(select.Blob(1));
      if (!given.ok()) return absl::DataLossError("a stored certificate does not parse");
      return given;
    }
    if (succeeded) {
      return identity::Refuse(absl::StatusCode::kPermissionDenied, "certificate_superseded",
                              "this certificate was renewed before, for another key: somebody else holds its key, or the service's folder "
                              "was put back from a copy; see key-compromise.md, \"TLS key of a service\"");
    }
  }
  ASSIGN_OR_RETURN(db::Statement insert,
                   database.Prepare("INSERT INTO service_succession (certificate_hash, successor_hash, certificate, ends_unix) VALUES (?, ?, ?, ?)"));
  RETURN_IF_ERROR(insert.Bind(1, ByteView(own))
                      .Bind(2, ByteView(next))
                      .Bind(3, ByteView(successor.der()))
                      .Bind(4, absl::ToUnixSeconds(present.not_after()))
                      .Run());
  RETURN_IF_ERROR(connection_.audit().AppendIn(transaction, entry).status());
  RETURN_IF_ERROR(transaction.Commit());
  return successor;
}

absl::Status SqlcipherSuccessionStore::ForgetEnded(absl::Time now) {
  MutexLock lock(connection_.mutex());
  ASSIGN_OR_RETURN(db::Statement remove, connection_.database().Prepare("DELETE FROM service_succession WHERE ends_unix < ?"));
  return remove.Bind(1, absl::ToUnixSeconds(now)).Run();
}

}  // namespace plumbline::keyserver
