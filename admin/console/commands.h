// The administrator's verbs. Each shows in words what will be signed, asks, signs, sends and prints.
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "admin/console/session.h"
#include "common/clock.h"
#include "common/status.h"

namespace plumbline::admin {

// What every verb takes.
struct ConsoleOptions {
  std::string home;
  std::string passphrase_file;  // empty: ask
  bool json = false;
  bool yes = false;  // sign without asking
};

struct SetupRequest {
  std::string server, server_name, domain, fingerprint;
};
struct NewAccount {
  std::string user, display_name, proofing_level, proofing_reference, reason;
};
struct Invite {
  std::string user, reason, out_file;
  absl::Duration life = absl::Hours(24);
};

// Fetches the root from the server, keeps it only if it has the fingerprint, writes the profile.
absl::Status Setup(const ConsoleOptions& options, const SetupRequest& request, const Clock& clock);
absl::Status KeyCreate(const ConsoleOptions& options);
absl::Status KeyShow(const ConsoleOptions& options);

// An exported record under the verifier key of its service. Needs no profile. `against`, if not empty: another export, which has to be
// its beginning or the same. Codes as audit::VerifyExport; DATA_LOSS audit_rolled_back or audit_rewritten names the first record of
// the other export that is lost, and how many are.
absl::Status VerifyAuditFile(const ConsoleOptions& options, const std::string& file, const std::string& key, const std::string& against);

// The verbs that talk to the service. A profile, an opened key and a connection.
class Console final {
 public:
  // FAILED_PRECONDITION not_set_up, no_key; PERMISSION_DENIED passphrase_wrong.
  static absl::StatusOr<std::unique_ptr<Console>> Open(const ConsoleOptions& options, const Clock& clock);
  // Over an API that is there already, for tests. `api` outlives it.
  Console(const ConsoleOptions& options, Profile profile, crypto::Ed25519KeyPair key,
          std::unique_ptr<AdminApi> api, const Clock& clock);

  absl::Status Register(const std::string& name, const std::string& code);
  absl::Status CreateAccount(const NewAccount& account);
  absl::Status InviteAccount(const Invite& invite);
  absl::Status SuspendAccount(const std::string& user, const std::string& reason);
  absl::Status ReactivateAccount(const std::string& user, const std::string& reason);
  absl::Status RemoveAccount(const std::string& user, const std::string& reason);
  // `device`: its id in hex, or as much of the beginning as is one device's alone.
  absl::Status RevokeDevice(const std::string& user, const std::string& device, const std::string& reason);
  absl::Status WipeDevice(const std::string& user, const std::string& device, const std::string& reason);
  // `code`: what the device's own screen shows.
  absl::Status ActivateDevice(const std::string& user, const std::string& code, const std::string& reason);
  absl::Status EndTokenEpoch(const std::string& reason);
  absl::Status ListAccounts();
  absl::Status ShowAccount(const std::string& user);
  // Without a limit, page after page to the end.
  absl::Status ListAudit(uint64_t after, std::optional<uint32_t> limit);
  // Fetches the whole record, recomputes it, and holds it against the checkpoint that was kept when it was last
  // verified, which it then replaces. DATA_LOSS audit_broken, audit_rolled_back, audit_rewritten;
  // PERMISSION_DENIED audit_key_wrong, audit_key_changed.
  absl::Status VerifyAudit();

 private:
  absl::StatusOr<std::string> FullName(const std::string& typed) const;
  absl::Status Confirm(const PreparedIntent& intent) const;
  absl::StatusOr<std::string> ConfirmAndSubmit(const PreparedIntent& intent);
  // For actions on an account as it is now: reads it, confirms, submits; says what changed if somebody was
  // faster.
  absl::StatusOr<std::string> ActOnAccount(identity::Action action, const std::string& user, Bytes parameters,
                                      const std::string& reason);
  absl::Status ChangeAccount(identity::Action action, const std::string& typed, Bytes parameters,
                             const std::string& reason);
  absl::StatusOr<identity::DeviceId> FindDevice(const std::string& user, const std::string& typed);

  const ConsoleOptions options_;
  const Profile profile_;
  const crypto::Ed25519KeyPair key_;
  const std::unique_ptr<AdminApi> api_;
  const Clock& clock_;
  Session session_;
};

}  // namespace plumbline::admin
