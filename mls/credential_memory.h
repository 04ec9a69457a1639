// What was read of credentials, kept so that a look at every member of a large group does not parse
// every certificate again.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <utility>

#include "common/mutex.h"
#include "mls/credential.h"

namespace plumbline::mls {

// `Names`: what a credential says of its subject. Remembers at most `capacity` credentials of at
// most kMaxRemembered bytes, by their SHA-256, then begins anew; others are read each time.
// Thread-safe.
template <typename Names>
class CredentialMemory final {
 public:
  static constexpr size_t kCapacity = 16'384;     // more than the members a group has by default
  static constexpr size_t kMaxRemembered = 4096;  // bytes: a chain of two or three certificates

  explicit CredentialMemory(size_t capacity = kCapacity) : capacity_(capacity) {}

  // Whether both can be read and have the same names. read(const Credential&) gives
  // StatusOr<Names>, the same each time.
  template <typename Read>
  bool Same(const Credential& a, const Credential& b, const Read& read) {
    const std::optional<Names> first = Get(a, read);
    return first.has_value() && first == Get(b, read);
  }

  size_t size() const {
    MutexLock lock(mutex_);
    return known_.size();
  }

 private:
  using Key = std::pair<uint16_t, std::array<uint8_t, 32>>;

  template <typename Read>
  std::optional<Names> Get(const Credential& credential, const Read& read) {
    if (credential.content.size() > kMaxRemembered) return Ask(credential, read);
    const Key key{credential.type, Sha256(credential.content)};
    {
      MutexLock lock(mutex_);
      if (const auto known = known_.find(key); known != known_.end()) return known->second;
    }
    std::optional<Names> names = Ask(credential, read);
    MutexLock lock(mutex_);
    if (known_.size() >= capacity_) known_.clear();
    known_.emplace(key, names);
    return names;
  }

  template <typename Read>
  static std::optional<Names> Ask(const Credential& credential, const Read& read) {
    absl::StatusOr<Names> names = read(credential);
    return names.ok() ? std::optional<Names>(*std::move(names)) : std::nullopt;
  }

  const size_t capacity_;
  mutable Mutex mutex_;
  std::map<Key, std::optional<Names>> known_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbline::mls
