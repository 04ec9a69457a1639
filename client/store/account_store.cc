#include "client/store/account_store.h"

#include "client/store/columns.h"

namespace plumbline::client {

absl::StatusOr<std::optional<PendingEnrolment>> AccountStore::Pending() {
  ASSIGN_OR_RETURN(db::Statement row,
                   store_.db().Prepare("SELECT invitation, working_seed, mls_seed FROM enrolment WHERE id = 1"));
  ASSIGN_OR_RETURN(const bool found, row.Step());
  if (!found) return std::nullopt;
  return PendingEnrolment{TextColumn(row, 0), SecretColumn(row, 1), SecretColumn(row, 2)};
}

absl::Status AccountStore::SetPending(Change& change, const PendingEnrolment& pending) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT OR REPLACE INTO enrolment (id, invitation, working_seed, mls_seed) "
                                       "VALUES (1, ?1, ?2, ?3)"));
  return insert.Bind(1, absl::string_view(pending.invitation))
      .Bind(2, pending.working_seed.view())
      .Bind(3, pending.mls_seed.view())
      .Run();
}

absl::StatusOr<std::optional<Account>> AccountStore::Get() {
  ASSIGN_OR_RETURN(db::Statement row,
                   store_.db().Prepare("SELECT user, device_id, organisation, keyserver_address, device_address, "
                                       "delivery_address, root, issuing, directory_key, grants_key, tokens_key, "
                                       "working_seed, mls_seed, mls_certificate FROM account WHERE id = 1"));
  ASSIGN_OR_RETURN(const bool found, row.Step());
  if (!found) return std::nullopt;
  Account account;
  account.user = TextColumn(row, 0);
  RETURN_IF_ERROR(ReadColumn(row, 1, account.device_id));
  account.organisation = TextColumn(row, 2);
  account.keyserver_address = TextColumn(row, 3);
  account.device_address = TextColumn(row, 4);
  account.delivery_address = TextColumn(row, 5);
  account.root = BytesColumn(row, 6);
  account.issuing = BytesColumn(row, 7);
  RETURN_IF_ERROR(ReadColumn(row, 8, account.directory_key));
  RETURN_IF_ERROR(ReadColumn(row, 9, account.grants_key));
  RETURN_IF_ERROR(ReadColumn(row, 10, account.tokens_key));
  account.working_seed = SecretColumn(row, 11);
  account.mls_seed = SecretColumn(row, 12);
  account.mls_certificate = BytesColumn(row, 13);
  return account;
}

absl::Status AccountStore::Create(Change& change, const Account& account) {
  ASSIGN_OR_RETURN(db::Statement insert,
                   change.db().Prepare("INSERT INTO account (id, user, device_id, organisation, keyserver_address, "
                                       "device_address, delivery_address, root, issuing, directory_key, grants_key, "
                                       "tokens_key, working_seed, mls_seed, mls_certificate) "
                                       "VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"));
  RETURN_IF_ERROR(insert.Bind(1, absl::string_view(account.user))
                      .Bind(2, ByteView(account.device_id))
                      .Bind(3, absl::string_view(account.organisation))
                      .Bind(4, absl::string_view(account.keyserver_address))
                      .Bind(5, absl::string_view(account.device_address))
                      .Bind(6, absl::string_view(account.delivery_address))
                      .Bind(7, ByteView(account.root))
                      .Bind(8, ByteView(account.issuing))
                      .Bind(9, ByteView(account.directory_key))
                      .Bind(10, ByteView(account.grants_key))
                      .Bind(11, ByteView(account.tokens_key))
                      .Bind(12, account.working_seed.view())
                      .Bind(13, account.mls_seed.view())
                      .Bind(14, ByteView(account.mls_certificate))
                      .Run());
  return change.db().Execute("DELETE FROM enrolment");
}

absl::Status AccountStore::SetCredential(Change& change, ByteView certificate, ByteView issuing) {
  ASSIGN_OR_RETURN(db::Statement update, change.db().Prepare("UPDATE account SET mls_certificate = ?1, issuing = ?2 WHERE id = 1"));
  RETURN_IF_ERROR(update.Bind(1, certificate).Bind(2, issuing).Run());
  return change.db().changes() == 1 ? absl::OkStatus() : absl::FailedPreconditionError("there is no account yet");
}

}  // namespace plumbline::client
