#include "client/inbox.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/gate.h"
#include "client/group_rules.h"
#include "client/resync.h"
#include "client/roster.h"
#include "client/sealing.h"
#include "common/identity/grant.h"
#include "common/identity/reason.h"
#include "mls/refused_commit.h"

namespace plumbline::client {
namespace {

using identity::Refuse;

bool IsStoreFailure(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsInternal(status) || absl::IsUnavailable(status) || absl::IsAborted(status) ||
         absl::IsResourceExhausted(status);
}

absl::Status Hostile(absl::string_view reason, absl::string_view why) {
  return Refuse(absl::StatusCode::kInvalidArgument, reason, why);
}

// A refusal of bytes from outside is never taken for a failure of the store, whatever its code.
template <typename T>
absl::StatusOr<T> Judge(absl::StatusOr<T> value, absl::string_view reason) {
  if (value.ok()) return value;
  return Hostile(reason, value.status().message());
}

// Empty if the leaf's credential names nobody.
std::string UserOf(const mls::GroupView& group, mls::LeafIndex leaf) {
  for (const mls::Member& member : group.members()) {
    if (member.index != leaf) continue;
    const absl::StatusOr<CredentialNames> names = NamesOf(member.credential);
    if (names.ok()) return names->user;
  }
  return "";
}

// The group a message is for, from its own header.
absl::StatusOr<const mls::PrivateMessage*> PrivateMessageOf(const mls::MlsMessage& message) {
  const mls::PrivateMessage* content = std::get_if<mls::PrivateMessage>(&message.body);
  if (content == nullptr) return Hostile("envelope_malformed", "an envelope holds an MLS message that is not private");
  return content;
}

}  // namespace

absl::StatusOr<TakenEnvelope> Inbox::Take(const identity::MailboxId& mailbox_id, const identity::EnvelopeId& envelope_id,
                                          ByteView sealed, bool give_up) {
  ASSIGN_OR_RETURN(const bool seen, stores_.history.Seen(envelope_id));
  if (seen) return TakenEnvelope{Taken::kDuplicate, {}};
  ASSIGN_OR_RETURN(const std::optional<Mailbox> mailbox, stores_.mailboxes.Find(mailbox_id));
  if (!mailbox.has_value()) return absl::InternalError("an envelope from a mailbox that is not ours");
  absl::Status why;
  Bytes group_id = mailbox->group_id;
  {
    ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
    absl::StatusOr<TakenEnvelope> taken = Apply(change, *mailbox, envelope_id, sealed);
    if (taken.ok() && taken->taken == Taken::kDone) {
      RETURN_IF_ERROR(stores_.history.MarkSeen(change, envelope_id, identity::DayOf(clock_.Now())));
      RETURN_IF_ERROR(change.Commit());
      return taken;
    }
    if (taken.ok()) {
      if (!give_up) return taken;
      group_id = taken->group_id;
      why = Hostile("commit_missing",
                    "a message came for a later state of the conversation than the delivery server knows of");
    } else {
      why = taken.status();
    }
  }  // rolled back
  if (IsStoreFailure(why)) return why;
  RETURN_IF_ERROR(WriteOff(envelope_id, group_id, why));
  return TakenEnvelope{};
}

absl::Status Inbox::FallBehind(ByteView group_id, absl::string_view author) {
  ASSIGN_OR_RETURN(std::optional<StoredGroup> group, stores_.groups.Find(group_id));
  if (!group.has_value()) return absl::InternalError("a group that fell behind is gone");
  if (group->status == GroupStatus::kLost) return absl::OkStatus();
  group->status = GroupStatus::kLost;
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.groups.Update(change, *group));
  const std::string cause =
      author.empty() ? "changes to the conversation were missed, and are no longer kept"
                     : absl::StrCat("a change that a device of ", ShortName(author, self_.domain()),
                                    " made does not open here, though it may for the others");
  const std::string text = absl::StrCat("What is said from here on cannot be read on this device: ", cause,
                                        ". The device asks the others to be taken in again; that needs one of them to be online. "
                                        "What was missed is on the devices that were there.");
  RETURN_IF_ERROR(AddEntry(change, group->conversation, {}, EntryKind::kGap, "", AsBytes(text), "fell_behind"));
  ASSIGN_OR_RETURN(const std::optional<OutboxItem> pending, stores_.outbox.PendingCommit(group_id));
  if (pending.has_value()) RETURN_IF_ERROR(stores_.outbox.Remove(change, pending->id));
  return change.Commit();
}

