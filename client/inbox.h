// From a received envelope to its effects. All effects of one envelope (group state, history, the envelope's id) are in one
// Change; only after it is committed may the envelope be acknowledged. What cannot be used is written down as a notice with
// cause and remedy, never dropped silently, and never makes this client fail.
#pragma once

#include <set>
#include <string>

#include "client/conversations.h"
#include "client/self.h"
#include "client/stores.h"
#include "common/clock.h"
#include "common/identity/envelope.h"
#include "common/status.h"
#include "mls/framing.h"

namespace plumbline::client {

enum class Taken {
  kDone,       // its effects, or a notice that it had none, are on disk: acknowledge it
  kDuplicate,  // they were already: acknowledge it
  kBehind,     // it belongs to a later epoch than ours: fetch the commits in between, then offer it again
};

struct TakenEnvelope {
  Taken taken = Taken::kDone;
  Bytes group_id;  // kBehind: the group that has to catch up
};

// Why a commit that was fetched is not followed, as far as that can be told.
struct RefusedChange {
  std::string author;          // user URI; empty if no member's signature is under it: then nobody can tell
  bool own_path_only = false;  // it may be good for the others (mls/refused_commit.h)
};

class Inbox final {
 public:
  Inbox(Stores& stores, Conversations& conversations, const Self& self, const Clock& clock)
      : stores_(stores), conversations_(conversations), self_(self), clock_(clock) {}

  // Fails only if the store does; then nothing was changed and the envelope must not be acknowledged. `give_up`: do not
  // answer kBehind again, write the envelope off with a notice.
  absl::StatusOr<TakenEnvelope> Take(const identity::MailboxId& mailbox_id, const identity::EnvelopeId& envelope_id,
                                     ByteView sealed, bool give_up = false);

  // A commit fetched from the server, with the gate key it was stored with: applied to the group's current epoch and
  // committed. UNAUTHENTICATED gate_mismatch; other codes as mls::Group::Process: the group stays, and `refused` says what is
  // known.
  absl::Status TakeFetchedCommit(ByteView group_id, ByteView mls_message, ByteView next_public_key,
                                 RefusedChange* refused = nullptr);

  // The server's gate is at a state of the group that this device cannot reach: the group is marked as lost, and a person told.
  // `author`: who made the change that does not open here; empty if changes were missed.
  absl::Status FallBehind(ByteView group_id, absl::string_view author = "");

 private:
  // What one envelope does, within `change`. A status is a reason to write it off, not a failure of the store.
  absl::StatusOr<TakenEnvelope> Apply(Change& change, const Mailbox& mailbox, const identity::EnvelopeId& envelope_id,
                                      ByteView sealed);
  absl::Status ApplyWelcome(Change& change, ByteView welcome);
  // A Welcome into a group that is in the store already: only a device that is out of it is taken in again.
  absl::Status Return(Change& change, const StoredGroup& known, StoredGroup joined);
  // A Welcome into another group of a conversation that is here: taken only from an owner of the group that it names as its
  // predecessor, or of the last one that this device was in, and for nobody who was in none of them.
  absl::Status Continue(Change& change, const StoredGroup& joined, const GroupPeople& people, const std::string& inviter);
  // The group of this conversation that this device still takes for its own; none if it knows of none.
  absl::StatusOr<std::optional<OpenGroup>> LastOf(absl::string_view conversation);
  // Everybody who was in a group of this conversation, as this device last knew each.
  absl::StatusOr<std::set<std::string>> EverIn(absl::string_view conversation);
  absl::Status ApplyResync(Change& change, ByteView payload);
  absl::StatusOr<TakenEnvelope> ApplyMessage(Change& change, ByteView mls_message, const identity::GateRecord* gate);
  absl::Status ApplyApplication(Change& change, OpenGroup& group, const mls::ApplicationMessage& message);
  absl::Status ApplyFrame(Change& change, const OpenGroup& group, const CredentialNames& sender, ByteView plaintext);
  absl::Status ApplyControl(Change& change, const OpenGroup& group, const CredentialNames& sender, ByteView body);
  absl::Status ApplyCommit(Change& change, OpenGroup& group, mls::StagedCommit staged);
  absl::Status AddEntry(Change& change, const std::string& conversation, const CredentialNames& sender, EntryKind kind,
                        absl::string_view media_type, ByteView body, absl::string_view detail);
  absl::Status WriteOff(const identity::EnvelopeId& envelope_id, const Bytes& group_id, const absl::Status& why);

  Stores& stores_;
  Conversations& conversations_;
  const Self& self_;
  const Clock& clock_;
};

}  // namespace plumbline::client
