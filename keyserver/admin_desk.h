// Administrators' signed actions (docs/protocols/intents.md). Knows no gRPC. Thread-safe; references outlive
// it.
#pragma once

#include "common/clock.h"
#include "common/identity/intent.h"
#include "common/status.h"
#include "keyserver/departures.h"
#include "keyserver/organisation.h"
#include "keyserver/publisher.h"
#include "keyserver/refusal_log.h"
#include "keyserver/store/account_store.h"
#include "keyserver/store/administrator_store.h"
#include "keyserver/store/join_store.h"
#include "keyserver/store/ledger.h"
#include "keyserver/token_issuer.h"

namespace plumbline::keys::v1 {
class IntentResult;
class RegisterFirstAdministratorRequest;
class RegisterFirstAdministratorResponse;
class SignedIntent;
}  // namespace plumbline::keys::v1

namespace plumbline::keyserver {

inline constexpr int kMaxIntentSignatures = 8;

class AdminDesk final {
 public:
  struct Stores {
    AccountStore& accounts;
    AdministratorStore& administrators;
    AuditTrail& trail;
    JoinStore& joins;
    UnlockStore& unlock;
  };
  AdminDesk(const Organisation& organisation, const Clock& clock, Stores stores, Departures& departures,
            Publisher& publisher, TokenIssuer& tokens, RefusalLog& refusals)
      : organisation_(organisation),
        clock_(clock),
        stores_(stores),
        departures_(departures),
        publisher_(publisher),
        tokens_(tokens),
        refusals_(refusals) {}

  // Every refusal is in the audit record before it is returned. Codes and reason ids:
  // docs/protocols/errors.md.
  absl::Status RegisterFirst(const keys::v1::RegisterFirstAdministratorRequest& request,
                             keys::v1::RegisterFirstAdministratorResponse& response);
  absl::Status Execute(const keys::v1::SignedIntent& request, keys::v1::IntentResult& result);
  // For a caller that is not the admin service: PERMISSION_DENIED not_authorised, recorded. Null where it has
  // shown no certificate.
  absl::Status RefuseRelay(const crypto::Certificate* caller);

 private:
  // An intent that a registered administrator signed and whose time is now.
  struct Verified {
    identity::Intent intent;
    identity::Hash hash;  // SHA-256 of its canonical bytes
    std::string signer;   // key id, hex; the first of several
    Bytes evidence;
    directory::SignedIntent cause;
  };
  absl::StatusOr<Administrator> ReadRegistration(const keys::v1::RegisterFirstAdministratorRequest& request,
                                                 Bytes& message) const;
  absl::Status TryRegister(const keys::v1::RegisterFirstAdministratorRequest& request,
                           keys::v1::RegisterFirstAdministratorResponse& response);
  absl::StatusOr<Verified> Verify(const keys::v1::SignedIntent& request);
  absl::StatusOr<std::string> CheckSignatures(const keys::v1::SignedIntent& request);
  absl::Status CheckTime(const identity::Intent& intent) const;
  absl::Status Act(const Verified& verified, keys::v1::IntentResult& result);
  // `revision`: of the account before it.
  IntentTrace TraceOf(const Verified& verified, audit::Event event, uint64_t revision = 0) const;
  // The target, at the very state that the intent states (where its action states one).
  absl::StatusOr<Account> Target(const identity::Intent& intent);

  absl::Status CreateAccount(const Verified& verified, keys::v1::IntentResult& result);
  absl::Status IssueCode(const Verified& verified, keys::v1::IntentResult& result);
  absl::Status Suspend(const Verified& verified, keys::v1::IntentResult& result);
  absl::Status Reactivate(const Verified& verified, keys::v1::IntentResult& result);
  absl::Status Remove(const Verified& verified, keys::v1::IntentResult& result);
  absl::Status RevokeDevice(const Verified& verified, keys::v1::IntentResult& result);
  absl::Status WipeDevice(const Verified& verified, keys::v1::IntentResult& result);
  absl::Status ActivateDevice(const Verified& verified, keys::v1::IntentResult& result);
  absl::Status SetView(const Account& account, keys::v1::IntentResult& result);
  absl::Status ListAccounts(const Verified& verified, keys::v1::IntentResult& result);
  absl::Status ListAuditEvents(const Verified& verified, keys::v1::IntentResult& result);
  absl::Status EndTokenEpoch(const Verified& verified, keys::v1::IntentResult& result);
  absl::Status GetAccount(const Verified& verified, keys::v1::IntentResult& result);

  const Organisation& organisation_;
  const Clock& clock_;
  const Stores stores_;
  Departures& departures_;
  Publisher& publisher_;
  TokenIssuer& tokens_;
  RefusalLog& refusals_;
};

}  // namespace plumbline::keyserver
