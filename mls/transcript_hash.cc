#include "mls/transcript_hash.h"

#include "common/codec.h"

namespace plumbline::mls {

Bytes ConfirmedTranscriptHash(const CipherSuite& suite, ByteView interim, ByteView commit) {
  return suite.Hash(Concat({interim, commit}));
}

Bytes InterimTranscriptHash(const CipherSuite& suite, ByteView confirmed, ByteView confirmation_tag) {
  Writer input;
  input.Fixed(confirmed).Vector(confirmation_tag);
  return suite.Hash(input.view());
}

Bytes ConfirmationTag(const CipherSuite& suite, const ConfirmationKey& key, ByteView confirmed) {
  return suite.Mac(key.bytes.view(), confirmed);
}

absl::Status VerifyConfirmationTag(const CipherSuite& suite, const ConfirmationKey& key, ByteView confirmed,
                                   ByteView tag) {
  if (!suite.MacVerify(key.bytes.view(), confirmed, tag)) {
    return absl::InvalidArgumentError("confirmation tag does not match the group's history");
  }
  return absl::OkStatus();
}

}  // namespace plumbline::mls
