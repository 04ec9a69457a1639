// What has to be there before it is needed: tokens, grants, open mailboxes, published key packages, a credential with
// life left. Each step is written down before the network sees it, so that it can be repeated after a crash.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/network.h"
#include "client/self.h"
#include "client/stores.h"
#include "common/clock.h"
#include "common/status.h"

namespace plumbline::client {

inline constexpr size_t kKeyPackages = 20;         // published ahead
inline constexpr size_t kKeyPackagesLow = 10;      // fewer than this: publish more
inline constexpr uint32_t kTokenBatch = 20;        // drawn at once
inline constexpr uint32_t kGrantBatch = 2;

class Supplies final {
 public:
  Supplies(Stores& stores, const Self& self, Network& network, const Clock& clock)
      : stores_(stores), self_(self), network_(network), clock_(clock) {}

  // An open intake mailbox and enough published key packages under the present credential; forgets those whose time is over. Those
  // under a former credential are kept for who has claimed them.
  absl::Status Prepare();
  // What the key server says is left of the published ones: some are claimed and never used.
  void SetAvailable(uint32_t key_packages) { available_ = key_packages; }

  // Reads what is new in the directory's log, where keys for tokens are found. Called while tokens are drawn.
  void SyncWith(std::function<absl::Status()> sync) { sync_ = std::move(sync); }

  // A token for "delivery" or "directory", taken out of the store; draws a batch if there is none. Those whose answer is lost
  // are lost with it. FAILED_PRECONDITION clock_ahead: the newest key is over by this device's clock; token_keys_missing: the log
  // shows none; UNAUTHENTICATED token_key_other: the key server offers another key than the log shows to everybody; codes of
  // the log's sync.
  absl::StatusOr<StoredToken> TakeToken(absl::string_view purpose);

  // Runs `use` with a token; once more, with freshly drawn ones, if the service does not take it (token_...): this device's
  // clock differs, or the tokens were made void.
  template <typename Use>
  auto WithToken(absl::string_view purpose, Use use) -> decltype(use(StoredToken())) {
    for (int attempt = 0;; ++attempt) {
      ASSIGN_OR_RETURN(const StoredToken token, TakeToken(purpose));
      auto result = use(token);
      if (attempt > 0 || !IsTokenRefusal(result.status())) return result;
      RETURN_IF_ERROR(DropTokens(purpose, result.status()));
    }
  }

  // The open mailbox of `group_id` (empty: intake), made and opened if need be.
  absl::StatusOr<Mailbox> EnsureMailbox(ByteView group_id);

  // The delivery server has closed the mailbox for good (its grant was revoked): forgets it, and with an intake mailbox the key
  // packages that name it.
  absl::Status Forget(const identity::MailboxId& mailbox);

  // Renews the MLS credential if its time has come (identity::CredentialIsDue), for the same key. What comes is in the store on
  // return; none if nothing was due. Asking again after a lost answer gives the same. INTERNAL key_server_answer if what came
  // is not for this device and key under the root, or ends no later; codes of the key server.
  struct Credential {
    Bytes certificate, issuing;  // DER
  };
  absl::StatusOr<std::optional<Credential>> RenewCredential();

 private:
  static bool IsTokenRefusal(const absl::Status& status);
  absl::Status DropTokens(absl::string_view purpose, const absl::Status& why);
  absl::Status DrawTokens(absl::string_view purpose);
  // Under the newest key of the log. NOT_FOUND token_key_unknown: the key server has a newer one.
  absl::Status DrawUnder(const tlog::TokenKeyLeaf& key);
  // The newest key of a purpose in the log, as far as it was read.
  absl::StatusOr<std::optional<tlog::TokenKeyLeaf>> NewestKey(absl::string_view purpose);
  absl::StatusOr<Mailbox> TryMailbox(ByteView group_id);
  absl::StatusOr<SupplyStore::Grant> TakeGrant(Change& change);
  absl::Status DrawGrants();
  absl::Status Open(const Mailbox& mailbox);
  absl::Status MakeKeyPackages(const Mailbox& intake, size_t count, bool with_last_resort);
  absl::Status Publish();
  absl::Status RemoveAll(const std::vector<StoredKeyPackage>& key_packages);
  // Key packages under a former credential that were not published will not be any more.
  absl::Status RetireFormer();
  absl::StatusOr<bool> IsFormer(const StoredKeyPackage& key_package) const;
  // The renewed credential out of an answer, verified.
  absl::StatusOr<Credential> CheckCredential(const keys::v1::RenewCredentialResponse& response, const crypto::Certificate& present,
                                             absl::Time ends) const;

  Stores& stores_;
  const Self& self_;
  Network& network_;
  const Clock& clock_;
  std::function<absl::Status()> sync_;
  bool sync_first_ = false;            // before the next tokens are drawn: the newest key may not count any more
  std::optional<uint32_t> available_;  // unknown until the key server was asked
};

}  // namespace plumbline::client
