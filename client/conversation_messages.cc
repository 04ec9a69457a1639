// What is said in a conversation, from being written down to the server's answer. The groups are in conversations.cc.
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "client/conversations.h"
#include "client/roster.h"
#include "client/sealing.h"
#include "client/terminal_text.h"
#include "common/identity/frame.h"
#include "common/identity/reason.h"

namespace plumbline::client {
namespace {

using identity::Refuse;

bool AnyStored(const std::vector<EnvelopeAnswer>& answers) {
  return std::any_of(answers.begin(), answers.end(),
                     [](const EnvelopeAnswer& a) { return a.outcome == Delivered::kStored; });
}

}  // namespace

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
  ASSIGN_OR_RETURN(const std::string name, DisplayName(group.conversation));
  return AddNotice(change, group.conversation, full ? "mailbox_full" : "mailbox_refused",
                   absl::StrCat("Not delivered to ", failed.size(), " of ", item.envelopes.size(), " devices in the "
                                "conversation with ", name,
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

absl::StatusOr<int64_t> Conversations::AddText(const std::string& conversation, absl::string_view text) {
  const auto refuse = [](absl::string_view reason, absl::string_view why) {
    return Refuse(absl::StatusCode::kInvalidArgument, reason, why);
  };
  if (text.empty()) return refuse("text_empty", "there is nothing to send");
  if (text.size() > kMaxText) {
    return refuse("text_too_long", absl::StrCat("a message may have at most ", kMaxText, " bytes; send it in parts"));
  }
  if (!IsUtf8(text)) return refuse("text_not_utf8", "the text is not UTF-8; set a UTF-8 locale or convert it");
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  ASSIGN_OR_RETURN(const int64_t id,
                   AddContent(change, conversation, EntryKind::kMessage, identity::kTextMediaType, AsBytes(text)));
  RETURN_IF_ERROR(change.Commit());
  return id;
}

absl::StatusOr<int64_t> Conversations::AddContent(Change& change, const std::string& conversation, EntryKind kind,
                                                  absl::string_view media_type, ByteView body) {
  Entry entry;
  entry.time = clock_.Now();
  entry.conversation = conversation;
  entry.kind = kind;
  entry.sender = self_.user();
  entry.device_id = Bytes(self_.device().begin(), self_.device().end());
  entry.media_type = std::string(media_type);
  entry.body = ToBytes(body);
  entry.state = EntryState::kWaiting;
  return stores_.history.Add(change, entry);
}

absl::StatusOr<bool> Conversations::EncryptNext(absl::string_view conversation) {
  ASSIGN_OR_RETURN(const std::vector<Entry> waiting, stores_.history.InState(EntryState::kWaiting));
  const auto entry =
      std::find_if(waiting.begin(), waiting.end(), [&](const Entry& e) { return e.conversation == conversation; });
  if (entry == waiting.end()) return false;
  ASSIGN_OR_RETURN(std::optional<OpenGroup> group, SendingGroup(conversation));
  if (!group.has_value()) return false;
  ASSIGN_OR_RETURN(const std::optional<OutboxItem> pending, stores_.outbox.PendingCommit(group->stored.id));
  if (pending.has_value()) return false;

  identity::Frame frame;
  frame.sequence = group->stored.sent_sequence + 1;
  frame.previous_hash = group->stored.sent_hash;
  frame.media_type = entry->media_type;
  frame.body = entry->body;
  ASSIGN_OR_RETURN(const std::optional<KnownLog> log, stores_.log.Get());
  if (log && log->seen.size > 0) frame.seen = log->seen;
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

}  // namespace plumbline::client
