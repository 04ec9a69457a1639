#pragma once

#include "common/crypto/key_wrap.h"
#include "keyserver/store/sqlcipher_connection.h"
#include "keyserver/store/token_store.h"

namespace plumbline::keyserver {

class SqlcipherTokenStore final : public TokenStore {
 public:
  explicit SqlcipherTokenStore(SqlcipherConnection& connection) : connection_(connection) {}
  absl::StatusOr<std::optional<tlog::TokenKeyLeaf>> Newest(absl::string_view purpose, absl::string_view token_class) override;
  absl::StatusOr<std::optional<tlog::TokenKeyLeaf>> Restored(absl::string_view purpose, absl::string_view token_class) override;
  absl::Status Add(const std::vector<StoredTokenKey>& keys, const audit::Entry& entry) override;
  absl::Status EndEpoch(const std::vector<StoredTokenKey>& keys, const IntentTrace& trace) override;
  absl::StatusOr<std::vector<StoredTokenKey>> Live(absl::Time now) override;
  absl::Status Forget(absl::Time closed, absl::Time ended) override;

  // In a transaction: all secrets that are still kept, wrapped anew. DATA_LOSS if one cannot be unwrapped.
  static absl::Status WrapAnew(db::Database& database, const crypto::KeyWrap& before, const crypto::KeyWrap& after);
  // In a transaction: the statements of all keys, which `before` signed, signed by `after`. DATA_LOSS if one is not its.
  static absl::Status SignAnew(db::Database& database, absl::string_view domain, const crypto::Ed25519PublicKey& before,
                               const crypto::Ed25519Signer& after);

 private:
  SqlcipherConnection& connection_;
};

}  // namespace plumbline::keyserver
