#include "doctor/doctor.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "common/rpc/tls_policy.h"
#include "doctor/certificates.h"
#include "doctor/directory.h"
#include "doctor/files.h"
#include "doctor/listeners.h"

namespace plumbline::doctor {
namespace {

// What the key server says to everybody.
void CheckDirectory(const Service& keyserver, const crypto::Certificate& root, const std::vector<Shown>& shown, const Clock& clock,
                    Report& report) {
  const Listener& listener = keyserver.listeners.front();  // the anonymous one
  rpc::Endpoint endpoint;
  endpoint.address = listener.LocalAddress();
  endpoint.server_name = listener.name;
  endpoint.root_pem = root.ToPem();
  const absl::StatusOr<DirectoryFacts> facts = AskDirectory(endpoint, clock.Now());
  if (!facts.ok()) {
    report.Failed("witnesses.checkpoint", "",
                  absl::StrCat("the key server does not show its log: ", facts.status().message()),
                  "Look at the key server's log.");
    return;
  }
  const absl::Time now = clock.Now();  // reading a long log takes a while
  const std::optional<identity::OrganisationTrust> trust =
      JudgeRoles(*facts, root, keyserver.domain, now, report);
  if (trust) {
    for (const Shown& each : shown) JudgeAuthority(each, trust->Keys().replaced(), now, report);
  }
  const std::optional<directory::VerifiedPolicy> policy =
      JudgeWitnesses(*facts, root, keyserver.domain, now, report);
  if (!policy) return;
  JudgeAnswers(policy->policy, AskWitnesses(policy->policy), report);
  if (trust) JudgeTokenKeys(*facts, *trust, *policy, now, report);
}

void SayNotChecked(absl::string_view why, absl::string_view remedy, Report& report) {
  for (const char* check : {"certificates.roles", "witnesses.policy", "witnesses.checkpoint",
                            "witnesses.answer", "tokens.keys", "clock.witnesses"}) {
    report.NotChecked(check, "", why, remedy);
  }
}

}  // namespace

absl::StatusOr<Report> Examine(const Request& request, const Machine& machine, const Clock& clock) {
  const Configurations& given = request.configurations;
  if (given.keyserver.empty() && given.server.empty() && given.admin.empty() &&
      given.witnesses.empty() && request.backups.empty()) {
    return absl::InvalidArgumentError(
        "nothing_to_check: give at least one of --keyserver, --server, --admin, --witness, "
        "--backups");
  }
  RETURN_IF_ERROR(rpc::PinTls13());
  const absl::Time now = clock.Now();
  Report report;
  const Installation installation = LoadInstallation(given, report);
  for (const Service& service : installation.services) {
    CheckFiles(service, report);
    CheckSpace(service, report);
  }
  const std::vector<Shown> shown = CheckListeners(installation, report);
  const std::optional<crypto::Certificate> root = FindRoot(installation, shown, now, report);
  for (const Shown& each : shown) {
    if (root) JudgeShown(each, *root, now, report);
  }
  for (const Service& service : installation.services) {
    CheckCertificateFiles(service, shown, root, now, report);
  }
  const Service* keyserver = installation.Find(ServiceKind::kKeyserver);
  if (keyserver == nullptr) {
    SayNotChecked("the key server's configuration is not given.",
                  "Run this on the key server's machine.", report);
  } else if (!root) {
    SayNotChecked("the organisation's root is not known.", "See certificates.root.", report);
  } else {
    CheckDirectory(*keyserver, *root, shown, clock, report);
  }
  CheckSynchronised(machine, report);
  CheckUnits(installation, machine, report);
  for (const Service& service : installation.services) CheckProcess(service, machine, report);
  CheckBackups(request.backups, now, report);
  return report;
}

}  // namespace plumbline::doctor
