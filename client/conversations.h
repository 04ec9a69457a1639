// Conversations: which MLS group carries one, and the steps that change a group or send in it. Every step ends in one Change
// that holds the group's state, the exact outgoing bytes and the history together; nothing here touches the network.
// A conversation is named by its key (client/group_rules.h, ConversationOf).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/group_rules.h"
#include "client/self.h"
#include "client/stores.h"
#include "common/clock.h"
#include "common/status.h"
#include "mls/group.h"
#include "mls/key_package.h"

namespace plumbline::client {

inline constexpr size_t kMaxText = 256 * 1024;  // bytes of one text message

// A stored group and its parsed state.
struct OpenGroup {
  StoredGroup stored;
  mls::Group state;
};

// What the server answered for one envelope.
enum class Delivered { kStored, kRefused, kFull };
struct EnvelopeAnswer {
  identity::EnvelopeId envelope_id{};
  Delivered outcome = Delivered::kStored;
};

class Conversations final {
 public:
  Conversations(Stores& stores, const Self& self, const Clock& clock) : stores_(stores), self_(self), clock_(clock) {}

  // Of the active groups of this conversation the one whose id has the least SHA-256: all members pick the same, whoever
  // made which. None if there is none yet.
  absl::StatusOr<std::optional<OpenGroup>> SendingGroup(absl::string_view conversation);
  absl::StatusOr<std::optional<OpenGroup>> Find(ByteView group_id);
  // "bob" or "group Planning": for people.
  absl::StatusOr<std::string> DisplayName(absl::string_view conversation);
  // What commits are judged by here.
  absl::StatusOr<RuleContext> Rules();

  // Makes the group `mailbox.group_id` with the owners of `others`, a direct one if there is no profile, and puts its first
  // commit and the Welcomes in the outbox. INVALID_ARGUMENT if a key package is unusable or somebody else's.
  absl::Status Create(const std::optional<identity::GroupProfile>& profile, const std::vector<mls::KeyPackage>& others,
                      const Mailbox& mailbox);

  // The same as a successor of `former`, which is not used for sending from then on.
  absl::Status CreateSuccessor(const StoredGroup& former, const identity::GroupProfile& profile,
                               const std::vector<mls::KeyPackage>& others, const Mailbox& mailbox);

  // Puts a commit in the outbox: members added and removed, another profile, the own leaf with `address` if given. One commit
  // of a group at a time: FAILED_PRECONDITION commit_pending. INVALID_ARGUMENT as Create, and not_permitted: what the other
  // members would refuse is not sent.
  struct Changes {
    std::vector<mls::KeyPackage> adds;
    std::vector<mls::LeafIndex> removes;
    std::optional<identity::MailboxAddress> address;
    std::optional<identity::GroupProfile> profile;
    identity::CommitEvidence evidence;
  };
  // Whether the own leaf carries a former credential, and the next commit can replace it: the directory names the present one.
  absl::StatusOr<bool> CredentialDiffers(const mls::Group& group);
  absl::Status StageCommit(OpenGroup& group, const Changes& changes);

  // The server's answers. Accepted: the group advances. Lost: the staged commit is dropped; whoever wanted it looks again.
  absl::Status CommitAccepted(const OutboxItem& item);
  absl::Status CommitLost(const OutboxItem& item);
  // The gate refused our signature: our state and the server's contradict each other. The group is set aside.
  absl::Status GateRefused(const OutboxItem& item);
  // The server holds a change, instead of ours, that this client does not accept. A direct conversation starts another group; a
  // group is stuck until an owner starts it anew. `author`: the user who made it; empty if nobody can tell.
  absl::Status ChangeRefused(const OutboxItem& item, absl::string_view author);
  absl::Status MessageAnswered(const OutboxItem& item, const std::vector<EnvelopeAnswer>& answers);

  // Writes a text down, to be encrypted when its group is ready. INVALID_ARGUMENT text_empty, text_too_long,
  // text_not_utf8. Returns the history id.
  absl::StatusOr<int64_t> AddText(const std::string& conversation, absl::string_view text);
  // The same for content of any kind, as a part of `change`. `body` is at most identity::kMaxFrameBody.
  absl::StatusOr<int64_t> AddContent(Change& change, const std::string& conversation, EntryKind kind,
                                     absl::string_view media_type, ByteView body);
  // Encrypts the oldest waiting content of the conversation into the outbox. False if there was none, or no group that can
  // carry it.
  absl::StatusOr<bool> EncryptNext(absl::string_view conversation);

  // The effects of a change of epoch on everything but the group's own state: notices, the group's name, requests that it
  // fulfilled.
  struct Epochs {
    const mls::GroupView& before;
    const mls::GroupView& after;
    std::string committer;  // user URI
    bool own = false;       // made by this device: what it did to devices only followed the directory, and is not announced
  };
  absl::Status Announce(Change& change, const std::string& conversation, const Epochs& epochs);

  // For each of `users` who is new to this person and could be taken for somebody known: a notice looks_like. Part of `change`.
  absl::Status NoticeLookalikes(Change& change, absl::string_view conversation, const std::set<std::string>& users);

  // A line a person should see. Part of `change`.
  absl::Status AddNotice(Change& change, absl::string_view conversation, absl::string_view reason, absl::string_view text);

 private:
  struct Founding {
    const std::optional<identity::GroupProfile>& profile;
    const std::vector<mls::KeyPackage>& others;
    const Mailbox& mailbox;
    const StoredGroup* former;  // null: none
  };
  absl::Status Make(const Founding& founding);
  absl::Status SetAside(const OutboxItem& item, GroupStatus status, absl::string_view reason, absl::string_view text);
  // With the own leaf's present credential, if it is not there yet, and the record that names it.
  absl::StatusOr<mls::CommitParams> ParamsFor(const OpenGroup& group, Changes changes);
  absl::StatusOr<OutboxItem> MakeItem(const OpenGroup& group, const mls::StagedCommit& staged, bool is_new) const;
  absl::Status AddFailures(Change& change, const StoredGroup& group, const OutboxItem& item,
                           const std::vector<EnvelopeAnswer>& answers);

  Stores& stores_;
  const Self& self_;
  const Clock& clock_;
};

// What a leaf of this client can do.
mls::Capabilities OwnCapabilities();
mls::Extensions LeafExtensions(const identity::MailboxAddress& address);

}  // namespace plumbline::client
