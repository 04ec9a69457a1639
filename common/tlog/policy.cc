#include "common/tlog/policy.h"

#include <algorithm>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace plumbline::tlog {
namespace {

using Words = std::vector<absl::string_view>;

constexpr char kNone[] = "none";

bool IsAllowed(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || byte == '\n' || (byte >= 0x20 && byte != 0x7F);
}

absl::Status Wrong(absl::string_view why) { return absl::InvalidArgumentError(why); }

}  // namespace

class PolicyParser final {
 public:
  absl::Status Take(const Words& words) {
    if (words[0] == "log") return Log(words);
    if (words[0] == "witness") return Witness(words);
    if (words[0] == "group") return Group(words);
    if (words[0] == "quorum") return Quorum(words);
    return Wrong("a line begins with log, witness, group or quorum");
  }
  absl::StatusOr<Policy> Finish() {
    if (!has_quorum_) return Wrong("there is no quorum line; where none is needed, write: quorum none");
    if (policy_.quorum_) policy_.nodes_[*policy_.quorum_].counts = true;
    for (size_t i = policy_.nodes_.size(); i-- > 0;) {  // members come before their group
      if (!policy_.nodes_[i].counts) continue;
      for (const size_t member : policy_.nodes_[i].members) policy_.nodes_[member].counts = true;
    }
    return std::move(policy_);
  }

 private:
  absl::Status Log(const Words& words) {
    if (words.size() != 2 && words.size() != 3) return Wrong("a log is: log <verifier key> [url]");
    if (policy_.logs_.size() == kMaxPolicyLogs) return Wrong("there are more than 64 logs");
    ASSIGN_OR_RETURN(const VerifierKey key, VerifierKey::Parse(words[1]));
    for (const PolicyLog& log : policy_.logs_)
      if (log.key.key() == key.key()) return Wrong("this log's key is there already");
    policy_.logs_.push_back({key, std::string(words.size() == 3 ? words[2] : "")});
    return absl::OkStatus();
  }

  absl::Status Witness(const Words& words) {
    if (words.size() != 3 && words.size() != 4) return Wrong("a witness is: witness <name> <cosigner key> [url]");
    RETURN_IF_ERROR(CheckNew(words[1]));
    ASSIGN_OR_RETURN(const CosignerKey key, CosignerKey::Parse(words[2]));
    for (const PolicyWitness& witness : policy_.witnesses_)
      if (witness.key.key() == key.key()) return Wrong("this witness's key is there already");
    policy_.nodes_.push_back({std::string(words[1]), policy_.witnesses_.size(), false, 1, {}});
    policy_.witnesses_.push_back({std::string(words[1]), key, std::string(words.size() == 4 ? words[3] : "")});
    return absl::OkStatus();
  }

  absl::Status Group(const Words& words) {
    if (words.size() < 4) return Wrong("a group is: group <name> any|all|<k> <name>...");
    RETURN_IF_ERROR(CheckNew(words[1]));
    Policy::Node group{std::string(words[1]), std::nullopt, false, 0, {}};
    for (size_t i = 3; i < words.size(); ++i) {
      ASSIGN_OR_RETURN(const size_t member, Find(words[i]));
      if (!members_.insert(member).second) return Wrong(absl::StrCat(words[i], " is a member of a group already"));
      group.members.push_back(member);
    }
    if (words[2] == "any") {
      group.threshold = 1;
    } else if (words[2] == "all") {
      group.threshold = group.members.size();
    } else if (!absl::SimpleAtoi(words[2], &group.threshold) || absl::StrCat(group.threshold) != words[2] ||
               group.threshold < 1 || group.threshold > group.members.size()) {
      return Wrong("a group needs any, all, or a number from 1 to that of its members");
    }
    policy_.nodes_.push_back(std::move(group));
    return absl::OkStatus();
  }

  absl::Status Quorum(const Words& words) {
    if (words.size() != 2) return Wrong("the quorum is: quorum <name>, or: quorum none");
    if (has_quorum_) return Wrong("there is a quorum line already");
    has_quorum_ = true;
    if (words[1] == kNone) return absl::OkStatus();
    ASSIGN_OR_RETURN(policy_.quorum_, Find(words[1]));
    return absl::OkStatus();
  }

