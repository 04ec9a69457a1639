#include "client/engine.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/resemblance.h"
#include "client/roster.h"
#include "client/sealing.h"
#include "common/identity/reason.h"
#include "common/identity/uri.h"
#include "common/identity/verification_code.h"

namespace plumbline::client {
namespace {

using identity::Refuse;

constexpr int kRounds = 8;                                    // of anything that others may win meanwhile
constexpr absl::Duration kCaughtUp = absl::Seconds(30);       // for which nothing new is asked about a group
constexpr absl::Duration kReceivePatience = absl::Seconds(30);  // for one mailbox stream to say something

}  // namespace

Engine::Engine(Stores& stores, const Self& self, Network& network, const Clock& clock)
    : stores_(stores), self_(self), network_(network), clock_(clock), supplies_(stores, self, network, clock),
      directory_(stores, self, network, supplies_, clock), conversations_(stores, self, clock),
      inbox_(stores, conversations_, self, clock), sender_(stores, conversations_, inbox_, network, supplies_, clock),
      receiver_(stores, inbox_, sender_, supplies_, network, events_, clock),
      membership_(stores, self, directory_, supplies_, conversations_, clock), upkeep_(clock) {}

absl::StatusOr<std::string> Engine::ResolveName(absl::string_view typed) const {
  const absl::StatusOr<identity::UserUri> user = identity::ParseUserName(typed, self_.domain());
  if (!user.ok()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "name_malformed",
                  absl::StrCat("that is not a person's name; write it as `bob` or `mimi://", self_.domain(), "/u/bob`"));
  }
  if (user->domain != self_.domain()) {
    const bool alike = identity::Compare(absl::string_view(user->domain), self_.domain()) != identity::Likeness::kNone;
    return Refuse(absl::StatusCode::kInvalidArgument, "other_organisation",
                  absl::StrCat(user->domain, " is OUTSIDE your organisation, and this version reaches only people of ", self_.domain(),
                               alike ? absl::StrCat(". LOOK-ALIKE: it only looks like ", self_.domain(), "; if somebody gave you that "
                                                    "address, tell your security officer")
                                     : ""));
  }
  if (user->ToString() == self_.user()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "own_name", "that is you; a conversation needs somebody else");
  }
  return user->ToString();
}

absl::StatusOr<PersonView> Engine::ViewPerson(const std::string& user) {
  ASSIGN_OR_RETURN(Contact contact, membership_.Fresh(user));
  PersonView person;
  person.verification = Directory::StateOf(contact);
  person.first_time = contact.shown_devices.empty();
  person.devices_changed = !person.first_time && !Equal(contact.shown_devices, DevicesHash(contact.parsed));
  if (person.first_time) {  // it reads everybody's record: not for each message to a large group
    ASSIGN_OR_RETURN(person.looks_like, ResemblancesOf(stores_.contacts, user, contact.parsed.display_name));
  }
  person.contact = std::move(contact);
  return person;
}

absl::StatusOr<PersonView> Engine::CheckPerson(const std::string& user) {
  ASSIGN_OR_RETURN(PersonView person, ViewPerson(user));
  if (person.contact.parsed.status == identity::RecordStatus::kRemoved) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "account_removed",
                  absl::StrCat(ShortName(user, self_.domain()), " has left the organisation: nothing can be sent to them. What "
                               "was said stays in your history"));
  }
  if (person.contact.parsed.status == identity::RecordStatus::kSuspended) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "account_suspended",
                  absl::StrCat("the account of ", ShortName(user, self_.domain()), " is suspended: nothing can be sent to it. "
                               "Ask your organisation's administrator if you did not expect that"));
  }
  return person;
}

absl::StatusOr<std::vector<PersonView>> Engine::CheckPeople(const Target& target) {
  std::vector<PersonView> people;
  for (const std::string& user : target.people) {
    ASSIGN_OR_RETURN(PersonView person, target.group ? ViewPerson(user) : CheckPerson(user));
    people.push_back(std::move(person));
  }
  return people;
}

absl::Status Engine::MarkShown(const std::vector<PersonView>& people) {
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  for (const PersonView& person : people) {
    if (!person.first_time && !person.devices_changed) continue;
    RETURN_IF_ERROR(stores_.contacts.SetShown(change, person.contact.user, DevicesHash(person.contact.parsed)));
  }
  return change.Commit();
}

