// The delivery server's certificate, renewed over the listener that only the key server may use.
#pragma once

#include <string>

#include "common/clock.h"
#include "common/log.h"
#include "common/rpc/caller.h"
#include "common/rpc/service_certificate.h"
#include "common/worker_pool.h"
#include "plumbline/delivery/v1/certificate.grpc.pb.h"
#include "server/store/upkeep_store.h"

namespace plumbline::server {

// Thread-safe. Everything passed in outlives it.
class CertificateService final : public delivery::v1::Certificates::CallbackService {
 public:
  CertificateService(rpc::ServiceCertificate& certificate, std::string keyserver_uri, UpkeepStore& record, Logger& logger,
                     const Clock& clock, WorkerPool& pool);

  grpc::ServerUnaryReactor* GetCertificateRequest(grpc::CallbackServerContext* context,
                                                  const delivery::v1::GetCertificateRequestRequest* request,
                                                  delivery::v1::GetCertificateRequestResponse* response) override;
  grpc::ServerUnaryReactor* InstallCertificate(grpc::CallbackServerContext* context,
                                               const delivery::v1::InstallCertificateRequest* request,
                                               delivery::v1::InstallCertificateResponse* response) override;

 private:
  absl::Status CheckCaller(const rpc::Caller& caller) const;
  absl::Status Install(const delivery::v1::InstallCertificateRequest& request);
  rpc::ServiceCertificate& certificate_;
  const std::string keyserver_uri_;
  UpkeepStore& record_;
  Logger& logger_;
  const Clock& clock_;
  WorkerPool& pool_;
};

}  // namespace plumbline::server
