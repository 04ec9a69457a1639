// What the key server says to everybody who asks: who signs for the organisation, the directory's
// log with its witnesses, and the keys of tokens.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/crypto/x509.h"
#include "common/directory/witness_policy.h"
#include "common/identity/trust.h"
#include "common/rpc/credentials.h"
#include "common/tlog/tree.h"
#include "doctor/report.h"

namespace plumbline::doctor {

// A log with more leaves is not read.
inline constexpr uint64_t kMaxLeaves = 2'000'000;

struct DirectoryFacts {
  std::vector<Bytes> role_certificates;    // DER
  Bytes organisation_keys;               // encoded SignedOrganisationKeys; empty: none was ever replaced
  std::optional<directory::SignedWitnessPolicy> policy;
  std::string note;               // the newest checkpoint, cosigned
  tlog::CompactRange tree;        // of the leaves that were given
  bool whole = true;              // all leaves were read
  std::set<Bytes> token_leaves;   // of the log, encoded
  std::vector<Bytes> token_keys;  // canonical SignedTokenKey
};

// GetOrganisation, ReadLog and GetTokenKeys at the anonymous listener. Codes of MapClientError;
// DATA_LOSS for a log whose leaves do not come.
absl::StatusOr<DirectoryFacts> AskDirectory(const rpc::Endpoint& endpoint, absl::Time now);

// "certificates.roles". None if they do not hold.
std::optional<identity::OrganisationTrust> JudgeRoles(const DirectoryFacts& facts,
                                                      const crypto::Certificate& root,
                                                      const std::string& domain, absl::Time now,
                                                      Report& report);

// A client sends with a notice above the first, and not at all above the second.
inline constexpr absl::Duration kFresh = absl::Hours(1);
inline constexpr absl::Duration kStale = absl::Hours(24);
// Between this clock and the witnesses'. Witnesses sign again every minute.
inline constexpr absl::Duration kClockAhead = absl::Minutes(1);
inline constexpr absl::Duration kClockBehind = absl::Minutes(5);

// "witnesses.policy", "witnesses.checkpoint", "clock.witnesses". None if the policy does not hold.
std::optional<directory::VerifiedPolicy> JudgeWitnesses(const DirectoryFacts& facts,
                                                        const crypto::Certificate& root,
                                                        const std::string& domain, absl::Time now,
                                                        Report& report);

// By name in the policy, where that gives an address: whether it answers over HTTP, with any
// status.
using WitnessAnswers = std::map<std::string, absl::Status>;
WitnessAnswers AskWitnesses(const tlog::Policy& policy);
// "witnesses.answer": a warning as long as another one answers.
void JudgeAnswers(const tlog::Policy& policy, const WitnessAnswers& answers, Report& report);

// "tokens.keys", for each purpose.
void JudgeTokenKeys(const DirectoryFacts& facts, const identity::OrganisationTrust& trust,
                    const directory::VerifiedPolicy& policy, absl::Time now, Report& report);

}  // namespace plumbline::doctor
