#include "admin/keyserver_gateway.h"

#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "common/identity/reason.h"
#include "common/mutex.h"
#include "common/rpc/status.h"
#include "plumbline/keys/v1/keys.grpc.pb.h"

namespace plumbline::admin {
namespace {

using keys::v1::AdminGateway;

class KeyserverGateway final : public KeyserverConnection {
 public:
  KeyserverGateway(rpc::Endpoint endpoint, std::shared_ptr<grpc::Channel> channel, absl::Duration deadline,
                   const Clock& clock)
      : deadline_(deadline), clock_(clock), endpoint_(std::move(endpoint)), channel_(std::move(channel)) {}

  absl::Status Execute(const keys::v1::SignedIntent& intent, keys::v1::IntentResult& result) override {
    ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, Channel());
    grpc::ClientContext context;
    SetDeadline(context);
    return Explain(AdminGateway::NewStub(channel)->Execute(&context, intent, &result));
  }

  absl::Status RegisterFirstAdministrator(const keys::v1::RegisterFirstAdministratorRequest& request,
                                          keys::v1::RegisterFirstAdministratorResponse& response) override {
    ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, Channel());
    grpc::ClientContext context;
    SetDeadline(context);
    return Explain(AdminGateway::NewStub(channel)->RegisterFirstAdministrator(&context, request, &response));
  }

  absl::StatusOr<std::pair<Bytes, Bytes>> RenewCertificate(ByteView request) override {
    ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, Channel());
    keys::v1::RenewServiceCertificateRequest asked;
    asked.set_request(ToString(request));
    keys::v1::RenewServiceCertificateResponse answer;
    grpc::ClientContext context;
    SetDeadline(context);
    RETURN_IF_ERROR(Explain(AdminGateway::NewStub(channel)->RenewServiceCertificate(&context, asked, &answer)));
    return std::pair(ToBytes(AsBytes(answer.certificate())), ToBytes(AsBytes(answer.issuing_certificate())));
  }

  absl::Status Use(rpc::TlsIdentity identity) override {
    const MutexLock lock(mutex_);
    rpc::Endpoint next = endpoint_.Copy();
    next.identity = std::move(identity);
    ASSIGN_OR_RETURN(channel_, rpc::NewChannel(next));
    endpoint_ = std::move(next);
    return absl::OkStatus();
  }

 private:
  // A channel that failed to connect refuses calls until its next attempt; the administrator who asks now
  // gets a new one, so that a key server that is back is found at once.
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Channel() {
    const MutexLock lock(mutex_);
    if (channel_->GetState(/*try_to_connect=*/false) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
      ASSIGN_OR_RETURN(channel_, rpc::NewChannel(endpoint_));
    }
    return channel_;
  }

  void SetDeadline(grpc::ClientContext& context) const {
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(deadline_));
  }

  // The key server's own refusals carry a reason id and pass; anything else is about the way to it.
  absl::Status Explain(const grpc::Status& status) const {
    const rpc::Endpoint endpoint = [this] {
      const MutexLock lock(mutex_);
      return endpoint_.Copy();
    }();
    if (status.ok()) return absl::OkStatus();
    const absl::Status own = rpc::FromGrpc(status);
    if (!identity::ReasonOf(own).empty()) return own;
    if (own.code() == absl::StatusCode::kDeadlineExceeded) {
      return identity::Refuse(
          absl::StatusCode::kDeadlineExceeded, "keyserver_silent",
          "the key server did not answer in time and may or may not have acted; look at the "
          "account before you try again");
    }
    if (own.code() == absl::StatusCode::kUnimplemented) {
      return identity::Refuse(
          absl::StatusCode::kUnavailable, "keyserver_unreachable",
          absl::StrCat("the admin service runs, but ", endpoint.address,
                       " is not where the key server takes administrators' actions; its operator has to set "
                       "keyserver_address to the key server's admin_listen"));
    }
    if (own.code() != absl::StatusCode::kUnavailable)
      return own;  // INTERNAL and the like come without a text
    const absl::Status cause = rpc::MapClientError(status, endpoint, clock_.Now());
    return identity::Refuse(
        absl::StatusCode::kUnavailable, "keyserver_unreachable",
        absl::StrCat(
            "the admin service runs, but not its connection to the key server: ", identity::TextOf(cause),
            "; if this was a change, look whether it was made before you repeat it"));
  }

  const absl::Duration deadline_;
  const Clock& clock_;
  mutable Mutex mutex_;
  rpc::Endpoint endpoint_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<grpc::Channel> channel_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<KeyserverConnection>> NewKeyserverGateway(rpc::Endpoint endpoint, absl::Duration deadline,
                                                                         const Clock& clock) {
  ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(endpoint));
  return std::unique_ptr<KeyserverConnection>(
      std::make_unique<KeyserverGateway>(std::move(endpoint), std::move(channel), deadline, clock));
}

}  // namespace plumbline::admin
