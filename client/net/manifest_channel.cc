#include "client/net/manifest_channel.h"

#include <grpcpp/grpcpp.h>

#include "common/manifest/running.h"
#include "common/rpc/status.h"
#include "plumbline/keys/v1/keys.grpc.pb.h"
#include "plumbline/metadata/v1/manifest.grpc.pb.h"

namespace plumbline::client {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(10);

void SetDeadline(grpc::ClientContext& context) { context.set_deadline(absl::ToChronoTime(absl::Now() + kDeadline)); }

rpc::Endpoint Anonymous(const std::string& address, const crypto::Certificate& root, rpc::Issuers issuers) {
  rpc::Endpoint endpoint;
  endpoint.address = address;
  endpoint.root_pem = root.ToPem();
  endpoint.issuers = std::move(issuers);
  return endpoint;
}

}  // namespace

absl::StatusOr<metadata::v1::RunningManifest> FetchManifest(const std::string& address, const identity::ServiceUri& service,
                                                            const crypto::Certificate& root, rpc::Issuers issuers, const Clock& clock) {
  const rpc::Endpoint endpoint = Anonymous(address, root, issuers);
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(endpoint));
  grpc::ClientContext context;
  SetDeadline(context);
  metadata::v1::GetManifestResponse response;
  const grpc::Status status = metadata::v1::Manifests::NewStub(channel)->GetManifest(&context, {}, &response);
  if (!status.ok()) return rpc::MapClientError(status, endpoint, clock.Now());
  return manifest::Verify(response, service.ToString(), root, clock.Now(), issuers == nullptr ? crypto::ReplacedIssuers() : issuers->replaced());
}

absl::StatusOr<std::vector<metadata::v1::RunningManifest>> FetchManifestsBefore(const std::string& keyserver_address, const std::string& domain,
                                                                                const crypto::Certificate& root, const Clock& clock) {
  std::vector<metadata::v1::RunningManifest> told;
  ASSIGN_OR_RETURN(told.emplace_back(), FetchManifest(keyserver_address, {domain, identity::Service::kKeyserver}, root, nullptr, clock));
  const rpc::Endpoint endpoint = Anonymous(keyserver_address, root, nullptr);
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(endpoint));
  grpc::ClientContext context;
  SetDeadline(context);
  keys::v1::GetOrganisationResponse organisation;
  const grpc::Status status = keys::v1::Enrolment::NewStub(channel)->GetOrganisation(&context, {}, &organisation);
  if (!status.ok()) return rpc::MapClientError(status, endpoint, clock.Now());
  absl::StatusOr<metadata::v1::RunningManifest> delivery =
      FetchManifest(organisation.delivery_address(), {domain, identity::Service::kDelivery}, root, nullptr, clock);
  if (delivery.ok()) told.push_back(*std::move(delivery));
  if (absl::IsUnauthenticated(delivery.status())) return delivery.status();
  return told;
}

}  // namespace plumbline::client
