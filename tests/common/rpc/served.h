// A listener over real TLS, and the endpoint a client needs for it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/mutex.h"
#include "common/rpc/status.h"
#include "tests/common/rpc/echo.h"
#include "tests/status_matchers.h"

namespace plumbline::rpc {

using ::plumbline::testing::EchoService;
using ::plumbline::testing::MakeIdentity;
using ::plumbline::testing::Say;
using ::plumbline::testing::TestOrganisation;
using ::plumbline::testing::ValueOf;

enum class Kind { kAnonymous, kMutual, kAdmin };
inline constexpr char kAdminUri[] = "plumbline://example.org/service/admin";

inline absl::Status Echo(const Caller& caller, const std::string& text, std::string& answer) {
  answer = text;
  if (!caller.anonymous()) answer += "|" + caller.certificate->uris().at(0);
  return absl::OkStatus();
}

// One listener of `org` and the endpoint a client needs for it.
struct Served {
  Served(const TestOrganisation& org, Kind kind, EchoService::Body body = Echo, TlsIdentity identity = {}, Issuers issuers = nullptr)
      : service(pool, std::move(body)) {
    if (identity.chain_pem.empty()) identity = MakeIdentity(org, crypto::Purpose::kTlsServer);
    const auto hear = [this](const crypto::Certificate& certificate) {
      const MutexLock lock(mutex);
      refused.push_back(certificate.uris());
    };
    auto credentials = kind == Kind::kAnonymous ? AnonymousServerCredentials(identity)
                       : kind == Kind::kMutual  ? MutualServerCredentials(identity, org.root.ToPem())
                                                : ServiceServerCredentials(identity, org.root.ToPem(), kAdminUri, hear, std::move(issuers));
    listener = ValueOf(Listener::Start({.address = "127.0.0.1:0", .root_pem = org.root.ToPem()},
                                       ValueOf(std::move(credentials)), {&service}));
    endpoint.address = absl::StrCat("127.0.0.1:", listener->port());
    endpoint.root_pem = org.root.ToPem();
  }
  Endpoint With(TlsIdentity identity) const {
    Endpoint out = endpoint.Copy();
    out.identity = std::move(identity);
    return out;
  }

  std::vector<std::vector<std::string>> Refused() {
    const MutexLock lock(mutex);
    return refused;
  }

  WorkerPool pool{2, 16};
  EchoService service;
  Endpoint endpoint;
  Mutex mutex;
  std::vector<std::vector<std::string>> refused ABSL_GUARDED_BY(mutex);  // their URIs
  std::unique_ptr<Listener> listener;  // last: gone before the service and the pool
};

inline absl::Status Call(const Endpoint& endpoint, std::string* answer = nullptr) {
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, NewChannel(endpoint));
  return MapClientError(Say(channel, "hello", answer), endpoint, absl::Now());
}

}  // namespace plumbline::rpc
