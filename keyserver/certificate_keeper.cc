#include "keyserver/certificate_keeper.h"

#include <algorithm>

#include "common/rpc/certificate_watch.h"

namespace plumbline::keyserver {
namespace {

constexpr absl::Duration kAgain = absl::Seconds(5);
constexpr absl::Duration kCeremonyAhead = absl::Hours(24 * 90);  // a ceremony takes people, and root.sealed from its safe
constexpr absl::Duration kSayEvery = absl::Hours(24);

}  // namespace

rpc::TlsIdentity OwnIdentity(const Organisation& organisation) {
  return {organisation.own().ChainPem(), organisation.own().KeyPem()};
}

CertificateKeeper::CertificateKeeper(const Organisation& organisation, rpc::LiveIdentity& live,
                                     std::function<rpc::Endpoint()> delivery, ServiceRenewal& renewal, const Clock& clock,
                                     Logger& logger)
    : organisation_(organisation),
      live_(live),
      delivery_(std::move(delivery)),
      renewal_(renewal),
      clock_(clock),
      logger_(logger),
      thread_([this] { Run(); }) {}

CertificateKeeper::~CertificateKeeper() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  thread_.join();
}

void CertificateKeeper::Run() {
  while (true) {
    WarnOfCeremonies();
    RenewOwn();
    if (delivery_ != nullptr) RenewDelivery();
    if (const absl::Status status = renewal_.ForgetEnded(); !status.ok()) {
      logger_.Error("certificate.renewal_failed", {{LogKey::kStatus, status.code()}});
    }
    MutexLock lock(mutex_);
    const absl::Duration every = rpc::LookEvery(organisation_.service_life());
    // A delivery server that is not up yet is asked again soon.
    const absl::Duration next = Uptime() + (failing_ ? std::min(every, kAgain) : every);
    while (!stopping_ && Uptime() < next) wake_.WaitFor(mutex_, next - Uptime());
    if (stopping_) return;
  }
}

void CertificateKeeper::WarnOfCeremonies() {
  const absl::Time now = clock_.Now();
  if (now < said_ + kSayEvery && now >= said_) return;
  said_ = now;
  const KeyRing& keys = organisation_.keys();
  const auto warn = [&](FixedText name, const crypto::Certificate& certificate) {
    const absl::Duration left = certificate.not_after() - now;
    if (left < kCeremonyAhead) logger_.Warning("certificate.needs_ceremony", {{LogKey::kListener, name}, {LogKey::kDuration, left}});
  };
  warn(FixedText("root"), keys.root);
  warn(FixedText("issuing"), keys.issuing);
  warn(FixedText("directory"), keys.directory.certificate);
  warn(FixedText("grants"), keys.grants.certificate);
  warn(FixedText("tokens"), keys.tokens.certificate);
  if (keys.audit) warn(FixedText("audit"), keys.audit->certificate);
  if (!keys.witnesses) return;
  const absl::StatusOr<crypto::Certificate> policy = crypto::Certificate::Parse(keys.witnesses->certificate);
  if (policy.ok()) warn(FixedText("witness policy"), *policy);
}

void CertificateKeeper::RenewOwn() {
  const absl::StatusOr<bool> renewed = organisation_.own().Renew(clock_.Now());
  absl::Status status = renewed.status();
  if (renewed.ok() && *renewed) {
    status = live_.Replace(OwnIdentity(organisation_), organisation_.keys().RootPem());
    if (status.ok()) status = renewal_.RecordOwn(organisation_.own().certificate());
    if (status.ok()) logger_.Info("certificate.renewed", {{LogKey::kListener, FixedText("keyserver")}});
  }
  if (status.ok()) return;
  logger_.Error("certificate.renewal_failed", {{LogKey::kStatus, status.code()}, {LogKey::kListener, FixedText("keyserver")}});
}

void CertificateKeeper::RenewDelivery() {
  const absl::StatusOr<bool> renewed = RenewDeliveryServer(delivery_(), renewal_);
  if (renewed.ok() && *renewed) logger_.Info("certificate.renewed", {{LogKey::kListener, FixedText("delivery")}});
  if (renewed.ok() == !failing_) return;
  failing_ = !renewed.ok();
  if (failing_) {
    logger_.Error("certificate.renewal_failed",
                  {{LogKey::kStatus, renewed.status().code()}, {LogKey::kListener, FixedText("delivery")}});
  } else {
    logger_.Info("certificate.renewal_resumed", {{LogKey::kListener, FixedText("delivery")}});
  }
}

}  // namespace plumbline::keyserver
