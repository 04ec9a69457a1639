// The next certificate of the delivery server and the admin service (docs/protocols/service-certificates.md). Knows no gRPC.
#pragma once

#include "common/clock.h"
#include "common/status.h"
#include "keyserver/organisation.h"
#include "keyserver/refusal_log.h"
#include "keyserver/store/succession_store.h"

namespace plumbline::keyserver {

// Thread-safe. References outlive it.
class ServiceRenewal final {
 public:
  ServiceRenewal(const Organisation& organisation, const Clock& clock, SuccessionStore& store, RefusalLog& refusals)
      : organisation_(organisation), clock_(clock), store_(store), refusals_(refusals) {}

  // For the service that shows `present` on the connection over which `request` (PKCS#10) came. The names stay. Each refusal is
  // recorded before it is returned: PERMISSION_DENIED not_authorised, certificate_superseded; UNAUTHENTICATED
  // certificate_expired; FAILED_PRECONDITION renewal_early; INVALID_ARGUMENT request_malformed, key_not_new, key_known.
  absl::StatusOr<crypto::Certificate> Renew(identity::Service service, const crypto::Certificate& present, ByteView request);
  // The key server's own, which it has renewed by itself.
  absl::Status RecordOwn(const crypto::Certificate& renewed);
  // Of what Renew gave, which may be an answer from before the authority was replaced.
  absl::StatusOr<crypto::Certificate> IssuerOf(const crypto::Certificate& renewed) const { return organisation_.IssuerOf(renewed); }
  absl::Status ForgetEnded() { return store_.ForgetEnded(clock_.Now()); }

 private:
  absl::StatusOr<crypto::Certificate> TryRenew(identity::Service service, const crypto::Certificate& present, ByteView request);
  const Organisation& organisation_;
  const Clock& clock_;
  SuccessionStore& store_;
  RefusalLog& refusals_;
};

}  // namespace plumbline::keyserver
