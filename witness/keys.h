// The witness's key, in a file sealed under the operator's passphrase:
//
//   struct { uint8 version = 1; opaque seed[32]; } WitnessKeys;
#pragma once

#include <string>

#include "common/crypto/sealed_file.h"
#include "common/tlog/cosignature.h"

namespace plumbline::witness {

inline constexpr char kKeysFile[] = "witness.keys";    // in the data directory
inline constexpr char kStateFile[] = "witness.state";  // common to all logs

// Makes the data directory (0700), a new key and an empty state. Never replaces either: FAILED_PRECONDITION
// already_initialised. INVALID_ARGUMENT for a bad name; UNAVAILABLE if the disk refuses.
absl::StatusOr<tlog::CosignerKey> Initialise(const std::string& data_dir, absl::string_view name, const Secret& passphrase,
                                             const crypto::SealCost& cost = crypto::SealCost());

// FAILED_PRECONDITION not_initialised; PERMISSION_DENIED for a wrong passphrase; DATA_LOSS.
absl::StatusOr<tlog::Cosigner> OpenKeys(const std::string& data_dir, absl::string_view name, const Secret& passphrase);

}  // namespace plumbline::witness
