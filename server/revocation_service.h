// The revocation contract over gRPC, for the listener that only the key server may use.
#pragma once

#include <string>

#include "common/worker_pool.h"
#include "plumbline/delivery/v1/revocation.grpc.pb.h"
#include "server/revocations.h"
#include "server/store/upkeep_store.h"

namespace plumbline::server {

// Thread-safe. Everything passed in outlives it.
class RevocationService final : public delivery::v1::Revocations::CallbackService {
 public:
  // `audit` gets a record of each caller that is not the organisation's key server.
  RevocationService(Revocations& revocations, UpkeepStore& audit, WorkerPool& pool, absl::string_view organisation_domain);

  grpc::ServerUnaryReactor* Revoke(grpc::CallbackServerContext* context, const delivery::v1::RevokeRequest* request,
                                   delivery::v1::RevokeResponse* response) override;

 private:
  absl::Status Refused(const absl::Status& status);

  Revocations& revocations_;
  UpkeepStore& audit_;
  WorkerPool& pool_;
  const std::string keyserver_uri_;
};

}  // namespace plumbline::server
