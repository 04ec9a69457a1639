#include "common/identity/directory_index.h"

#include "common/check.h"
#include "common/identity/labels.h"

namespace plumbline::identity {
namespace {

Bytes Input(const UserUri& user) {
  const std::string uri = user.ToString();
  return Writer().Vector(AsBytes(kDirectoryIndexLabel)).Vector(AsBytes(uri)).TakeBytes();
}

Hash IndexOf(const crypto::VrfOutput& output) {
  Hash out;
  std::copy_n(output.begin(), out.size(), out.begin());
  return out;
}

}  // namespace

DirectoryIndex MakeDirectoryIndex(const crypto::VrfKeyPair& key, const UserUri& user) {
  DirectoryIndex out;
  out.proof = key.Prove(Input(user));
  const absl::StatusOr<crypto::VrfOutput> output = crypto::VrfProofToHash(out.proof);
  CHECK(output.ok());
  out.index = IndexOf(*output);
  return out;
}

Hash ComputeDirectoryIndex(const crypto::VrfKeyPair& key, const UserUri& user) {
  return IndexOf(key.Evaluate(Input(user)));
}

absl::StatusOr<Hash> VerifyDirectoryIndex(const crypto::VrfPublicKey& key, const UserUri& user,
                                          ByteView proof) {
  ASSIGN_OR_RETURN(const crypto::VrfOutput output, key.Verify(Input(user), proof));
  return IndexOf(output);
}

}  // namespace plumbline::identity
