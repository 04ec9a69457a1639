// Signs anonymous tokens, under a key for each purpose and epoch that everybody finds in the directory's log
// (docs/protocols/tokens.md). Who may have one is for its callers to know. Knows no gRPC. Thread-safe; references outlive it.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "common/clock.h"
#include "common/mutex.h"
#include "common/status.h"
#include "common/tokens/issuance.h"
#include "common/tokens/token_key.h"
#include "keyserver/organisation.h"
#include "keyserver/publisher.h"
#include "keyserver/store/token_store.h"

namespace plumbline::keyserver {

class TokenIssuer final {
 public:
  // What their secrets are wrapped under. FAILED_PRECONDITION wrapping_key_missing.
  static absl::StatusOr<crypto::KeyWrap> WrapOf(const KeyRing& keys);
  static absl::StatusOr<crypto::KeyWrap> WrapOf(const Organisation& organisation) { return WrapOf(organisation.keys()); }
  TokenIssuer(const Organisation& organisation, TokenStore& store, Publisher& publisher, const Clock& clock, crypto::KeyWrap wrap);

  // Makes the keys that are missing, or will soon be; forgets those that are over. At the start, and then every minute.
  absl::Status Prepare() ABSL_LOCKS_EXCLUDED(making_, mutex_);

  // The statements of all keys whose tokens count, oldest first.
  std::vector<Bytes> Statements() const ABSL_LOCKS_EXCLUDED(mutex_);

  // One for each request, in their order: a purpose's tokens, all for a key that is in use. NOT_FOUND token_key_unknown: look at
  // the statements again. Nothing is signed unless all are.
  absl::StatusOr<std::vector<tokens::TokenResponse>> Issue(absl::string_view purpose,
                                                           const std::vector<tokens::TokenRequest>& requests) const
      ABSL_LOCKS_EXCLUDED(mutex_);
  // As Issue, without signing.
  absl::Status CheckRequests(absl::string_view purpose, const std::vector<tokens::TokenRequest>& requests) const
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Makes every token void that was drawn so far, and keys for new ones. FAILED_PRECONDITION epoch_too_young: the last
  // beginning was a moment ago, and says how long to wait.
  absl::Status EndEpoch(const IntentTrace& trace) ABSL_LOCKS_EXCLUDED(making_, mutex_);

 private:
  struct Live {
    tlog::TokenKeyLeaf leaf;
    Bytes statement;
    std::shared_ptr<const BlindKey> secret;  // null: nothing more is signed with it
    bool is_void = false;
  };
  absl::Status Load(absl::Time now);
  // Destroys the keys in the token that nothing more is signed with: forgotten ones, and what a stop in between left behind.
  absl::Status Sweep() ABSL_LOCKS_EXCLUDED(mutex_);
  // The next key of a purpose, opening now.
  absl::StatusOr<StoredTokenKey> Make(absl::string_view purpose, absl::Time now);
  absl::StatusOr<std::vector<std::shared_ptr<const BlindKey>>> KeysFor(
      absl::string_view purpose, const std::vector<tokens::TokenRequest>& requests) const ABSL_LOCKS_EXCLUDED(mutex_);

  const Organisation& organisation_;
  TokenStore& store_;
  Publisher& publisher_;
  const Clock& clock_;
  const crypto::KeyWrap wrap_;
  const std::shared_ptr<pkcs11::Token> token_;  // where the keys are; null: in the database, wrapped
  const std::string label_;                     // of the keys in the token: this key ring's alone
  Mutex making_;  // held while keys are made, which takes a while
  mutable Mutex mutex_;
  std::map<tokens::Hash, Live> live_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbline::keyserver
