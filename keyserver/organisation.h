// What the key server is for: its keys, its published addresses and its limits, read once at the start.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/crypto/live_issuers.h"
#include "common/directory/follow.h"
#include "common/identity/uri.h"
#include "common/status.h"
#include "keyserver/issuer.h"
#include "keyserver/key_ring.h"
#include "keyserver/own_certificate.h"

namespace plumbline::config::v1 {
class KeyserverConfig;
}
namespace plumbline::keys::v1 {
class GetOrganisationResponse;
class ReadLogResponse;
}

namespace plumbline::keyserver {

struct Limits {
  uint32_t code_attempts = 5;
  uint32_t tokens_per_day = 2000;
  absl::Duration token_epoch = absl::Hours(1);
  uint32_t grants_per_day = 200;
  uint32_t single_use_claims_per_hour = 10;
};

// Thread-safe: immutable, but for the key server's own certificate, which renews.
class Organisation final {
 public:
  // INVALID_ARGUMENT if an address or the domain is malformed, FAILED_PRECONDITION wrong_domain if the keys
  // are of another organisation than the configuration, directory_log_key_missing.
  static absl::StatusOr<std::unique_ptr<Organisation>> Create(KeyRing keys,
                                                              const config::v1::KeyserverConfig& config);

  const std::string& domain() const { return keys_.domain; }
  const KeyRing& keys() const { return keys_; }
  const Issuer& issuer() const { return issuer_; }
  OwnCertificate& own() const { return *own_; }
  absl::Duration service_life() const { return service_life_; }
  const Limits& limits() const { return limits_; }
  // An administrator's invitation lets a device ask; a registrar activates it.
  bool attended_enrolment() const { return attended_enrolment_; }
  const std::string& keyserver_address() const { return keyserver_address_; }
  // What the admin service's certificate says.
  std::string AdminUri() const { return identity::ServiceUri{domain(), identity::Service::kAdmin}.ToString(); }
  void Fill(keys::v1::GetOrganisationResponse& out) const;
  // Which log of the directory this is, as directory::LogNumber.
  uint64_t log_number() const { return log_number_; }
  // The statement of the organisation's keys, and with it the witness policy, each if it has a higher number.
  void FillKeys(uint64_t keys_number, keys::v1::ReadLogResponse& out) const;
  void FillNewer(uint64_t policy_number, uint64_t keys_number, keys::v1::ReadLogResponse& out) const;
  // The keys of a role that count at `now`, as everybody judges them.
  identity::RoleKeys KeysOf(identity::Role role, absl::Time now) const { return trusted_.Of(role, now); }
  // Issuing authorities that were replaced, for VerifyChain; and for connections.
  const crypto::ReplacedIssuers& replaced() const { return trusted_.replaced(); }
  const std::shared_ptr<const crypto::LiveIssuers>& issuers() const { return issuers_; }
  // The authority that issued `certificate`, if it is one of this organisation's, the present one or one before it.
  absl::StatusOr<crypto::Certificate> IssuerOf(const crypto::Certificate& certificate) const;
  // The same of a certificate that this key server made and kept. DATA_LOSS.
  absl::StatusOr<Bytes> IssuerOf(ByteView certificate_der) const;
  // With it a person's entries in the feed are sealed.
  Secret FollowKey(const tlog::MapIndex& index) const { return directory::FollowKey(keys_.transparency->follow, index); }

 private:
  Organisation(KeyRing keys, uint64_t log_number, identity::TrustedKeys trusted, std::vector<crypto::Certificate> authorities,
               const config::v1::KeyserverConfig& config);
  const KeyRing keys_;
  const uint64_t log_number_;
  const identity::TrustedKeys trusted_;
  const std::vector<crypto::Certificate> authorities_;  // the present one first
  const std::shared_ptr<const crypto::LiveIssuers> issuers_;
  const Issuer issuer_;
  const std::string display_name_, keyserver_address_, device_address_, delivery_address_;
  const Limits limits_;
  const bool attended_enrolment_;
  const absl::Duration service_life_;
  const std::unique_ptr<OwnCertificate> own_;
};

}  // namespace plumbline::keyserver
