// GetManifest, for services on their anonymous listeners.
#pragma once

#include <functional>
#include <string>

#include "common/clock.h"
#include "common/manifest/running.h"
#include "common/mutex.h"
#include "common/rpc/credentials.h"
#include "common/worker_pool.h"
#include "plumbline/metadata/v1/manifest.grpc.pb.h"

namespace plumbline::manifest {

// Thread-safe. Everything passed in outlives it. What is signed is kept for a minute, so that asking costs little.
class ManifestService final : public metadata::v1::Manifests::CallbackService {
 public:
  // `identity`: chain and key that the service shows at the moment.
  ManifestService(metadata::v1::RunningManifest running, std::function<rpc::TlsIdentity()> identity, WorkerPool& pool, const Clock& clock);

  grpc::ServerUnaryReactor* GetManifest(grpc::CallbackServerContext* context, const metadata::v1::GetManifestRequest* request,
                                        metadata::v1::GetManifestResponse* response) override;

 private:
  absl::Status Answer(metadata::v1::GetManifestResponse& response) ABSL_LOCKS_EXCLUDED(mutex_);
  const metadata::v1::RunningManifest running_;
  const std::function<rpc::TlsIdentity()> identity_;
  WorkerPool& pool_;
  const Clock& clock_;
  Mutex mutex_;
  metadata::v1::GetManifestResponse signed_ ABSL_GUARDED_BY(mutex_);
  absl::Time signed_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace plumbline::manifest
