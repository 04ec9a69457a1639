// The version that each structure begins with.
#pragma once

#include "absl/strings/str_cat.h"
#include "common/codec.h"
#include "common/status.h"

namespace plumbline::identity {

// Takes it. INVALID_ARGUMENT, with the structure's name, for any but `known`.
inline absl::Status TakeVersion(Reader& in, uint8_t known, absl::string_view structure) {
  ASSIGN_OR_RETURN(const uint8_t version, in.U8());
  if (version == known) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("unknown version of ", structure));
}

}  // namespace plumbline::identity
