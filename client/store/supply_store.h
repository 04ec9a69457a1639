// What is drawn ahead of use: anonymous tokens, mailbox grants, key packages.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/store/store.h"
#include "common/bytes.h"
#include "common/secret.h"

namespace plumbline::client {

struct StoredKeyPackage {
  Bytes ref;      // KeyPackageRef
  Secret bundle;  // mls::KeyPackageBundle::Serialize
  bool last_resort = false;
  bool published = false;
  absl::Time not_after;
};

struct StoredToken {
  Bytes token;      // RFC 9577
  Bytes token_key;  // the statement of its key (common/tokens/token_key.h)
};

class SupplyStore final {
 public:
  explicit SupplyStore(Store& store) : store_(store) {}

  absl::Status AddToken(Change& change, const StoredToken& token, absl::string_view purpose, absl::Time expires);
  // Takes one token that is still good a minute from `now` out of the store, and forgets those that are not.
  absl::StatusOr<std::optional<StoredToken>> TakeToken(Change& change, absl::string_view purpose, absl::Time now);

  absl::Status RemoveTokens(Change& change, absl::string_view purpose);

  absl::Status AddGrant(Change& change, ByteView grant, uint32_t expires_day);
  struct Grant {
    Bytes bytes;
    uint32_t expires_day;
  };
  absl::StatusOr<std::optional<Grant>> TakeGrant(Change& change, uint32_t today);
  absl::Status RemoveGrants(Change& change);

  absl::Status AddKeyPackage(Change& change, const StoredKeyPackage& key_package);
  // All that were not yet published, or, with `published`, all that were.
  absl::StatusOr<std::vector<StoredKeyPackage>> KeyPackages(bool published);
  absl::StatusOr<std::optional<StoredKeyPackage>> FindKeyPackage(ByteView ref);
  absl::Status MarkPublished(Change& change, ByteView ref);
  absl::Status RemoveKeyPackage(Change& change, ByteView ref);

 private:
  Store& store_;
};

}  // namespace plumbline::client
