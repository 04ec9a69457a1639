#include "admin/console/admin_api.h"

#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "common/identity/reason.h"
#include "common/rpc/status.h"
#include "plumbline/admin/v1/admin.grpc.pb.h"

namespace plumbline::admin {
namespace {

constexpr std::chrono::seconds kDeadline{60};  // longer than the service waits for the key server

class GrpcAdminApi final : public AdminApi {
 public:
  GrpcAdminApi(rpc::Endpoint endpoint, std::shared_ptr<grpc::Channel> channel, const Clock& clock)
      : endpoint_(std::move(endpoint)), stub_(v1::Admin::NewStub(channel)), clock_(clock) {}

  absl::Status Submit(const keys::v1::SignedIntent& intent, keys::v1::IntentResult& result) override {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    return Explain(stub_->Submit(&context, intent, &result));
  }

  absl::Status Register(const keys::v1::RegisterFirstAdministratorRequest& request,
                        keys::v1::RegisterFirstAdministratorResponse& response) override {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    return Explain(stub_->RegisterFirstAdministrator(&context, request, &response));
  }

 private:
  absl::Status Explain(const grpc::Status& status) const {
    if (status.ok()) return absl::OkStatus();
    const absl::Status own = rpc::FromGrpc(status);
    if (!identity::ReasonOf(own).empty()) return own;
    if (own.code() == absl::StatusCode::kUnavailable)
      return rpc::MapClientError(status, endpoint_, clock_.Now());
    if (own.code() == absl::StatusCode::kDeadlineExceeded) {
      return identity::Refuse(
          own.code(), "service_silent",
          "the admin service did not answer in time; the action may or may not have been carried out, so "
          "look at the account before you try again");
    }
    return identity::Refuse(
        own.code(), "service_failed",
        absl::StrCat("the service failed and gives no cause (", absl::StatusCodeToString(own.code()),
                     "); its operator finds it in the log"));
  }

  const rpc::Endpoint endpoint_;
  const std::unique_ptr<v1::Admin::Stub> stub_;
  const Clock& clock_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AdminApi>> Connect(const Profile& profile, const Clock& clock) {
  rpc::Endpoint endpoint{.address = profile.server,
                         .server_name = profile.server_name,
                         .root_pem = profile.root_pem,
                         .identity = std::nullopt,
                         .issuers = std::make_shared<const crypto::LiveIssuers>(profile.replaced)};
  ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(endpoint));
  return std::unique_ptr<AdminApi>(
      std::make_unique<GrpcAdminApi>(std::move(endpoint), std::move(channel), clock));
}

}  // namespace plumbline::admin
