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
#include "common/directory/log_succession.h"
#include "common/status.h"
#include "common/tlog/directory_replay.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::client {

// How old the witnesses' word for the directory may be.
inline constexpr absl::Duration kFreshCheckpoint = absl::Hours(1);    // beyond it a send says so
inline constexpr absl::Duration kOldestCheckpoint = absl::Hours(24);  // beyond it there is none
// For how long the key server may show this device less than it has shown others.
inline constexpr absl::Duration kWithheldPatience = absl::Minutes(10);

// A notice in the own conversation.
absl::Status AddOwnNotice(Stores& stores, const Self& self, Change& change, absl::Time now, const char* reason, absl::string_view text);

// Compares what another device has seen with this one's tree: at once if the tree is that large, else after the next Sync.
// True if it is of another log than this one: evidence is kept within `change`. A claim that the log did not sign says nothing.
absl::StatusOr<bool> CompareSeen(Stores& stores, const Self& self, Change& change, const HeardCheckpoint& heard);

class Transparency final {
 public:
  using ReadLog = std::function<absl::StatusOr<keys::v1::ReadLogResponse>(const keys::v1::ReadLogRequest&)>;
  // What a record is that comes out of the log: a change, or what was there before, where a log begins that follows another one.
  enum class Entering { kNo, kYes };
  // A version of the record of somebody who is followed, within `change`. Of others than the own person only the newest comes and, as
  // a log begins, the one that is held. A failure stops the Sync, and nothing has changed.
  using OnRecord =
      std::function<absl::Status(Change& change, const std::string& user, const keys::v1::SignedRecord& record, Entering entering)>;

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
  // Which log of the directory is read; 0 if none was yet.
  absl::StatusOr<uint64_t> LogNumber();

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
    tlog::TokenKeys token_keys;         // the newest behind these leaves
    Entering entering = Entering::kNo;  // the log is read from its beginning, and follows one that was read before
    tlog::TokenKeys entered_behind;     // then: the newest in the log before, unless it was restored
    Bytes succession;                   // the log ended, says this; nothing else was read
  };
  using People = std::map<tlog::MapIndex, ContactStore::Followed>;
  absl::Status CheckTrusted();
  absl::StatusOr<Known> Load();
  absl::Status TakePolicy(const keys::v1::WitnessPolicy& offered, Known& known);
  // One answer, with the keys of the organisation that came with it.
  absl::StatusOr<keys::v1::ReadLogResponse> Ask(const Known& known, const keys::v1::ReadLogRequest& request);
  // Reads from the tree's end to the log's, or to where it is said that it ended.
  absl::StatusOr<News> Read(Known& known, uint64_t from, const People& people);
  absl::Status TakeLeaf(const Known& known, const keys::v1::LogLeaf& leaf, uint64_t place, const People& people, News& news);
  absl::Status TakeTokenKey(const Known& known, const tlog::TokenKeyLeaf& key, News& news);
  absl::Status Apply(const Known& known, const News& news, const People& people, const OnRecord& on_record);
  absl::Status BeginEntering(const Known& known, News& news);
  absl::Status TakeRecords(Change& change, const News& news, const OnRecord& on_record);
  // What entered holds all that was known.
  absl::Status CheckEntered(const News& news, const People& people) const;

  // The log that is known ended: to its end, and to the beginning of the one that follows it.
  absl::Status GoOver(Known& known, const Bytes& succession, const OnRecord& on_record);
  // The rest of a log that ended, from `from` on, with what was handed over about `people`: by user.
  struct Rest {
    News news;
    std::map<std::string, ContactPlace> places;
  };
  absl::StatusOr<Rest> ReadRest(const Known& known, const Bytes& succession, uint64_t from, const People& people);
  // Of a log of which this device has seen more than was restored, and where each of `people` stood at its end: their records, and what
  // the person is told of what was lost.
  absl::Status TakeBases(Change& change, const News& rest, const People& people);
  // What others have seen, held against the tree of the log that ended: evidence, if somebody saw another one; else empty.
  absl::StatusOr<std::string> HeardAgainst(const Known& known, const News& end);

  // The log is not this device's any more: which two things it said, and the proof. `again` reads it from its beginning.
  absl::Status KeepSplit(const std::string& evidence);
  absl::Status Contradicted(Known& known, const std::string& note, const std::function<absl::StatusOr<News>()>& again);
  absl::Status CompareHeard();
  absl::Status CheckFresh(const tlog::WitnessedCheckpoint& checkpoint) const;

  Stores& stores_;
  const Self& self_;
  const ReadLog read_log_;
  const Clock& clock_;
};

}  // namespace plumbline::client
