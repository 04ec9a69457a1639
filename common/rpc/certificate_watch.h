// Looks after a service's certificate while it serves: has it renewed in time, and says so while it is not.
#pragma once

#include <functional>
#include <thread>

#include "common/clock.h"
#include "common/log.h"
#include "common/mutex.h"
#include "common/rpc/service_certificate.h"

namespace plumbline::rpc {

// A thread of its own from construction to destruction. References outlive it.
class CertificateWatch final {
 public:
  // `renew` is called when half of the certificate's life is over, and again until it succeeds; null where another service does that
  // unasked. Logs certificate.renewal_failed, certificate.expires_soon (a quarter is left) and certificate.expired.
  CertificateWatch(const ServiceCertificate& certificate, std::function<absl::Status()> renew, const Clock& clock, Logger& logger);
  ~CertificateWatch();
  CertificateWatch(const CertificateWatch&) = delete;
  CertificateWatch& operator=(const CertificateWatch&) = delete;

 private:
  void Run();
  void Look();
  const ServiceCertificate& certificate_;
  const std::function<absl::Status()> renew_;
  const Clock& clock_;
  Logger& logger_;
  absl::Duration warned_ = -absl::InfiniteDuration();  // when last, in uptime; of the thread alone
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// How often to look after certificates of that life: each minute, and oftener where it is less than a day.
absl::Duration LookEvery(absl::Duration life);

}  // namespace plumbline::rpc
