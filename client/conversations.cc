#include "client/conversations.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "client/gate.h"
#include "client/roster.h"
#include "client/sealing.h"
#include "client/terminal_text.h"
#include "common/identity/frame.h"
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

bool AnyStored(const std::vector<EnvelopeAnswer>& answers) {
  return std::any_of(answers.begin(), answers.end(),
                     [](const EnvelopeAnswer& a) { return a.outcome == Delivered::kStored; });
}

}  // namespace

mls::Capabilities OwnCapabilities() {
  return mls::Capabilities::Default({identity::kMailboxAddressExtension, identity::kGroupDataExtension});
}

mls::Extensions LeafExtensions(const identity::MailboxAddress& address) {
  return {{identity::kMailboxAddressExtension, identity::Encode(address)}};
}

absl::StatusOr<std::optional<OpenGroup>> Conversations::SendingGroup(absl::string_view other) {
  ASSIGN_OR_RETURN(std::vector<StoredGroup> groups, stores_.groups.InConversation(other));
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

absl::Status Conversations::Create(const std::string& other, const std::vector<mls::KeyPackage>& others,
                                   const Mailbox& mailbox) {
  identity::GroupData data;
  data.handle = identity::RandomFixed<32>();
  data.kind = identity::GroupKind::kDirect;
  mls::CreateGroupParams params;
  params.group_id = mailbox.group_id;
  params.credential = self_.credential();
  params.lifetime = mls::Lifetime::From(clock_.Now() - kClockSkew, kLeafLife);
  params.capabilities = OwnCapabilities();
  params.leaf_extensions = LeafExtensions(client::AddressOf(mailbox, self_.account().delivery_address));
  params.group_context_extensions = {{identity::kGroupDataExtension, identity::Encode(data)}};
  ASSIGN_OR_RETURN(mls::Group state, mls::Group::Create(std::move(params), self_.mls_keys()));

  StoredGroup stored;
  stored.id = mailbox.group_id;
  stored.conversation = other;
  stored.handle = data.handle;
  stored.status = GroupStatus::kCreating;
  OpenGroup group{std::move(stored), std::move(state)};
  ASSIGN_OR_RETURN(mls::CommitParams commit, ParamsFor(group, Changes{others, {}, std::nullopt}));
  ASSIGN_OR_RETURN(const mls::StagedCommit staged,
                   group.state.Commit(std::move(commit), self_.authentication(), clock_.Now()));
  ASSIGN_OR_RETURN(const std::string found, OtherPerson(*staged.next, self_.user()));
  if (found != other) return absl::InvalidArgumentError("a key package belongs to somebody else");
  ASSIGN_OR_RETURN(const OutboxItem item, MakeItem(group, staged, /*is_new=*/true));

  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  group.stored.state = group.state.Serialize();
  RETURN_IF_ERROR(stores_.groups.Add(change, group.stored));
  RETURN_IF_ERROR(stores_.outbox.Add(change, item).status());
  return change.Commit();
}

absl::StatusOr<mls::CommitParams> Conversations::ParamsFor(const OpenGroup& group, const Changes& changes) const {
  mls::CommitParams params;
  params.adds = changes.adds;
  params.removes = changes.removes;
  params.include_pending_proposals = false;
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
    const bool removed = std::any_of(removes.begin(), removes.end(),
                                     [&](const mls::MemberChange& m) { return m.index == device.leaf; });
    if (device.leaf == group.state.own_leaf() || removed || !device.address.has_value()) continue;
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
  ASSIGN_OR_RETURN(const std::string other, OtherPerson(*staged.next, self_.user()));
  if (other != group.stored.conversation) return absl::InvalidArgumentError("a key package belongs to somebody else");
  ASSIGN_OR_RETURN(const OutboxItem item, MakeItem(group, staged, /*is_new=*/false));
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  group.stored.state = group.state.Serialize();  // the commit took one generation of the handshake ratchet
  RETURN_IF_ERROR(stores_.groups.Update(change, group.stored));
  RETURN_IF_ERROR(stores_.outbox.Add(change, item).status());
  return change.Commit();
}

absl::Status Conversations::CommitAccepted(const OutboxItem& item, const std::vector<EnvelopeAnswer>& answers) {
  ASSIGN_OR_RETURN(std::optional<OpenGroup> group, Find(item.group_id));
  if (!group.has_value()) return absl::InternalError("an accepted commit of a group that is gone");
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  if (group->state.epoch() == item.epoch) {
    ASSIGN_OR_RETURN(mls::Group next, mls::Group::Parse(item.next_state.view()));
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
  RETURN_IF_ERROR(AddFailures(change, group->stored, item, answers));
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

absl::Status Conversations::GateRefused(const OutboxItem& item) {
  ASSIGN_OR_RETURN(std::optional<StoredGroup> group, stores_.groups.Find(item.group_id));
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.outbox.Remove(change, item.id));
  if (group.has_value()) {
    group->status = GroupStatus::kBroken;
    RETURN_IF_ERROR(stores_.groups.Update(change, *group));
    RETURN_IF_ERROR(AddNotice(change, group->conversation, "gate_refused",
                              "The delivery server's gate for this conversation does not accept this device's key: a change "
                              "went past this device, or somebody announced a false one. The next message starts a fresh "
                              "group with the same person."));
  }
  return change.Commit();
}

absl::Status Conversations::AddFailures(Change& change, const StoredGroup& group, const OutboxItem& item,
                                        const std::vector<EnvelopeAnswer>& answers) {
  std::map<identity::MailboxId, Delivered> failed;
  for (const EnvelopeAnswer& answer : answers) {
    if (answer.outcome == Delivered::kStored) continue;
    for (const OutgoingEnvelope& envelope : item.envelopes) {
      if (envelope.envelope_id == answer.envelope_id) failed[envelope.mailbox_id] = answer.outcome;
    }
  }
  if (failed.empty()) return absl::OkStatus();
  const bool full = std::any_of(failed.begin(), failed.end(), [](const auto& f) { return f.second == Delivered::kFull; });
  return AddNotice(change, group.conversation, full ? "mailbox_full" : "mailbox_refused",
                   absl::StrCat("Not delivered to ", failed.size(), " of ", item.envelopes.size(), " devices in the "
                                "conversation with ", ShortName(group.conversation, self_.domain()),
                                full ? ": a mailbox is full. It empties when that device comes online; then send again."
                                     : ": a mailbox is closed or no longer takes messages from here. If that lasts, the "
                                       "device has to be enrolled again."));
}

absl::Status Conversations::MessageAnswered(const OutboxItem& item, const std::vector<EnvelopeAnswer>& answers) {
  ASSIGN_OR_RETURN(const std::optional<StoredGroup> group, stores_.groups.Find(item.group_id));
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  for (const EnvelopeAnswer& answer : answers) {
    RETURN_IF_ERROR(stores_.outbox.RemoveEnvelope(change, answer.envelope_id));
  }
  if (group.has_value()) RETURN_IF_ERROR(AddFailures(change, *group, item, answers));
  if (item.history_id.has_value() && AnyStored(answers)) {
    RETURN_IF_ERROR(stores_.history.SetState(change, *item.history_id, EntryState::kSent));
  }
  if (answers.size() == item.envelopes.size()) {
    RETURN_IF_ERROR(stores_.outbox.Remove(change, item.id));
    if (item.history_id.has_value()) {
      ASSIGN_OR_RETURN(const std::optional<Entry> entry, stores_.history.Find(*item.history_id));
      if (entry.has_value() && entry->state != EntryState::kSent) {
        RETURN_IF_ERROR(stores_.history.SetState(change, *item.history_id, EntryState::kFailed));
      }
    }
  }
  return change.Commit();
}

absl::StatusOr<int64_t> Conversations::AddText(const std::string& other, absl::string_view text) {
  const auto refuse = [](absl::string_view reason, absl::string_view why) {
    return Refuse(absl::StatusCode::kInvalidArgument, reason, why);
  };
  if (text.empty()) return refuse("text_empty", "there is nothing to send");
  if (text.size() > kMaxText) {
    return refuse("text_too_long", absl::StrCat("a message may have at most ", kMaxText, " bytes; send it in parts"));
  }
  if (!IsUtf8(text)) return refuse("text_not_utf8", "the text is not UTF-8; set a UTF-8 locale or convert it");
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  ASSIGN_OR_RETURN(const int64_t id, AddContent(change, other, identity::kTextMediaType, AsBytes(text)));
  RETURN_IF_ERROR(change.Commit());
  return id;
}

absl::StatusOr<int64_t> Conversations::AddContent(Change& change, const std::string& conversation,
                                                  absl::string_view media_type, ByteView body) {
  Entry entry;
  entry.time = clock_.Now();
  entry.conversation = conversation;
  entry.kind = EntryKind::kMessage;
  entry.sender = self_.user();
  entry.device_id = Bytes(self_.device().begin(), self_.device().end());
  entry.media_type = std::string(media_type);
  entry.body = ToBytes(body);
  entry.state = EntryState::kWaiting;
  return stores_.history.Add(change, entry);
}

absl::StatusOr<bool> Conversations::EncryptNext(absl::string_view other) {
  ASSIGN_OR_RETURN(const std::vector<Entry> waiting, stores_.history.InState(EntryState::kWaiting));
  const auto entry = std::find_if(waiting.begin(), waiting.end(), [&](const Entry& e) { return e.conversation == other; });
  if (entry == waiting.end()) return false;
  ASSIGN_OR_RETURN(std::optional<OpenGroup> group, SendingGroup(other));
  if (!group.has_value()) return false;
  ASSIGN_OR_RETURN(const std::optional<OutboxItem> pending, stores_.outbox.PendingCommit(group->stored.id));
  if (pending.has_value()) return false;

  identity::Frame frame;
  frame.sequence = group->stored.sent_sequence + 1;
  frame.previous_hash = group->stored.sent_hash;
  frame.media_type = entry->media_type;
  frame.body = entry->body;
  const Bytes encoded = identity::Encode(frame);
  ASSIGN_OR_RETURN(const Bytes message, group->state.Protect(encoded, {}));
  group->stored.sent_sequence = frame.sequence;
  group->stored.sent_hash = Sha256(encoded);
  group->stored.state = group->state.Serialize();

  OutboxItem item;
  item.group_id = group->stored.id;
  item.epoch = group->state.epoch();
  item.history_id = entry->id;
  ASSIGN_OR_RETURN(const std::vector<RosterDevice> roster, RosterOf(group->state));
  for (const RosterDevice& device : roster) {
    if (device.leaf == group->state.own_leaf() || !device.address.has_value()) continue;
    ASSIGN_OR_RETURN(OutgoingEnvelope envelope,
                     SealEnvelope(*device.address, {identity::EnvelopeKind::kMessage, message}));
    item.envelopes.push_back(std::move(envelope));
  }
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.groups.Update(change, group->stored));
  RETURN_IF_ERROR(stores_.outbox.Add(change, item).status());
  RETURN_IF_ERROR(stores_.history.SetState(change, entry->id, EntryState::kQueued));
  RETURN_IF_ERROR(change.Commit());
  return true;
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
