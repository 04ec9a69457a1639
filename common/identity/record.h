// Directory records: who a person is and which devices are theirs, signed by the directory
// (docs/protocols/identity.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/crypto/ed25519.h"
#include "common/identity/fixed.h"
#include "common/identity/organisation_keys.h"
#include "common/status.h"

namespace plumbline::identity {

inline constexpr size_t kMaxDevices = 32;
inline constexpr size_t kMaxRecord = 16 * 1024;  // bytes

// struct { opaque device_id[16]; opaque label<V>; opaque mls_signature_public_key[32];
//          opaque credential_hash[32]; uint32 enrolled_day; } RecordDevice;
struct RecordDevice {
  DeviceId device_id{};
  std::string label;  // CheckText, at most kMaxDeviceLabel
  PublicKey mls_signature_public_key{};
  Hash credential_hash{};     // SHA-256 of the DER of its MLS credential certificate
  uint32_t enrolled_day = 0;  // days since 1970-01-01
  bool operator==(const RecordDevice&) const = default;
};

// Suspended: reversible; the devices are listed, and none of them may stay in a group. Removed: for ever; there are none.
enum class RecordStatus : uint8_t { kActive = 1, kSuspended = 2, kRemoved = 3 };

// struct { uint8 version_of_format; opaque user<V>; opaque display_name<V>; uint64 version;
//          opaque previous_hash[32]; uint8 status; opaque cause[32]; RecordDevice devices<V>;
//          select (version_of_format) { case 1: struct {}; case 2: opaque proofing_level<V>; }; }   // in format 2 not empty
//          DirectoryRecord;
struct DirectoryRecord {
  std::string user;
  std::string display_name;
  uint64_t version = 0;  // from 1
  Hash previous_hash{};  // SHA-256 of the encoding of version - 1; zeros in version 1 and in no other
  RecordStatus status = RecordStatus::kActive;
  Hash cause{};  // SHA-256 of the intent, enrolment proof or device decision that made this version
  std::vector<RecordDevice> devices;  // ascending by device_id, at most kMaxDevices
  std::string proofing_level;         // how the organisation made sure of the person; empty in an older record
  bool operator==(const DirectoryRecord&) const = default;
};
Bytes Encode(const DirectoryRecord& record);
absl::StatusOr<DirectoryRecord> ParseDirectoryRecord(ByteView wire);

// Parses `wire` after its signature verifies under a key of the directory role that counts now.
// UNAUTHENTICATED for a wrong signature, INVALID_ARGUMENT for a malformed record.
absl::StatusOr<DirectoryRecord> VerifyDirectoryRecord(ByteView wire, ByteView signature,
                                                      const RoleKeys& directory_keys);

// The device of that id; null if the record does not have it.
const RecordDevice* FindDevice(const DirectoryRecord& record, const DeviceId& id);

}  // namespace plumbline::identity