absl::Status Inbox::WriteOff(const identity::EnvelopeId& envelope_id, const Bytes& group_id, const absl::Status& why) {
  std::string conversation;
  ASSIGN_OR_RETURN(const std::optional<StoredGroup> group, stores_.groups.Find(group_id));
  if (group.has_value()) conversation = group->conversation;
  std::string reason = identity::ReasonOf(why);
  if (reason.empty()) reason = "envelope_unreadable";
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(conversations_.AddNotice(
      change, conversation, reason,
      absl::StrCat("Something that arrived could not be read: ", identity::TextOf(why),
                   ". Nothing else was changed by it. If a message is missing, ask for it again.")));
  RETURN_IF_ERROR(stores_.history.MarkSeen(change, envelope_id, identity::DayOf(clock_.Now())));
  return change.Commit();
}

absl::StatusOr<TakenEnvelope> Inbox::Apply(Change& change, const Mailbox& mailbox,
                                           const identity::EnvelopeId& envelope_id, ByteView sealed) {
  const absl::StatusOr<identity::EnvelopeContent> content = OpenEnvelope(mailbox, envelope_id, sealed);
  if (!content.ok()) return Hostile("envelope_malformed", content.status().message());
  switch (content->kind) {
    case identity::EnvelopeKind::kWelcome:
      RETURN_IF_ERROR(ApplyWelcome(change, content->payload));
      return TakenEnvelope{};
    case identity::EnvelopeKind::kMessage:
      return ApplyMessage(change, content->payload, nullptr);
    case identity::EnvelopeKind::kCommit: {
      const absl::StatusOr<identity::CommitPayload> payload = identity::ParseCommitPayload(content->payload);
      if (!payload.ok()) return Hostile("envelope_malformed", payload.status().message());
      return ApplyMessage(change, payload->mls_message, &payload->gate);
    }
    case identity::EnvelopeKind::kResync:
      RETURN_IF_ERROR(ApplyResync(change, content->payload));
      return TakenEnvelope{};
    default:
      return Hostile("envelope_unsupported", "it has a kind that this version does not know; update this program");
  }
}

absl::Status Inbox::ApplyWelcome(Change& change, ByteView welcome) {
  ASSIGN_OR_RETURN(const std::vector<Bytes> refs,
                   Judge(mls::Group::WelcomeKeyPackageRefs(welcome), "envelope_malformed"));
  std::optional<StoredKeyPackage> key_package;
  for (const Bytes& ref : refs) {
    if (key_package.has_value()) break;
    ASSIGN_OR_RETURN(key_package, stores_.supply.FindKeyPackage(ref));
  }
  if (!key_package.has_value()) return Hostile("welcome_unknown", "an invitation to a conversation was for keys that are not here");
  ASSIGN_OR_RETURN(const mls::KeyPackageBundle bundle, mls::KeyPackageBundle::Parse(key_package->bundle.view()));
  mls::SignatureKeyPair keys = self_.mls_keys();
  mls::LeafIndex inviter;
  ASSIGN_OR_RETURN(mls::Group state, Judge(mls::Group::Join(welcome, bundle, std::move(keys.private_key), std::nullopt,
                                                            self_.authentication(), clock_.Now(), {}, nullptr, &inviter),
                                           "welcome_refused"));
  ASSIGN_OR_RETURN(const GroupPeople people, Judge(PeopleOf(state), "not_a_conversation"));
  StoredGroup stored;
  ASSIGN_OR_RETURN(stored.conversation, ConversationOf(people, self_.user()));
  stored.id = state.group_id();
  stored.handle = people.data.handle;
  stored.status = GroupStatus::kActive;
  stored.state = state.Serialize();
  stored.joined_epoch = state.epoch();
  stored.address_due = true;
  if (!key_package->last_resort) RETURN_IF_ERROR(stores_.supply.RemoveKeyPackage(change, key_package->ref));
  ASSIGN_OR_RETURN(const std::optional<StoredGroup> known, stores_.groups.Find(stored.id));
  if (people.profile.has_value()) {
    RETURN_IF_ERROR(stores_.membership.SetName(change, stored.conversation, people.profile->name));
  }
  if (known.has_value()) return Return(change, *known, std::move(stored));
  if (people.profile.has_value()) {
    ASSIGN_OR_RETURN(const std::vector<StoredGroup> same, stores_.groups.InConversation(stored.conversation));
    if (!same.empty()) {
      const auto invited = std::find_if(people.roster.begin(), people.roster.end(),
                                        [&](const RosterDevice& d) { return d.leaf == inviter; });
      RETURN_IF_ERROR(Continue(change, stored, people, invited->names.user));
      return stores_.groups.Add(change, stored);
    }
    RETURN_IF_ERROR(conversations_.AddNotice(
        change, stored.conversation, "group_joined",
        absl::StrCat("You are in the group \"", people.profile->name, "\" with ", people.profile->people.size() - 1, " others.")));
  }
  RETURN_IF_ERROR(conversations_.NoticeLookalikes(change, stored.conversation, people.users()));
  if (stored.joined_epoch > 1) {
    RETURN_IF_ERROR(conversations_.AddNotice(change, stored.conversation, "history_begins",
                                             "This device was added now: what was said before is not on it, and cannot be "
                                             "read by it."));
  }
  return stores_.groups.Add(change, stored);
}

