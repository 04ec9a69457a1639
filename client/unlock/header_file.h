// The file with a locked store's header (common/unlock/store_header.h): read whole, replaced atomically, 0600.
#pragma once

#include <optional>
#include <string>

#include "common/file.h"
#include "common/status.h"
#include "common/unlock/store_header.h"

namespace plumbline::client {

class HeaderFile final {
 public:
  explicit HeaderFile(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  bool exists() const;
  // None if there is no file. DATA_LOSS store_damaged; codes of common/file.h.
  absl::StatusOr<std::optional<unlock::StoreHeader>> Read() const;
  // For what reads it and writes it again: one at a time, in all processes.
  absl::StatusOr<Descriptor> WaitForTurn() const { return plumbline::WaitForTurn(path_ + ".turn"); }
  // On disk on return.
  absl::Status Write(const unlock::StoreHeader& header) const;

 private:
  const std::string path_;
};

}  // namespace plumbline::client
