#include "assess/tools/flood.h"

#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <list>

#include "absl/time/clock.h"
#include "assess/tools/flood_connection.h"
#include "common/bytes.h"
#include "common/identity/grant.h"
#include "common/rpc/credentials.h"
#include "common/rpc/probe.h"
#include "common/rpc/tls_policy.h"

namespace plumbline::assess {
namespace {

namespace v1 = delivery::v1;

// A request in form, whose grant is signed by nobody.
v1::OpenMailboxRequest Unsigned() {
  identity::MailboxGrant grant;
  grant.serial = identity::RandomFixed<16>();
  grant.expires_day = identity::DayOf(absl::Now()) + 1;
  v1::OpenMailboxRequest request;
  request.set_grant(ToString(identity::Encode(grant)));
  request.set_mailbox_id(std::string(16, 'm'));
  return request;
}

absl::StatusOr<rpc::Endpoint> EndpointOf(const FloodOptions& options) {
  RETURN_IF_ERROR(rpc::PinTls13());
  ASSIGN_OR_RETURN(const crypto::Fingerprint root, crypto::Fingerprint::FromText(options.fingerprint));
  rpc::Endpoint endpoint;
  endpoint.address = options.address;
  ASSIGN_OR_RETURN(endpoint.root_pem, rpc::FetchPinnedRoot(options.address, root, absl::Now()));
  return endpoint;
}

void Print(const FloodCounts& counts) {
  std::printf("{\"ended\": %d, \"refused\": %d, \"told_when\": %d, \"other\": %d}\n", counts.ended.load(), counts.refused.load(),
              counts.told_when.load(), counts.other.load());
  std::fflush(stdout);
}

bool InputHasEnded(absl::Duration wait) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  char byte;
  return poll(&input, 1, static_cast<int>(absl::ToInt64Milliseconds(wait))) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

}  // namespace

int Flood(const FloodOptions& options) {
  const absl::StatusOr<rpc::Endpoint> endpoint = EndpointOf(options);
  absl::Status status = endpoint.status();
  FloodCounts counts;
  std::list<FloodConnection> connections;
  for (int i = 0; i < options.connections && status.ok(); ++i) {
    const auto channel = rpc::NewChannel(*endpoint);
    status = channel.status();
    if (!status.ok()) break;
    connections.emplace_back(v1::Delivery::NewStub(*channel), Unsigned(), absl::StatusCode::kUnauthenticated, options.at_once,
                             counts);
  }
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
    return 1;
  }
  while (!InputHasEnded(absl::Milliseconds(100))) Print(counts);
  connections.clear();
  Print(counts);
  return 0;
}

}  // namespace plumbline::assess
