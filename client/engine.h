// A person's client at work: sends, receives, and keeps groups and supplies in order. The command line drives it from one
// thread; only EventQueue is shared with others.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/conversations.h"
#include "client/directory.h"
#include "client/events.h"
#include "client/inbox.h"
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

  // Looks the person up and says what is new about their devices; the caller shows it, then calls MarkShown.
  // FAILED_PRECONDITION account_suspended, account_removed; otherwise as Directory::LookUp.
  absl::StatusOr<PersonView> CheckPerson(const std::string& user);
  absl::Status MarkShown(const PersonView& person);

  // Writes the text down and brings it as far as it goes within `patience`: failures of the network are tried again until
  // then. `person` is fresh from CheckPerson. A status only if nothing was written down.
  absl::StatusOr<SendOutcome> Send(const PersonView& person, absl::string_view text, absl::Duration patience);
  // Keeps a text for a person there is a conversation with while the directory cannot be asked. NOT_FOUND if there is none.
  absl::StatusOr<SendOutcome> Keep(const std::string& user, absl::string_view text, absl::Status trouble);

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
  EventQueue& events() { return events_; }

 private:
  // Brings waiting texts of one conversation into the outbox and out of it: group, members, message.
  absl::Status Deliver(const std::string& other);
  // For texts that waited: what the person would have been shown before sending becomes a notice first.
  absl::Status ShowChange(const PersonView& person);
  absl::Status CreateConversation(const Contact& other, const Contact& own);
  absl::Status AlignMembers(OpenGroup& group, const Contact& other, const Contact& own);
  absl::StatusOr<std::vector<mls::KeyPackage>> ClaimFor(const Contact& person,
                                                        const std::vector<identity::RecordDevice>& devices);
  absl::StatusOr<Contact> FreshContact(const std::string& user);
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
  std::map<std::string, absl::Time> looked_up_;  // in this process
  absl::Status trouble_;
};

}  // namespace plumbline::client
