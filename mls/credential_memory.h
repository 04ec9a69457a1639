// What was read of credentials, kept so that a look at every member of a large group does not parse
// every certificate again.
#pragma once

#include <map>
#include <optional>
#include <tuple>

#include "common/mutex.h"
#include "mls/credential.h"

namespace plumbline::mls {

// `Names`: what a credential says of its subject. Holds at most `capacity` credentials, then begins
// anew. Thread-safe.
template <typename Names>
class CredentialMemory final {
 public:
  explicit CredentialMemory(size_t capacity = 4096) : capacity_(capacity) {}

  // Whether both can be read and have the same names. read(const Credential&) gives
  // StatusOr<Names>, the same each time.
  template <typename Read>
  bool Same(const Credential& a, const Credential& b, const Read& read) {
    MutexLock lock(mutex_);
    if (known_.size() + 2 > capacity_) known_.clear();
    const std::optional<Names>& first = Get(a, read);
    const std::optional<Names>& second = Get(b, read);
    return first.has_value() && first == second;
  }

  size_t size() const {
    MutexLock lock(mutex_);
    return known_.size();
  }

 private:
  template <typename Read>
  const std::optional<Names>& Get(const Credential& credential, const Read& read)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto known = known_.find(credential);
    if (known != known_.end()) return known->second;
    absl::StatusOr<Names> names = read(credential);
    return known_
        .emplace(credential, names.ok() ? std::optional<Names>(*std::move(names)) : std::nullopt)
        .first->second;
  }

  struct Before {
    bool operator()(const Credential& a, const Credential& b) const {
      return std::tie(a.type, a.content) < std::tie(b.type, b.content);
    }
  };
  const size_t capacity_;
  mutable Mutex mutex_;
  std::map<Credential, std::optional<Names>, Before> known_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbline::mls
