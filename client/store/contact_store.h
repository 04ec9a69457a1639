// What this device remembers of the directory: one record per person, and evidence against a directory that contradicts itself.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/store/store.h"
#include "common/identity/lookalike.h"
#include "common/identity/record.h"
#include "common/secret.h"
#include "common/tlog/map.h"

namespace plumbline::client {

struct Contact {
  std::string user;
  Bytes record;     // canonical encoding, as signed
  Bytes signature;  // the directory's
  identity::DirectoryRecord parsed;
  Bytes shown_devices;                     // DevicesHash of what was last shown; empty if nothing was
  std::optional<Bytes> verified_devices;   // DevicesHash of what was compared
  bool proved = false;                     // to be in the directory's log; else the key server's word to this device alone
  bool followed = false;                   // where it is in the log is known, so each change of it will be seen
  // The directory was restored from a copy which has only this one, or nobody knows which (empty): what is held counts on until the
  // directory says something newer than that. None: nothing was lost.
  std::optional<Bytes> base;
};

// Where the log has a person, and what opens their entries in its feed.
struct ContactPlace {
  tlog::MapIndex index;
  Secret follow_key;  // 32 bytes
};

// A set of devices in one value: SHA-256 over their ids and signature keys in the record's order.
identity::Hash DevicesHash(const identity::DirectoryRecord& record);

class ContactStore final {
 public:
  explicit ContactStore(Store& store) : store_(store) {}

  absl::StatusOr<std::optional<Contact>> Find(absl::string_view user);
  // Everybody's address and display name, the own person's too.
  absl::StatusOr<std::vector<identity::NamedPerson>> People();
  // Inserts or replaces the record; what was shown and verified stays.
  absl::Status SetRecord(Change& change, const identity::DirectoryRecord& parsed, ByteView record, ByteView signature, bool proved);
  // As Contact::base. SetRecord takes it away.
  absl::Status SetBase(Change& change, absl::string_view user, ByteView base);
  // Of everybody who is not followed it is not known, unless it is.
  absl::Status SetBasesUnknown(Change& change);
  // Where the log has this person. None forgets it.
  absl::Status SetPlace(Change& change, absl::string_view user, const std::optional<ContactPlace>& place);
  // By index, all that have a place.
  struct Followed {
    std::string user;
    uint64_t version = 0;  // of the record that the log has too, as far as is known: the base, where there is one
    bool proved = false;
    Secret key;
  };
  absl::StatusOr<std::map<tlog::MapIndex, Followed>> AllFollowed();
  // The own record as far as it was followed in the log; none before the first.
  absl::StatusOr<std::optional<Bytes>> OwnRecord();
  absl::Status SetOwnRecord(Change& change, ByteView record);
  // Marks as told that an own device came, or is gone. True if it was not marked yet.
  absl::StatusOr<bool> MarkTold(Change& change, const identity::DeviceId& device, bool gone);
  absl::Status SetShown(Change& change, absl::string_view user, ByteView devices_hash);
  // None takes the mark away.
  absl::Status SetVerified(Change& change, absl::string_view user, const std::optional<Bytes>& devices_hash);
  // Keeps both of two records that contradict each other.
  absl::Status AddEvidence(Change& change, absl::Time now, absl::string_view user, absl::string_view reason,
                           ByteView held, ByteView offered, ByteView offered_signature);
  absl::StatusOr<int64_t> EvidenceCount();

 private:
  Store& store_;
};

}  // namespace plumbline::client
