// One administrator's conversation with the key server through the admin service, which is not trusted:
// intents are built and signed here, and results are checked here.
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "admin/console/admin_api.h"
#include "admin/console/profile.h"
#include "common/audit/audit_reader.h"
#include "common/clock.h"
#include "common/crypto/ed25519.h"
#include "common/identity/intent.h"
#include "common/identity/invitation.h"
#include "common/status.h"
#include "plumbline/audit/v1/audit.pb.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::admin {

// How long an intent may travel: enough for a slow link and a clock a little off, too short to keep for
// later.
inline constexpr absl::Duration kIntentLife = absl::Minutes(5);

// An intent ready to be shown and signed. `bytes` is what is signed; nothing else is.
struct PreparedIntent {
  Bytes bytes;
  identity::Action action;
  std::string target;
};

// An invitation into the pinned organisation and domain.
struct MadeInvitation {
  std::string text;  // what the person gets
  identity::Invitation invitation;
};

// The key server's whole audit record, as it came; nothing of it is verified but whose key it must be.
struct FetchedRecord {
  std::vector<audit::Record> records;
  std::string checkpoint;                // signed note
  std::optional<tlog::VerifierKey> log;     // certified by the pinned root
  std::optional<tlog::VerifierKey> former;  // which the root says it replaced, if it did
  Bytes organisation_keys;                  // verified; empty: none was ever replaced
};

// Not thread-safe.
class Session final {
 public:
  Session(const Profile& profile, const crypto::Ed25519KeyPair& key, AdminApi& api, const Clock& clock)
      : profile_(profile), key_(key), api_(api), clock_(clock) {}

  // Makes the canonical bytes with a fresh nonce, valid from now. `state_hash` is ignored by
  // actions that need none. INVALID_ARGUMENT intent_invalid if the parts do not make an intent: a text too
  // long, a justification missing.
  absl::StatusOr<PreparedIntent> Prepare(identity::Action action, absl::string_view target, Bytes parameters,
                                         absl::string_view justification, absl::string_view state_hash);

  // Signs `intent.bytes` and sends it; the action's result, serialised. The services' refusals.
  absl::StatusOr<std::string> Submit(const PreparedIntent& intent);

  // The reading actions: prepared, signed and sent at once.
  absl::StatusOr<keys::v1::AccountView> GetAccount(absl::string_view user);
  absl::StatusOr<keys::v1::AccountList> ListAccounts();
  absl::StatusOr<plumbline::audit::v1::AuditPage> ListAuditEvents(uint64_t after, uint32_t limit);

  // The key of the page's checkpoint, certified by the pinned root, and the current one where the root says which those are.
  // PERMISSION_DENIED audit_key_wrong.
  absl::StatusOr<tlog::VerifierKey> LogKeyOf(const plumbline::audit::v1::AuditPage& page) const;
  // The one that it replaced, as the root says; none if it says nothing. PERMISSION_DENIED audit_key_wrong.
  absl::StatusOr<std::optional<tlog::VerifierKey>> FormerLogKeyOf(const plumbline::audit::v1::AuditPage& page) const;
  // All pages. DATA_LOSS answer_malformed; PERMISSION_DENIED audit_key_wrong.
  absl::StatusOr<FetchedRecord> FetchAudit();

  // The invitation with `code`, for which an issue_enrolment_code intent about `user` had this result. DATA_LOSS answer_malformed.
  absl::StatusOr<MadeInvitation> MakeInvitation(const std::string& result, absl::string_view user, absl::string_view code) const;

  // The first administrator: proves the key and the one-time code, without showing the code to the admin
  // service. INVALID_ARGUMENT code_malformed, name_invalid.
  absl::Status RegisterFirst(absl::string_view name, absl::string_view code);

 private:
  const Profile& profile_;
  const crypto::Ed25519KeyPair& key_;
  AdminApi& api_;
  const Clock& clock_;
};

// `result` as the message M. DATA_LOSS answer_malformed.
template <typename M>
absl::StatusOr<M> ParseResult(const std::string& result);

}  // namespace plumbline::admin
