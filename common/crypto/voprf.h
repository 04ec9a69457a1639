// VOPRF over ristretto255 with SHA-512 (RFC 9497, mode 0x01): a client learns the output of a
// server's keyed hash for an input that the server does not see, and that it was made with the key
// it expected. Whoever has the key computes the same output from the input alone.
//
// An input may be guessed by whoever has the key and by whoever may ask often: how often one may
// ask is the service's to limit. Nothing here takes time that depends on a key, a blind or an
// input, but for the length of the input.
#pragma once

#include <array>
#include <span>

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::crypto {

inline constexpr size_t kVoprfSeedSize = 32;
inline constexpr size_t kVoprfScalarSize = 32;
inline constexpr size_t kVoprfElementSize = 32;
inline constexpr size_t kVoprfProofSize = 64;  // c[32] || s[32]
inline constexpr size_t kVoprfEvaluationSize = kVoprfElementSize + kVoprfProofSize;
inline constexpr size_t kVoprfOutputSize = 64;
inline constexpr size_t kMaxVoprfInput = 65535;  // bytes, of an input and of what a key is for
inline constexpr size_t kMaxVoprfBatch = 65535;  // pairs under one proof

using VoprfProof = std::array<uint8_t, kVoprfProofSize>;

// A group element other than the identity, in its canonical encoding. A value.
class VoprfElement final {
 public:
  // INVALID_ARGUMENT unless `bytes` is 32 bytes, canonical and not the identity.
  static absl::StatusOr<VoprfElement> Parse(ByteView bytes);

  ByteView view() const { return bytes_; }
  auto operator<=>(const VoprfElement&) const = default;

 private:
  friend class VoprfBlinding;
  friend class VoprfSecretKey;
  VoprfElement() = default;
  std::array<uint8_t, kVoprfElementSize> bytes_;
};

// What a client sent and what it is answered.
struct VoprfPair {
  VoprfElement blinded, evaluated;
};

// A server's answer. It counts only after VoprfBlinding::Finalize.
struct VoprfEvaluation {
  VoprfElement element;
  VoprfProof proof;

  // element || proof. INVALID_ARGUMENT unless `wire` is 96 bytes and begins with an element.
  static absl::StatusOr<VoprfEvaluation> Parse(ByteView wire);
  Bytes Serialize() const;
};

// A value.
class VoprfPublicKey final {
 public:
  // INVALID_ARGUMENT unless `bytes` is a VoprfElement.
  static absl::StatusOr<VoprfPublicKey> Parse(ByteView bytes);

  ByteView view() const { return element_.view(); }
  auto operator<=>(const VoprfPublicKey&) const = default;

  // That each element of `pairs` was multiplied by this key (RFC 9497 §2.2.2). INVALID_ARGUMENT
  // unless there are 1 to kMaxVoprfBatch pairs and both numbers of `proof` are below the order;
  // UNAUTHENTICATED if it proves something else.
  absl::Status Verify(std::span<const VoprfPair> pairs, const VoprfProof& proof) const;

 private:
  friend class VoprfSecretKey;
  explicit VoprfPublicKey(const VoprfElement& element) : element_(element) {}
  VoprfElement element_;
};

// The server's key. Move-only, wiped when destroyed; thread-safe. A moved-from one may only be
// assigned to or destroyed.
class VoprfSecretKey final {
 public:
  static VoprfSecretKey Generate();
  // The key that belongs to a seed and what it is for (RFC 9497 §3.2.1). INVALID_ARGUMENT unless
  // `seed` is 32 bytes and `info` at most kMaxVoprfInput.
  static absl::StatusOr<VoprfSecretKey> Derive(const Secret& seed, ByteView info);
  // INVALID_ARGUMENT unless `scalar` is 32 bytes, below the order and not zero.
  static absl::StatusOr<VoprfSecretKey> Parse(Secret&& scalar);

  const VoprfPublicKey& public_key() const { return public_key_; }
  // What Parse takes, for a sealed file or an encrypted store.
  ByteView scalar() const { return scalar_.view(); }

  // The answer to a client (RFC 9497 §3.3.2): the element times this key, and the proof.
  VoprfEvaluation BlindEvaluate(const VoprfElement& blinded) const;
  // The output for an input that is known: 64 bytes. INVALID_ARGUMENT for a longer input than
  // kMaxVoprfInput.
  absl::StatusOr<Secret> Evaluate(ByteView input) const;
  // One proof for 1 to kMaxVoprfBatch answers of this key (RFC 9497 §2.2.1), each time another.
  VoprfProof Prove(std::span<const VoprfPair> pairs) const;

 private:
  explicit VoprfSecretKey(Secret&& scalar);
  Secret scalar_;
  VoprfPublicKey public_key_;
};

// One question of a client: the input and what hides it from the server. Move-only, wiped when
// destroyed; thread-safe. A moved-from one may only be assigned to or destroyed.
class VoprfBlinding final {
 public:
  // Under a random blind. INVALID_ARGUMENT for a longer input than kMaxVoprfInput.
  static absl::StatusOr<VoprfBlinding> Create(Secret&& input);

  // What the server is sent. It says nothing about the input.
  const VoprfElement& element() const { return element_; }

  // The output of `public_key`'s owner for the input: 64 bytes, the same under each blind. Codes of
  // VoprfPublicKey::Verify.
  absl::StatusOr<Secret> Finalize(const VoprfEvaluation& evaluation,
                                  const VoprfPublicKey& public_key) const;

 private:
  explicit VoprfBlinding(Secret&& input) : input_(std::move(input)) {}
  Secret input_;
  Secret blind_;  // 32 bytes, not zero
  VoprfElement element_;
};

}  // namespace plumbline::crypto
