// Key packages waiting to be claimed. Each method is one transaction, durable on return. Thread-safe.
#pragma once

#include <optional>

#include "absl/time/time.h"
#include "common/status.h"
#include "keyserver/store/types.h"

namespace plumbline::keyserver {

inline constexpr uint32_t kMaxWaitingKeyPackages = 400;  // of one device

struct PublishedKeyPackage {
  uint16_t cipher_suite = 0;
  uint64_t expires_unix = 0;  // end of the leaf's lifetime
  Bytes message;              // MLSMessage
};

struct ClaimedKeyPackage {
  identity::DeviceId device{};
  Bytes message;
  bool last_resort = false;
};

class KeyPackageStore {
 public:
  virtual ~KeyPackageStore() = default;

  // Adds `packages` and replaces the last resort of its suite, all or nothing, and drops what waits under a former credential of
  // the device; returns how many single-use ones wait. ALREADY_EXISTS key_package_known if one was published before, claimed or not;
  // RESOURCE_EXHAUSTED too_many_key_packages above kMaxWaitingKeyPackages.
  virtual absl::StatusOr<uint32_t> Publish(const identity::DeviceId& device,
                                           const std::vector<PublishedKeyPackage>& packages,
                                           const std::optional<PublishedKeyPackage>& last_resort,
                                           absl::Time now) = 0;
  // One for each device of `user` that has one: the oldest single-use package, which no later claim gets,
  // else the last resort; where single-use ones are spared, the other way round. Expired ones are not given. Empty if there is none.
  virtual absl::StatusOr<std::vector<ClaimedKeyPackage>> Claim(absl::string_view user, uint16_t cipher_suite,
                                                               absl::Time now, bool spare_single_use = false) = 0;
  // Single-use packages that wait.
  virtual absl::StatusOr<uint32_t> CountAvailable(const identity::DeviceId& device, absl::Time now) = 0;
};

}  // namespace plumbline::keyserver