absl::Status Inbox::Continue(Change& change, const StoredGroup& joined, const GroupPeople& people,
                             const std::string& inviter) {
  const auto refuse = [] {
    return Hostile("conversation_taken", "an invitation would have put another group in the place of one this device is in");
  };
  ASSIGN_OR_RETURN(std::optional<OpenGroup> former, conversations_.Find(people.profile->predecessor));
  if (!former.has_value()) {  // renewed more than once while this device was left out: judged by the last it was in
    ASSIGN_OR_RETURN(former, LastOf(joined.conversation));
  }
  if (!former.has_value() || former->stored.conversation != joined.conversation ||
      former->stored.status == GroupStatus::kLeft) {
    return refuse();
  }
  ASSIGN_OR_RETURN(const GroupPeople before, PeopleOf(former->state));
  if (!before.owners().contains(inviter)) return refuse();
  ASSIGN_OR_RETURN(const std::set<std::string> ever, EverIn(joined.conversation));
  const std::set<std::string> known = before.users();
  std::vector<std::string> without, again;
  for (const std::string& user : people.users()) {
    if (!ever.contains(user)) return refuse();
    if (!known.contains(user)) again.push_back(ShortName(user, self_.domain()));
  }
  for (const std::string& user : known) {
    if (!people.users().contains(user)) without.push_back(ShortName(user, self_.domain()));
  }
  former->stored.status = GroupStatus::kReplaced;
  RETURN_IF_ERROR(stores_.groups.Update(change, former->stored));
  ASSIGN_OR_RETURN(const std::optional<OutboxItem> pending, stores_.outbox.PendingCommit(former->stored.id));
  if (pending.has_value()) RETURN_IF_ERROR(stores_.outbox.Remove(change, pending->id));
  return conversations_.AddNotice(
      change, joined.conversation, "group_continued",
      absl::StrCat(ShortName(inviter, self_.domain()), ", an owner, started this group anew under fresh keys",
                   without.empty() ? "" : absl::StrCat(", without ", absl::StrJoin(without, " and ")),
                   again.empty() ? "" : absl::StrCat("; in it again: ", absl::StrJoin(again, ", ")), "."));
}

absl::StatusOr<std::set<std::string>> Inbox::EverIn(absl::string_view conversation) {
  ASSIGN_OR_RETURN(const std::vector<StoredGroup> groups, stores_.groups.InConversation(conversation));
  std::set<std::string> users;
  for (const StoredGroup& group : groups) {
    ASSIGN_OR_RETURN(const std::optional<OpenGroup> open, conversations_.Find(group.id));
    ASSIGN_OR_RETURN(const GroupPeople people, PeopleOf(open->state));
    users.merge(people.users());
  }
  return users;
}

