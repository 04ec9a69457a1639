// What this device remembers of the directory's log: its tree, the newest checkpoint, what others say they have seen, and evidence
// that it showed two histories.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/store/store.h"
#include "common/directory/witness_policy.h"
#include "common/identity/frame.h"
#include "common/tlog/directory_replay.h"

namespace plumbline::client {

struct KnownLog {
  uint64_t number = 1;            // which log of the directory, as directory::LogNumber
  Bytes genesis;                  // its first leaf, as the root said when the log before it ended; empty: nothing was said to this device
  bool restored = false;          // the root said that too: it begins with what a backup had
  directory::SignedWitnessPolicy policy;
  identity::SeenCheckpoint seen;  // size 0: nothing yet
  std::string checkpoint;         // the note with its witnesses' signatures; empty with size 0
};

struct HeardCheckpoint {
  identity::DeviceId device{};
  std::string user;
  identity::SeenCheckpoint seen;
  absl::Time received;
};

struct LogEvidence {
  int64_t id = 0;
  absl::Time time;
  std::string reason;  // a stable reason id
  std::string file;    // tlog::FormatEquivocation or tlog::FormatFork
};

class LogStore final {
 public:
  explicit LogStore(Store& store) : store_(store) {}

  absl::StatusOr<std::optional<KnownLog>> Get();
  absl::Status Set(Change& change, const KnownLog& log);
  // The tree of the log that ended.
  absl::Status ForgetTree(Change& change);

  // The newest keys of anonymous tokens.
  absl::StatusOr<tlog::TokenKeys> TokenKeys();
  absl::Status SetTokenKey(Change& change, const tlog::TokenKeyLeaf& key);

  // The newest statement of the organisation's keys, an encoded SignedOrganisationKeys; empty: none was shown yet.
  absl::StatusOr<Bytes> OrganisationKeys();
  absl::Status SetOrganisationKeys(Change& change, ByteView wire);

  // Keeps the larger one of each device.
  absl::Status AddHeard(Change& change, const HeardCheckpoint& heard);
  absl::StatusOr<std::vector<HeardCheckpoint>> Heard();
  absl::Status RemoveHeard(Change& change, const identity::DeviceId& device);

  absl::Status AddEvidence(Change& change, absl::Time now, absl::string_view reason, absl::string_view file);
  absl::StatusOr<std::vector<LogEvidence>> Evidence();

 private:
  Store& store_;
};

}  // namespace plumbline::client
