// Whom something is sent to, what is known of them at that moment, and what became of it.
#pragma once

#include <string>
#include <vector>

#include "client/directory.h"
#include "client/store/history_store.h"
#include "common/identity/lookalike.h"
#include "common/status.h"

namespace plumbline::client {

// What is known of a person just before something is sent to them.
struct PersonView {
  Contact contact;
  Verification verification = Verification::kNever;
  bool first_time = false;       // never shown before
  bool devices_changed = false;  // since they were last shown
  std::vector<identity::Lookalike> looks_like;  // among those whom this device knows; only where first_time, or to compare codes
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

}  // namespace plumbline::client
