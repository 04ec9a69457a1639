#include "keyserver/own_certificate.h"

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/identity/reason.h"

namespace plumbline::keyserver {
namespace {

crypto::P256PrivateKey CopyOf(const crypto::P256PrivateKey& key) {
  absl::StatusOr<crypto::P256PrivateKey> copy = crypto::P256PrivateKey::FromDer(key.der());
  CHECK(copy.ok());
  return *std::move(copy);
}

}  // namespace

OwnCertificate::OwnCertificate(const KeyRing& keys, const Issuer& issuer, Names names, absl::Duration life)
    : keys_(keys), issuer_(issuer), names_(std::move(names)), life_(life), key_(CopyOf(keys.service_key)), certificate_(keys.service_certificate) {}

absl::Status OwnCertificate::Check(const crypto::Certificate& certificate, absl::Time now) const {
  return crypto::VerifyChain(certificate, {keys_.issuing}, keys_.root, now, crypto::Purpose::kTlsPeer);
}

absl::StatusOr<bool> OwnCertificate::Renew(absl::Time now) {
  const MutexLock lock(mutex_);
  if (Check(certificate_, now).ok() && now < crypto::RenewalTime(certificate_)) return false;
  crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  absl::StatusOr<crypto::Certificate> certificate =
      issuer_.ServiceTls(key.spki(), identity::Service::kKeyserver, names_.dns, names_.ip, now, life_);
  if (const absl::Status good = certificate.ok() ? Check(*certificate, now) : certificate.status(); !good.ok()) {
    return identity::Refuse(absl::StatusCode::kFailedPrecondition, "own_certificate_unusable",
                            absl::StrCat(good.message(), "; look at the clock, and at the issuing certificate's end"));
  }
  former_ = std::move(certificate_);
  certificate_ = *std::move(certificate);
  key_ = std::move(key);
  return true;
}

crypto::Certificate OwnCertificate::certificate() const {
  const MutexLock lock(mutex_);
  return certificate_;
}

std::string OwnCertificate::ChainPem() const { return crypto::ToPemChain({certificate(), keys_.issuing, keys_.root}); }

Secret OwnCertificate::KeyPem() const {
  const MutexLock lock(mutex_);
  return key_.ToPem();
}

std::vector<identity::Hash> OwnCertificate::Shown(absl::Time now) const {
  const MutexLock lock(mutex_);
  std::vector<identity::Hash> out = {Sha256(certificate_.der())};
  if (former_ && now < former_->not_after()) out.push_back(Sha256(former_->der()));
  return out;
}

}  // namespace plumbline::keyserver
