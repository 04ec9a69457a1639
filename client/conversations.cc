#include "client/conversations.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/gate.h"
#include "client/group_notices.h"
#include "client/organisation_keys.h"
#include "client/resemblance.h"
#include "client/roster.h"
#include "client/sealing.h"
#include "common/identity/reason.h"

namespace plumbline::client {
namespace {

using identity::Refuse;

// A creator's leaf lives until the first commit replaces it, which may be long after.
constexpr absl::Duration kLeafLife = absl::Hours(24 * 90);
constexpr absl::Duration kClockSkew = absl::Hours(1);

absl::StatusOr<OpenGroup> Open(StoredGroup stored) {
  ASSIGN_OR_RETURN(mls::Group state, mls::Group::Parse(stored.state.view()));
  return OpenGroup{std::move(stored), std::move(state)};
}

// The mailbox in the leaf of a key package. INVALID_ARGUMENT if it has none.
absl::StatusOr<identity::MailboxAddress> AddressOf(const mls::KeyPackage& key_package) {
  const Bytes* data = mls::FindExtension(key_package.leaf_node.extensions, identity::kMailboxAddressExtension);
  if (data == nullptr) return absl::InvalidArgumentError("a key package without a mailbox address");
  return identity::ParseMailboxAddress(*data);
}

}  // namespace

mls::Capabilities OwnCapabilities() {
  return mls::Capabilities::Default(
      {identity::kMailboxAddressExtension, identity::kGroupDataExtension, identity::kGroupProfileExtension});
}

mls::Extensions LeafExtensions(const identity::MailboxAddress& address) {
  return {{identity::kMailboxAddressExtension, identity::Encode(address)}};
}

absl::StatusOr<std::optional<OpenGroup>> Conversations::SendingGroup(absl::string_view conversation) {
  ASSIGN_OR_RETURN(std::vector<StoredGroup> groups, stores_.groups.InConversation(conversation));
  StoredGroup* best = nullptr;
  for (StoredGroup& group : groups) {
    if (group.status != GroupStatus::kActive) continue;
    if (best == nullptr || Sha256(group.id) < Sha256(best->id)) best = &group;
  }
  if (best == nullptr) return std::nullopt;
  ASSIGN_OR_RETURN(OpenGroup open, Open(std::move(*best)));
  return open;
}

absl::StatusOr<std::optional<OpenGroup>> Conversations::Find(ByteView group_id) {
  ASSIGN_OR_RETURN(std::optional<StoredGroup> stored, stores_.groups.Find(group_id));
  if (!stored.has_value()) return std::nullopt;
  ASSIGN_OR_RETURN(OpenGroup open, Open(*std::move(stored)));
  return open;
}

absl::StatusOr<std::string> Conversations::DisplayName(absl::string_view conversation) {
  if (!IsGroupKey(conversation)) return ShortName(conversation, self_.domain());
  ASSIGN_OR_RETURN(const auto names, stores_.membership.Names());
  const auto found = names.find(std::string(conversation));
  return absl::StrCat("group ", found == names.end() ? std::string(conversation) : found->second);
}

absl::StatusOr<RuleContext> Conversations::Rules() {
  ASSIGN_OR_RETURN(const identity::TrustedKeys trusted, TrustedKeysOf(stores_, self_));
  return RuleContext{trusted.Of(identity::Role::kDirectory, clock_.Now()),
                     [this](const std::string& user) -> absl::StatusOr<std::optional<identity::DirectoryRecord>> {
                       ASSIGN_OR_RETURN(std::optional<Contact> contact, stores_.contacts.Find(user));
                       if (!contact.has_value()) return std::optional<identity::DirectoryRecord>();
                       return std::optional<identity::DirectoryRecord>(std::move(contact->parsed));
                     }};
}

absl::Status Conversations::Create(const std::optional<identity::GroupProfile>& profile,
                                   const std::vector<mls::KeyPackage>& others, const Mailbox& mailbox) {
  return Make({profile, others, mailbox, nullptr});
}

absl::Status Conversations::CreateSuccessor(const StoredGroup& former, const identity::GroupProfile& profile,
                                            const std::vector<mls::KeyPackage>& others, const Mailbox& mailbox) {
  const std::optional<identity::GroupProfile> with_predecessor = profile;
  return Make({with_predecessor, others, mailbox, &former});
}

absl::Status Conversations::Make(const Founding& founding) {
  const std::optional<identity::GroupProfile>& profile = founding.profile;
  const Mailbox& mailbox = founding.mailbox;
  identity::GroupData data;
  data.handle = identity::RandomFixed<32>();
  data.kind = profile.has_value() ? identity::GroupKind::kGroup : identity::GroupKind::kDirect;
  mls::CreateGroupParams params;
  params.group_id = mailbox.group_id;
  params.credential = self_.credential();
  params.lifetime = mls::Lifetime::From(clock_.Now() - kClockSkew, kLeafLife);
  params.capabilities = OwnCapabilities();
  params.leaf_extensions = LeafExtensions(client::AddressOf(mailbox, self_.account().delivery_address));
  params.group_context_extensions = {{identity::kGroupDataExtension, identity::Encode(data)}};
  if (profile.has_value()) {
    params.group_context_extensions.push_back({identity::kGroupProfileExtension, identity::Encode(*profile)});
  }
  ASSIGN_OR_RETURN(mls::Group state, mls::Group::Create(std::move(params), self_.mls_keys()));

  StoredGroup stored;
  stored.id = mailbox.group_id;
  stored.handle = data.handle;
  stored.status = GroupStatus::kCreating;
  OpenGroup group{std::move(stored), std::move(state)};
  Changes changes;
  changes.adds = founding.others;
  ASSIGN_OR_RETURN(mls::CommitParams commit, ParamsFor(group, changes));
  ASSIGN_OR_RETURN(const mls::StagedCommit staged,
                   group.state.Commit(std::move(commit), self_.authentication(), clock_.Now()));
  const absl::StatusOr<GroupPeople> people = PeopleOf(*staged.next);
  if (!people.ok()) return absl::InvalidArgumentError("a key package belongs to somebody else");
  ASSIGN_OR_RETURN(group.stored.conversation, ConversationOf(*people, self_.user()));
  ASSIGN_OR_RETURN(const OutboxItem item, MakeItem(group, staged, /*is_new=*/true));

  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  group.stored.state = group.state.Serialize();
  RETURN_IF_ERROR(stores_.groups.Add(change, group.stored));
  RETURN_IF_ERROR(stores_.outbox.Add(change, item).status());
  if (profile.has_value()) RETURN_IF_ERROR(stores_.membership.SetName(change, group.stored.conversation, profile->name));
  if (founding.former != nullptr) {
    ASSIGN_OR_RETURN(std::optional<StoredGroup> former, stores_.groups.Find(founding.former->id));
    if (!former.has_value()) return absl::InternalError("the predecessor of a group is gone");
    former->status = GroupStatus::kReplaced;
    RETURN_IF_ERROR(stores_.groups.Update(change, *former));
    RETURN_IF_ERROR(AddNotice(change, former->conversation, "group_continued", "You started this group anew under fresh keys."));
  }
  return change.Commit();
}

absl::StatusOr<bool> Conversations::CredentialDiffers(const mls::Group& group) {
  if (group.own_leaf_node().credential == self_.credential()) return false;
  ASSIGN_OR_RETURN(const std::optional<Contact> own, stores_.contacts.Find(self_.user()));
  if (!own) return false;
  const identity::RecordDevice* const listed = identity::FindDevice(own->parsed, self_.device());
  return listed != nullptr && listed->credential_hash == Sha256(self_.account().mls_certificate);
}

absl::StatusOr<mls::CommitParams> Conversations::ParamsFor(const OpenGroup& group, Changes changes) {
  mls::CommitParams params;
  ASSIGN_OR_RETURN(const bool renew, CredentialDiffers(group.state));
  if (renew) {
    params.leaf.credential = self_.credential();
    ASSIGN_OR_RETURN(const std::optional<Contact> own, stores_.contacts.Find(self_.user()));
    ASSIGN_OR_RETURN(const identity::Signature signature, identity::ToFixed<64>(own->signature));
    const identity::RecordEvidence named{own->record, signature};
    std::vector<identity::RecordEvidence>& shown = changes.evidence.records;
    if (std::find(shown.begin(), shown.end(), named) == shown.end()) shown.push_back(named);
  }
  params.adds = changes.adds;
  params.removes = changes.removes;
  params.include_pending_proposals = false;
  params.authenticated_data = identity::Encode(changes.evidence);
  if (changes.profile.has_value()) {
    mls::Extensions extensions = group.state.group_context_extensions();
    for (mls::Extension& extension : extensions) {
      if (extension.type == identity::kGroupProfileExtension) extension.data = identity::Encode(*changes.profile);
    }
    params.group_context_extensions = std::move(extensions);
  }
  if (changes.address.has_value()) {
    // The rest of the leaf stays as it is.
    mls::Extensions extensions = group.state.own_leaf_node().extensions;
    std::erase_if(extensions, [](const mls::Extension& e) { return e.type == identity::kMailboxAddressExtension; });
    extensions.push_back(LeafExtensions(*changes.address).front());
    params.leaf.extensions = std::move(extensions);
  }
  return params;
}

absl::StatusOr<OutboxItem> Conversations::MakeItem(const OpenGroup& group, const mls::StagedCommit& staged,
                                                   bool is_new) const {
  const GateStep step{group.state, *staged.next, group.stored.handle};
  const GateKeys keys = DeriveGateKeys(group.state, group.stored.handle);
  ASSIGN_OR_RETURN(const Bytes sealed_commit,
                   SealCommit(keys.commit_key, group.stored.handle, group.state.epoch(), staged.message));
  identity::CommitPayload payload;
  payload.gate = MakeEnvelopeRecord(step, Sha256(sealed_commit));
  payload.mls_message = staged.message;

  OutboxItem item;
  item.group_id = group.stored.id;
  item.epoch = group.state.epoch();
  item.next_state = staged.next->Serialize();
  ASSIGN_OR_RETURN(const std::vector<RosterDevice> roster, RosterOf(group.state));
  const std::vector<mls::MemberChange>& removes = staged.removes;
  for (const RosterDevice& device : roster) {
    // Whoever is taken out learns it from the commit; who comes in again gets a Welcome.
    const bool comes_back =
        std::any_of(removes.begin(), removes.end(), [&](const mls::MemberChange& m) { return m.index == device.leaf; }) &&
        std::any_of(staged.adds.begin(), staged.adds.end(),
                    [&](const mls::MemberChange& m) { return m.after.signature_key == device.signature_key; });
    if (device.leaf == group.state.own_leaf() || comes_back || !device.address.has_value()) continue;
    ASSIGN_OR_RETURN(OutgoingEnvelope envelope,
                     SealEnvelope(*device.address, {identity::EnvelopeKind::kCommit, identity::Encode(payload)}));
    item.envelopes.push_back(std::move(envelope));
  }
  for (const mls::MemberChange& added : staged.adds) {
    const Bytes* data = mls::FindExtension(added.after.extensions, identity::kMailboxAddressExtension);
    if (data == nullptr) return absl::InvalidArgumentError("a key package without a mailbox address");
    ASSIGN_OR_RETURN(const identity::MailboxAddress address, identity::ParseMailboxAddress(*data));
    ASSIGN_OR_RETURN(OutgoingEnvelope envelope,
                     SealEnvelope(address, {identity::EnvelopeKind::kWelcome, *staged.welcome}));
    item.envelopes.push_back(std::move(envelope));
  }
  item.gated_commit = MakeGatedCommit(step, sealed_commit, item.envelopes, is_new);
  return item;
}

absl::Status Conversations::StageCommit(OpenGroup& group, const Changes& changes) {
  ASSIGN_OR_RETURN(const std::optional<OutboxItem> pending, stores_.outbox.PendingCommit(group.stored.id));
  if (pending.has_value()) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "commit_pending",
                  "a change to this conversation is still on its way; try again when it is through");
  }
  for (const mls::KeyPackage& key_package : changes.adds) RETURN_IF_ERROR(AddressOf(key_package).status());
  ASSIGN_OR_RETURN(mls::CommitParams params, ParamsFor(group, changes));
  ASSIGN_OR_RETURN(const mls::StagedCommit staged,
                   group.state.Commit(std::move(params), self_.authentication(), clock_.Now()));
  ASSIGN_OR_RETURN(const RuleContext rules, Rules());
  RETURN_IF_ERROR(CheckCommit(group.state, staged, rules));
  ASSIGN_OR_RETURN(const OutboxItem item, MakeItem(group, staged, /*is_new=*/false));
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  group.stored.state = group.state.Serialize();  // the commit took one generation of the handshake ratchet
  RETURN_IF_ERROR(stores_.groups.Update(change, group.stored));
  RETURN_IF_ERROR(stores_.outbox.Add(change, item).status());
  return change.Commit();
}

