#include "keyserver/certificate_channel.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/auth_context.h>

#include "absl/time/clock.h"
#include "common/rpc/status.h"
#include "plumbline/delivery/v1/certificate.grpc.pb.h"

namespace plumbline::keyserver {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(5);

// What the other end of a finished call proved to be.
absl::StatusOr<crypto::Certificate> ServerOf(const grpc::ClientContext& context) {
  const auto auth = context.auth_context();
  const auto pem = auth == nullptr ? std::vector<grpc::string_ref>() : auth->FindPropertyValues("x509_pem_cert");
  if (pem.size() != 1) return absl::UnauthenticatedError("not_authenticated: the delivery server showed no certificate");
  return crypto::Certificate::ParsePem(absl::string_view(pem[0].data(), pem[0].size()));
}

}  // namespace

absl::StatusOr<bool> RenewDeliveryServer(const rpc::Endpoint& endpoint, ServiceRenewal& renewal) {
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(endpoint));
  const auto stub = delivery::v1::Certificates::NewStub(channel);
  grpc::ClientContext asking;
  asking.set_deadline(absl::ToChronoTime(absl::Now() + kDeadline));
  delivery::v1::GetCertificateRequestResponse request;
  if (const grpc::Status status = stub->GetCertificateRequest(&asking, {}, &request); !status.ok()) return rpc::FromGrpc(status);
  if (request.request().empty()) return false;
  ASSIGN_OR_RETURN(const crypto::Certificate present, ServerOf(asking));
  ASSIGN_OR_RETURN(const crypto::Certificate next,
                   renewal.Renew(identity::Service::kDelivery, present, AsBytes(request.request())));
  ASSIGN_OR_RETURN(const crypto::Certificate issuer, renewal.IssuerOf(next));
  grpc::ClientContext answering;
  answering.set_deadline(absl::ToChronoTime(absl::Now() + kDeadline));
  delivery::v1::InstallCertificateRequest answer;
  answer.set_certificate(ToString(next.der()));
  answer.set_issuing_certificate(ToString(issuer.der()));
  delivery::v1::InstallCertificateResponse installed;
  if (const grpc::Status status = stub->InstallCertificate(&answering, answer, &installed); !status.ok()) return rpc::FromGrpc(status);
  return true;
}

}  // namespace plumbline::keyserver
