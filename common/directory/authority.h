// Replays what is behind a directory's entries and says which of them had no authority: a device that its person did not approve, a
// status that no administrator changed (docs/transparency.md, "Causes and authority"). It learns every name. That the entries follow
// from each other and are what the log signed is tlog::DirectoryReplay's to see.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/crypto/x509.h"
#include "common/directory/opening.h"

namespace plumbline::directory {

enum class AuthorityRule {
  kOpening,        // what is shown does not open the entry
  kReopened,       // it is shown, and an entry of the same index before it was erased
  kRecord,         // the record cannot be read, is not shown, or does not follow the one before
  kPerson,         // it is about a person who does not stand at this index, or of another organisation
  kCause,          // there is no cause, it cannot be read, or the record names another
  kForeignCause,   // the cause is about another person
  kAdopted,        // a record older than the log behind one that is not
  kSigner,         // signed by a key that had no right to at this place
  kSignature,      // a signature does not verify
  kApprovals,      // fewer administrators signed than have to
  kCode,           // a device enrolled with another code than an administrator signed for
  kReplayed,       // the cause was used before
  kStale,          // it was decided on another state than the one it changed
  kOlder,          // it was decided before the last one of this person was
  kAction,         // it cannot make a version of a record that is as this one was
  kName,           // the display name changed
  kProofing,       // it says that the person was checked in another way than the administrator signed for
  kStatus,         // the status is another than the cause makes
  kGhostDevice,    // a device was added that the cause does not name
  kReturned,       // a device was added that was there before, or whose two keys are not two new ones
  kLostDevice,     // a device was removed that the cause does not name
  kChangedDevice,  // a device that stays is another
  kCredential,     // a new credential is not of its person, its device's id and its key, or not under the root
  kTime,           // a device was enrolled, or a credential made, outside of the time that the cause gives
  kNotDone,        // what the cause asks for was not done
};
// "a device was added that its person did not approve", for after "entry 17: ".
absl::string_view Describe(AuthorityRule rule);

struct AuthorityFinding {
  AuthorityRule rule;
  uint64_t place;  // of the entry in the log
  std::string ToString() const;  // "entry 17: ..."; names nobody
  bool operator==(const AuthorityFinding&) const = default;
};

// An administrator, and the places of the log in which their signature counts. No entry makes one: the first comes from the ceremony's
// one-time code, and an auditor takes the keys from the administrators.
struct Administrator {
  crypto::Ed25519PublicKey key;
  uint64_t from = 0, until = std::numeric_limits<uint64_t>::max();  // [from, until)
};

struct AuthorityTerms {
  std::string domain;
  crypto::Certificate root;
  std::vector<crypto::Certificate> issuing;  // the issuing authorities there were
  std::vector<Administrator> administrators;
  size_t approvals = 1;  // administrators who have to sign an intent
};

struct AuthorityCounts {
  uint64_t checked = 0, adopted = 0, unchecked = 0, violations = 0;  // entries; each is one of these
};

// A value; not thread-safe. Holds the newest record of each person, and 32 bytes for each key, cause and state.
class Authority final {
 public:
  // For the log that begins with `genesis`. UNAUTHENTICATED if that is another organisation's; INVALID_ARGUMENT for a bad domain, and
  // for terms without an issuing authority, with fewer administrators than approvals, or with other approvals than 1 to 8.
  static absl::StatusOr<Authority> Create(AuthorityTerms terms, const tlog::GenesisLeaf& genesis);

  // Takes the log's entries in their order. An entry that was erased is counted as unchecked, and so is every later one of an index
  // for which there was a finding.
  std::optional<AuthorityFinding> Take(uint64_t place, const tlog::EntryLeaf& entry, const Opening& opening);

  const AuthorityCounts& counts() const { return counts_; }

 private:
  using Broken = std::optional<AuthorityRule>;
  enum class Fate { kFollowed, kErased, kBroken };
  struct Person {
    Fate fate = Fate::kFollowed;
    identity::DirectoryRecord record;  // the newest; version 0 if there is none
    identity::Hash record_hash{};
    std::map<identity::DeviceId, identity::PublicKey> working;  // keys of its devices
    uint64_t changed = 0;  // Unix time; no earlier change than this can follow
    std::vector<identity::Hash> states;  // hashes of the records for which a code may have been issued that still counts
    std::optional<uint64_t> code_revision;  // of the last code that was used
  };
  struct Added {
    identity::PublicKey working{}, mls{};
    ByteView credential;
    std::optional<identity::DeviceId> id;  // with the label, where the cause states them
    std::string label;
  };
  // What a cause makes of the record before.
  struct Claim {
    std::string display_name, proofing_level;
    identity::RecordStatus status = identity::RecordStatus::kActive;
    std::optional<Added> added;
    std::optional<identity::DeviceId> removed;
    std::optional<identity::RecordDevice> renewed;  // as it is to be
    std::vector<identity::Hash> uses;    // intents and decisions that are used up
    std::optional<identity::PublicKey> code;  // and a code
    std::optional<uint64_t> code_revision;
    uint64_t earliest = 0, latest = std::numeric_limits<uint64_t>::max();  // Unix time of the change, as the cause bounds it
  };
  // An entry, half judged.
  struct Case {
    uint64_t place;
    const Person& person;                    // before it
    const identity::DirectoryRecord& record;  // the new one
    Claim claim;
  };

  Authority(AuthorityTerms terms, const crypto::VrfPublicKey& vrf_key) : terms_(std::move(terms)), vrf_key_(vrf_key) {}

  Broken Judge(uint64_t place, const tlog::EntryLeaf& entry, const Opening& opening, Person& person);
  Broken CheckPerson(const identity::DirectoryRecord& record, const tlog::EntryLeaf& entry, const crypto::VrfProof& proof) const;
  Broken Decide(const SignedIntent& cause, Case& entry) const;
  Broken Decide(const Enrolment& cause, Case& entry) const;
  Broken Decide(const Decided& cause, Case& entry) const;
  Broken Decide(const Activated& cause, Case& entry) const;
  Broken Decide(const Renewed& cause, Case& entry) const;
  Broken CheckSigned(const SignedIntent& cause, const identity::Intent& intent, Case& entry) const;
  Broken CheckCode(const SignedIntent& cause, Case& entry) const;
  Broken CheckDecision(const Decided& cause, const identity::DeviceDecision& decision, Case& entry) const;
  // What a device signed by itself: by whom, when, and that it is new.
  Broken CheckByDevice(const identity::DeviceId& signer, absl::string_view label, ByteView message,
                       const identity::Signature& signature, uint64_t time_unix, Case& entry) const;
  Broken CheckDevices(const Case& entry) const;
  Broken CheckChange(const Case& entry) const;
  Broken CheckAdded(const identity::RecordDevice& device, const Case& entry) const;
  bool IsCredentialOf(ByteView der, const identity::RecordDevice& device, const std::string& user) const;
  Broken Adopt(const Adopted& cause, const identity::DirectoryRecord& record, Person& person);
  void Settle(const Case& entry, Person& person);
  void Keep(identity::DirectoryRecord record, ByteView wire, Person& person);

  AuthorityTerms terms_;
  crypto::VrfPublicKey vrf_key_;
  AuthorityCounts counts_;
  bool begun_ = false;  // an entry was not adopted
  std::map<tlog::MapIndex, Person> people_;
  std::set<identity::Hash> used_, codes_;
  std::set<identity::DeviceId> devices_;                    // all that ever were
  std::set<identity::PublicKey> working_keys_, mls_keys_;  // theirs
};

}  // namespace plumbline::directory