absl::Status Conversations::CommitAccepted(const OutboxItem& item) {
  ASSIGN_OR_RETURN(std::optional<OpenGroup> group, Find(item.group_id));
  if (!group.has_value()) return absl::InternalError("an accepted commit of a group that is gone");
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  if (group->state.epoch() == item.epoch) {
    ASSIGN_OR_RETURN(mls::StagedGroup next, mls::StagedGroup::Parse(item.next_state.view()));
    if (group->stored.status == GroupStatus::kActive) {
      RETURN_IF_ERROR(Announce(change, group->stored.conversation, {group->state, next, self_.user(), /*own=*/true}));
    }
    RETURN_IF_ERROR(group->state.AdvanceTo(std::move(next)));
    group->stored.state = group->state.Serialize();
    if (group->stored.status == GroupStatus::kCreating) group->stored.status = GroupStatus::kActive;
    const Bytes* address =
        mls::FindExtension(group->state.own_leaf_node().extensions, identity::kMailboxAddressExtension);
    ASSIGN_OR_RETURN(const std::optional<Mailbox> mailbox, stores_.mailboxes.FindFor(item.group_id));
    const bool in_leaf =
        mailbox.has_value() && address != nullptr &&
        *address == identity::Encode(client::AddressOf(*mailbox, self_.account().delivery_address));
    group->stored.address_due = !in_leaf;
    RETURN_IF_ERROR(stores_.groups.Update(change, group->stored));
  }
  // Whom the commit itself did not reach can fetch it; what a person should know about closed mailboxes, messages tell.
  RETURN_IF_ERROR(stores_.outbox.Remove(change, item.id));
  return change.Commit();
}