absl::Status Engine::Persist(absl::Duration patience, const std::function<absl::Status()>& step) {
  const absl::Time give_up = clock_.Now() + patience;
  for (absl::Duration pause = absl::Milliseconds(100);; pause = std::min(pause * 2, absl::Seconds(2))) {
    absl::Status done = step();
    if (done.ok() || !IsTransient(done) || clock_.Now() + pause > give_up) return done;
    sender_.Disconnect();
    absl::SleepFor(pause);
  }
}

absl::StatusOr<SendOutcome> Engine::Send(const Target& target, absl::string_view text, absl::Duration patience) {
  ASSIGN_OR_RETURN(const int64_t id, conversations_.AddText(target.conversation, text));
  return Push(target.conversation, id, patience);
}

absl::StatusOr<SendOutcome> Engine::Push(const std::string& conversation, int64_t id, absl::Duration patience) {
  SendOutcome outcome;
  outcome.id = id;
  outcome.trouble = Persist(patience, [&] { return Deliver(conversation); });
  ASSIGN_OR_RETURN(const std::optional<Entry> entry, stores_.history.Find(outcome.id));
  if (!entry.has_value()) return absl::DataLossError("a message vanished from the client's store");
  outcome.state = entry->state;
  return outcome;
}

absl::StatusOr<SendOutcome> Engine::Keep(const Target& target, absl::string_view text, absl::Status trouble) {
  ASSIGN_OR_RETURN(const std::vector<StoredGroup> groups, stores_.groups.InConversation(target.conversation));
  if (groups.empty()) return absl::NotFoundError("no conversation with this person yet");
  SendOutcome outcome;
  ASSIGN_OR_RETURN(outcome.id, conversations_.AddText(target.conversation, text));
  outcome.trouble = std::move(trouble);
  return outcome;
}

absl::Status Engine::ShowAge(const Target& target) {
  ASSIGN_OR_RETURN(const std::optional<absl::Duration> age, directory_.Staleness());
  if (!age) {
    said_old_.erase(target.conversation);
    return absl::OkStatus();
  }
  if (!said_old_.insert(target.conversation).second) return absl::OkStatus();
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(conversations_.AddNotice(change, target.conversation, "directory_old",
                                           absl::StrCat("The directory was last confirmed by its witnesses ",
                                                        absl::ToInt64Hours(*age), " hours ago: a device that was removed since "
                                                        "may still be written to. After a day nothing is sent.")));
  return change.Commit();
}

absl::Status Engine::ShowChanges(const Target& target) {
  ASSIGN_OR_RETURN(const std::vector<PersonView> people, CheckPeople(target));
  RETURN_IF_ERROR(ShowAge(target));
  for (const PersonView& person : people) {
    if (!person.devices_changed) continue;
    const std::string name = ShortName(person.contact.user, self_.domain());
    if (person.verification == Verification::kChanged) {
      return Refuse(absl::StatusCode::kFailedPrecondition, "devices_changed",
                    absl::StrCat("the devices of ", name, ", whom you had verified, have changed: the message waits. Compare "
                                 "codes again with `plumbline verify ", name, "`, or send with --accept-changes"));
    }
    ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
    RETURN_IF_ERROR(conversations_.AddNotice(change, target.conversation, "devices_changed",
                                             absl::StrCat("The devices of ", name, " have changed; there are ",
                                                          person.contact.parsed.devices.size(), " now.")));
    RETURN_IF_ERROR(stores_.contacts.SetShown(change, person.contact.user, DevicesHash(person.contact.parsed)));
    RETURN_IF_ERROR(change.Commit());
  }
  return absl::OkStatus();
}

absl::Status Engine::CatchUp(const Bytes& group_id) {
  const auto last = caught_up_.find(group_id);
  if (last != caught_up_.end() && Uptime() - last->second < kCaughtUp) return absl::OkStatus();
  RETURN_IF_ERROR(sender_.CatchUp(group_id));
  caught_up_[group_id] = Uptime();
  return absl::OkStatus();
}

