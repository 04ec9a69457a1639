#include "keyserver/store/sqlcipher_succession_store.h"

#include "absl/strings/str_cat.h"
#include "common/identity/reason.h"

namespace plumbline::keyserver {

namespace {

absl::Status Superseded(absl::string_view how) {
  return identity::Refuse(absl::StatusCode::kPermissionDenied, "certificate_superseded",
                          absl::StrCat("this certificate ", how, "; see key-compromise.md, \"TLS key of a service\""));
}

// When the line of renewals that `certificate` is of began: with a certificate that nothing was renewed by.
absl::StatusOr<int64_t> LineOf(db::Database& database, const crypto::Certificate& certificate) {
  ASSIGN_OR_RETURN(db::Statement select, database.Prepare("SELECT line_begins_unix FROM service_succession WHERE certificate = ?"));
  ASSIGN_OR_RETURN(const bool renewed, select.Bind(1, ByteView(certificate.der())).Step());
  return renewed ? select.Int64(0) : absl::ToUnixSeconds(certificate.not_before());
}

// The last line of the service that was renewed.
absl::StatusOr<int64_t> NewestLine(db::Database& database, absl::string_view service) {
  ASSIGN_OR_RETURN(db::Statement select, database.Prepare("SELECT IFNULL(MAX(line_begins_unix), 0) FROM service_succession WHERE service = ?"));
  RETURN_IF_ERROR(select.Bind(1, service).Step().status());
  return select.Int64(0);
}

}  // namespace

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
      return Superseded("was renewed before, for another key: somebody else holds its key, or the service's folder was put back from a copy");
    }
  }
  const std::string& service = successor.uris().front();
  ASSIGN_OR_RETURN(const int64_t line, LineOf(database, present));
  ASSIGN_OR_RETURN(const int64_t newest, NewestLine(database, service));
  if (line < newest) return Superseded("is of before the service's last ceremony");
  ASSIGN_OR_RETURN(db::Statement insert,
                   database.Prepare("INSERT INTO service_succession (certificate_hash, successor_hash, certificate, ends_unix, "
                                    "service, line_begins_unix) VALUES (?, ?, ?, ?, ?, ?)"));
  RETURN_IF_ERROR(insert.Bind(1, ByteView(own))
                      .Bind(2, ByteView(next))
                      .Bind(3, ByteView(successor.der()))
                      .Bind(4, absl::ToUnixSeconds(successor.not_after()))
                      .Bind(5, absl::string_view(service))
                      .Bind(6, line)
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
