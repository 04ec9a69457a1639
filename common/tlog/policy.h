// Whose word makes a checkpoint believed (C2SP tlog-policy): a text with one log, witness, group or quorum a line.
//
//   log <verifier key> [url]
//   witness <name> <cosigner key> [url]
//   group <name> any|all|<k> <name>...
//   quorum <name>|none
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/tlog/checkpoint.h"
#include "common/tlog/cosignature.h"

namespace plumbline::tlog {

inline constexpr size_t kMaxPolicy = 64 << 10;    // bytes
inline constexpr size_t kMaxPolicyLogs = 64;
inline constexpr size_t kMaxPolicyNames = 128;  // witnesses and groups

struct PolicyLog {
  VerifierKey key;
  std::string url;  // empty: none
};

struct PolicyWitness {
  std::string name;  // in this policy only
  CosignerKey key;
  std::string url;  // empty: none; the submission prefix of its add-checkpoint
};

// A checkpoint that the policy lets be believed.
struct WitnessedCheckpoint {
  struct Cosignature {
    std::string witness;  // its name in the policy
    absl::Time time;
    bool operator==(const Cosignature&) const = default;
  };
  Checkpoint checkpoint;
  std::vector<Cosignature> cosignatures;  // of the policy's witnesses, in its order
  // The median of the times of those that the quorum names, of two the earlier: no minority of them can make it later than some
  // honest one said, and nobody else can move it. None without one.
  std::optional<absl::Time> time;
};

// A value.
class Policy final {
 public:
  // INVALID_ARGUMENT "line <n>: <cause>" for any text that the format does not allow, or above the limits.
  static absl::StatusOr<Policy> Parse(absl::string_view text);

  const std::vector<PolicyLog>& logs() const { return logs_; }
  const std::vector<PolicyWitness>& witnesses() const { return witnesses_; }
  bool needs_witnesses() const { return quorum_.has_value(); }

  // INVALID_ARGUMENT if `note` is not a checkpoint's note; UNAUTHENTICATED if none of the logs signed it, a known key's
  // signature does not verify, or the quorum is not reached (the message names who has not cosigned).
  absl::StatusOr<WitnessedCheckpoint> Open(absl::string_view note) const;

 private:
  friend class PolicyParser;
  struct Node {  // a witness, or a group of earlier nodes
    std::string name;
    std::optional<size_t> witness;
    bool counts = false;  // the quorum names it, itself or through its groups
    size_t threshold = 0;
    std::vector<size_t> members;
  };
  Policy() = default;
  absl::StatusOr<Checkpoint> OpenOfALog(absl::string_view note) const;

  std::vector<PolicyLog> logs_;
  std::vector<PolicyWitness> witnesses_;
  std::vector<Node> nodes_;       // in the order of the text: members come first
  std::optional<size_t> quorum_;  // none: `quorum none`
};

}  // namespace plumbline::tlog