absl::StatusOr<std::optional<OpenGroup>> Inbox::LastOf(absl::string_view conversation) {
  ASSIGN_OR_RETURN(const std::vector<StoredGroup> groups, stores_.groups.InConversation(conversation));
  for (const StoredGroup& group : groups) {
    if (group.status == GroupStatus::kActive || group.status == GroupStatus::kStuck || group.status == GroupStatus::kLost) {
      return conversations_.Find(group.id);
    }
  }
  return std::optional<OpenGroup>();
}

absl::Status Inbox::Return(Change& change, const StoredGroup& known, StoredGroup joined) {
  const bool is_out = known.status == GroupStatus::kLost || known.status == GroupStatus::kLeft;
  if (!is_out || known.conversation != joined.conversation || known.handle != joined.handle) {
    return Hostile("welcome_repeated", "an invitation named a conversation that this device is in already");
  }
  joined.sent_sequence = known.sent_sequence;  // the others' view of our chain goes on
  joined.sent_hash = known.sent_hash;
  ASSIGN_OR_RETURN(const std::optional<OutboxItem> pending, stores_.outbox.PendingCommit(joined.id));
  if (pending.has_value()) RETURN_IF_ERROR(stores_.outbox.Remove(change, pending->id));
  RETURN_IF_ERROR(stores_.groups.ForgetChains(change, joined.id));
  RETURN_IF_ERROR(stores_.membership.ForgetAsked(change, joined.id));
  RETURN_IF_ERROR(conversations_.AddNotice(change, joined.conversation, "history_resumes",
                                           "This device is in the conversation again. What was said while it was out is not "
                                           "on it."));
  return stores_.groups.Update(change, joined);
}

absl::Status Inbox::ApplyResync(Change& change, ByteView payload) {
  const absl::StatusOr<identity::ResyncRequest> request = identity::ParseResyncRequest(payload);
  if (!request.ok()) return Hostile("envelope_malformed", request.status().message());
  ASSIGN_OR_RETURN(const std::optional<OpenGroup> group, conversations_.Find(request->group_id));
  if (!group.has_value() || group->stored.status != GroupStatus::kActive) {
    return Hostile("resync_refused", "a device asked to be taken in again into a conversation this device is not in");
  }
  ASSIGN_OR_RETURN(HeldResyncRequest held, JudgeResync(group->state, *request, clock_.Now()));
  held.request = ToBytes(payload);
  return stores_.membership.AddResyncRequest(change, group->stored.id, held);
}

absl::StatusOr<TakenEnvelope> Inbox::ApplyMessage(Change& change, ByteView mls_message, const identity::GateRecord* gate) {
  const absl::StatusOr<mls::MlsMessage> parsed = mls::ParseMlsMessage(mls_message);
  if (!parsed.ok()) return Hostile("envelope_malformed", parsed.status().message());
  ASSIGN_OR_RETURN(const mls::PrivateMessage* header, PrivateMessageOf(*parsed));
  const bool is_commit = header->content_type == mls::ContentType::kCommit;
  if (is_commit != (gate != nullptr)) return Hostile("envelope_malformed", "a commit without its gate record, or the reverse");
  ASSIGN_OR_RETURN(std::optional<OpenGroup> group, conversations_.Find(header->group_id));
  if (!group.has_value()) return Hostile("group_unknown", "a message was for a conversation this device is not in");
  if (group->stored.status == GroupStatus::kLeft) return Hostile("group_left", "a message was for a conversation this device was removed from");
  if (group->stored.status == GroupStatus::kLost) return TakenEnvelope{};  // the gap in the history says so already
  if (header->epoch > group->state.epoch()) return TakenEnvelope{Taken::kBehind, group->stored.id};
  if (is_commit && header->epoch < group->state.epoch()) return TakenEnvelope{};  // applied when it was fetched

  ASSIGN_OR_RETURN(mls::Processed processed,
                   Judge(group->state.Process(mls_message, self_.authentication(), clock_.Now()), "message_unreadable"));
  if (const auto* message = std::get_if<mls::ApplicationMessage>(&processed)) {
    RETURN_IF_ERROR(ApplyApplication(change, *group, *message));
  } else if (auto* staged = std::get_if<mls::StagedCommit>(&processed)) {
    if (staged->next.has_value()) {
      RETURN_IF_ERROR(CheckEnvelopeRecord(*gate, GateStep{group->state, *staged->next, group->stored.handle}));
    }
    RETURN_IF_ERROR(ApplyCommit(change, *group, std::move(*staged)));
  } else {
    group->stored.state = group->state.Serialize();  // a proposal, kept for whoever commits it
    RETURN_IF_ERROR(stores_.groups.Update(change, group->stored));
  }
  return TakenEnvelope{};
}

