// The running hash over all commits of a group (RFC 9420 §8.2) and the tag that confirms it (§6.1).
#pragma once

#include "common/bytes.h"
#include "common/status.h"
#include "mls/crypto/cipher_suite.h"
#include "mls/key_schedule.h"

namespace plumbline::mls {

// confirmed_transcript_hash of the epoch that a commit begins: hash_size() bytes.
// `interim` is the interim hash of the epoch that it ends (empty for a group's first commit). `commit` is the encoded
//   struct { WireFormat wire_format; FramedContent content; opaque signature<V>; } ConfirmedTranscriptHashInput;
Bytes ConfirmedTranscriptHash(const CipherSuite& suite, ByteView interim, ByteView commit);

// interim_transcript_hash of the same epoch.
//   struct { MAC confirmation_tag; } InterimTranscriptHashInput;
Bytes InterimTranscriptHash(const CipherSuite& suite, ByteView confirmed, ByteView confirmation_tag);

// The confirmation tag of a commit and of the epoch's GroupInfo: MAC over the confirmed hash, hash_size() bytes.
Bytes ConfirmationTag(const CipherSuite& suite, const ConfirmationKey& key, ByteView confirmed);
// INVALID_ARGUMENT unless `tag` is that tag, in full length. Constant time.
absl::Status VerifyConfirmationTag(const CipherSuite& suite, const ConfirmationKey& key, ByteView confirmed,
                                   ByteView tag);

}  // namespace plumbline::mls