absl::Status Engine::Deliver(const std::string& conversation) {
  RETURN_IF_ERROR(supplies_.Prepare());
  for (int round = 0; round < kRounds; ++round) {
    RETURN_IF_ERROR(sender_.Flush());
    ASSIGN_OR_RETURN(std::optional<OpenGroup> group, conversations_.SendingGroup(conversation));
    if (group.has_value()) {
      RETURN_IF_ERROR(CatchUp(group->stored.id));
      ASSIGN_OR_RETURN(group, conversations_.SendingGroup(conversation));
    }
    if (!group.has_value()) {
      if (IsGroupKey(conversation)) return NotInGroup(conversation);
      RETURN_IF_ERROR(ShowChanges(Target{conversation, false, {conversation}}));
      RETURN_IF_ERROR(membership_.CreateDirect(conversation));
      continue;
    }
    ASSIGN_OR_RETURN(const Target target, TargetOf(*group));
    RETURN_IF_ERROR(ShowChanges(target));
    ASSIGN_OR_RETURN(const bool staged, membership_.Align(*group, /*before_send=*/true));
    if (staged) continue;
    ASSIGN_OR_RETURN(const std::optional<OutboxItem> pending, stores_.outbox.PendingCommit(group->stored.id));
    if (pending.has_value()) continue;
    for (bool more = true; more;) {
      ASSIGN_OR_RETURN(more, conversations_.EncryptNext(conversation));
      RETURN_IF_ERROR(sender_.Flush());
    }
    return absl::OkStatus();
  }
  return Busy();
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
      Conversations::Changes changes;
      changes.address = address;
      RETURN_IF_ERROR(conversations_.StageCommit(*group, changes));
      staged = true;
    }
    if (!staged) return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status Engine::DoWhatIsDue() {
  // Without the key server what is in the outbox can go nevertheless.
  absl::Status known = membership_.Fresh(self_.user()).status();  // a device that this one did not approve becomes a notice
  known.Update(supplies_.Prepare());
  if (!known.ok()) {
    known.Update(sender_.Flush());
    return known;
  }
  RETURN_IF_ERROR(CommitAddresses());
  RETURN_IF_ERROR(AttendToGroups());
  ASSIGN_OR_RETURN(const std::vector<Entry> waiting, stores_.history.InState(EntryState::kWaiting));
  std::set<std::string> conversations;
  for (const Entry& entry : waiting) conversations.insert(entry.conversation);
  absl::Status first;
  for (const std::string& conversation : conversations) first.Update(Deliver(conversation));
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
        RETURN_IF_ERROR(receiver_.Stop());
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
  const absl::Status stopped = receiver_.Stop();
  sender_.Disconnect();
  RETURN_IF_ERROR(failure);
  RETURN_IF_ERROR(stopped);
  return due;
}

absl::Status Engine::Run(const Callbacks& callbacks) {
  constexpr absl::Duration kTick = absl::Milliseconds(250);
  while (!callbacks.until()) {
    if (upkeep_.Due()) {
      due_ = callbacks.upkeep();
      due_.Update(DoWhatIsDue());
      upkeep_.Done(due_);
      RETURN_IF_ERROR(Changed(callbacks));
    }
    RETURN_IF_ERROR(receiver_.Start());
    bool more = false;
    if (receiver_.failure().ok()) {
      ASSIGN_OR_RETURN(more, callbacks.work());
    }
    const std::optional<Event> event = events_.Pop(more ? absl::ZeroDuration() : kTick);
    if (!event.has_value()) continue;
    if (const auto* line = std::get_if<LineTyped>(&event->what)) {
      RETURN_IF_ERROR(callbacks.line(&line->text));
    } else if (std::holds_alternative<InputEnded>(event->what)) {
      RETURN_IF_ERROR(callbacks.line(nullptr));
    } else {
      const bool was_up = receiver_.failure().ok();
      ASSIGN_OR_RETURN(const bool news, receiver_.Take(*event));
      const bool up = receiver_.failure().ok();
      if (news) upkeep_.Soon();  // a new conversation has things due
      if (up && !was_up) upkeep_.Now();
      if (news || up != was_up) RETURN_IF_ERROR(Changed(callbacks));
    }
  }
  sender_.Disconnect();
  return receiver_.Stop();
}

absl::Status Engine::Changed(const Callbacks& callbacks) {
  const absl::Status line = receiver_.failure();
  trouble_ = line.ok() ? due_ : line;
  return callbacks.changed();
}

absl::StatusOr<Engine::Comparison> Engine::Compare(const std::string& user) {
  ASSIGN_OR_RETURN(PersonView person, CheckPerson(user));
  ASSIGN_OR_RETURN(person.looks_like, ResemblancesOf(stores_.contacts, user, person.contact.parsed.display_name));
  ASSIGN_OR_RETURN(const Contact own, membership_.Fresh(self_.user()));
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
