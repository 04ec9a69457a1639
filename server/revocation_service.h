// The revocation contract over gRPC, for the listener that only the key server may use.
#pragma once

#include <string>

#include "common/worker_pool.h"
#include "plumbline/delivery/v1/revocation.grpc.pb.h"
#include "server/counters.h"
#include "server/revocations.h"

namespace plumbline::server {

// Thread-safe. Everything passed in outlives it.
class RevocationService final : public delivery::v1::Revocations::CallbackService {
 public:
  // Refusals are counted, not recorded one by one: any device of the organisation may knock.
  RevocationService(Revocations& revocations, Counters& counters, WorkerPool& pool,
                    absl::string_view organisation_domain);

  // Who may call: the listener admits nobody else.
  const std::string& keyserver_uri() const { return keyserver_uri_; }

  grpc::ServerUnaryReactor* Revoke(grpc::CallbackServerContext* context,
                                   const delivery::v1::RevokeRequest* request,
                                   delivery::v1::RevokeResponse* response) override;
  grpc::ServerUnaryReactor* TakeOrganisationKeys(grpc::CallbackServerContext* context,
                                                 const delivery::v1::TakeOrganisationKeysRequest* request,
                                                 delivery::v1::TakeOrganisationKeysResponse* response) override;

 private:
  // Runs `what` for the key server, and counts refusals.
  template <typename Do>
  grpc::ServerUnaryReactor* ForKeyserver(grpc::CallbackServerContext* context, Do what);

  Revocations& revocations_;
  Counters& counters_;
  WorkerPool& pool_;
  const std::string keyserver_uri_;
};

}  // namespace plumbline::server
