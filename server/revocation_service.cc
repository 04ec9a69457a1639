#include "server/revocation_service.h"

#include "common/identity/reason.h"
#include "common/identity/uri.h"
#include "common/rpc/run_unary.h"

namespace plumbline::server {

namespace v1 = delivery::v1;

RevocationService::RevocationService(Revocations& revocations, Counters& counters, WorkerPool& pool,
                                     absl::string_view organisation_domain)
    : revocations_(revocations),
      counters_(counters),
      pool_(pool),
      keyserver_uri_(
          identity::ServiceUri{std::string(organisation_domain), identity::Service::kKeyserver}
              .ToString()) {}

template <typename Do>
grpc::ServerUnaryReactor* RevocationService::ForKeyserver(grpc::CallbackServerContext* context, Do what) {
  return rpc::RunUnary(context, pool_, [what, this](const rpc::Caller& caller) -> absl::Status {
    // What the listener has seen to already.
    if (!caller.certificate || !rpc::IsServiceCertificate(*caller.certificate, keyserver_uri_)) {
      ++counters_.revocations_refused;
      return identity::Refuse(absl::StatusCode::kPermissionDenied, "not_authorised",
                              "only the organisation's key server may call this");
    }
    const absl::Status status = what();
    if (!status.ok() && !absl::IsUnavailable(status)) ++counters_.revocations_refused;
    return status;
  });
}

grpc::ServerUnaryReactor* RevocationService::Revoke(grpc::CallbackServerContext* context,
                                                    const v1::RevokeRequest* request,
                                                    v1::RevokeResponse* response) {
  return ForKeyserver(context, [=, this] { return revocations_.Revoke(*request, *response); });
}

grpc::ServerUnaryReactor* RevocationService::TakeOrganisationKeys(grpc::CallbackServerContext* context,
                                                                  const v1::TakeOrganisationKeysRequest* request,
                                                                  v1::TakeOrganisationKeysResponse* response) {
  return ForKeyserver(context, [=, this] { return revocations_.TakeOrganisationKeys(*request, *response); });
}

}  // namespace plumbline::server
