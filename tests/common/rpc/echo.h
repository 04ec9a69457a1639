// An organisation with a listener, and clients that talk to it over real sockets.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "common/rpc/credentials.h"
#include "common/rpc/listener.h"
#include "common/rpc/run_unary.h"
#include "plumbline/test/v1/echo.grpc.pb.h"
#include "tests/common/certificates.h"

namespace plumbline::testing {

// Answers with what `body` makes of the request.
class EchoService final : public test::v1::Echo::CallbackService {
 public:
  using Body = std::function<absl::Status(const rpc::Caller&, const std::string&, std::string&)>;
  EchoService(WorkerPool& pool, Body body) : pool_(pool), body_(std::move(body)) {}
  grpc::ServerUnaryReactor* Say(grpc::CallbackServerContext* context, const test::v1::Text* request,
                                test::v1::Text* response) override {
    return rpc::RunUnary(context, pool_, [=, this](const rpc::Caller& caller) {
      return body_(caller, request->text(), *response->mutable_text());
    });
  }

 private:
  WorkerPool& pool_;
  const Body body_;
};

// A TLS identity under `org`: leaf, issuing, root.
inline rpc::TlsIdentity MakeIdentity(const TestOrganisation& org, crypto::Purpose purpose,
                                     std::optional<crypto::Validity> validity = std::nullopt) {
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  crypto::LeafSpec spec = org.Spec(key, purpose);
  if (validity) spec.validity = *validity;
  return rpc::TlsIdentity{crypto::ToPemChain({org.Leaf(spec), org.issuing, org.root}), key.ToPem()};
}

inline grpc::Status Say(const std::shared_ptr<grpc::Channel>& channel, const std::string& text, std::string* answer = nullptr,
                        absl::Duration timeout = absl::Seconds(20)) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
  test::v1::Text request, response;
  request.set_text(text);
  const grpc::Status status = test::v1::Echo::NewStub(channel)->Say(&context, request, &response);
  if (answer != nullptr) *answer = response.text();
  return status;
}

}  // namespace plumbline::testing
