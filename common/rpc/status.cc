#include "common/rpc/status.h"

#include <grpcpp/support/status.h>

#include "absl/strings/str_cat.h"
#include "common/rpc/probe.h"

namespace plumbline::rpc {
namespace {

constexpr size_t kMaxReasonId = 64;

// Longer texts would not fit the header block of a response.
constexpr size_t kMaxMessage = 2048;

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message().substr(0, kMaxMessage)));
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const int code = static_cast<int>(status.error_code());
  const bool known = code >= 1 && code <= 16;
  return absl::Status(known ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown, status.error_message());
}

std::string ReasonId(const absl::Status& status) {
  const absl::string_view message = status.message();
  const size_t colon = message.find(": ");
  if (colon == absl::string_view::npos || colon == 0 || colon > kMaxReasonId) return "";
  for (const char c : message.substr(0, colon)) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return "";
  }
  return std::string(message.substr(0, colon));
}

absl::Status MapClientError(const grpc::Status& status, const Endpoint& endpoint, absl::Time now) {
  absl::Status plain = FromGrpc(status);
  if (plain.ok() || !ReasonId(plain).empty()) return plain;
  const bool connection = absl::IsUnavailable(plain) || absl::IsDeadlineExceeded(plain);
  if (connection) {
    RETURN_IF_ERROR(Diagnose(endpoint, now));
    return absl::UnavailableError("connection_lost: the connection to the service broke or was too slow; try again");
  }
  if (absl::IsResourceExhausted(plain)) {
    return absl::ResourceExhaustedError("too_large: the request or the answer is larger than the service allows");
  }
  if (absl::IsUnimplemented(plain)) {
    return absl::UnimplementedError(absl::StrCat("not_offered: ", endpoint.address,
                                                 " does not offer this; check that the address is that of the right service"));
  }
  return plain;
}

}  // namespace plumbline::rpc
