// The key by which a service answers for its audit record. Made once, sealed with the service's other keys, used for nothing else.
#pragma once

#include <memory>
#include <string>

#include "common/crypto/ed25519.h"
#include "common/tlog/checkpoint.h"

namespace plumbline::audit {

// The log's origin and its key's name: <domain>/audit/<service>. `service` is "keyserver", "delivery" or "admin".
std::string Origin(absl::string_view domain, absl::string_view service);

// UNAUTHENTICATED unless `signature` is LogKey::SignRecord's.
absl::Status VerifyRecordSignature(const tlog::VerifierKey& log, uint64_t sequence, const tlog::Hash& root, ByteView signature);

// Shares its key; thread-safe.
class LogKey final {
 public:
  // INVALID_ARGUMENT for an origin that is no key name.
  static absl::StatusOr<LogKey> Create(absl::string_view origin, std::shared_ptr<const crypto::Ed25519Signer> key);
  static absl::StatusOr<LogKey> Create(absl::string_view origin, crypto::Ed25519KeyPair key);

  const tlog::VerifierKey& verifier() const { return signer_.verifier(); }

  // Over the number of a record and the root of the tree that ends with it, under a label of its own, so that it is no
  // checkpoint: whoever cuts records off finds none to put at the new end. It tells which record was the first to be changed.
  // As the key's signer.
  absl::StatusOr<Bytes> SignRecord(uint64_t sequence, const tlog::Hash& root) const;
  absl::StatusOr<std::string> SignCheckpoint(uint64_t size, const tlog::Hash& root) const {
    return tlog::SignCheckpoint(size, root, signer_);
  }

 private:
  LogKey(tlog::NoteSigner signer, std::shared_ptr<const crypto::Ed25519Signer> key) : signer_(std::move(signer)), key_(std::move(key)) {}
  tlog::NoteSigner signer_;
  std::shared_ptr<const crypto::Ed25519Signer> key_;
};

}  // namespace plumbline::audit
