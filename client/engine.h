// A person's client at work: sends, receives, and keeps groups and supplies in order. The command line drives it from one
// thread; only EventQueue is shared with others.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "client/conversations.h"
#include "client/directory.h"
#include "client/events.h"
#include "client/inbox.h"
#include "client/membership.h"
#include "client/network.h"
#include "client/receiver.h"
#include "client/self.h"
#include "client/sender.h"
#include "client/stores.h"
#include "client/supplies.h"
#include "common/clock.h"

namespace plumbline::client {

// What is known of a person just before something is sent to them.
struct PersonView {
  Contact contact;
  Verification verification = Verification::kNever;
  bool first_time = false;       // never shown before
  bool devices_changed = false;  // since they were last shown
};

// Whom a message is for: one person, or a group.
struct Target {
  std::string conversation;  // its key (client/group_rules.h)
  bool group = false;
  std::vector<std::string> people;  // user URIs of the others
};

struct SendOutcome {
  int64_t id = 0;  // of the history entry
  EntryState state = EntryState::kWaiting;
  absl::Status trouble;  // why it is not further; OK if it was sent or finally refused
};

class Engine final {
 public:
  // Everything outlives the engine.
  Engine(Stores& stores, const Self& self, Network& network, const Clock& clock);

  // The user URI of what a person typed. INVALID_ARGUMENT name_malformed, other_organisation, own_name.
  absl::StatusOr<std::string> ResolveName(absl::string_view typed) const;
  // The conversation of the group "group:Planning", from the store alone; also one that this device has left.
  static absl::StatusOr<std::string> FindGroup(Stores& stores, absl::string_view typed);
  // The same for "bob" or "group:Planning" (also the first hex digits of a group's id). NOT_FOUND group_unknown;
  // FAILED_PRECONDITION group_ambiguous, not_in_group.
  absl::StatusOr<Target> Resolve(absl::string_view typed);

  // Looks the person up and says what is new about their devices; the caller shows it, then calls MarkShown.
  // FAILED_PRECONDITION account_suspended, account_removed; otherwise as Directory::LookUp.
  absl::StatusOr<PersonView> CheckPerson(const std::string& user);
  // The same for everybody a message to `target` is for. In a group a suspended account is no obstacle: it gets nothing.
  absl::StatusOr<std::vector<PersonView>> CheckPeople(const Target& target);
  absl::Status MarkShown(const std::vector<PersonView>& people);

  // Writes the text down and brings it as far as it goes within `patience`: failures of the network are tried again until
  // then. The people are fresh from CheckPeople. A status only if nothing was written down.
  absl::StatusOr<SendOutcome> Send(const Target& target, absl::string_view text, absl::Duration patience);
  // Keeps a text for a conversation that exists while the directory cannot be asked. NOT_FOUND if there is none.
  absl::StatusOr<SendOutcome> Keep(const Target& target, absl::string_view text, absl::Status trouble);

  // Makes a group and brings it to the server. INVALID_ARGUMENT group_name_malformed, group_too_large; otherwise as
  // CheckPerson. Returns what `Resolve` would.
  absl::StatusOr<Target> CreateGroup(const std::string& name, const std::vector<std::string>& people);
  // Asks for changes to a group and carries them out; what others decide meanwhile is taken into account.
  // FAILED_PRECONDITION not_owner, last_owner, not_in_group, group_full. What the network keeps from being done now is done with
  // the next synchronisation, and the status says so.
  absl::Status ChangeGroup(const Target& target, const std::vector<Wish>& wishes);
  // Asks the others to take this person out. FAILED_PRECONDITION last_owner.
  absl::Status Leave(const Target& target);
  // Starts a group that is stuck (or is in doubt) anew under fresh keys, without some of its people. FAILED_PRECONDITION
  // not_owner, not_in_group.
  absl::StatusOr<Target> Renew(const std::string& conversation, const std::set<std::string>& without);
  // The group as it is now. FAILED_PRECONDITION not_in_group.
  absl::StatusOr<GroupPeople> ShowGroup(const Target& target);

  // Brings a message that is written down in `conversation` (Conversations::AddContent) as far as it goes within `patience`.
  absl::StatusOr<SendOutcome> Push(const std::string& conversation, int64_t id, absl::Duration patience);

  // Receives everything that is stored, does what is due (addresses, outbox, texts that wait), until nothing is left.
  // Fails with the first thing that could not be done; what was received until then is in the history.
  absl::Status Synchronise();

  // Stays online: handles events until `until` says so. `changed` is called when the history may have grown or the line
  // has come or gone; `line` for each line in the queue, and with nullptr at its end.
  struct Callbacks {
    std::function<absl::Status()> changed;
    std::function<absl::Status(const std::string*)> line;
    std::function<bool()> until;
  };
  absl::Status Run(const Callbacks& callbacks);
  // Why the line is down; OK while it is up.
  const absl::Status& trouble() const { return trouble_; }

  // The sixty digits to compare, from both people's present records.
  struct Comparison {
    PersonView person;
    std::string code;
  };
  absl::StatusOr<Comparison> Compare(const std::string& user);
  absl::Status SetVerified(const Comparison& comparison);

  Supplies& supplies() { return supplies_; }
  Conversations& conversations() { return conversations_; }
  EventQueue& events() { return events_; }

 private:
  // Brings the waiting contents of one conversation into the outbox and out of it: group, members, messages.
  absl::Status Deliver(const std::string& conversation);
  // Carries out what is asked of a group; with `before_send` also what others could do as well. Bounded rounds.
  absl::Status Settle(const std::string& conversation, bool before_send);
  // The same while the network may fail, within `patience`.
  absl::Status Persist(absl::Duration patience, const std::function<absl::Status()>& step);
  // For contents that waited: what the people would have been shown before sending becomes a notice first.
  absl::Status ShowChanges(const Target& target);
  absl::StatusOr<PersonView> ViewPerson(const std::string& user);
  // Nobody else is in the group: it ends here.
  absl::Status Close(const std::string& conversation);
  absl::Status CheckWish(const GroupPeople& people, const Wish& wish) const;
  absl::StatusOr<Target> TargetOf(const OpenGroup& group) const;
  // Why there is no group that carries this conversation: not_in_group, group_stuck.
  absl::Status NotInGroup(absl::string_view conversation);
  static absl::Status Busy();
  // Groups that need a commit of ours although nothing is to be sent in them, and lost ones that ask to return.
  absl::Status AttendToGroups();
  // Before something is sent: commits that were kept from this device.
  absl::Status CatchUp(const Bytes& group_id);
  // Commits mailbox addresses that the own leaves lack. Bounded rounds: others may win an epoch meanwhile.
  absl::Status CommitAddresses();
  absl::Status DoWhatIsDue();

  Stores& stores_;
  const Self& self_;
  Network& network_;
  const Clock& clock_;
  Supplies supplies_;
  Directory directory_;
  Conversations conversations_;
  Inbox inbox_;
  Sender sender_;
  EventQueue events_;
  Receiver receiver_;
  Membership membership_;
  std::map<Bytes, absl::Duration> caught_up_;  // when, by Uptime(); by group id
  absl::Status trouble_;
};

}  // namespace plumbline::client
