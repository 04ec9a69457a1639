#include "common/identity/reason.h"

#include "absl/strings/str_cat.h"

namespace plumbline::identity {
namespace {

// The length of the reason id in front of `message`, 0 if it has none.
size_t ReasonSize(absl::string_view message) {
  const size_t colon = message.find(": ");
  if (colon == absl::string_view::npos || colon == 0 || colon > 64) return 0;
  for (const char c : message.substr(0, colon)) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return 0;
  }
  return colon;
}

}  // namespace

absl::Status Refuse(absl::StatusCode code, absl::string_view reason_id, absl::string_view text) {
  return absl::Status(code, absl::StrCat(reason_id, ": ", text));
}

std::string ReasonOf(const absl::Status& status) {
  return std::string(status.message().substr(0, ReasonSize(status.message())));
}

std::string TextOf(const absl::Status& status) {
  const size_t size = ReasonSize(status.message());
  return std::string(size == 0 ? status.message() : status.message().substr(size + 2));
}

}  // namespace plumbline::identity
