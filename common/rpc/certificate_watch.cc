#include "common/rpc/certificate_watch.h"

#include <algorithm>

#include "common/crypto/issue.h"

namespace plumbline::rpc {
namespace {

constexpr absl::Duration kWarnEvery = absl::Hours(1);

}  // namespace

absl::Duration LookEvery(absl::Duration life) { return std::clamp(life / 20, absl::Seconds(1), absl::Minutes(1)); }

CertificateWatch::CertificateWatch(const ServiceCertificate& certificate, std::function<absl::Status()> renew, const Clock& clock,
                                   Logger& logger)
    : certificate_(certificate), renew_(std::move(renew)), clock_(clock), logger_(logger), thread_([this] { Run(); }) {}

CertificateWatch::~CertificateWatch() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  thread_.join();
}

void CertificateWatch::Run() {
  while (true) {
    Look();
    const absl::Duration pause = LookEvery(crypto::LifeOf(certificate_.leaf()));
    MutexLock lock(mutex_);
    const absl::Duration next = Uptime() + pause;
    while (!stopping_ && Uptime() < next) wake_.WaitFor(mutex_, next - Uptime());
    if (stopping_) return;
  }
}

void CertificateWatch::Look() {
  if (WearOf(certificate_.leaf(), clock_.Now()) == Wear::kGood) return;
  if (renew_ != nullptr) {
    const absl::Status status = renew_();
    if (status.ok()) {
      logger_.Info("certificate.renewed");
    } else {
      logger_.Error("certificate.renewal_failed", {{LogKey::kStatus, status.code()}});
    }
  }
  const crypto::Certificate leaf = certificate_.leaf();
  if (WearOf(leaf, clock_.Now()) != Wear::kOverdue || Uptime() - warned_ < kWarnEvery) return;
  warned_ = Uptime();
  const absl::Duration left = leaf.not_after() - clock_.Now();
  if (left > absl::ZeroDuration()) {
    logger_.Warning("certificate.expires_soon", {{LogKey::kDuration, left}});
  } else {
    logger_.Error("certificate.expired", {{LogKey::kDuration, -left}});
  }
}

}  // namespace plumbline::rpc
