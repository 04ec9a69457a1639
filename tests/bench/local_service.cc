#include "tests/bench/local_service.h"

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/rpc/credentials.h"
#include "common/rpc/listener.h"
#include "common/rpc/tls_policy.h"
#include "tests/common/certificates.h"

namespace plumbline::bench {

using plumbline::testing::ValueOf;

int ServeLocally(const std::string& folder, grpc::Service& service, size_t max_message_bytes) {
  CHECK(rpc::PinTls13().ok());
  const testing::TestOrganisation organisation;
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  const rpc::TlsIdentity identity{
      crypto::ToPemChain({organisation.Leaf(key, crypto::Purpose::kTlsServer), organisation.issuing, organisation.root}), key.ToPem()};
  CHECK(WriteFileAtomically(folder + "/root.pem", AsBytes(organisation.root.ToPem()), 0644).ok());
  rpc::ListenerOptions options{.address = "127.0.0.1:0", .root_pem = organisation.root.ToPem()};
  options.limits.max_message_bytes = max_message_bytes;
  const auto listener = ValueOf(rpc::Listener::Start(options, ValueOf(rpc::AnonymousServerCredentials(identity)), {&service}));
  std::printf("port %d\n", listener->port());
  std::fflush(stdout);
  for (;;) pause();
}

LocalService::LocalService(const std::string& self, const std::string& flag)
    : process_({self, flag, scratch_.path()}, scratch_ / "output"), port_(process_.WaitForNumber("port ")) {}

std::shared_ptr<grpc::Channel> LocalService::Connect() const {
  rpc::Endpoint endpoint;
  endpoint.address = absl::StrCat("127.0.0.1:", port_);
  endpoint.root_pem = testing::ReadAll(scratch_ / "root.pem");
  return ValueOf(rpc::NewChannel(endpoint));
}

}  // namespace plumbline::bench
