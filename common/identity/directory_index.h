// Where a person stands in the directory's map: an output of the directory's VRF, so that nobody
// else can tell from an index whose it is, or try names (docs/transparency.md).
#pragma once

#include "common/crypto/vrf.h"
#include "common/identity/fixed.h"
#include "common/identity/uri.h"

namespace plumbline::identity {

// The index of a person and the proof that it is theirs.
struct DirectoryIndex {
  Hash index{};  // the first 32 bytes of the output
  crypto::VrfProof proof{};
};

// The VRF's input is struct { opaque label<V>; opaque user<V>; }, under kDirectoryIndexLabel,
// `user` the URI in text.
DirectoryIndex MakeDirectoryIndex(const crypto::VrfKeyPair& key, const UserUri& user);
// The index alone, for a third of the work.
Hash ComputeDirectoryIndex(const crypto::VrfKeyPair& key, const UserUri& user);
// The index of `user` under `key`, which the log's genesis names. INVALID_ARGUMENT for a malformed
// proof, UNAUTHENTICATED for one of somebody else or of another key.
absl::StatusOr<Hash> VerifyDirectoryIndex(const crypto::VrfPublicKey& key, const UserUri& user,
                                          ByteView proof);

}  // namespace plumbline::identity
