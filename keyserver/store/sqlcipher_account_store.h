// AccountStore on SQLCipher.
#pragma once

#include "keyserver/store/account_store.h"
#include "keyserver/store/sqlcipher_connection.h"

namespace plumbline::keyserver {

class SqlcipherAccountStore final : public AccountStore {
 public:
  explicit SqlcipherAccountStore(SqlcipherConnection& connection) : connection_(connection) {}

  absl::Status Create(const Account& account, const IntentTrace& trace) override;
  absl::StatusOr<Account> Find(absl::string_view user) override;
  absl::StatusOr<std::vector<Account>> List() override;
  absl::Status Reactivate(absl::string_view user, uint64_t revision, const SignedBytes& record,
                          const IntentTrace& trace) override;
  absl::Status IssueCode(absl::string_view user, uint64_t revision, const EnrolmentCode& code,
                         const IntentTrace& trace) override;
  absl::StatusOr<CodeVerdict> TryCode(absl::string_view user, const identity::PublicKey& key,
                                      absl::Time now) override;
  absl::Status AddDevice(const Device& device, uint64_t revision, const SignedBytes& record,
                         const identity::PublicKey& code_key, absl::Time now, const directory::Enrolment& cause,
                         const audit::Entry& entry) override;
  absl::Status RenewCredential(const Device& device, const identity::Hash& former, uint64_t revision, const SignedBytes& record,
                               const directory::Renewed& cause, const audit::Entry& entry) override;
  absl::Status KeepTlsKey(const identity::DeviceId& id, const identity::Hash& tls_key_hash) override;
  absl::StatusOr<std::optional<DeviceState>> FindDevice(const identity::DeviceId& id) override;

 private:
  SqlcipherConnection& connection_;
};

}  // namespace plumbline::keyserver