absl::Status Conversations::CommitLost(const OutboxItem& item) {
  ASSIGN_OR_RETURN(const std::optional<StoredGroup> group, stores_.groups.Find(item.group_id));
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.outbox.Remove(change, item.id));
  if (group.has_value() && group->status == GroupStatus::kCreating) {
    RETURN_IF_ERROR(stores_.groups.Remove(change, item.group_id));  // somebody else has the handle: start anew
  }
  return change.Commit();
}

absl::Status Conversations::SetAside(const OutboxItem& item, GroupStatus status, absl::string_view reason,
                                     absl::string_view text) {
  ASSIGN_OR_RETURN(std::optional<StoredGroup> group, stores_.groups.Find(item.group_id));
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.outbox.Remove(change, item.id));
  if (group.has_value()) {
    group->status = status;
    RETURN_IF_ERROR(stores_.groups.Update(change, *group));
    RETURN_IF_ERROR(AddNotice(change, group->conversation, reason, text));
  }
  return change.Commit();
}

absl::Status Conversations::GateRefused(const OutboxItem& item) {
  ASSIGN_OR_RETURN(const std::optional<StoredGroup> group, stores_.groups.Find(item.group_id));
  const bool direct = group.has_value() && !IsGroupKey(group->conversation);
  return SetAside(item, direct ? GroupStatus::kBroken : GroupStatus::kLost, "gate_refused",
                  absl::StrCat("The delivery server's gate for this conversation does not accept this device's key: a change "
                               "went past this device, or somebody announced a false one. ",
                               direct ? "The next message starts a fresh group with the same person."
                                      : "The device asks the others to be taken in again."));
}

