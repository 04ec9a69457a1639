#include "doctor/directory.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/http/client.h"
#include "common/tokens/token_key.h"
#include "doctor/certificates.h"
#include "doctor/words.h"

namespace plumbline::doctor {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(5);
constexpr size_t kMaxAnswer = 64 << 10;

void JudgeClock(absl::Time cosigned, absl::Time now, Report& report) {
  constexpr char kCheck[] = "clock.witnesses";
  const absl::Duration age = now - cosigned;
  if (age < -kClockAhead) {
    report.Failed(kCheck, "",
                  absl::StrCat("this machine's clock is ", AgeText(age), " behind the witnesses'."),
                  "Correct the clock, and keep it by NTP: certificates are judged by it.");
  } else if (age > kClockBehind) {
    report.Warning(kCheck, "",
                   absl::StrCat("the witnesses' time is ", AgeText(age),
                                " ago: they are away, or this machine's clock is ahead."),
                   "Compare the clock with another one, then look at the witnesses.");
  } else {
    report.Ok(kCheck, "",
              absl::StrCat("by this machine's clock the witnesses signed ", AgeText(age),
                           age < absl::ZeroDuration() ? " from now." : " ago."));
  }
}

void JudgeFreshness(const tlog::WitnessedCheckpoint& checkpoint, const tlog::Policy& policy,
                    absl::Time now, Report& report) {
  constexpr char kCheck[] = "witnesses.checkpoint";
  constexpr char kRemedy[] =
      "See that the witnesses run and that the key server reaches them; its log says what they "
      "answer.";
  const std::string found = absl::StrCat(
      checkpoint.cosignatures.size(), " of ", policy.witnesses().size(), " witnesses cosigned ",
      checkpoint.checkpoint.size, " leaves, the median ", AgeText(now - *checkpoint.time), " ago.");
  const absl::Duration age = now - *checkpoint.time;
  if (age > kStale) {
    report.Failed(kCheck, "", found, kRemedy);
  } else if (age > kFresh) {
    report.Warning(kCheck, "", found, kRemedy);
  } else {
    report.Ok(kCheck, "", found);
  }
}

// Those of a purpose, oldest first.
void JudgePurpose(const std::string& purpose, const std::vector<tokens::TokenKey>& keys,
                  const std::set<Bytes>& leaves, absl::Time now, Report& report) {
  constexpr char kCheck[] = "tokens.keys";
  const tokens::TokenKey *live = nullptr, *last = nullptr, *absent = nullptr;
  for (const tokens::TokenKey& each : keys) {
    if (each.leaf.purpose != purpose) continue;
    if (leaves.find(tlog::Encode(each.leaf)) == leaves.end()) {
      absent = &each;
      continue;
    }
    if (each.opens() <= now && now < each.closes()) live = &each;
    if (last == nullptr || each.leaf.epoch > last->leaf.epoch) last = &each;
  }
  if (absent != nullptr) {
    const std::string found =
        absl::StrCat("the key of epoch ", absent->leaf.epoch, " is not in the published log.");
    // A new one is published when the witnesses have confirmed it.
    if (live != nullptr && absent->leaf.epoch > last->leaf.epoch) {
      report.Warning(kCheck, purpose, found,
                     "Run this again in a minute; then look at the witnesses.");
    } else {
      report.Failed(
          kCheck, purpose, found,
          "Clients draw nothing under it. If the witnesses are well, find out who made it: "
          "a key of one's own tells people apart.");
    }
    return;
  }
  if (live == nullptr) {
    report.Failed(kCheck, purpose, "there is no key under which tokens are drawn.",
                  "Look at the key server's log and at the clock, then restart the key server.");
    return;
  }
  // The next key is there for the last sixth of a key's time; half of that is a fault.
  const absl::Duration left = live->closes() - now;
  if (live == last && left < (live->closes() - live->opens()) / 12) {
    report.Warning(kCheck, purpose,
                   absl::StrCat("its last key closes in ", AgeText(left), " and no other follows."),
                   "Look at the key server's log: it makes no new keys.");
    return;
  }
  report.Ok(kCheck, purpose,
            absl::StrCat("epoch ", live->leaf.epoch, " is in the log and open for another ",
                         AgeText(left), "."));
}

}  // namespace

std::optional<identity::OrganisationTrust> JudgeRoles(const DirectoryFacts& facts,
                                                      const crypto::Certificate& root,
                                                      const std::string& domain, absl::Time now,
                                                      Report& report) {
  constexpr char kCheck[] = "certificates.roles";
  constexpr char kRemedy[] =
      "Replace the key: plumbline-keyserver rotate with the role's name (runbooks/rotation.md).";
  std::vector<crypto::Certificate> roles;
  for (const Bytes& der : facts.role_certificates) {
    const absl::StatusOr<crypto::Certificate> role = crypto::Certificate::Parse(der);
    if (role.ok()) roles.push_back(*role);
  }
  for (const crypto::Certificate& role : roles) {
    JudgeLife(kCheck, role.uris().empty() ? "" : role.uris().front(), role, kRoleLimits, now,
              kRemedy, report);
  }
  absl::StatusOr<identity::OrganisationTrust> trust =
      identity::VerifyTrust(root, roles, facts.organisation_keys, domain, now);
  if (trust.ok()) return *std::move(trust);
  report.Failed(kCheck, "",
                absl::StrCat("the key server's signing keys are not the organisation's: ",
                             trust.status().message()),
                "Nobody believes this key server: compare its fingerprint with the one on paper.");
  return std::nullopt;
}

