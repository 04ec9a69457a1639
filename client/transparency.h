// The directory's log as this device follows it: every leaf, so that it sees each change of the people it knows without asking
// about them, and one tree that only grows, under checkpoints that enough witnesses have cosigned. What is shown to it is
// believed if it is in that tree; what others have seen is compared with it (docs/transparency.md, "The client").
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "client/self.h"
#include "client/stores.h"
#include "common/clock.h"
#include "common/directory/answer.h"
#include "common/directory/follow.h"
#include "common/status.h"
#include "common/tlog/directory_replay.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::client {

// How old the witnesses' word for the directory may be.
inline constexpr absl::Duration kFreshCheckpoint = absl::Hours(1);    // beyond it a send says so
inline constexpr absl::Duration kOldestCheckpoint = absl::Hours(24);  // beyond it there is none
// For how long the key server may show this device less than it has shown others.
inline constexpr absl::Duration kWithheldPatience = absl::Minutes(10);

// Compares what another device has seen with this one's tree: at once if the tree is that large, else after the next Sync.
// True if it is of another log than this one: evidence is kept within `change`. A claim that the log did not sign says nothing.
absl::StatusOr<bool> CompareSeen(Stores& stores, const Self& self, Change& change, const HeardCheckpoint& heard);

class Transparency final {
 public:
  using ReadLog = std::function<absl::StatusOr<keys::v1::ReadLogResponse>(const keys::v1::ReadLogRequest&)>;
  // A new version of the record of somebody who is followed, within `change`. A failure stops the Sync, and nothing has changed.
  using OnRecord = std::function<absl::Status(Change& change, const std::string& user, const keys::v1::SignedRecord& record)>;

  Transparency(Stores& stores, const Self& self, ReadLog read_log, const Clock& clock)
      : stores_(stores), self_(self), read_log_(std::move(read_log)), clock_(clock) {}

  // Takes what is new. UNAUTHENTICATED log_invalid: what is shown is not the log, or not witnessed; FAILED_PRECONDITION
  // directory_split: the log showed two histories, now or before, and the evidence is kept; UNAVAILABLE directory_behind: less
  // than this or another device has seen; UNAVAILABLE directory_stale: no witness's word of the last day. Codes of `read_log`.
  absl::Status Sync(const OnRecord& on_record);

  // What an answer proves about `user`. UNAUTHENTICATED log_invalid; ABORTED if the log has grown since the last Sync: Sync, and
  // ask again; else as Sync.
  absl::StatusOr<directory::Verified> Check(ByteView answer, const std::string& user);

  // Of the newest policy that was taken over; 0 if there is none.
  absl::StatusOr<uint64_t> PolicyNumber();

  // How long ago the witnesses confirmed the newest checkpoint; none if nothing was seen yet.
  absl::StatusOr<std::optional<absl::Duration>> Age();

 private:
  struct Known {
    std::optional<KnownLog> log;
    std::optional<directory::VerifiedPolicy> policy;
    std::optional<tlog::VerifierKey> signed_by;  // what was seen last; the policy's key unless a newer one came with this reading
  };
  struct News {
    tlog::WitnessedCheckpoint checkpoint;
    std::string note;
    identity::Signature log_signature{};
    std::vector<tlog::Hash> leaves;  // hashes, behind those that are known
    struct Record {
      std::string user;
      uint64_t version = 0;
      keys::v1::SignedRecord record;
      bool erased = false;
    };
    std::vector<Record> records;
    tlog::TokenKeys token_keys;  // the newest behind these leaves
  };
  absl::Status CheckTrusted();
  absl::StatusOr<Known> Load();
  absl::Status TakePolicy(const keys::v1::WitnessPolicy& offered, Known& known);
  // Reads from the tree's end to the log's.
  absl::StatusOr<News> Read(Known& known, uint64_t from, bool followed);
  absl::Status TakeLeaf(const keys::v1::LogLeaf& leaf, uint64_t place,
                        const std::map<tlog::MapIndex, ContactStore::Followed>& followed, News& news);
  absl::Status Apply(const Known& known, const News& news, const OnRecord& on_record);
  // The log is not this device's any more: which two things it said, and the proof.
  absl::Status Contradicted(Known& known, const std::string& note);
  absl::Status CompareHeard();
  absl::Status CheckFresh(const tlog::WitnessedCheckpoint& checkpoint) const;

  Stores& stores_;
  const Self& self_;
  const ReadLog read_log_;
  const Clock& clock_;
};

}  // namespace plumbline::client
