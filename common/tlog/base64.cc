#include "common/tlog/base64.h"

#include "absl/strings/escaping.h"

namespace plumbline::tlog {

std::string ToBase64(ByteView bytes) { return absl::Base64Escape(ToString(bytes)); }

absl::StatusOr<Bytes> FromBase64(absl::string_view text) {
  std::string bytes;
  if (!absl::Base64Unescape(text, &bytes) || absl::Base64Escape(bytes) != text) {
    return absl::InvalidArgumentError("this is not base 64");
  }
  return plumbline::ToBytes(AsBytes(bytes));
}

}  // namespace plumbline::tlog
