#include "common/rpc/status.h"

#include <grpcpp/support/status.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/retry.h"
#include "common/rpc/probe.h"
#include "plumbline/rpc/v1/status.pb.h"

namespace plumbline::rpc {
namespace {

constexpr size_t kMaxReasonId = 64;

// Longer texts would not fit the header block of a response.
constexpr size_t kMaxMessage = 2048;

// As many details as are looked at; whoever sends more is not believed at all.
constexpr int kMaxDetails = 16;

std::string RetryDetails(const absl::Status& status, const std::string& message, absl::Duration wait) {
  google::rpc::RetryInfo info;
  const int64_t milliseconds = absl::ToInt64Milliseconds(wait);
  info.mutable_retry_delay()->set_seconds(milliseconds / 1000);
  info.mutable_retry_delay()->set_nanos(static_cast<int32_t>(milliseconds % 1000 * 1'000'000));
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);
  details.add_details()->PackFrom(info);
  return details.SerializeAsString();
}

}  // namespace

std::optional<absl::Duration> ParseRetryDetails(const std::string& bytes) {
  google::rpc::Status details;
  if (bytes.size() > kMaxDetailsBytes || !details.ParseFromString(bytes)) return std::nullopt;
  if (details.details_size() > kMaxDetails) return std::nullopt;
  for (const auto& detail : details.details()) {
    google::rpc::RetryInfo info;
    if (!detail.UnpackTo(&info) || !info.has_retry_delay()) continue;  // also where it is something else
    const auto& delay = info.retry_delay();
    const bool valid = delay.seconds() >= 0 && delay.nanos() >= 0 && delay.nanos() < 1'000'000'000;
    if (!valid) return std::nullopt;
    // Seconds may be anything up to 2^63: absl::Seconds saturates.
    return std::clamp(absl::Seconds(delay.seconds()) + absl::Nanoseconds(delay.nanos()), absl::Milliseconds(1), kLongestRetry);
  }
  return std::nullopt;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const std::string message(status.message().substr(0, kMaxMessage));
  const std::optional<absl::Duration> wait = RetryAfter(status);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message,
                      wait.has_value() ? RetryDetails(status, message, *wait) : std::string());
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const absl::Status plain(static_cast<absl::StatusCode>(status.error_code()), status.error_message());  // others are kUnknown
  const std::optional<absl::Duration> wait = ParseRetryDetails(status.error_details());
  return wait.has_value() ? WithRetryAfter(plain, *wait) : plain;
}

std::string ReasonId(const absl::Status& status) {
  const absl::string_view message = status.message();
  const size_t colon = message.find(": ");
  if (colon > kMaxReasonId) return "";  // also where there is none
  for (const char c : message.substr(0, colon)) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return "";
  }
  return std::string(message.substr(0, colon));
}

absl::Status MapClientError(const grpc::Status& status, const Endpoint& endpoint, absl::Time now) {
  absl::Status plain = FromGrpc(status);
  if (plain.ok() || !ReasonId(plain).empty()) return plain;
  // A service that stops ends what it did not finish in time with CANCELLED; nobody here cancels a call whose answer they want.
  const bool connection = absl::IsUnavailable(plain) || absl::IsDeadlineExceeded(plain) || absl::IsCancelled(plain);
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