absl::Status Conversations::ChangeRefused(const OutboxItem& item, absl::string_view author) {
  ASSIGN_OR_RETURN(const std::optional<StoredGroup> group, stores_.groups.Find(item.group_id));
  if (group.has_value() && !IsGroupKey(group->conversation)) return GateRefused(item);
  constexpr absl::string_view kEffect =
      " made a change to this group that its members refuse, and the delivery server has taken it: nothing can be changed or "
      "sent any more. An owner can start the group anew with `plumbline group renew`, ";
  const std::string name = ShortName(author, self_.domain());
  return SetAside(item, GroupStatus::kStuck, "group_stuck",
                  author.empty() ? absl::StrCat("One of the members", kEffect, "and leave out whoever did it. The change is signed by "
                                                "nobody: how to find out who it was is in docs/client.md, \"A group that is stuck\".")
                                 : absl::StrCat(name, kEffect, "leaving ", name, " out with `--without ", name, "`."));
}

absl::Status Conversations::Announce(Change& change, const std::string& conversation, const Epochs& epochs) {
  ASSIGN_OR_RETURN(const GroupPeople before, PeopleOf(epochs.before));
  ASSIGN_OR_RETURN(const GroupPeople after, PeopleOf(epochs.after));
  std::set<std::string> left;
  ASSIGN_OR_RETURN(const std::vector<HeldLeaveRequest> requests, stores_.membership.LeaveRequests(conversation));
  for (const HeldLeaveRequest& request : requests) {
    if (after.users().contains(request.user)) continue;
    left.insert(request.user);
    RETURN_IF_ERROR(stores_.membership.RemoveLeaveRequest(change, conversation, request.user));
  }
  const Reader reader{self_.user(), self_.domain()};
  for (const Announcement& said : DescribeChange(before, after, {epochs.committer, epochs.own, left}, reader)) {
    RETURN_IF_ERROR(AddNotice(change, conversation, said.reason, said.text));
  }
  std::set<std::string> fresh = after.users();
  for (const std::string& user : before.users()) fresh.erase(user);
  RETURN_IF_ERROR(NoticeLookalikes(change, conversation, fresh));
  if (!after.profile.has_value()) return absl::OkStatus();
  return stores_.membership.SetName(change, conversation, after.profile->name);
}

