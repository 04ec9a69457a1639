// The key that signed the directory's log before it was replaced, for as long as it signs beside the new one (ADR 19). In a file of
// its own, log.former, so that the running service destroys it without the passphrase that keys.sealed opens with. Sealed under that:
//
//   struct { uint8 version = 1; uint64 ends; opaque key<V>; } FormerLogKey;       // seconds since 1970; key: SigningKey::Serialize
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "common/crypto/sealed_file.h"
#include "keyserver/signing_key.h"

namespace plumbline::keyserver {

class SqlcipherConnection;

struct FormerLogKey {
  SigningKey key;
  absl::Time ends;  // whole seconds; from then on it signs nothing
};
Secret Encode(const FormerLogKey& key);
// INVALID_ARGUMENT for anything that Encode does not make; codes of SigningKey::Parse.
absl::StatusOr<FormerLogKey> ParseFormerLogKey(ByteView stored, const std::shared_ptr<pkcs11::Token>& token);

std::string FormerLogKeyPath(const std::string& data_dir);
absl::Status SealFormerLogKey(const std::string& data_dir, const Secret& passphrase, const FormerLogKey& key, const crypto::SealCost& cost);
// None if there is none, or what is left of one whose destruction was broken off. Codes of OpenSealedFile and SigningKey::Parse.
absl::StatusOr<std::optional<FormerLogKey>> UnsealFormerLogKey(const std::string& data_dir, const Secret& passphrase,
                                                               const std::shared_ptr<pkcs11::Token>& token);

// Ends a former key when its time is over. Not thread-safe; the connection outlives it.
class FormerLogKeyEnd final {
 public:
  FormerLogKeyEnd(std::optional<FormerLogKey> key, std::string data_dir, SqlcipherConnection& connection)
      : key_(std::move(key)), data_dir_(std::move(data_dir)), connection_(connection) {}
  // Until it has to be called; infinite where there is nothing to end.
  absl::Duration Remaining(absl::Time now) const;
  // Where its time is over: the log is signed without it, and the key is destroyed, in the token or the file. Otherwise nothing. Tried
  // again with the next call where it fails.
  absl::Status EndIfDue(absl::Time now);

 private:
  std::optional<FormerLogKey> key_;
  const std::string data_dir_;
  SqlcipherConnection& connection_;
};

}  // namespace plumbline::keyserver
