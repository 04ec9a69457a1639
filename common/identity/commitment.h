// What the directory's log holds in place of records (docs/transparency.md): commitments, which
// tell nothing to whoever does not have the nonce, and which nobody can open in two ways. Whoever
// forgets record and nonce has erased them.
#pragma once

#include "common/identity/fixed.h"

namespace plumbline::identity {

// 32 random bytes, of one version of one record; served with the record and forgotten with it.
struct CommitmentNonce {
  Nonce bytes{};
  static CommitmentNonce Random() { return {RandomFixed<32>()}; }
};

// SHA-256 of struct { opaque label<V>; opaque nonce[32]; opaque content<V>; }, under
// kRecordCommitmentLabel over the encoding of a DirectoryRecord, under kCauseCommitmentLabel over
// what made it. `content` is at most kMaxVarint long.
Hash CommitToRecord(ByteView record, const CommitmentNonce& nonce);
Hash CommitToCause(ByteView cause, const CommitmentNonce& nonce);

}  // namespace plumbline::identity
