// Keys whose private half everybody knows: from published test vectors, of one byte again and again, small numbers. Whoever offers one as
// their own has a program that was never set up, or wants to be forged. Refused where keys are certified.
#pragma once

#include "common/bytes.h"
#include "common/crypto/ed25519.h"

namespace plumbline::crypto {

// Made from: the seeds of RFC 8032 §7.1, and each of the 256 seeds that are one byte 32 times. Thread-safe.
bool IsKnownKey(const Ed25519PublicKey& key);
// `spki` is a P-256 key (IsP256Spki). The key of RFC 6979 §A.2.5, the scalars 1 to 256 and their negatives, and each of the 255 scalars
// that are one byte 32 times. Thread-safe.
bool IsKnownP256Key(ByteView spki);

}  // namespace plumbline::crypto
