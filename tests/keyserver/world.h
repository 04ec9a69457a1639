// A whole key server without its listeners: made by the real ceremony, over the real store, with a clock that
// tests move.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "keyserver/admin_desk.h"
#include "keyserver/ceremony.h"
#include "keyserver/credential_desk.h"
#include "keyserver/device_desk.h"
#include "keyserver/directory_desk.h"
#include "keyserver/enrolment_desk.h"
#include "keyserver/join_desk.h"
#include "keyserver/store/sqlcipher_account_store.h"
#include "keyserver/store/sqlcipher_check_in_store.h"
#include "keyserver/store/sqlcipher_administrator_store.h"
#include "keyserver/store/sqlcipher_departure_store.h"
#include "keyserver/store/sqlcipher_directory_store.h"
#include "keyserver/store/sqlcipher_join_store.h"
#include "keyserver/store/sqlcipher_key_package_store.h"
#include "keyserver/store/sqlcipher_ledger.h"
#include "keyserver/store/sqlcipher_token_store.h"
#include "keyserver/store/sqlcipher_unlock_store.h"
#include "keyserver/unlock_desk.h"
#include "plumbline/config/v1/keyserver.pb.h"
#include "plumbline/keys/v1/devices.pb.h"
#include "plumbline/keys/v1/keys.pb.h"
#include "plumbline/keys/v1/unlock.pb.h"
#include "tests/common/scratch.h"
#include "tests/common/test_witness.h"
#include "tests/common/tokens/mint.h"
#include "tests/keyserver/people.h"
#include "tests/status_matchers.h"

namespace plumbline::keyserver {

inline constexpr char kDomain[] = "example.org";
inline constexpr char kAlice[] = "mimi://example.org/u/alice";
inline constexpr char kBob[] = "mimi://example.org/u/bob";

// Thread-safe.
class FakeClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::FromUnixSeconds(seconds_); }
  void Advance(absl::Duration by) { seconds_ += absl::ToInt64Seconds(by); }

 private:
  std::atomic<int64_t> seconds_ = 1'800'000'000;
};

// All tables of a key server's database but the audit record, as text: equal texts, equal content.
std::string Dump(SqlcipherConnection& connection);

class World final {
 public:
  explicit World(const std::string& more = "");  // `more`: sections of its configuration
  // Everything in memory is lost; what was on disk comes back.
  // `sender`: the way to a delivery server, if there is one.
  void Restart(std::unique_ptr<RevocationSender> sender = nullptr);
  // Away, the witness of this world's policy answers nobody.
  void SetWitnessAway(bool away) { witness_away_ = away; }

  // Copies what is on disk into a new folder; and makes it what is on disk again, after which this is as a restart.
  void Keep(const std::string& folder);
  void GoBack(const std::string& folder);

  // The policy attended_enrolment, from a restart on.
  void SetAttended(bool attended);

  FakeClock& clock() { return clock_; }
  const Organisation& organisation() const { return *organisation_; }
  const config::v1::KeyserverConfig& config() const { return config_; }
  const std::string& first_code() const { return first_code_; }
  EnrolmentDesk& enrolment() { return desks_->enrolment; }
  DirectoryDesk& directory() { return desks_->directory; }
  DirectoryStore& directory_store() { return desks_->directory_store; }
  Publisher& publisher() { return desks_->publisher; }
  TokenIssuer& tokens() { return desks_->tokens; }
  const tlog::Policy& policy() const { return *policy_; }
  DeviceDesk& devices() { return desks_->devices; }
  AdminDesk& admin() { return desks_->admin; }
  CredentialDesk& credentials() { return desks_->credentials; }
  JoinDesk& joins() { return desks_->joins; }
  UnlockDesk& unlock() { return desks_->unlock; }
  UnlockStore& unlock_store() { return *desks_->unlock_store; }
  CheckInStore& check_ins() { return desks_->check_in_store; }
  DepartureStore& departures() { return desks_->departure_store; }
  AccountStore& accounts() { return desks_->accounts; }
  Ledger& ledger() { return desks_->ledger; }
  RefusalLog& refusals() { return desks_->refusals; }
  SqlcipherConnection& connection() { return *connection_; }
  std::string log_path() const { return scratch_ / "log"; }

  std::string Dump() { return keyserver::Dump(*connection_); }
  std::vector<audit::Record> Audit();
  // The newest event of that name; CHECKs that there is one.
  audit::Record LastEvent(absl::string_view name);

  // With the first administrator registered on first use.
  TestAdministrator& administrator();
  absl::StatusOr<keys::v1::IntentResult> Execute(const identity::Intent& intent);
  keys::v1::AccountView View(absl::string_view user);
  // CHECK that the action succeeds.
  void CreateAccount(absl::string_view user);
  std::string IssueCode(absl::string_view user,
                        uint32_t life_seconds = 86400);  // creates the account where needed
  void Suspend(absl::string_view user);
  // suspend_account, reactivate_account, remove_account or revoke_device, against the state as it is.
  absl::StatusOr<keys::v1::AccountView> Change(identity::Action action, absl::string_view user, Bytes parameters = {});
  TestDevice Enrol(absl::string_view user);

  // A signed request of an enrolled device, on a fresh channel.
  keys::v1::SignedRequest Sign(TestDevice& device, absl::string_view rpc,
                               const google::protobuf::Message& body);
  // Of a key that is made where there is none.
  tokens::ShownToken Token(TestDevice& device, absl::string_view purpose = "directory");

 private:
  struct Desks {
    Desks(const Organisation& organisation, SqlcipherConnection& connection, const Clock& clock, Logger& logger,
          std::unique_ptr<RevocationSender> sender, const tlog::Policy& policy, std::unique_ptr<WitnessSender> witness,
          const std::string& data_dir);
    SqlcipherAccountStore accounts;
    SqlcipherKeyPackageStore key_packages;
    SqlcipherAdministratorStore administrators;
    SqlcipherLedger ledger;
    SqlcipherAuditTrail trail;
    SqlcipherDepartureStore departure_store;
    SqlcipherDirectoryStore directory_store;
    SqlcipherJoinStore join_store;
    SqlcipherTokenStore token_store;
    const std::unique_ptr<SqlcipherUnlockStore> unlock_store;
    SqlcipherCheckInStore check_in_store;
    RefusalLog refusals;
    RevocationPusher pusher;
    Publisher publisher;
    TokenIssuer tokens;
    Departures departures;
    EnrolmentDesk enrolment;
    DirectoryDesk directory;
    DeviceDesk devices;
    AdminDesk admin;
    CredentialDesk credentials;
    JoinDesk joins;
    UnlockDesk unlock;
  };
  void Close();
  testing::ScratchDir scratch_;
  FakeClock clock_;
  const testing::TestWitness witness_{clock_};
  std::atomic<bool> witness_away_ = false;
  std::optional<tlog::Policy> policy_;
  std::unique_ptr<Logger> logger_;
  config::v1::KeyserverConfig config_;
  std::string first_code_;
  std::unique_ptr<Organisation> organisation_;
  std::unique_ptr<SqlcipherConnection> connection_;
  std::unique_ptr<Desks> desks_;
  std::unique_ptr<TestAdministrator> administrator_;
};

Secret TestPassphrase();
keys::v1::RegisterFirstAdministratorRequest Registration(const TestAdministrator& administrator,
                                                         absl::string_view code);

}  // namespace plumbline::keyserver
