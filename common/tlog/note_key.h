// The keys of signed notes (C2SP signed-note): a name, a key id and an Ed25519 key (signature type 0x01). A key that signs
// notes signs their bare text; nothing else of ours that is signed can be one, since it begins with a length below 32
// (common/crypto/ed25519.h) and a note has no control characters but newlines.
#pragma once

#include <memory>
#include <string>

#include "common/tlog/key_text.h"

namespace plumbline::tlog {

// Who may have signed. A value.
class VerifierKey final {
 public:
  // INVALID_ARGUMENT for a name that CheckKeyName refuses.
  static absl::StatusOr<VerifierKey> Create(absl::string_view name, const crypto::Ed25519PublicKey& key);
  // The text of common/tlog/key_text.h, of type kNote. INVALID_ARGUMENT for any other.
  static absl::StatusOr<VerifierKey> Parse(absl::string_view text);
  std::string ToText() const;

  const std::string& name() const { return name_; }
  uint32_t id() const { return id_; }
  const crypto::Ed25519PublicKey& key() const { return key_; }
  bool operator==(const VerifierKey&) const = default;

  // UNAUTHENTICATED unless `signature` is this key's over the bare `text`.
  absl::Status Verify(absl::string_view text, ByteView signature) const;

 private:
  VerifierKey(absl::string_view name, const crypto::Ed25519PublicKey& key);
  std::string name_;
  crypto::Ed25519PublicKey key_;
  uint32_t id_;
};

// Signs notes. Shares its key; thread-safe.
class NoteSigner final {
 public:
  // INVALID_ARGUMENT for a bad name.
  static absl::StatusOr<NoteSigner> Create(absl::string_view name, std::shared_ptr<const crypto::Ed25519Signer> key);
  // Keeps a copy of the key.
  static absl::StatusOr<NoteSigner> Create(absl::string_view name, const crypto::Ed25519KeyPair& key);
  const VerifierKey& verifier() const { return verifier_; }
  // 64 bytes over the bare `text`. As the key's signer.
  absl::StatusOr<Bytes> Sign(absl::string_view text) const { return key_->SignBare(AsBytes(text)); }

 private:
  NoteSigner(VerifierKey verifier, std::shared_ptr<const crypto::Ed25519Signer> key) : verifier_(std::move(verifier)), key_(std::move(key)) {}
  VerifierKey verifier_;
  std::shared_ptr<const crypto::Ed25519Signer> key_;
};

}  // namespace plumbline::tlog
