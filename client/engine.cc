#include "client/engine.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/roster.h"
#include "client/sealing.h"
#include "common/identity/reason.h"
#include "common/identity/uri.h"
#include "common/identity/verification_code.h"

namespace plumbline::client {
namespace {

using identity::Refuse;

constexpr int kRounds = 8;                                    // of anything that others may win meanwhile
constexpr absl::Duration kFreshness = absl::Seconds(30);      // of a directory record in a running process
constexpr absl::Duration kReceivePatience = absl::Seconds(30);  // for one mailbox stream to say something
constexpr absl::Duration kUpkeep = absl::Minutes(5);

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) || identity::ReasonOf(status) == "busy";
}

}  // namespace

Engine::Engine(Stores& stores, const Self& self, Network& network, const Clock& clock)
    : stores_(stores), self_(self), network_(network), clock_(clock), supplies_(stores, self, network, clock),
      directory_(stores, self, network, supplies_, clock), conversations_(stores, self, clock),
      inbox_(stores, conversations_, self, clock), sender_(stores, conversations_, inbox_, network, supplies_, clock),
      receiver_(stores, inbox_, sender_, supplies_, network, events_, clock) {}

absl::StatusOr<std::string> Engine::ResolveName(absl::string_view typed) const {
  const absl::StatusOr<identity::UserUri> user = identity::ParseUserName(typed, self_.domain());
  if (!user.ok()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "name_malformed",
                  absl::StrCat("that is not a person's name; write it as `bob` or `mimi://", self_.domain(), "/u/bob`"));
  }
  if (user->domain != self_.domain()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "other_organisation",
                  absl::StrCat("this version reaches only people of ", self_.domain()));
  }
  if (user->ToString() == self_.user()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "own_name", "that is you; a conversation needs somebody else");
  }
  return user->ToString();
}

absl::StatusOr<Contact> Engine::FreshContact(const std::string& user) {
  const auto seen = looked_up_.find(user);
  if (seen != looked_up_.end() && clock_.Now() - seen->second < kFreshness) {
    ASSIGN_OR_RETURN(std::optional<Contact> contact, stores_.contacts.Find(user));
    if (contact.has_value()) return *std::move(contact);
  }
  absl::StatusOr<Contact> contact = user == self_.user() ? directory_.LookUpSelf() : directory_.LookUp(user);
  if (contact.ok()) looked_up_[user] = clock_.Now();
  return contact;
}

absl::StatusOr<PersonView> Engine::CheckPerson(const std::string& user) {
  ASSIGN_OR_RETURN(Contact contact, FreshContact(user));
  if (contact.parsed.status == identity::RecordStatus::kRemoved) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "account_removed",
                  absl::StrCat(ShortName(user, self_.domain()), " has left the organisation: nothing can be sent to them. What "
                               "was said stays in your history"));
  }
  if (contact.parsed.status == identity::RecordStatus::kSuspended) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "account_suspended",
                  absl::StrCat("the account of ", ShortName(user, self_.domain()), " is suspended: nothing can be sent to it. "
                               "Ask your organisation's administrator if you did not expect that"));
  }
  PersonView person;
  person.verification = Directory::StateOf(contact);
  person.first_time = contact.shown_devices.empty();
  person.devices_changed = !person.first_time && !Equal(contact.shown_devices, DevicesHash(contact.parsed));
  person.contact = std::move(contact);
  return person;
}

absl::Status Engine::MarkShown(const PersonView& person) {
  if (!person.first_time && !person.devices_changed) return absl::OkStatus();
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.contacts.SetShown(change, person.contact.user, DevicesHash(person.contact.parsed)));
  return change.Commit();
}

absl::StatusOr<SendOutcome> Engine::Send(const PersonView& person, absl::string_view text, absl::Duration patience) {
  const std::string& other = person.contact.user;
  SendOutcome outcome;
  ASSIGN_OR_RETURN(outcome.id, conversations_.AddText(other, text));
  const absl::Time give_up = clock_.Now() + patience;
  for (absl::Duration pause = absl::Milliseconds(100);; pause = std::min(pause * 2, absl::Seconds(2))) {
    outcome.trouble = Deliver(other);
    if (outcome.trouble.ok() || !IsTransient(outcome.trouble) || clock_.Now() + pause > give_up) break;
    sender_.Disconnect();
    absl::SleepFor(pause);
  }
  ASSIGN_OR_RETURN(const std::optional<Entry> entry, stores_.history.Find(outcome.id));
  if (!entry.has_value()) return absl::DataLossError("a message vanished from the client's store");
  outcome.state = entry->state;
  return outcome;
}