absl::Status Conversations::NoticeLookalikes(Change& change, absl::string_view conversation, const std::set<std::string>& users) {
  const Reader reader{self_.user(), self_.domain()};
  std::optional<std::vector<identity::NamedPerson>> known;
  for (const std::string& user : users) {
    ASSIGN_OR_RETURN(const std::optional<Contact> contact, stores_.contacts.Find(user));
    if (user == self_.user() || (contact.has_value() && !contact->shown_devices.empty())) continue;
    if (!known.has_value()) {
      ASSIGN_OR_RETURN(known, stores_.contacts.People());
    }
    for (const identity::Lookalike& other : identity::Lookalikes({user, contact.has_value() ? contact->parsed.display_name : ""}, *known)) {
      RETURN_IF_ERROR(AddNotice(change, conversation, "looks_like", DescribeResemblance(user, other, reader)));
    }
  }
  return absl::OkStatus();
}

absl::Status Conversations::AddNotice(Change& change, absl::string_view conversation, absl::string_view reason,
                                      absl::string_view text) {
  Entry entry;
  entry.time = clock_.Now();
  entry.conversation = std::string(conversation);
  entry.kind = EntryKind::kNotice;
  entry.body = ToBytes(AsBytes(text));
  entry.state = EntryState::kNew;
  entry.detail = std::string(reason);
  return stores_.history.Add(change, entry).status();
}

}  // namespace plumbline::client