absl::Status Inbox::ApplyApplication(Change& change, OpenGroup& group, const mls::ApplicationMessage& message) {
  group.stored.state = group.state.Serialize();
  RETURN_IF_ERROR(stores_.groups.Update(change, group.stored));
  ASSIGN_OR_RETURN(const CredentialNames sender, NamesOf(message.sender_credential));
  return ApplyFrame(change, group, sender, message.plaintext.view());
}

absl::Status Inbox::ApplyCommit(Change& change, OpenGroup& group, mls::StagedCommit staged) {
  const std::string& conversation = group.stored.conversation;
  ASSIGN_OR_RETURN(const CredentialNames committer, NamesOf(staged.committer_leaf.credential));
  if (!staged.next.has_value()) {
    const bool comes_back = std::any_of(staged.adds.begin(), staged.adds.end(), [&](const mls::MemberChange& added) {
      return Equal(added.after.signature_key, self_.mls_public_key());
    });
    if (comes_back) {
      group.stored.status = GroupStatus::kLost;  // the Welcome that belongs to it brings it back
      RETURN_IF_ERROR(stores_.membership.SetAsked(change, group.stored.id, {clock_.Now(), 0}));
    } else {
      group.stored.status = GroupStatus::kLeft;
      RETURN_IF_ERROR(stores_.membership.RemoveLeaveRequest(change, conversation, self_.user()));
      const bool own = committer.user == self_.user();
      RETURN_IF_ERROR(conversations_.AddNotice(
          change, conversation, "removed",
          own ? std::string("This device was taken out of the conversation by another of your devices.")
              : absl::StrCat("You are no longer in this conversation: ", ShortName(committer.user, self_.domain()),
                             " took this device out.")));
    }
  } else {
    ASSIGN_OR_RETURN(const RuleContext rules, conversations_.Rules());
    RETURN_IF_ERROR(CheckCommit(group.state, staged, rules));
    RETURN_IF_ERROR(conversations_.Announce(change, conversation, {group.state, *staged.next, committer.user}));
    RETURN_IF_ERROR(group.state.AdvanceTo(*std::move(staged.next)));
  }
  group.stored.state = group.state.Serialize();
  RETURN_IF_ERROR(stores_.groups.Update(change, group.stored));
  // Our own commit of that epoch, if there is one, has lost.
  ASSIGN_OR_RETURN(const std::optional<OutboxItem> pending, stores_.outbox.PendingCommit(group.stored.id));
  if (pending.has_value() && pending->epoch < group.state.epoch()) {
    RETURN_IF_ERROR(stores_.outbox.Remove(change, pending->id));
  }
  return absl::OkStatus();
}

absl::Status Inbox::TakeFetchedCommit(ByteView group_id, ByteView mls_message, ByteView next_public_key,
                                      RefusedChange* refused) {
  RefusedChange unheard;
  RefusedChange& known = refused == nullptr ? unheard : *refused;
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  ASSIGN_OR_RETURN(std::optional<OpenGroup> group, conversations_.Find(group_id));
  if (!group.has_value()) return absl::InternalError("a commit was fetched for a group that is gone");
  absl::StatusOr<mls::Processed> processed = group->state.Process(mls_message, self_.authentication(), clock_.Now());
  if (const std::optional<mls::RefusedCommit> what = mls::RefusedCommitOf(processed.status())) {
    known = {UserOf(group->state, what->author), what->own_path_only};
  }
  RETURN_IF_ERROR(processed.status());
  mls::StagedCommit* staged = std::get_if<mls::StagedCommit>(&*processed);
  if (staged == nullptr) return Hostile("envelope_malformed", "what the server keeps as a commit is none");
  known.author = UserOf(group->state, staged->committer);
  if (staged->next.has_value()) {
    RETURN_IF_ERROR(CheckNextKey(next_public_key, GateStep{group->state, *staged->next, group->stored.handle}));
  }
  RETURN_IF_ERROR(ApplyCommit(change, *group, std::move(*staged)));
  return change.Commit();
}

}  // namespace plumbline::client
