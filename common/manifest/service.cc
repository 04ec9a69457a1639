#include "common/manifest/service.h"

#include "common/rpc/run_unary.h"

namespace plumbline::manifest {

namespace v1 = metadata::v1;

namespace {
constexpr absl::Duration kFresh = absl::Minutes(1);
}  // namespace

ManifestService::ManifestService(v1::RunningManifest running, std::function<rpc::TlsIdentity()> identity, WorkerPool& pool, const Clock& clock)
    : running_(std::move(running)), identity_(std::move(identity)), pool_(pool), clock_(clock) {}

grpc::ServerUnaryReactor* ManifestService::GetManifest(grpc::CallbackServerContext* context, const v1::GetManifestRequest*,
                                                       v1::GetManifestResponse* response) {
  return rpc::RunUnary(context, pool_, [this, response](const rpc::Caller&) { return Answer(*response); });
}

absl::Status ManifestService::Answer(v1::GetManifestResponse& response) {
  const absl::Time now = clock_.Now();
  MutexLock lock(mutex_);
  if (now - signed_at_ > kFresh || now < signed_at_) {
    const rpc::TlsIdentity identity = identity_();
    ASSIGN_OR_RETURN(signed_, Sign(running_, now, identity.chain_pem, identity.key_pem));
    signed_at_ = now;
  }
  response = signed_;
  return absl::OkStatus();
}

}  // namespace plumbline::manifest
