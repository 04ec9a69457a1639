// Writing to a disk that may be full.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::backup {

// From errno, "<doing> <path>: <cause>": RESOURCE_EXHAUSTED disk_full, NOT_FOUND, ALREADY_EXISTS, else UNAVAILABLE.
absl::Status DiskError(absl::string_view doing, const std::string& path);

// All of `bytes` to a descriptor of `path`. Codes of DiskError.
absl::Status WriteAll(int descriptor, ByteView bytes, const std::string& path);

}  // namespace plumbline::backup
