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
#include "client/target.h"
#include "client/upkeep.h"
#include "common/clock.h"

namespace plumbline::client {

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

  // Stays online: handles events and does what is due until `until` says so. A failure of a callback but `upkeep` ends it.
  struct Callbacks {
    std::function<absl::Status()> changed;                    // the history may have grown, or trouble() have changed
    std::function<absl::Status(const std::string*)> line;     // each line in the queue; nullptr at its end
    std::function<bool()> until;
    std::function<absl::Status()> upkeep;        // what else is due; a failure is tried again as the engine's own are
    std::function<absl::StatusOr<bool>()> work;  // while the server answers and nothing else waits; true: there is more at once
  };
  absl::Status Run(const Callbacks& callbacks);
  // In Run: why the line is down, or what is due could not be done.
  const absl::Status& trouble() const { return trouble_; }
  // In Run: whether something waits for which `work` should leave off.
  bool Wanted() { return upkeep_.Due() || !events_.empty(); }
  // In Run: something was written down that is to be sent.
  void Hurry() { upkeep_.Soon(); }

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
  // Says once in a conversation that the witnesses' word is old.
  absl::Status ShowAge(const Target& target);
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
  absl::Status Changed(const Callbacks& callbacks);

  Stores& stores_;
  const Self& self_;
  Network& network_;
  const Clock& clock_;
  Supplies supplies_;
  Directory directory_;
  std::set<std::string> said_old_;  // conversations
  Conversations conversations_;
  Inbox inbox_;
  Sender sender_;
  EventQueue events_;
  Receiver receiver_;
  Membership membership_;
  std::map<Bytes, absl::Duration> caught_up_;  // when, by Uptime(); by group id
  Upkeep upkeep_;
  absl::Status due_;  // of the last attempt
  absl::Status trouble_;
};

}  // namespace plumbline::client
