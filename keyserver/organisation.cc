#include "keyserver/organisation.h"

#include "absl/strings/str_cat.h"
#include "common/identity/reason.h"
#include "common/identity/text.h"
#include "keyserver/views.h"
#include "plumbline/config/v1/keyserver.pb.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::keyserver {

absl::StatusOr<std::unique_ptr<Organisation>> Organisation::Create(
    KeyRing keys, const config::v1::KeyserverConfig& config) {
  RETURN_IF_ERROR(identity::CheckDomain(config.organisation_domain()));
  RETURN_IF_ERROR(identity::CheckText(config.display_name(), identity::kMaxDisplayName));
  RETURN_IF_ERROR(identity::CheckAddress(config.published().keyserver_address()));
  RETURN_IF_ERROR(identity::CheckAddress(config.published().device_address()));
  RETURN_IF_ERROR(identity::CheckAddress(config.published().delivery_address()));
  if (keys.domain != config.organisation_domain()) {
    return identity::Refuse(absl::StatusCode::kFailedPrecondition, "wrong_domain",
                            absl::StrCat("the sealed keys are of ", keys.domain, ", the configuration says ",
                                         config.organisation_domain()));
  }
  RETURN_IF_ERROR(keys.LogKeys().status());
  ASSIGN_OR_RETURN(const uint64_t log_number, keys.LogNumber());
  ASSIGN_OR_RETURN(identity::TrustedKeys trusted, keys.Trusted());
  ASSIGN_OR_RETURN(std::vector<crypto::Certificate> authorities, keys.Authorities());
  return std::unique_ptr<Organisation>(new Organisation(std::move(keys), log_number, std::move(trusted), std::move(authorities), config));
}

absl::StatusOr<crypto::Certificate> Organisation::IssuerOf(const crypto::Certificate& certificate) const {
  for (const crypto::Certificate& authority : authorities_) {
    if (crypto::IsIssuedBy(certificate, authority)) return authority;
  }
  return absl::NotFoundError("none of this organisation's authorities issued it");
}

absl::StatusOr<Bytes> Organisation::IssuerOf(ByteView certificate_der) const {
  absl::StatusOr<crypto::Certificate> certificate = crypto::Certificate::Parse(certificate_der);
  const absl::StatusOr<crypto::Certificate> issuer = certificate.ok() ? IssuerOf(*certificate) : certificate;
  if (!issuer.ok()) return absl::DataLossError("a certificate in the key server's database is nobody's");
  return issuer->der();
}

void Organisation::FillKeys(uint64_t keys_number, keys::v1::ReadLogResponse& out) const {
  if (trusted_.number() > keys_number) out.set_organisation_keys(ToString(keys_.organisation_keys));
}

void Organisation::FillNewer(uint64_t policy_number, uint64_t keys_number, keys::v1::ReadLogResponse& out) const {
  FillKeys(keys_number, out);
  if (!keys_.witnesses) return;
  const absl::StatusOr<directory::WitnessPolicy> own = directory::ParseWitnessPolicy(keys_.witnesses->policy);
  if (own.ok() && own->number > policy_number) plumbline::keyserver::Fill(*keys_.witnesses, *out.mutable_witness_policy());
}

Organisation::Organisation(KeyRing keys, uint64_t log_number, identity::TrustedKeys trusted, std::vector<crypto::Certificate> authorities,
                           const config::v1::KeyserverConfig& config)
    : keys_(std::move(keys)),
      log_number_(log_number),
      trusted_(std::move(trusted)),
      authorities_(std::move(authorities)),
      issuers_(std::make_shared<const crypto::LiveIssuers>(trusted_.replaced())),
      issuer_(keys_.domain, keys_.issuing, keys_.issuing_key),
      display_name_(config.display_name()),
      keyserver_address_(config.published().keyserver_address()),
      device_address_(config.published().device_address()),
      delivery_address_(config.published().delivery_address()),
      limits_{config.limits().code_attempts(), config.limits().tokens_per_day(),
              absl::Seconds(config.limits().token_epoch().seconds()), config.limits().grants_per_day(),
              config.limits().single_use_claims_per_hour()},
      attended_enrolment_(config.attended_enrolment()),
      service_life_(absl::Seconds(config.limits().service_certificate_life().seconds())),
      own_(std::make_unique<OwnCertificate>(
          keys_, issuer_,
          OwnCertificate::Names{{config.dns_names().begin(), config.dns_names().end()},
                                {config.ip_addresses().begin(), config.ip_addresses().end()}},
          service_life_)) {}

void Organisation::Fill(keys::v1::GetOrganisationResponse& out) const {
  out.set_domain(keys_.domain);
  out.set_display_name(display_name_);
  for (const RoleKey* role : {&keys_.directory, &keys_.grants, &keys_.tokens}) {
    out.add_role_certificates(ToString(role->certificate.der()));
  }
  out.set_organisation_keys(ToString(keys_.organisation_keys));
  out.set_issuing_certificate(ToString(keys_.issuing.der()));
  out.set_device_address(device_address_);
  out.set_delivery_address(delivery_address_);
}

}  // namespace plumbline::keyserver