  absl::Status CheckNew(absl::string_view name) const {
    if (policy_.nodes_.size() == kMaxPolicyNames) return Wrong("there are more than 128 witnesses and groups");
    if (name == kNone) return Wrong("'none' cannot be the name of a witness or group");
    if (Find(name).ok()) return Wrong(absl::StrCat("there is a witness or group ", name, " already"));
    return absl::OkStatus();
  }
  absl::StatusOr<size_t> Find(absl::string_view name) const {
    for (size_t i = 0; i < policy_.nodes_.size(); ++i)
      if (policy_.nodes_[i].name == name) return i;
    return Wrong(absl::StrCat("there is no witness or group ", name, " above this line"));
  }

  Policy policy_;
  std::set<size_t> members_;  // each may be a member once
  bool has_quorum_ = false;
};

absl::StatusOr<Policy> Policy::Parse(absl::string_view text) {
  if (text.size() > kMaxPolicy) return Wrong("line 1: a policy has at most 64 KiB");
  if (!text.empty() && text.back() != '\n') return Wrong("the last line has no end");
  PolicyParser parser;
  size_t number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    const Words words = absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    absl::Status taken = absl::OkStatus();
    if (!std::all_of(line.begin(), line.end(), IsAllowed)) {
      taken = Wrong("there is a control character");
    } else if (!words.empty() && words[0][0] != '#') {
      taken = parser.Take(words);
    }
    if (!taken.ok()) return Wrong(absl::StrCat("line ", number, ": ", taken.message()));
  }
  absl::StatusOr<Policy> policy = parser.Finish();
  if (!policy.ok()) return Wrong(absl::StrCat("line ", number, ": ", policy.status().message()));
  return policy;
}

absl::StatusOr<Checkpoint> Policy::OpenOfALog(absl::string_view note) const {
  absl::Status refused = absl::UnauthenticatedError("the checkpoint is of no known log");
  for (const PolicyLog& log : logs_) {
    absl::StatusOr<Checkpoint> checkpoint = OpenCheckpoint(note, log.key);
    if (checkpoint.ok() || !absl::IsUnauthenticated(checkpoint.status())) return checkpoint;
    refused = checkpoint.status();
  }
  return refused;
}

absl::StatusOr<WitnessedCheckpoint> Policy::Open(absl::string_view wire) const {
  WitnessedCheckpoint out;
  ASSIGN_OR_RETURN(out.checkpoint, OpenOfALog(wire));
  ASSIGN_OR_RETURN(const Note note, ParseNote(wire));
  std::vector<std::optional<absl::Time>> cosigned(witnesses_.size());
  std::vector<std::string> missing;
  for (size_t i = 0; i < witnesses_.size(); ++i) {
    const absl::StatusOr<absl::Time> time = witnesses_[i].key.Find(note);
    if (absl::IsNotFound(time.status())) {
      missing.push_back(witnesses_[i].name);
      continue;
    }
    RETURN_IF_ERROR(time.status());
    cosigned[i] = *time;
    out.cosignatures.push_back({witnesses_[i].name, *time});
  }
  std::vector<bool> holds(nodes_.size());
  std::vector<absl::Time> times;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const Node& node = nodes_[i];
    holds[i] = node.witness ? cosigned[*node.witness].has_value()
                            : std::count_if(node.members.begin(), node.members.end(), [&](size_t m) { return holds[m]; }) >=
                                  static_cast<std::ptrdiff_t>(node.threshold);
    if (node.witness && node.counts && holds[i]) times.push_back(*cosigned[*node.witness]);
  }
  if (quorum_ && !holds[*quorum_]) {
    return absl::UnauthenticatedError(absl::StrCat("the quorum ", nodes_[*quorum_].name, " is not reached: ",
                                                   absl::StrJoin(missing, ", "), " did not cosign this checkpoint"));
  }
  std::sort(times.begin(), times.end());
  if (!times.empty()) out.time = times[(times.size() - 1) / 2];
  return out;
}

}  // namespace plumbline::tlog
