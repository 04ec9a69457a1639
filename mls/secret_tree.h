// The keys of one epoch's messages (RFC 9420 §9): the secret tree and, at its leaves, each member's two ratchets.
// Everything is derived when first needed and deleted when used, so a key can be had once only.
// Move-only (CopyOf makes a copy for a staged group); a moved-from tree may only be destroyed. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "common/bytes.h"
#include "common/codec.h"
#include "common/secret.h"
#include "common/status.h"
#include "mls/crypto/cipher_suite.h"
#include "mls/key_schedule.h"
#include "mls/tree/tree_math.h"

namespace plumbline::mls {

enum class RatchetType : uint8_t { kHandshake, kApplication };

struct KeyAndNonce {
  Secret key;    // aead_key_size() bytes
  Secret nonce;  // aead_nonce_size() bytes; the framing xors the reuse guard into it (§6.3.1)
};

struct MessageKey {
  uint32_t generation = 0;
  KeyAndNonce secrets;
};

// What a peer may cost: bounds per ratchet. Larger values than these maxima count as the maxima.
inline constexpr uint32_t kMaxForwardSkip = 100'000;
inline constexpr uint32_t kMaxOutOfOrder = 10'000;
struct RatchetLimits {
  uint32_t max_forward_skip = 1000;  // how far past the next expected generation a message may be
  uint32_t max_out_of_order = 64;    // keys of skipped generations that are kept, the newest ones
  bool operator==(const RatchetLimits&) const = default;
};

// The key and nonce of a PrivateMessage's sender data (§6.3.2): from the first hash_size() bytes of its ciphertext.
KeyAndNonce DeriveSenderDataKeyAndNonce(const CipherSuite& suite, const SenderDataSecret& secret, ByteView ciphertext);

class SecretTree final {
 public:
  // `leaves` is the size of the ratchet tree, blank leaves included. `suite` outlives the tree.
  SecretTree(const CipherSuite& suite, LeafCount leaves, EncryptionSecret secret, RatchetLimits limits = {});
  SecretTree(SecretTree&&) noexcept = default;
  SecretTree& operator=(SecretTree&&) noexcept = default;
  static SecretTree CopyOf(const SecretTree& other);

  // To send: the next key of the own ratchet, never handed out again, whatever becomes of it.
  // INVALID_ARGUMENT if `leaf` is outside the tree; RESOURCE_EXHAUSTED after 2^32 generations.
  absl::StatusOr<MessageKey> Next(LeafIndex leaf, RatchetType type);

  // To receive: the key to try, without any change to the tree. Decrypt and verify with it, then Consume it; or drop
  // it, and the tree is as if the message had never come.
  class Staged;
  // INVALID_ARGUMENT if `leaf` is outside the tree, or the generation's key was used or is no longer kept;
  // RESOURCE_EXHAUSTED if the generation is more than max_forward_skip ahead.
  absl::StatusOr<Staged> Stage(LeafIndex leaf, RatchetType type, uint32_t generation) const;
  // Makes what Stage found final. The tree must not have changed since (CHECKed).
  void Consume(Staged staged);

  LeafCount leaves() const { return leaves_; }
  const RatchetLimits& limits() const { return limits_; }

  // The whole state. Read: INVALID_ARGUMENT unless the bytes came from Write.
  void Write(Writer& out) const;
  static absl::StatusOr<SecretTree> Read(const CipherSuite& suite, Reader& in);
  Secret Serialize() const;  // Write, alone

 private:
  struct Ratchet {
    Secret secret;      // of generation `next`; empty when exhausted
    uint64_t next = 0;  // 2^32 when exhausted
    std::map<uint32_t, KeyAndNonce> skipped;
  };
  using Ratchets = std::array<Ratchet, 2>;  // by RatchetType
  // The path from the lowest node that still has its secret down to a leaf that has no ratchets yet.
  struct Descent {
    NodeIndex from;
    std::vector<std::pair<NodeIndex, Secret>> siblings;
    Ratchets ratchets;
  };

  // Steps `ratchet` once; the key of the generation it was at, if wanted.
  KeyAndNonce Step(Ratchet& ratchet, bool want_key) const;
  absl::StatusOr<Descent> Descend(LeafIndex leaf) const;
  void Apply(LeafIndex leaf, Descent descent);
  absl::Status ReadRatchet(Reader& in, Ratchet& ratchet) const;
  absl::Status CheckCover() const;

  const CipherSuite* suite_;
  LeafCount leaves_;
  RatchetLimits limits_;
  uint64_t changes_ = 0;                 // finds a stale Staged; not part of the state
  std::map<NodeIndex, Secret> nodes_;    // tree node secrets not yet split further
  std::map<LeafIndex, Ratchets> ratchets_;
};

class SecretTree::Staged final {
 public:
  const KeyAndNonce& key() const { return key_; }
  uint32_t generation() const { return generation_; }

 private:
  friend class SecretTree;
  Staged() = default;
  KeyAndNonce key_;
  uint32_t generation_ = 0;
  LeafIndex leaf_;
  RatchetType type_ = RatchetType::kHandshake;
  uint64_t changes_ = 0;
  std::optional<Descent> descent_;
  std::optional<Ratchet> ahead_;  // the new secret and next, with the keys newly skipped; none if the key was skipped
};

}  // namespace plumbline::mls
