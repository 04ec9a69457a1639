// A TLS identity that listeners show and that is replaced while they serve. New connections see another one within two seconds;
// those that are there stay.
#pragma once

#include <memory>
#include <string>

#include "common/file.h"
#include "common/rpc/credentials.h"

namespace plumbline::rpc {

// gRPC takes an identity that changes from files alone, so there are three without a name, in memory (memfd_create): the key is
// never on a disk. Create it before the sandbox, which ends a process that makes such files. Outlives its listeners.
// Thread-safe but for Replace, which one thread calls.
class LiveIdentity final {
 public:
  // Empty. UNAVAILABLE if the kernel refuses.
  static absl::StatusOr<std::unique_ptr<LiveIdentity>> Create();

  // Codes of CheckIdentity, before anything is changed; UNAVAILABLE if there is no memory. A connection that is begun in the same
  // instant may find key and chain of two identities, is refused, and succeeds a second later.
  absl::Status Replace(const TlsIdentity& identity, absl::string_view root_pem);

  std::string key_path() const { return PathOf(key_); }
  std::string chain_path() const { return PathOf(chain_); }
  std::string root_path() const { return PathOf(root_); }

 private:
  LiveIdentity(Descriptor key, Descriptor chain, Descriptor root)
      : key_(std::move(key)), chain_(std::move(chain)), root_(std::move(root)) {}
  static std::string PathOf(const Descriptor& file);
  const Descriptor key_, chain_, root_;
};

}  // namespace plumbline::rpc
