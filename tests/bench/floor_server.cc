#include "tests/bench/floor_server.h"

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/rpc/credentials.h"
#include "common/rpc/listener.h"
#include "common/rpc/tls_policy.h"
#include "tests/common/certificates.h"

namespace plumbline::bench {
namespace {

using plumbline::testing::ValueOf;

class Pouring final : public grpc::ServerWriteReactor<v1::PourResponse> {
 public:
  Pouring(uint32_t count, uint32_t size) : left_(count) {
    drop_.set_content(std::string(size, 'x'));
    OnWriteDone(true);
  }
  void OnWriteDone(bool ok) override {
    if (!ok || left_ == 0) return Finish(ok ? grpc::Status::OK : grpc::Status::CANCELLED);
    --left_;
    StartWrite(&drop_);
  }
  void OnDone() override { delete this; }

 private:
  uint32_t left_;
  v1::PourResponse drop_;
};

class Service final : public v1::Floor::CallbackService {
 public:
  grpc::ServerUnaryReactor* Nothing(grpc::CallbackServerContext* context, const v1::NothingMessage*, v1::NothingMessage*) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  grpc::ServerWriteReactor<v1::PourResponse>* Pour(grpc::CallbackServerContext*, const v1::PourRequest* request) override {
    return new Pouring(request->count(), request->size());
  }
};

}  // namespace

int ServeFloor(const std::string& folder) {
  CHECK(rpc::PinTls13().ok());
  const testing::TestOrganisation organisation;
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  const rpc::TlsIdentity identity{
      crypto::ToPemChain({organisation.Leaf(key, crypto::Purpose::kTlsServer), organisation.issuing, organisation.root}), key.ToPem()};
  CHECK(WriteFileAtomically(folder + "/root.pem", AsBytes(organisation.root.ToPem()), 0644).ok());
  Service service;
  const auto listener = ValueOf(rpc::Listener::Start({.address = "127.0.0.1:0", .root_pem = organisation.root.ToPem()},
                                                     ValueOf(rpc::AnonymousServerCredentials(identity)), {&service}));
  std::printf("port %d\n", listener->port());
  std::fflush(stdout);
  for (;;) pause();
}

FloorServer::FloorServer(const std::string& self)
    : process_({self, "--serve-floor", scratch_.path()}, scratch_ / "output"), port_(process_.WaitForNumber("port ")) {}

std::unique_ptr<v1::Floor::Stub> FloorServer::Connect() const {
  rpc::Endpoint endpoint;
  endpoint.address = absl::StrCat("127.0.0.1:", port_);
  endpoint.root_pem = testing::ReadAll(scratch_ / "root.pem");
  return v1::Floor::NewStub(ValueOf(rpc::NewChannel(endpoint)));
}

}  // namespace plumbline::bench
