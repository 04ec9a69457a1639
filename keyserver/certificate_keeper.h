// Keeps certificates from ending while the key server serves: its own, and the delivery server's.
#pragma once

#include <functional>
#include <thread>

#include "common/clock.h"
#include "common/log.h"
#include "common/mutex.h"
#include "common/rpc/live_identity.h"
#include "keyserver/certificate_channel.h"
#include "keyserver/organisation.h"
#include "keyserver/service_renewal.h"

namespace plumbline::keyserver {

// A thread of its own from construction to destruction. References outlive it.
class CertificateKeeper final {
 public:
  // `delivery`: the endpoint of the delivery server's listener for the key server, with the certificate of the moment; none where
  // that is not configured.
  CertificateKeeper(const Organisation& organisation, rpc::LiveIdentity& live, std::function<rpc::Endpoint()> delivery,
                    ServiceRenewal& renewal, const Clock& clock, Logger& logger);
  ~CertificateKeeper();
  CertificateKeeper(const CertificateKeeper&) = delete;
  CertificateKeeper& operator=(const CertificateKeeper&) = delete;

 private:
  void Run();
  // Of those that only a ceremony replaces; each day. The log says certificate.needs_ceremony.
  void WarnOfCeremonies();
  void RenewOwn();
  void RenewDelivery();
  const Organisation& organisation_;
  rpc::LiveIdentity& live_;
  const std::function<rpc::Endpoint()> delivery_;
  ServiceRenewal& renewal_;
  const Clock& clock_;
  Logger& logger_;
  bool failing_ = false;                      // of the thread alone, like the next
  absl::Time said_ = absl::InfinitePast();
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// What the key server's listeners and channels show now.
rpc::TlsIdentity OwnIdentity(const Organisation& organisation);

}  // namespace plumbline::keyserver
