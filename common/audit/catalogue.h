// The catalogue of security events: what can appear in an audit log, and nothing else. Names are stable.
#pragma once

#include <optional>

#include "absl/strings/string_view.h"

namespace plumbline::audit {

// One line for each event: enum name, stable name, what happened.
#define PLUMBLINE_AUDIT_EVENTS(X)                                                                             \
  X(kServiceInitialised, "service.initialised", "the keys and stores of a service were made")                 \
  X(kServiceStarted, "service.started", "a service began to serve")                                           \
  X(kServiceStopped, "service.stopped", "a service ended in order")                                           \
  X(kBackupTaken, "backup.taken", "a backup of the service was begun; recorded before it is written")         \
  X(kServiceRestored, "service.restored", "the service came back from a backup; what came after it is lost")  \
  X(kAdministratorRegistered, "administrator.registered", "an administrator's key was accepted")              \
  X(kAdministratorRefused, "administrator.refused", "the registration of an administrator was refused")       \
  X(kIntentExecuted, "intent.executed", "an administrator's signed action was carried out")                   \
  X(kIntentRefused, "intent.refused", "an administrator's action was refused")                                \
  X(kAccountCreated, "account.created", "an account was made")                                                \
  X(kAccountSuspended, "account.suspended", "an account was suspended")                                       \
  X(kAccountRemoved, "account.removed", "an account was removed for ever")                                     \
  X(kAccountResumed, "account.resumed", "a suspended account was taken back")                                 \
  X(kCodeIssued, "enrolment.code_issued", "a one-time enrolment code was issued")                             \
  X(kEnrolmentRefused, "enrolment.refused", "an enrolment was refused")                                       \
  X(kDeviceEnrolled, "device.enrolled", "a device got its certificates")                                      \
  X(kDeviceRevoked, "device.revoked", "a device's certificates were revoked")                                 \
  X(kDeviceInvited, "device.invited", "a device invited another device of its person")                        \
  X(kDeviceAsked, "device.asked", "a new device asked to join a person's devices")                            \
  X(kDeviceApproved, "device.approved", "a device approved another one, which got its certificates")         \
  X(kDeviceDeclined, "device.declined", "a device refused another one that asked to join")                    \
  X(kRevocationConfirmed, "revocation.confirmed", "the delivery server confirmed a revocation")               \
  X(kRevocationApplied, "revocation.applied", "grants and tokens that were revoked are void from here on")   \
  X(kRevocationRefused, "revocation.refused", "a revocation was refused")                                     \
  X(kDirectoryRefused, "directory.refused", "a look-up or a claim of key packages was refused")               \
  X(kCertificateRenewed, "device.certificate_renewed", "a device's TLS certificate was renewed")              \
  X(kCredentialRenewed, "device.credential_renewed", "a device's MLS credential was renewed")                 \
  X(kServiceCertificateRenewed, "service.certificate_renewed", "a service's TLS certificate was renewed for a new key") \
  X(kKeyRotated, "key.rotated", "a key of this service was replaced by a new one")                             \
  X(kFormerKeyEnded, "key.former_ended", "a key that was replaced before signs no more; its private half is destroyed") \
  X(kServiceCertificateRefused, "service.certificate_refused", "a service's request for its next certificate was refused") \
  X(kDeviceRequestRefused, "device.request_refused", "a device's request was refused")                        \
  X(kTokensDrawn, "tokens.drawn", "a device drew anonymous tokens")                                           \
  X(kTokenKeysMade, "tokens.keys_made", "keys of a new epoch of anonymous tokens were made")                    \
  X(kTokenEpochEnded, "tokens.epoch_ended", "an administrator made the anonymous tokens in use void")           \
  X(kGrantsDrawn, "grants.drawn", "mailbox grants were drawn")                                                \
  X(kTrustLoaded, "trust.loaded", "the organisation's keys were verified and taken up")                       \
  X(kTokensRefused, "tokens.refused", "anonymous tokens were refused")                                        \
  X(kGrantsRefused, "grants.refused", "mailbox grants were refused")                                          \
  X(kAuditRead, "audit.read", "the audit record was read")                                                    \
  X(kSignInRefused, "console.request_refused", "the console refused a request")                               \
  X(kIntentReceived, "console.intent_received", "a signed action arrived; recorded before it is relayed")       \
  X(kIntentRelayed, "console.intent_relayed", "the console relayed a signed action")                          \
  X(kUnlockAttempted, "unlock.attempted", "a device asked whether a passphrase is right, which cost it an attempt")  \
  X(kUnlockProved, "unlock.proved", "a device proved that the passphrase was right; its attempts came back")        \
  X(kUnlockRefused, "unlock.refused", "a request to unlock a device's store was refused")                     \
  X(kUnlockKeyBegun, "unlock.key_begun", "a device was given a new unlock key, not yet in force")             \
  X(kUnlockKeyChanged, "unlock.key_changed", "a device's new unlock key is in force; a former one was destroyed")   \
  X(kUnlockDestroyed, "unlock.destroyed", "a device's unlock key was destroyed: its store never opens again") \
  X(kUnlockAbandoned, "unlock.abandoned", "an operator gave up all unlock keys: no store of this organisation opens again") \
  X(kStoreRefused, "device.store_refused", "a device's store is a copy of, or older than, one that was used") \
  X(kStoreAhead, "device.store_ahead", "a device's store is newer than this database, which must be a backup") \
  X(kLimitReached, "limit.reached", "a limit stopped requests")

enum class Event {
#define PLUMBLINE_AUDIT_ENUM(id, name, meaning) id,
  PLUMBLINE_AUDIT_EVENTS(PLUMBLINE_AUDIT_ENUM)
#undef PLUMBLINE_AUDIT_ENUM
};

absl::string_view Name(Event event);
absl::string_view Meaning(Event event);
std::optional<Event> FromName(absl::string_view name);

}  // namespace plumbline::audit
