// The certificates that listeners show and files hold: whose they are, whose names they carry, and
// how long they last.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/crypto/x509.h"
#include "doctor/listeners.h"
#include "doctor/report.h"

namespace plumbline::doctor {

// Less time left than that.
struct LifeLimits {
  absl::Duration warning, failed;
};
// Services renew their own with half of its life left, so limits are shares of it: of the default, five days and two.
LifeLimits ServiceLimits(const crypto::Certificate& certificate);
inline constexpr LifeLimits kRoleLimits = {absl::Hours(90 * 24), absl::Hours(14 * 24)};
inline constexpr LifeLimits kIssuingLimits = {absl::Hours(180 * 24), absl::Hours(30 * 24)};
inline constexpr LifeLimits kRootLimits = {absl::Hours(365 * 24), absl::Hours(90 * 24)};

// Reports how long `certificate` lasts, under `check`.
void JudgeLife(absl::string_view check, absl::string_view subject,
               const crypto::Certificate& certificate, const LifeLimits& limits, absl::Time now,
               absl::string_view remedy, Report& report);

// The organisation's root, from what was shown: the one that the configurations name, else the one
// that the key server shows. Reports "certificates.root"; none if there is no such.
std::optional<crypto::Certificate> FindRoot(const Installation& installation,
                                            const std::vector<Shown>& shown, absl::Time now,
                                            Report& report);

// "certificates.service" and "certificates.issuing".
void JudgeShown(const Shown& shown, const crypto::Certificate& root, absl::Time now,
                Report& report);

// "certificates.authority": of certificates whose issuing authority was replaced, whether they renew before it ends.
void JudgeAuthority(const Shown& shown, const crypto::ReplacedIssuers& replaced, absl::Time now, Report& report);

// "certificates.file": the file of a service and what the running one shows. "certificates.trust":
// what a delivery server believes the key server by.
void CheckCertificateFiles(const Service& service, const std::vector<Shown>& shown,
                           const std::optional<crypto::Certificate>& root, absl::Time now,
                           Report& report);

}  // namespace plumbline::doctor
