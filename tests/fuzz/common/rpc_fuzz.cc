// What a peer may say outside its messages: status details and texts, addresses.
#include <grpcpp/support/status.h>

#include "common/retry.h"
#include "common/rpc/handshake.h"
#include "common/rpc/status.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {

void Fuzz(ByteView input) {
  const std::string text = ToString(input);
  if (const auto wait = rpc::ParseRetryDetails(text)) CHECK(*wait > absl::ZeroDuration() && *wait <= kLongestRetry);
  const int code = input.empty() ? 1 : input[0] % 18;  // gRPC itself has no values far beyond its sixteen
  const absl::Status status = rpc::FromGrpc(grpc::Status(static_cast<grpc::StatusCode>(code), text, text));
  CHECK(code == 0 || !status.ok());
  CHECK(rpc::ReasonId(status).size() <= 64);
  // What is refused here in words of our own keeps its wait. (A text that is not UTF-8 can only come from a peer that is not ours.)
  const absl::Status own = WithRetryAfter(absl::ResourceExhaustedError("busy: later"), RetryAfter(status).value_or(absl::Seconds(1)));
  CHECK(RetryAfter(rpc::FromGrpc(rpc::ToGrpc(own))) == RetryAfter(own));
  const auto address = rpc::SplitHostPort(text);
  if (address.ok()) CHECK(!address->host.empty() && !address->port.empty());
}

std::vector<Bytes> Seeds() {
  const grpc::Status busy = rpc::ToGrpc(WithRetryAfter(absl::ResourceExhaustedError("busy: later"), absl::Seconds(2)));
  return {ToBytes(AsBytes(busy.error_details())), ToBytes(AsBytes("code_wrong: the code does not match")),
          ToBytes(AsBytes("[::1]:7443")), ToBytes(AsBytes("server.example.org:7443"))};
}

}  // namespace plumbline::fuzz
