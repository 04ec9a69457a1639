#include "server/certificate_service.h"

#include "common/identity/reason.h"
#include "common/rpc/run_unary.h"

namespace plumbline::server {

namespace v1 = delivery::v1;

CertificateService::CertificateService(rpc::ServiceCertificate& certificate, std::string keyserver_uri, UpkeepStore& record,
                                       Logger& logger, const Clock& clock, WorkerPool& pool)
    : certificate_(certificate), keyserver_uri_(std::move(keyserver_uri)), record_(record), logger_(logger), clock_(clock), pool_(pool) {}

// What the listener has seen to already.
absl::Status CertificateService::CheckCaller(const rpc::Caller& caller) const {
  if (caller.certificate && rpc::IsServiceCertificate(*caller.certificate, keyserver_uri_)) return absl::OkStatus();
  return identity::Refuse(absl::StatusCode::kPermissionDenied, "not_authorised", "only the organisation's key server may call this");
}

grpc::ServerUnaryReactor* CertificateService::GetCertificateRequest(grpc::CallbackServerContext* context,
                                                                    const v1::GetCertificateRequestRequest*,
                                                                    v1::GetCertificateRequestResponse* response) {
  return rpc::RunUnary(context, pool_, [=, this](const rpc::Caller& caller) -> absl::Status {
    RETURN_IF_ERROR(CheckCaller(caller));
    if (rpc::WearOf(certificate_.leaf(), clock_.Now()) == rpc::Wear::kGood) return absl::OkStatus();
    ASSIGN_OR_RETURN(const Bytes request, certificate_.Request());
    response->set_request(ToString(request));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* CertificateService::InstallCertificate(grpc::CallbackServerContext* context,
                                                                 const v1::InstallCertificateRequest* request,
                                                                 v1::InstallCertificateResponse*) {
  return rpc::RunUnary(context, pool_, [=, this](const rpc::Caller& caller) -> absl::Status {
    RETURN_IF_ERROR(CheckCaller(caller));
    return Install(*request);
  });
}

absl::Status CertificateService::Install(const v1::InstallCertificateRequest& request) {
  const absl::Status status =
      certificate_.Install(AsBytes(request.certificate()), AsBytes(request.issuing_certificate()), clock_.Now());
  audit::Entry entry;
  entry.event = status.ok() ? audit::Event::kServiceCertificateRenewed : audit::Event::kServiceCertificateRefused;
  entry.actor = "keyserver";
  if (!status.ok()) {
    entry.outcome = audit::Outcome::kRefused;
    entry.reason = identity::ReasonOf(status);
    logger_.Error("certificate.renewal_failed", {{LogKey::kStatus, status.code()}});
  } else {
    entry.details = {{"serial", ToHex(certificate_.leaf().serial())}};
    logger_.Info("certificate.renewed");
  }
  RETURN_IF_ERROR(record_.Record(entry));
  return status;
}

}  // namespace plumbline::server
