// The leaf of one member (RFC 9420 §7.2): its keys, credential, capabilities and extensions, signed
// by itself.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "common/bytes.h"
#include "common/codec.h"
#include "common/status.h"
#include "mls/credential.h"
#include "mls/crypto/cipher_suite.h"
#include "mls/extension.h"

namespace plumbline::mls {

inline constexpr uint16_t kProtocolVersionMls10 = 1;

// Position of a member among the leaves, from 0; stable while the member stays.
struct LeafIndex {
  uint32_t value = 0;
  auto operator<=>(const LeafIndex&) const = default;
};

// struct { ProtocolVersion versions<V>; CipherSuite cipher_suites<V>; ExtensionType extensions<V>;
//          ProposalType proposals<V>; CredentialType credentials<V>; } Capabilities;
// The types every client supports (§7.2) are not listed.
struct Capabilities {
  std::vector<uint16_t> versions;
  std::vector<uint16_t> cipher_suites;
  std::vector<uint16_t> extensions;
  std::vector<uint16_t> proposals;
  std::vector<uint16_t> credentials;
  bool operator==(const Capabilities&) const = default;

  // What this library does, with `extensions` as the listed extension types: MLS 1.0, its suites,
  // basic and X.509.
  static Capabilities Default(std::vector<uint16_t> extensions = {});
};

// Seconds since the Unix epoch, both ends included.
struct Lifetime {
  uint64_t not_before = 0;
  uint64_t not_after = 0;
  bool operator==(const Lifetime&) const = default;

  bool Holds(absl::Time now) const;
  static Lifetime From(absl::Time start, absl::Duration length);
};

enum class LeafNodeSource : uint8_t { kKeyPackage = 1, kUpdate = 2, kCommit = 3 };

// struct { HPKEPublicKey encryption_key; SignaturePublicKey signature_key; Credential credential;
//          Capabilities capabilities; LeafNodeSource leaf_node_source;
//          select (leaf_node_source) { case key_package: Lifetime lifetime; case update: struct{};
//                                      case commit: opaque parent_hash<V>; };
//          Extension extensions<V>; opaque signature<V>; } LeafNode;
struct LeafNode {
  Bytes encryption_key;
  Bytes signature_key;
  Credential credential;
  Capabilities capabilities;
  LeafNodeSource source = LeafNodeSource::kKeyPackage;
  Lifetime lifetime;  // only if source is kKeyPackage
  Bytes parent_hash;  // only if source is kCommit
  Extensions extensions;
  Bytes signature;
  bool operator==(const LeafNode&) const = default;
};

absl::StatusOr<LeafNode> ReadLeafNode(Reader& in);
void WriteLeafNode(Writer& out, const LeafNode& leaf);

// Where a leaf stands; signed into leaves of source update and commit, not into those of a key
// package.
struct LeafPosition {
  ByteView group_id;
  LeafIndex index;
};

// Fills in `leaf.signature` (label "LeafNodeTBS"). INVALID_ARGUMENT if the key is unusable.
absl::Status SignLeafNode(const CipherSuite& suite, const SignaturePrivateKey& key,
                          const std::optional<LeafPosition>& position, LeafNode& leaf);
// INVALID_ARGUMENT unless the signature verifies with the leaf's own key.
absl::Status VerifyLeafNodeSignature(const CipherSuite& suite, const LeafNode& leaf,
                                     const std::optional<LeafPosition>& position);

// The checks of §7.3 that need nothing but the leaf: keys well-formed for the suite, version and
// suite listed, own credential type and own extension types listed, known extensions only where
// they are legal.
absl::Status CheckLeafNodeAlone(const CipherSuite& suite, const LeafNode& leaf);
// §7.3: the leaf does all that `required` asks for and every extension type of the group context.
absl::Status CheckLeafNodeSupports(const LeafNode& leaf,
                                   const Extensions& group_context_extensions);

}  // namespace plumbline::mls
