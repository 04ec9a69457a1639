#include "client/group_rules.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/identity/reason.h"
#include "common/identity/record.h"

namespace plumbline::client {
namespace {

constexpr char kGroupKeyPrefix[] = "group:";

absl::Status NotOne(absl::string_view why) {
  return identity::Refuse(absl::StatusCode::kInvalidArgument, "not_a_conversation", why);
}

absl::Status Forbidden(absl::string_view rule) {
  return identity::Refuse(absl::StatusCode::kInvalidArgument, "not_permitted",
                          absl::StrCat("a member tried to change the conversation in a way that is not theirs to decide (",
                                       rule, "); it was not applied here"));
}

mls::Extensions WithoutProfile(mls::Extensions extensions) {
  std::erase_if(extensions, [](const mls::Extension& e) { return e.type == identity::kGroupProfileExtension; });
  return extensions;
}

// One commit and everything it is judged by.
struct Case {
  const GroupPeople& before;
  const GroupPeople& after;
  const mls::StagedCommit& staged;
  const RuleContext& context;
  CredentialNames committer;
  bool by_owner = false;
  identity::CommitEvidence evidence;
};

// Whether the evidence holds this person's own request to end this stay.
bool AskedToLeave(const Case& c, const identity::GroupPerson& person) {
  for (const identity::LeaveRequest& request : c.evidence.leave_requests) {
    if (request.user != person.user || request.since != person.since ||
        request.conversation_id != c.before.profile->conversation_id) {
      continue;
    }
    for (const RosterDevice& device : c.before.roster) {
      if (device.names.user != person.user || device.names.device != request.device_id) continue;
      const absl::StatusOr<crypto::Ed25519PublicKey> key = crypto::Ed25519PublicKey::Parse(device.signature_key);
      if (key.ok() && identity::VerifyLeaveRequest(request, *key).ok()) return true;
    }
  }
  return false;
}

absl::Status CheckProfile(const Case& c) {
  const identity::GroupProfile& before = *c.before.profile;
  const identity::GroupProfile& after = *c.after.profile;
  if (after.conversation_id != before.conversation_id || after.predecessor != before.predecessor) {
    return Forbidden("the conversation's identity is fixed");
  }
  const uint64_t epoch = c.staged.next->epoch();
  size_t owners = 0;
  for (const identity::GroupPerson& person : after.people) {
    owners += person.role == identity::GroupRole::kOwner;
    const identity::GroupPerson* held = identity::FindPerson(before, person.user);
    if (held != nullptr && held->since == person.since) continue;
    if (person.since != epoch || held != nullptr) return Forbidden("a stay begins with the epoch that brings it");
  }
  if (owners == 0) return Forbidden("a group keeps at least one owner");
  if (c.by_owner) return absl::OkStatus();
  if (after.name != before.name) return Forbidden("only an owner names a group");
  for (const identity::GroupPerson& person : after.people) {
    const identity::GroupPerson* held = identity::FindPerson(before, person.user);
    if (held == nullptr) return Forbidden("only an owner brings somebody in");
    if (held->role != person.role) return Forbidden("only an owner gives or takes a role");
  }
  for (const identity::GroupPerson& person : before.people) {
    if (identity::FindPerson(after, person.user) == nullptr && !AskedToLeave(c, person)) {
      return Forbidden("only an owner takes somebody out who did not ask for it");
    }
  }
  return absl::OkStatus();
}

bool Lists(const identity::DirectoryRecord& record, const identity::DeviceId& device) {
  return record.status == identity::RecordStatus::kActive && identity::FindDevice(record, device) != nullptr;
}

// Whether the directory no longer lists the device: as it is known here, or by a record in the evidence that is not older than that. The
// key that signed the evidence may have ended before it was read.
absl::StatusOr<bool> Delisted(const Case& c, const CredentialNames& device) {
  ASSIGN_OR_RETURN(const std::optional<identity::DirectoryRecord> known, c.context.known_record(device.user));
  if (known && !Lists(*known, device.device)) return true;
  for (const identity::RecordEvidence& evidence : c.evidence.records) {
    const absl::StatusOr<identity::DirectoryRecord> record =
        identity::VerifyDirectoryRecord(evidence.record, evidence.signature, c.context.directory_keys);
    if (!record.ok() || record->user != device.user) continue;
    if (known && record->version < known->version) continue;
    if (!Lists(*record, device.device)) return true;
  }
  return false;
}

// Whether the directory names this credential for this device and key: in what is known here, or in a record that it signed and that is
// shown with the commit. That need not be the newest: members who read late have to judge as the others did, and who may stay is another
// question.
absl::StatusOr<bool> IsNamed(const Case& c, const CredentialNames& names, const mls::LeafNode& leaf) {
  ASSIGN_OR_RETURN(const std::vector<ByteView> chain, mls::CertificateChain(leaf.credential));
  const identity::Hash hash = Sha256(chain.front());
  const auto names_it = [&](const identity::DirectoryRecord& record) {
    const identity::RecordDevice* const device = identity::FindDevice(record, names.device);
    return record.user == names.user && device != nullptr && device->credential_hash == hash &&
           Equal(device->mls_signature_public_key, leaf.signature_key);
  };
  ASSIGN_OR_RETURN(const std::optional<identity::DirectoryRecord> known, c.context.known_record(names.user));
  if (known && names_it(*known)) return true;
  return std::any_of(c.evidence.records.begin(), c.evidence.records.end(), [&](const identity::RecordEvidence& shown) {
    const absl::StatusOr<identity::DirectoryRecord> record =
        identity::VerifyDirectoryRecord(shown.record, shown.signature, c.context.directory_keys);
    return record.ok() && names_it(*record);
  });
}

// A leaf keeps its key, and its credential unless the directory names a later one of the same device. That it names the same client
// and is genuine now, MLS has seen to.
absl::Status CheckCredentials(const Case& c) {
  for (const mls::MemberChange& updated : c.staged.updates) {
    if (updated.after.signature_key != updated.before.signature_key) return Forbidden("a device keeps its key");
    if (updated.after.credential == updated.before.credential) continue;
    ASSIGN_OR_RETURN(const crypto::Certificate before, LeafOf(updated.before.credential));
    ASSIGN_OR_RETURN(const crypto::Certificate after, LeafOf(updated.after.credential));
    ASSIGN_OR_RETURN(const CredentialNames names, NamesOf(after));
    ASSIGN_OR_RETURN(const bool named, IsNamed(c, names, updated.after));
    if (after.not_after() <= before.not_after() || !named) {
      return Forbidden("a device's credential is replaced only by a later one that the directory names");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRemovals(const Case& c) {
  const std::set<std::string> people = c.after.users();
  for (const mls::MemberChange& removed : c.staged.removes) {
    ASSIGN_OR_RETURN(const CredentialNames names, NamesOf(removed.before.credential));
    if (!people.contains(names.user) || names.user == c.committer.user) continue;  // the person's removal was judged above
    bool comes_back = false;  // taken out and in again: a device that had fallen behind
    for (const mls::MemberChange& added : c.staged.adds) {
      const absl::StatusOr<CredentialNames> again = NamesOf(added.after.credential);
      comes_back = comes_back || (again.ok() && *again == names && added.after.signature_key == removed.before.signature_key);
    }
    if (comes_back) continue;
    ASSIGN_OR_RETURN(const bool delisted, Delisted(c, names));
    if (!delisted) return Forbidden("a device is taken out only when the directory no longer lists it");
  }
  return absl::OkStatus();
}

}  // namespace

std::set<std::string> GroupPeople::users() const {
  if (!profile.has_value()) return UsersOf(roster);
  std::set<std::string> users;
  for (const identity::GroupPerson& person : profile->people) users.insert(person.user);
  return users;
}

std::set<std::string> GroupPeople::owners() const {
  if (!profile.has_value()) return UsersOf(roster);
  const std::set<std::string> present = UsersOf(roster);
  std::set<std::string> owners;
  for (const identity::GroupPerson& person : profile->people) {
    if (person.role == identity::GroupRole::kOwner && present.contains(person.user)) owners.insert(person.user);
  }
  if (owners.empty() && !roster.empty()) owners.insert(roster.front().names.user);
  return owners;
}

absl::StatusOr<GroupPeople> PeopleOf(const mls::GroupView& group) {
  GroupPeople people;
  absl::StatusOr<identity::GroupData> data = DataOf(group);
  if (!data.ok()) return NotOne("the group does not say what it is");
  people.data = *std::move(data);
  ASSIGN_OR_RETURN(people.roster, RosterOf(group));
  const Bytes* profile = mls::FindExtension(group.group_context_extensions(), identity::kGroupProfileExtension);
  if (people.direct()) {
    if (profile != nullptr) return NotOne("a direct conversation has no profile");
    if (UsersOf(people.roster).size() != 2) {
      return NotOne("a direct conversation has devices of exactly two people, this group does not");
    }
    return people;
  }
  if (profile == nullptr) return NotOne("a group without its profile");
  absl::StatusOr<identity::GroupProfile> parsed = identity::ParseGroupProfile(*profile);
  if (!parsed.ok()) return NotOne(parsed.status().message());
  people.profile = *std::move(parsed);
  for (const RosterDevice& device : people.roster) {
    if (identity::FindPerson(*people.profile, device.names.user) == nullptr) {
      return NotOne("a device in the group belongs to nobody in its profile");
    }
  }
  return people;
}

std::string ConversationKey(const identity::ConversationId& id) { return absl::StrCat(kGroupKeyPrefix, ToHex(id)); }

bool IsGroupKey(absl::string_view conversation) { return absl::StartsWith(conversation, kGroupKeyPrefix); }

absl::StatusOr<std::string> ConversationOf(const GroupPeople& people, absl::string_view own_user) {
  std::set<std::string> users = people.users();
  if (users.erase(std::string(own_user)) != 1) return NotOne("this person is not one of the group's people");
  if (people.direct()) return *users.begin();
  return ConversationKey(people.profile->conversation_id);
}

absl::Status CheckCommit(const mls::Group& before_group, const mls::StagedCommit& staged, const RuleContext& context) {
  if (!staged.next.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const GroupPeople before, PeopleOf(before_group));
  const absl::StatusOr<GroupPeople> after = PeopleOf(*staged.next);
  if (!after.ok()) return Forbidden(identity::TextOf(after.status()));
  if (WithoutProfile(before_group.group_context_extensions()) != WithoutProfile(staged.next->group_context_extensions())) {
    return Forbidden("the group's data is fixed");
  }
  absl::StatusOr<identity::CommitEvidence> evidence = identity::ParseCommitEvidence(staged.authenticated_data);
  if (!evidence.ok()) return Forbidden(evidence.status().message());
  Case c{before, *after, staged, context, {}, false, *std::move(evidence)};
  ASSIGN_OR_RETURN(c.committer, NamesOf(staged.committer_leaf.credential));
  c.by_owner = before.owners().contains(c.committer.user);
  if (before.direct()) {
    if (before.users() != after->users()) return Forbidden("a direct conversation keeps its two people");
  } else {
    RETURN_IF_ERROR(CheckProfile(c));
  }
  RETURN_IF_ERROR(CheckCredentials(c));
  return CheckRemovals(c);
}

}  // namespace plumbline::client
