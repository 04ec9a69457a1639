// What is in a backup: whose it is, of when, how far its logs are, and its files in order.
//
//   struct { opaque origin<V>; uint64 size; opaque root[32]; } LogState;                     // of a log, as in its checkpoint
//   struct { opaque name<V>; uint64 size; opaque sha256[32]; } File;                         // name: 1 to 64 of a-z and "."
//   struct { uint8 version = 1; uint8 service; /* 1 keyserver, 2 delivery, 3 admin */ opaque domain<V>; uint64 time_unix;
//            LogState logs<V>; /* 1 to 4 */ File files<V>; /* 1 to 8, names all different */
//            opaque proof[32]; } Manifest;
//
// `proof` is HMAC-SHA256 over all that is before it, under HKDF-SHA256 of the service's (first) database key: who knows the public
// half of a backup key alone cannot make a backup that is believed, nor put one's files into another.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/db/database.h"
#include "common/identity/uri.h"
#include "common/tlog/tree.h"

namespace plumbline::backup {

inline constexpr size_t kMaxManifest = 16 << 10;  // bytes
inline constexpr size_t kMaxLogs = 4;
inline constexpr size_t kMaxFiles = 8;
inline constexpr size_t kMaxFileName = 64;
inline constexpr uint64_t kMaxFileSize = uint64_t{1} << 50;  // bytes

struct LogState {
  std::string origin;
  uint64_t size = 0;
  tlog::Hash root{};
  bool operator==(const LogState&) const = default;
};

struct File {
  std::string name;
  uint64_t size = 0;
  std::array<uint8_t, 32> sha256{};
  bool operator==(const File&) const = default;
};

struct Manifest {
  identity::Service service = identity::Service::kKeyserver;
  std::string domain;
  absl::Time time;  // whole seconds
  std::vector<LogState> logs;  // the audit record first
  std::vector<File> files;     // the sealed keys first
  std::array<uint8_t, 32> proof{};
  bool operator==(const Manifest&) const = default;
};

Bytes Encode(const Manifest& manifest);
// INVALID_ARGUMENT unless `bytes` are Encode's of some manifest; UNIMPLEMENTED backup_too_new for a version that is not known here.
absl::StatusOr<Manifest> ParseManifest(ByteView bytes);

// Sets `proof`; UNAUTHENTICATED unless it is the one that this key makes.
void Prove(Manifest& manifest, const db::Key& key);
absl::Status CheckProof(const Manifest& manifest, const db::Key& key);

}  // namespace plumbline::backup
