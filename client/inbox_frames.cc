// What a decrypted frame does: its place in its sender's chain, and what it says to a person or to this client.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/group_rules.h"
#include "client/inbox.h"
#include "client/roster.h"
#include "client/transparency.h"
#include "common/identity/frame.h"

namespace plumbline::client {
namespace {

// More frames than this missing at once are not remembered one by one.
constexpr uint64_t kMaxRememberedGap = 256;

}  // namespace

absl::Status Inbox::ApplyFrame(Change& change, const OpenGroup& group, const CredentialNames& sender,
                               ByteView plaintext) {
  const std::string& conversation = group.stored.conversation;
  const std::string name = ShortName(sender.user, self_.domain());
  const auto gap = [&](absl::string_view reason, absl::string_view text) {
    return AddEntry(change, conversation, sender, EntryKind::kGap, "", AsBytes(text), reason);
  };
  const absl::StatusOr<identity::Frame> frame = identity::ParseFrame(plaintext);
  if (!frame.ok()) {
    return gap("frame_malformed", absl::StrCat("A message from ", name, " does not have the form this version knows. Update "
                                               "this program, or ask for it again."));
  }
  if (frame->seen) {
    ASSIGN_OR_RETURN(const bool split,
                     CompareSeen(stores_, self_, change, {sender.device, sender.user, *frame->seen, clock_.Now()}));
    if (split) {
      RETURN_IF_ERROR(conversations_.AddNotice(
          change, conversation, "directory_split",
          absl::StrCat("The directory has shown ", name, " another history than this device. Somebody may be reading along, or "
                       "be somebody else. Nothing more is sent on its word; `plumbline evidence` writes the proof to a file for "
                       "your security officer.")));
    }
  }
  ASSIGN_OR_RETURN(const std::optional<ChainHead> known, stores_.groups.FindChain(group.stored.id, sender.device));
  // Whoever joined late cannot know where the others' chains stand: the first frame seen is the start.
  const bool from_start = known.has_value() || group.stored.joined_epoch <= 1;
  const ChainHead head = known.value_or(ChainHead{});
  if (frame->sequence > head.sequence) {
    if (from_start && frame->sequence != head.sequence + 1) {
      const uint64_t count = frame->sequence - head.sequence - 1;
      RETURN_IF_ERROR(gap("messages_missing",
                          absl::StrCat(count, count == 1 ? " message" : " messages", " from ", name, " before the next one "
                                       "did not arrive: not sent through to the end, deleted after 30 days, or kept back on "
                                       "the way. If it does not follow soon, ask for it again.")));
      const uint64_t first = count > kMaxRememberedGap ? frame->sequence - kMaxRememberedGap : head.sequence + 1;
      for (uint64_t sequence = first; sequence < frame->sequence; ++sequence) {
        RETURN_IF_ERROR(stores_.groups.AddMissing(change, group.stored.id, sender.device, sequence));
      }
    } else if (from_start && frame->previous_hash != head.hash) {
      RETURN_IF_ERROR(gap("chain_broken", absl::StrCat("The next message from ", name, " does not follow the one before: that "
                                                       "device was restored from a copy or sent different things to "
                                                       "different people. Compare with the sender.")));
    }
    RETURN_IF_ERROR(stores_.groups.SetChain(change, group.stored.id, sender.device, {frame->sequence, Sha256(plaintext)}));
  } else {
    ASSIGN_OR_RETURN(const bool was_missing,
                     stores_.groups.TakeMissing(change, group.stored.id, sender.device, frame->sequence));
    if (!was_missing) {
      return gap("message_repeated", absl::StrCat("A message from ", name, " came under a number that was used before and is "
                                                  "not shown: that device was restored from a copy, or is faulty. Ask for "
                                                  "it again."));
    }
    RETURN_IF_ERROR(gap("message_late", absl::StrCat("The next message from ", name, " is one that was missing above.")));
  }
  if (frame->media_type == identity::kControlMediaType) return ApplyControl(change, group, sender, frame->body);
  return AddEntry(change, conversation, sender, EntryKind::kMessage, frame->media_type, frame->body, "");
}

absl::Status Inbox::ApplyControl(Change& change, const OpenGroup& group, const CredentialNames& sender, ByteView body) {
  const std::string& conversation = group.stored.conversation;
  const auto refused = [&](absl::string_view why) {
    return conversations_.AddNotice(change, conversation, "control_refused",
                                    absl::StrCat("Something that a device of ", ShortName(sender.user, self_.domain()),
                                                 " sent to the other clients was not followed: ", why, "."));
  };
  const absl::StatusOr<identity::LeaveRequest> request = identity::ParseLeaveRequest(body);
  if (!request.ok()) return refused("it has a form that this version does not know");
  ASSIGN_OR_RETURN(const GroupPeople people, PeopleOf(group.state));
  const identity::GroupPerson* person =
      people.profile.has_value() ? identity::FindPerson(*people.profile, request->user) : nullptr;
  if (person == nullptr || person->since != request->since || people.profile->conversation_id != request->conversation_id ||
      request->user != sender.user) {
    return refused("a request to leave that is not its sender's, or not for this stay");
  }
  const auto device = std::find_if(people.roster.begin(), people.roster.end(), [&](const RosterDevice& d) {
    return d.names.user == sender.user && d.names.device == request->device_id;
  });
  const absl::StatusOr<crypto::Ed25519PublicKey> key =
      device == people.roster.end() ? absl::NotFoundError("") : crypto::Ed25519PublicKey::Parse(device->signature_key);
  if (!key.ok() || !identity::VerifyLeaveRequest(*request, *key).ok()) return refused("a request to leave with a wrong signature");
  return stores_.membership.AddLeaveRequest(change, conversation, {request->user, ToBytes(body), clock_.Now()});
}

absl::Status Inbox::AddEntry(Change& change, const std::string& conversation, const CredentialNames& sender,
                             EntryKind kind, absl::string_view media_type, ByteView body, absl::string_view detail) {
  Entry entry;
  entry.time = clock_.Now();
  entry.conversation = conversation;
  entry.kind = kind;
  entry.sender = sender.user;
  entry.device_id = Bytes(sender.device.begin(), sender.device.end());
  entry.media_type = std::string(media_type);
  entry.body = ToBytes(body);
  entry.state = EntryState::kNew;
  entry.detail = std::string(detail);
  return stores_.history.Add(change, entry).status();
}

}  // namespace plumbline::client
