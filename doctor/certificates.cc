#include "doctor/certificates.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/crypto/issue.h"
#include "common/file.h"
#include "common/identity/trust.h"
#include "common/identity/uri.h"
#include "common/rpc/probe.h"
#include "doctor/words.h"

namespace plumbline::doctor {
namespace {

constexpr size_t kMaxFile = 64 << 10;  // bytes of PEM
constexpr char kNewRoot[] = "Nothing replaces a root (operations.md, Certificates): plan a new organisation.";
constexpr char kNewIssuing[] = "Replace it: plumbline-keyserver rotate issuing (runbooks/rotation.md, \"Issuing authority\").";

// Renewal is the services' own work: something keeps them from it.
std::string RenewText(ServiceKind kind) {
  switch (kind) {
    case ServiceKind::kKeyserver:
      return "It renews by itself: look for certificate.renewal_failed in its log, and restart the key server.";
    case ServiceKind::kDelivery:
      return "The key server renews it: look for certificate.renewal_failed in both logs. If it ends first, have plumbline-keyserver "
             "sign-service sign the request in the data folder, replace the PEM file and restart the service.";
    default:
      return "It renews by itself: look for certificate.renewal_failed in its log. If it ends first, have plumbline-keyserver "
             "sign-service sign the request in the data folder, replace the PEM file and restart the service.";
  }
}

absl::string_view UriName(ServiceKind kind) {
  return identity::ServiceName(kind == ServiceKind::kKeyserver  ? identity::Service::kKeyserver
                               : kind == ServiceKind::kDelivery ? identity::Service::kDelivery
                                                                : identity::Service::kAdmin);
}

std::vector<crypto::Certificate> Rest(const std::vector<crypto::Certificate>& chain) {
  return {chain.begin() + 1, chain.end()};
}

// What is wrong with a leaf, its life apart; empty if nothing is.
std::string Fault(const Shown& shown, const crypto::Certificate& root, absl::Time now) {
  const crypto::Certificate& leaf = shown.chain.front();
  // Judged at a moment in its own life: that life is another finding, as is the issuing one's.
  const absl::Time at =
      std::max(leaf.not_before(), std::min(now, leaf.not_after() - absl::Seconds(1)));
  const absl::Status chain =
      crypto::VerifyChain(leaf, Rest(shown.chain), root, at, crypto::Purpose::kTlsServer);
  if (!chain.ok() && !absl::IsFailedPrecondition(chain)) {
    return absl::StrCat("its certificate is not of the organisation: ", chain.message());
  }
  const std::string uri = absl::StrCat("plumbline://", shown.service->domain, "/service/",
                                       UriName(shown.service->kind));
  if (leaf.uris() != std::vector<std::string>{uri}) {
    return absl::StrCat("its certificate is of ", absl::StrJoin(leaf.uris(), ", "), ", not of ",
                        uri, ".");
  }
  const std::string& name = shown.listener->name;
  if (!name.empty() && !rpc::CarriesName(leaf, name)) {
    return absl::StrCat("its certificate does not carry the name ", name,
                        ", by which others reach it.");
  }
  return "";
}

}  // namespace

LifeLimits ServiceLimits(const crypto::Certificate& certificate) {
  const absl::Duration life = crypto::LifeOf(certificate);
  return {life * 3 / 8, life / 7};
}

void JudgeLife(absl::string_view check, absl::string_view subject,
               const crypto::Certificate& certificate, const LifeLimits& limits, absl::Time now,
               absl::string_view remedy, Report& report) {
  const absl::Duration left = certificate.not_after() - now;
  if (now < certificate.not_before()) {
    report.Failed(check, subject,
                  absl::StrCat("it begins in ", AgeText(certificate.not_before() - now), "."),
                  "Look at this machine's clock, and at that of the machine where it was made.");
  } else if (left <= absl::ZeroDuration()) {
    report.Failed(check, subject, absl::StrCat("it ended ", AgeText(left), " ago."), remedy);
  } else if (left < limits.failed) {
    report.Failed(check, subject, absl::StrCat("it ends in ", AgeText(left), "."), remedy);
  } else if (left < limits.warning) {
    report.Warning(check, subject, absl::StrCat("it ends in ", AgeText(left), "."), remedy);
  } else {
    report.Ok(check, subject, absl::StrCat("it is good for another ", AgeText(left), "."));
  }
}

std::optional<crypto::Certificate> FindRoot(const Installation& installation,
                                            const std::vector<Shown>& shown, absl::Time now,
                                            Report& report) {
  constexpr char kCheck[] = "certificates.root";
  const auto pin = std::find_if(installation.services.begin(), installation.services.end(),
                                [](const Service& each) { return each.fingerprint.has_value(); });
  const bool pinned = pin != installation.services.end();
  for (const Shown& each : shown) {
    const bool word_of_key_server = !pinned && each.service->kind == ServiceKind::kKeyserver;
    for (const crypto::Certificate& certificate : each.chain) {
      const bool is_root = pinned ? certificate.fingerprint() == *pin->fingerprint
                                  : word_of_key_server && certificate == each.chain.back();
      if (!is_root || !certificate.is_ca()) continue;
      const std::string subject = absl::StrCat("root ", certificate.fingerprint().ToText());
      JudgeLife(kCheck, subject, certificate, kRootLimits, now, kNewRoot, report);
      if (!pinned) {
        report.NotChecked(
            "certificates.pin", "",
            "no configuration that is given names the root; the key server's own word "
            "was taken.",
            absl::StrCat("Compare with the paper: ", certificate.fingerprint().ToText()));
      }
      return certificate;
    }
  }
  if (shown.empty()) {
    report.NotChecked(kCheck, "", "no listener that is given showed a certificate.",
                      "Give the configurations of services that run.");
  } else {
    report.Failed(kCheck, "", "no listener shows the root that the configurations name.",
                  "Compare root_fingerprint with the one on paper: if it is right, what listens "
                  "here is not of the organisation.");
  }
  return std::nullopt;
}

void JudgeShown(const Shown& shown, const crypto::Certificate& root, absl::Time now,
                Report& report) {
  constexpr char kCheck[] = "certificates.service";
  const std::string subject = shown.service->Of(*shown.listener);
  const std::string fault = Fault(shown, root, now);
  if (!fault.empty()) {
    report.Failed(kCheck, subject, fault, RenewText(shown.service->kind));
    return;
  }
  JudgeLife(kCheck, subject, shown.chain.front(), ServiceLimits(shown.chain.front()), now,
            RenewText(shown.service->kind), report);
  for (const crypto::Certificate& each : Rest(shown.chain)) {
    if (each == root) continue;
    JudgeLife("certificates.issuing", subject, each, kIssuingLimits, now, kNewIssuing, report);
  }
}

void JudgeAuthority(const Shown& shown, const crypto::ReplacedIssuers& replaced, absl::Time now, Report& report) {
  constexpr char kCheck[] = "certificates.authority";
  const crypto::Certificate& leaf = shown.chain.front();
  absl::Time end = absl::InfiniteFuture();
  for (const crypto::Certificate& issuing : Rest(shown.chain)) {
    if (crypto::IsIssuedBy(leaf, issuing)) end = std::min(end, replaced.EndOf(issuing));
  }
  const std::string subject = shown.service->Of(*shown.listener);
  if (end == absl::InfiniteFuture()) return;
  if (end <= now) {
    report.Failed(kCheck, subject, absl::StrCat("its certificate is of an issuing authority that was replaced and ended ", AgeText(now - end), " ago: nobody takes it."),
                  RenewText(shown.service->kind));
  } else if (crypto::RenewalTime(leaf) >= end) {
    report.Warning(kCheck, subject, absl::StrCat("its certificate is of an issuing authority that was replaced and ends in ", AgeText(end - now), ", before it renews by itself."),
                   RenewText(shown.service->kind));
  } else {
    report.Ok(kCheck, subject, absl::StrCat("it is of the former issuing authority, which counts for another ", AgeText(end - now), ", and renews before that."));
  }
}

void CheckCertificateFiles(const Service& service, const std::vector<Shown>& shown,
                           const std::optional<crypto::Certificate>& root, absl::Time now,
                           Report& report) {
  if (!service.certificate_file.empty()) {
    constexpr char kCheck[] = "certificates.file";
    const absl::StatusOr<std::string> pem = ReadTextFile(service.certificate_file, kMaxFile);
    const auto file = pem.ok() ? crypto::Certificate::ParsePem(*pem)
                               : absl::StatusOr<crypto::Certificate>(pem.status());
    const auto running = std::find_if(shown.begin(), shown.end(),
                                      [&](const Shown& each) { return each.service == &service; });
    if (!file.ok()) {
      report.Failed(kCheck, service.title,
                    absl::StrCat(service.certificate_file, ": ", file.status().message()),
                    "Write the file that plumbline-keyserver sign-service made there.");
    } else if (running != shown.end() && file->not_before() > running->chain.front().not_before()) {
      report.Warning(kCheck, service.title,
                     "its file is newer than the certificate that the running service shows.",
                     "Restart the service.");
    } else if (running != shown.end() && !(running->chain.front() == *file)) {
      report.Ok(kCheck, service.title, "the running service has renewed it since.");
    } else {
      JudgeLife(kCheck, service.title, *file, ServiceLimits(*file), now, RenewText(service.kind), report);
    }
  }
  if (service.trust_file.empty()) return;
  constexpr char kCheck[] = "certificates.trust";
  constexpr char kRemedy[] = "Write a fresh one with plumbline-keyserver export-trust and restart.";
  const absl::StatusOr<std::string> pem = ReadTextFile(service.trust_file, kMaxFile);
  const auto trust = pem.ok() ? identity::ParseTrustBundle(*pem, service.domain, now)
                              : absl::StatusOr<identity::OrganisationTrust>(pem.status());
  if (!trust.ok()) {
    report.Failed(kCheck, service.title,
                  absl::StrCat(service.trust_file, ": ", trust.status().message()), kRemedy);
  } else if (root && !(trust->root == *root)) {
    report.Failed(kCheck, service.title,
                  absl::StrCat(service.trust_file, " is of another organisation."), kRemedy);
  } else {
    report.Ok(kCheck, service.title,
              absl::StrCat(service.trust_file, " holds the root's word for every role."));
  }
}

}  // namespace plumbline::doctor