absl::StatusOr<SendOutcome> Engine::Keep(const std::string& user, absl::string_view text, absl::Status trouble) {
  ASSIGN_OR_RETURN(const std::vector<StoredGroup> groups, stores_.groups.InConversation(user));
  if (groups.empty()) return absl::NotFoundError("no conversation with this person yet");
  SendOutcome outcome;
  ASSIGN_OR_RETURN(outcome.id, conversations_.AddText(user, text));
  outcome.trouble = std::move(trouble);
  return outcome;
}

absl::Status Engine::ShowChange(const PersonView& person) {
  if (!person.devices_changed) return absl::OkStatus();
  const std::string name = ShortName(person.contact.user, self_.domain());
  if (person.verification == Verification::kChanged) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "devices_changed",
                  absl::StrCat("the devices of ", name, ", whom you had verified, have changed: the message waits. Compare "
                               "codes again with `plumbline verify ", name, "`, or send with --accept-changes"));
  }
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(conversations_.AddNotice(change, person.contact.user, "devices_changed",
                                           absl::StrCat("The devices of ", name, " have changed; there are ",
                                                        person.contact.parsed.devices.size(), " now.")));
  RETURN_IF_ERROR(stores_.contacts.SetShown(change, person.contact.user, DevicesHash(person.contact.parsed)));
  return change.Commit();
}

absl::Status Engine::Deliver(const std::string& other) {
  RETURN_IF_ERROR(supplies_.Prepare());
  for (int round = 0; round < kRounds; ++round) {
    RETURN_IF_ERROR(sender_.Flush());
    ASSIGN_OR_RETURN(const PersonView person, CheckPerson(other));
    RETURN_IF_ERROR(ShowChange(person));
    ASSIGN_OR_RETURN(const Contact own, FreshContact(self_.user()));
    ASSIGN_OR_RETURN(std::optional<OpenGroup> group, conversations_.SendingGroup(other));
    if (!group.has_value()) {
      RETURN_IF_ERROR(CreateConversation(person.contact, own));
      continue;
    }
    RETURN_IF_ERROR(AlignMembers(*group, person.contact, own));
    ASSIGN_OR_RETURN(const std::optional<OutboxItem> pending, stores_.outbox.PendingCommit(group->stored.id));
    if (pending.has_value()) continue;
    for (bool more = true; more;) {
      ASSIGN_OR_RETURN(more, conversations_.EncryptNext(other));
      RETURN_IF_ERROR(sender_.Flush());
    }
    return absl::OkStatus();
  }
  return Refuse(absl::StatusCode::kAborted, "conversation_busy",
                "other devices keep changing this conversation; the message is kept and sent with the next command");
}

absl::StatusOr<std::vector<mls::KeyPackage>> Engine::ClaimFor(const Contact& person,
                                                              const std::vector<identity::RecordDevice>& devices) {
  if (devices.empty()) return std::vector<mls::KeyPackage>();
  return directory_.Claim(person.user, devices);
}

absl::Status Engine::CreateConversation(const Contact& other, const Contact& own) {
  std::vector<identity::RecordDevice> own_others;
  for (const identity::RecordDevice& device : own.parsed.devices) {
    if (device.device_id != self_.device()) own_others.push_back(device);
  }
  ASSIGN_OR_RETURN(std::vector<mls::KeyPackage> members, ClaimFor(other, other.parsed.devices));
  if (members.empty()) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "no_devices",
                  absl::StrCat(ShortName(other.user, self_.domain()), " has no device that can be reached yet; the message "
                               "is kept and sent once there is one and you are online"));
  }
  ASSIGN_OR_RETURN(const std::vector<mls::KeyPackage> own_members, ClaimFor(own, own_others));
  members.insert(members.end(), own_members.begin(), own_members.end());
  // A mailbox that was opened for a group that was never made is used for this one.
  ASSIGN_OR_RETURN(const std::vector<Mailbox> mailboxes, stores_.mailboxes.All());
  Bytes group_id = RandomBytes(32);
  for (const Mailbox& mailbox : mailboxes) {
    if (mailbox.group_id.empty()) continue;
    ASSIGN_OR_RETURN(const std::optional<StoredGroup> known, stores_.groups.Find(mailbox.group_id));
    if (!known.has_value()) group_id = mailbox.group_id;
  }
  ASSIGN_OR_RETURN(const Mailbox mailbox, supplies_.EnsureMailbox(group_id));
  return conversations_.Create(other.user, members, mailbox);
}

