// Cosignatures of checkpoints (C2SP tlog-cosignature, Ed25519, "cosignature/v1"): at this time, this was the largest consistent
// tree of that log that the cosigner had seen. A cosignature is a signature line of the checkpoint's note.
//
//   struct { uint64 timestamp;          // POSIX seconds, at most 2^63 - 1
//            opaque signature[64];      // over "cosignature/v1\ntime " timestamp "\n" text
//   } timestamped_signature;
//
// The message does not hold the cosigner's name: a key must be of one name only. It begins with a 'c', which as the length of a
// label is more than any of ours has (common/crypto/ed25519.h): no signature of ours for another purpose is one.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "common/tlog/note.h"

namespace plumbline::tlog {

inline constexpr size_t kCosignatureSize = 72;  // bytes

// Whose cosignatures count. A value.
class CosignerKey final {
 public:
  // INVALID_ARGUMENT for a name that CheckKeyName refuses.
  static absl::StatusOr<CosignerKey> Create(absl::string_view name, const crypto::Ed25519PublicKey& key);
  // The text of common/tlog/key_text.h, of type kCosignature. INVALID_ARGUMENT for any other.
  static absl::StatusOr<CosignerKey> Parse(absl::string_view text);
  std::string ToText() const { return FormatKey(name_, KeyType::kCosignature, key_); }

  const std::string& name() const { return name_; }
  uint32_t id() const { return id_; }
  const crypto::Ed25519PublicKey& key() const { return key_; }
  bool operator==(const CosignerKey&) const = default;

  // When this key cosigned `text`. UNAUTHENTICATED unless `signature` is its cosignature of it.
  absl::StatusOr<absl::Time> Verify(absl::string_view text, ByteView signature) const;

  // The latest time at which this key cosigned the note. NOT_FOUND if it did not; UNAUTHENTICATED if a line with its name and
  // id does not verify.
  absl::StatusOr<absl::Time> Find(const Note& note) const;

 private:
  CosignerKey(absl::string_view name, const crypto::Ed25519PublicKey& key);
  std::string name_;
  crypto::Ed25519PublicKey key_;
  uint32_t id_;
};

// Cosigns. Move-only; thread-safe.
class Cosigner final {
 public:
  // Keeps a copy of the key. INVALID_ARGUMENT for a bad name.
  static absl::StatusOr<Cosigner> Create(absl::string_view name, const crypto::Ed25519KeyPair& key);
  const CosignerKey& verifier() const { return verifier_; }
  // A signature line for a note over `text`. Fractions of a second are dropped; a time before 1970 is 0.
  NoteSignature Cosign(absl::string_view text, absl::Time now) const;

 private:
  Cosigner(CosignerKey verifier, Secret expanded) : verifier_(std::move(verifier)), expanded_(std::move(expanded)) {}
  CosignerKey verifier_;
  Secret expanded_;  // 64 bytes, libsodium's form
};

}  // namespace plumbline::tlog
