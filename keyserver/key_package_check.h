// What the key server demands of a key package before it hands it to others.
#pragma once

#include "absl/time/time.h"
#include "common/crypto/x509.h"
#include "common/status.h"
#include "keyserver/store/key_package_store.h"

namespace plumbline::keyserver {

inline constexpr size_t kMaxKeyPackage = 16 * 1024;  // bytes
inline constexpr absl::Duration kMaxKeyPackageLife =
    absl::Hours(24 * 370);  // from its own beginning to its end

// Suites 0x0001 and 0x0003 (RFC 9420 §17.1).
bool IsKnownCipherSuite(uint32_t suite);

// INVALID_ARGUMENT key_package_invalid unless `message` is the canonical MLSMessage of one key package that
// passes RFC 9420 §10.1, in a known suite, under `device`'s own MLS key and its own credential (chain:
// credential, `issuing` (DER)), with a lifetime that holds `now` and is not too long, a mailbox address in its
// leaf, and the last-resort mark exactly if `last_resort`.
absl::StatusOr<PublishedKeyPackage> CheckKeyPackage(ByteView message, const Device& device,
                                                    ByteView issuing, bool last_resort,
                                                    absl::Time now);

}  // namespace plumbline::keyserver