absl::Status Engine::AlignMembers(OpenGroup& group, const Contact& other, const Contact& own) {
  ASSIGN_OR_RETURN(const std::vector<RosterDevice> roster, RosterOf(group.state));
  std::vector<identity::RecordDevice> other_missing, own_missing;
  for (const auto& [contact, missing] : {std::pair(&other, &other_missing), std::pair(&own, &own_missing)}) {
    for (const identity::RecordDevice& device : contact->parsed.devices) {
      const bool present = std::any_of(roster.begin(), roster.end(), [&, c = contact](const RosterDevice& r) {
        return r.names.user == c->user && r.names.device == device.device_id;
      });
      if (!present) missing->push_back(device);
    }
  }
  Conversations::Changes changes;
  for (const RosterDevice& device : roster) {
    const Contact& person = device.names.user == own.user ? own : other;
    const identity::RecordDevice* listed = identity::FindDevice(person.parsed, device.names.device);
    const bool good = listed != nullptr && Equal(listed->mls_signature_public_key, device.signature_key);
    if (good) continue;
    if (device.leaf == group.state.own_leaf()) {
      return Refuse(absl::StatusCode::kFailedPrecondition, "own_device_revoked",
                    "this device is no longer listed for your account and may not send; enrol it again");
    }
    changes.removes.push_back(device.leaf);
  }
  if (other_missing.empty() && own_missing.empty() && changes.removes.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(changes.adds, ClaimFor(other, other_missing));
  ASSIGN_OR_RETURN(const std::vector<mls::KeyPackage> own_adds, ClaimFor(own, own_missing));
  changes.adds.insert(changes.adds.end(), own_adds.begin(), own_adds.end());
  if (changes.adds.empty() && changes.removes.empty()) return absl::OkStatus();  // no key packages: next time
  return conversations_.StageCommit(group, changes);
}

absl::Status Engine::CommitAddresses() {
  for (int round = 0; round < kRounds; ++round) {
    RETURN_IF_ERROR(sender_.Flush());
    ASSIGN_OR_RETURN(const std::vector<StoredGroup> groups, stores_.groups.All());
    bool staged = false;
    for (const StoredGroup& stored : groups) {
      if (stored.status != GroupStatus::kActive) continue;
      ASSIGN_OR_RETURN(const Mailbox mailbox, supplies_.EnsureMailbox(stored.id));
      ASSIGN_OR_RETURN(std::optional<OpenGroup> group, conversations_.Find(stored.id));
      const identity::MailboxAddress address = AddressOf(mailbox, self_.account().delivery_address);
      const Bytes* carried = mls::FindExtension(group->state.own_leaf_node().extensions, identity::kMailboxAddressExtension);
      if (carried != nullptr && *carried == identity::Encode(address)) continue;
      ASSIGN_OR_RETURN(const std::optional<OutboxItem> pending, stores_.outbox.PendingCommit(stored.id));
      if (pending.has_value()) continue;
      RETURN_IF_ERROR(conversations_.StageCommit(*group, {{}, {}, address}));
      staged = true;
    }
    if (!staged) return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status Engine::DoWhatIsDue() {
  RETURN_IF_ERROR(FreshContact(self_.user()).status());  // a device that this one did not approve becomes a notice
  RETURN_IF_ERROR(supplies_.Prepare());
  RETURN_IF_ERROR(CommitAddresses());
  ASSIGN_OR_RETURN(const std::vector<Entry> waiting, stores_.history.InState(EntryState::kWaiting));
  std::set<std::string> others;
  for (const Entry& entry : waiting) others.insert(entry.conversation);
  absl::Status first;
  for (const std::string& other : others) first.Update(Deliver(other));
  return first;
}

absl::Status Engine::Synchronise() {
  RETURN_IF_ERROR(supplies_.Prepare());
  absl::Status due;
  for (int round = 0; round < kRounds; ++round) {
    RETURN_IF_ERROR(receiver_.Start());
    while (!receiver_.settled()) {
      std::optional<Event> event = events_.Pop(kReceivePatience);
      if (!event.has_value()) {
        receiver_.Stop();
        return Refuse(absl::StatusCode::kUnavailable, "server_silent",
                      "the delivery server does not answer; try again in a moment, or ask its operator");
      }
      RETURN_IF_ERROR(receiver_.Take(*event).status());
    }
    ASSIGN_OR_RETURN(const std::vector<Mailbox> before, stores_.mailboxes.All());
    due = DoWhatIsDue();
    ASSIGN_OR_RETURN(const std::vector<Mailbox> after, stores_.mailboxes.All());
    if (!due.ok() || after.size() == before.size()) break;
  }
  const absl::Status failure = receiver_.failure();
  receiver_.Stop();
  sender_.Disconnect();
  RETURN_IF_ERROR(failure);
  return due;
}

absl::Status Engine::Run(const Callbacks& callbacks) {
  constexpr absl::Duration kTick = absl::Milliseconds(250);
  absl::Time next_upkeep = absl::InfinitePast();
  absl::Duration pause = absl::Milliseconds(250);
  const auto note = [&](const absl::Status& status) {
    const bool news = status.ok() != trouble_.ok();
    trouble_ = status;
    return news ? callbacks.changed() : absl::OkStatus();
  };
  while (!callbacks.until()) {
    if (clock_.Now() >= next_upkeep) {
      absl::Status due = DoWhatIsDue();
      if (due.ok()) due = receiver_.Start();
      pause = due.ok() ? absl::Milliseconds(250) : std::min(pause * 2, absl::Seconds(30));
      next_upkeep = clock_.Now() + (due.ok() ? kUpkeep : pause);
      RETURN_IF_ERROR(note(due));
    }
    RETURN_IF_ERROR(receiver_.Start());
    std::optional<Event> event = events_.Pop(kTick);
    if (!event.has_value()) continue;
    if (const auto* line = std::get_if<LineTyped>(&event->what)) {
      RETURN_IF_ERROR(callbacks.line(&line->text));
    } else if (std::holds_alternative<InputEnded>(event->what)) {
      RETURN_IF_ERROR(callbacks.line(nullptr));
    } else {
      ASSIGN_OR_RETURN(const bool news, receiver_.Take(*event));
      if (news) {
        RETURN_IF_ERROR(callbacks.changed());
        next_upkeep = std::min(next_upkeep, clock_.Now());  // a new conversation has things due
      }
      if (trouble_.ok() != receiver_.failure().ok()) RETURN_IF_ERROR(note(receiver_.failure()));
    }
  }
  receiver_.Stop();
  sender_.Disconnect();
  return absl::OkStatus();
}

absl::StatusOr<Engine::Comparison> Engine::Compare(const std::string& user) {
  ASSIGN_OR_RETURN(PersonView person, CheckPerson(user));
  ASSIGN_OR_RETURN(const Contact own, FreshContact(self_.user()));
  const auto party = [](const Contact& contact) {
    identity::VerificationParty result;
    result.user = contact.user;
    for (const identity::RecordDevice& device : contact.parsed.devices) {
      result.mls_signature_keys.push_back(device.mls_signature_public_key);
    }
    return result;
  };
  std::string code = identity::VerificationCode(party(own), party(person.contact));
  return Comparison{std::move(person), std::move(code)};
}

absl::Status Engine::SetVerified(const Comparison& comparison) {
  const identity::Hash devices = DevicesHash(comparison.person.contact.parsed);
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.contacts.SetVerified(change, comparison.person.contact.user,
                                               Bytes(devices.begin(), devices.end())));
  RETURN_IF_ERROR(stores_.contacts.SetShown(change, comparison.person.contact.user, devices));
  return change.Commit();
}

}  // namespace plumbline::client
