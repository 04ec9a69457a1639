// That a log of the directory ended and another one follows it, said by the organisation's root and signed by a key that the root
// certified for this one statement (docs/transparency.md, "Another log"). It names all that a reader of the former log needs: where
// that ends, and with which leaf the next one begins.
//
//   struct { uint8 version = 1; opaque domain<V>; uint64 number; uint8 reason; uint64 former_size; opaque former_root[32];
//            opaque vrf_key[32]; } LogSuccession;
//   struct { opaque certificate<V>; opaque statement<V>; opaque signature[64]; } SignedLogSuccession;
//
// The signature is Ed25519 under "plumbline log succession v1". Where a person is in the next log is told to those who follow them
// in the former one, sealed under the key by which they do:
//
//   struct { opaque index_proof[80]; opaque follow_key[32]; } Handover;
//   sealed = nonce[24] || XChaCha20-Poly1305(former follow key, nonce, aad: LogSuccession, Handover)
//
// with the first 24 bytes of HMAC-SHA256(former follow key, LogSuccession || Handover) as nonce.
#pragma once

#include <string>

#include "common/crypto/vrf.h"
#include "common/crypto/x509.h"
#include "common/secret.h"
#include "common/tlog/directory_leaf.h"

namespace plumbline::directory {

enum class SuccessionReason : uint8_t {
  kPlanned = 1,   // all that was published is below former_size
  kRestored = 2,  // from a backup: witnesses and readers may have seen a longer log
};

struct LogSuccession {
  std::string domain;
  uint64_t number = 0;  // of the log that follows, as LogNumber; from 2
  SuccessionReason reason = SuccessionReason::kPlanned;
  uint64_t former_size = 0;  // leaves of the log before it, of which it has that root
  tlog::Hash former_root{};
  crypto::VrfPublicKey vrf_key;  // of the log that follows
  bool operator==(const LogSuccession&) const = default;
};
Bytes Encode(const LogSuccession& succession);
// INVALID_ARGUMENT for any other input than Encode's of a number from 2 and a size from 1.
absl::StatusOr<LogSuccession> ParseLogSuccession(ByteView wire);
// The first leaf of the log that follows. `root`: the organisation's.
tlog::GenesisLeaf GenesisOf(const LogSuccession& succession, const crypto::Certificate& root);

inline constexpr size_t kMaxSignedLogSuccession = 16 << 10;  // bytes

struct SignedLogSuccession {
  Bytes certificate;  // DER; of the role "succession", under the root
  Bytes statement;    // encoded LogSuccession
  Bytes signature;    // 64 bytes
  bool operator==(const SignedLogSuccession&) const = default;
};
Bytes Encode(const SignedLogSuccession& succession);
// INVALID_ARGUMENT for any other input than Encode's.
absl::StatusOr<SignedLogSuccession> ParseSignedLogSuccession(ByteView wire);
// UNAUTHENTICATED if the root's word for it does not hold; INVALID_ARGUMENT for a malformed one, or one of another organisation. It
// tells what happened once, so it counts for ever: its certificate is judged at the earlier of `now` and its own end.
absl::StatusOr<LogSuccession> VerifyLogSuccession(const SignedLogSuccession& offered, const crypto::Certificate& root,
                                                  absl::string_view domain, absl::Time now);

// Where a person is in the log that follows.
struct Handover {
  crypto::VrfProof index_proof{};
  Secret follow_key;  // 32 bytes
};
// `statement`: the encoded LogSuccession.
Bytes SealHandover(const Handover& handover, const Secret& former_follow_key, ByteView statement);
// UNAUTHENTICATED unless it was sealed under this key with this statement.
absl::StatusOr<Handover> OpenHandover(ByteView sealed, const Secret& former_follow_key, ByteView statement);

}  // namespace plumbline::directory
