#include "common/identity/commitment.h"

#include "common/identity/labels.h"

namespace plumbline::identity {
namespace {

Hash Commit(absl::string_view label, ByteView content, const CommitmentNonce& nonce) {
  return Sha256(Writer().Vector(AsBytes(label)).Fixed(nonce.bytes).Vector(content).view());
}

}  // namespace

Hash CommitToRecord(ByteView record, const CommitmentNonce& nonce) {
  return Commit(kRecordCommitmentLabel, record, nonce);
}
Hash CommitToCause(ByteView cause, const CommitmentNonce& nonce) {
  return Commit(kCauseCommitmentLabel, cause, nonce);
}

}  // namespace plumbline::identity
