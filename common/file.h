// Whole files, read with a limit and replaced atomically; and what else writes files needs to do the same in parts.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline {

// NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT if it is not a regular file or longer than `max_size` bytes.
absl::StatusOr<Secret> ReadSecretFile(const std::string& path, size_t max_size);
absl::StatusOr<std::string> ReadTextFile(const std::string& path, size_t max_size);

// Writes a temporary file beside `path`, fsyncs it, renames it over `path` and fsyncs the directory: after any crash
// there is the old file or the new one. NOT_FOUND (no such directory), PERMISSION_DENIED or UNAVAILABLE with the cause; the
// old file is then untouched.
absl::Status WriteFileAtomically(const std::string& path, ByteView content, mode_t mode);

// Overwrites a file that held a secret with zeros, fsyncs, removes it and fsyncs the directory: after any crash there is the
// file, zeros of its size, or nothing. OK if there is none. What flash memory or a snapshot keeps is out of reach.
absl::Status ShredFile(const std::string& path);
// The same, but the place of the old file is taken by `replacement`, which is in the same directory: never nothing.
absl::Status ShredAndReplaceFile(const std::string& path, const std::string& replacement);

// Owns a descriptor, or a negative number for none.
class Descriptor final {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor();
  int get() const { return fd_; }

 private:
  int fd_;
};

// Waits for the turn on `path`, which one holder at a time has, in all processes, until it destroys what is returned. Makes the file (0600), which
// stays. Codes as WriteFileAtomically.
absl::StatusOr<Descriptor> WaitForTurn(const std::string& path);

std::string DirectoryOf(const std::string& path);  // "." for a bare name
// What was made, renamed or removed in `directory` lasts from here on. Codes as above.
absl::Status SyncDirectory(const std::string& directory);

}  // namespace plumbline