std::optional<directory::VerifiedPolicy> JudgeWitnesses(const DirectoryFacts& facts,
                                                        const crypto::Certificate& root,
                                                        const std::string& domain, absl::Time now,
                                                        Report& report) {
  constexpr char kCheck[] = "witnesses.policy";
  constexpr char kRemedy[] =
      "Sign a policy again: plumbline-keyserver set-witnesses, with root.sealed in place.";
  if (!facts.policy) {
    report.Failed(kCheck, "", "the key server shows no policy of the root.", kRemedy);
    return std::nullopt;
  }
  absl::StatusOr<directory::VerifiedPolicy> policy =
      directory::VerifyWitnessPolicy(*facts.policy, root, domain, now);
  if (!policy.ok()) {
    report.Failed(kCheck, "", absl::StrCat("the policy does not hold: ", policy.status().message()),
                  kRemedy);
    return std::nullopt;
  }
  const auto certificate = crypto::Certificate::Parse(facts.policy->certificate);
  if (certificate.ok()) {
    JudgeLife(kCheck,
              absl::StrCat("policy ", policy->statement.number,
                           ", witnesses: ", policy->policy.witnesses().size()),
              *certificate, kRoleLimits, now, kRemedy, report);
  }
  const absl::StatusOr<tlog::WitnessedCheckpoint> checkpoint = policy->policy.Open(facts.note);
  if (!checkpoint.ok() || !checkpoint->time) {
    report.Failed("witnesses.checkpoint", "",
                  absl::StrCat("the published checkpoint does not satisfy the policy: ",
                               checkpoint.status().message()),
                  "Clients believe nothing of this directory. See who signed it, and that the "
                  "witnesses run.");
  } else if (facts.whole && (facts.tree.size() != checkpoint->checkpoint.size ||
                             facts.tree.Root() != checkpoint->checkpoint.root)) {
    report.Failed("witnesses.checkpoint", "",
                  "the leaves that the key server gives are not those that were cosigned.",
                  "Keep the data folder as evidence, and run plumbline-auditor on the log.");
  } else {
    JudgeFreshness(*checkpoint, policy->policy, now, report);
    JudgeClock(*checkpoint->time, now, report);
    return *std::move(policy);
  }
  return std::nullopt;
}

WitnessAnswers AskWitnesses(const tlog::Policy& policy) {
  WitnessAnswers out;
  for (const tlog::PolicyWitness& witness : policy.witnesses()) {
    if (witness.url.empty()) continue;
    absl::StatusOr<http::Client> client = http::Client::Create(witness.url, kPatience);
    out[witness.name] =
        client.ok() ? client->Get("add-checkpoint", kMaxAnswer).status() : client.status();
  }
  return out;
}

void JudgeAnswers(const tlog::Policy& policy, const WitnessAnswers& answers, Report& report) {
  constexpr char kCheck[] = "witnesses.answer";
  const bool any = std::any_of(answers.begin(), answers.end(),
                               [](const auto& each) { return each.second.ok(); });
  for (const tlog::PolicyWitness& witness : policy.witnesses()) {
    const auto answer = answers.find(witness.name);
    if (answer == answers.end()) {
      report.NotChecked(kCheck, witness.name, "the policy gives no address for it.",
                        "Ask whoever runs it.");
      continue;
    }
    if (answer->second.ok()) {
      report.Ok(kCheck, witness.name, "it answers.");
      continue;
    }
    const std::string found = absl::StrCat("it does not answer: ", answer->second.message());
    const std::string remedy = absl::StrCat("Tell whoever runs ", witness.name,
                                            "; without enough witnesses nothing new is published.");
    if (any) {
      report.Warning(kCheck, witness.name, found, remedy);
    } else {
      report.Failed(kCheck, witness.name, found, remedy);
    }
  }
}

void JudgeTokenKeys(const DirectoryFacts& facts, const identity::OrganisationTrust& trust,
                    const directory::VerifiedPolicy& policy, absl::Time now, Report& report) {
  constexpr char kCheck[] = "tokens.keys";
  if (!facts.whole) {
    report.NotChecked(kCheck, "", absl::StrCat("the log has more than ", kMaxLeaves, " leaves."),
                      "Run plumbline-auditor, which reads it once and then what is new.");
    return;
  }
  std::vector<tokens::TokenKey> keys;
  for (const Bytes& each : facts.token_keys) {
    absl::StatusOr<tokens::TokenKey> key =
        tokens::OpenTokenKey(each, trust.tokens_key, policy.statement.domain);
    if (!key.ok()) {
      report.Failed(kCheck, "",
                    absl::StrCat("a key is not the organisation's: ", key.status().message()),
                    "Clients draw nothing under it. Restart the key server; if it stays, treat the "
                    "machine as taken over.");
      return;
    }
    keys.push_back(*std::move(key));
  }
  for (const char* purpose : {tokens::kPurposeDelivery, tokens::kPurposeDirectory}) {
    JudgePurpose(purpose, keys, facts.token_leaves, now, report);
  }
}

}  // namespace plumbline::doctor
