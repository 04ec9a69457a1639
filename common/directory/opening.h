// What is behind an entry of the directory's log, for an auditor: record and cause with their nonces, and that the person stands
// at the entry's index. A file of openings is one behind another in the order of the log, each as opaque opening<V>.
//
//   struct { uint8 version = 1; uint64 place;
//            optional<struct { opaque nonce[32]; opaque record<V>; opaque index_proof[80]; }> record;
//            optional<struct { opaque nonce[32]; opaque cause<V>; }> cause; } Opening;       // neither: the person was erased
#pragma once

#include <optional>

#include "common/crypto/vrf.h"
#include "common/directory/cause.h"
#include "common/identity/commitment.h"
#include "common/identity/record.h"
#include "common/tlog/directory_leaf.h"

namespace plumbline::directory {

inline constexpr size_t kMaxOpening = identity::kMaxRecord + kMaxCause + 1024;  // bytes

struct OpenedRecord {
  identity::CommitmentNonce nonce;
  Bytes record;                   // encoded identity::DirectoryRecord
  crypto::VrfProof index_proof{};  // of its person, under the genesis's vrf_key
};
struct OpenedCause {
  identity::CommitmentNonce nonce;
  Bytes cause;  // encoded Cause
};
struct Opening {
  uint64_t place = 0;  // of the entry in the log
  std::optional<OpenedRecord> record;
  std::optional<OpenedCause> cause;
};

Bytes Encode(const Opening& opening);
// INVALID_ARGUMENT for any other input than Encode's within the limits. Record and cause inside are not parsed.
absl::StatusOr<Opening> ParseOpening(ByteView wire);
// The next of a file.
absl::StatusOr<Opening> ReadOpening(Reader& in);

// Whether what is opened is what `entry` commits to. UNAUTHENTICATED if not; what is not opened is not missed.
absl::Status CheckOpens(const Opening& opening, const tlog::EntryLeaf& entry);

}  // namespace plumbline::directory
