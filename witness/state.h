// What a witness must never forget: of each log, the last checkpoint that it cosigned. One file, replaced whole.
//
//   file = "plumbline witness v1\n" *("note " bytes "\n" note) "sha256 " hex "\n"      ; the hash is over everything before it
//
// A file and no database: it is a few kB, public, written as a whole or not at all, and an operator can read it.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/status.h"
#include "common/tlog/checkpoint.h"

namespace plumbline::witness {

inline constexpr size_t kMaxState = 32 << 20;  // bytes

struct Cosigned {
  tlog::Checkpoint checkpoint;
  std::string note;  // as the log signed it: with another of the same size it is evidence
};

// Not thread-safe; one process at a time (WitnessState::Open takes a lock for as long as it lives).
class WitnessState final {
 public:
  // An empty one. FAILED_PRECONDITION if there is one already: an old state must not be replaced.
  static absl::Status Create(const std::string& path);
  // FAILED_PRECONDITION if there is none, or another process has it; DATA_LOSS if it is damaged. A witness that lost its state
  // could cosign a second history: it takes a new key.
  static absl::StatusOr<WitnessState> Open(const std::string& path);
  static absl::StatusOr<std::map<std::string, Cosigned>> Parse(absl::string_view file);

  WitnessState(WitnessState&& other) noexcept;
  WitnessState& operator=(WitnessState&&) = delete;
  ~WitnessState();

  // Null before the first.
  const Cosigned* Find(const std::string& origin) const;
  // On disk when it returns OK, else as before. UNAVAILABLE if the disk refuses.
  absl::Status Put(Cosigned cosigned);

 private:
  WitnessState(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string path_;
  int lock_;
  std::map<std::string, Cosigned> logs_;  // by origin
};

}  // namespace plumbline::witness
