// What a few clients do with a delivery server that may die at any moment, and what it then owes
// them: everything it answered is remembered here, what it did not answer is repeated with the same
// bytes.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/server/server_process.h"

namespace plumbline::server {

struct FaultCounts {
  int deaths = 0;     // of the server
  int answered = 0;   // requests that were acknowledged
  int delivered = 0;  // envelopes looked at after a death
  int lost = 0;
  int repeated = 0;
  int reordered = 0;
  int foreign = 0;    // never submitted, or deleted before
  int forgotten = 0;  // tokens, mailboxes, gate moves
  std::string ToString() const;
  bool clean() const { return lost + repeated + reordered + foreign + forgotten == 0; }
};

class FaultStory final {
 public:
  // Once through all kinds of request, until the first that gets no answer: OK if there was
  // none. `server` runs.
  absl::Status Tell(ServerProcess& server);
  // Holds the running server against what is remembered. What it has more than was acknowledged is
  // taken into account.
  void Check(ServerProcess& server, FaultCounts& counts);
  int answered() const { return answered_; }

 private:
  struct Box {
    TestMailbox mailbox;
    std::string grant;
    bool open = false;                 // acknowledged
    uint64_t counter = 0;              // of its capabilities, acknowledged
    std::vector<std::string> stored;   // acknowledged envelopes, in order
    std::set<std::string> maybe_gone;  // an acknowledgement of theirs was sent
    std::set<std::string> gone;        // and confirmed
  };
  using Stub = delivery::v1::Delivery::Stub;

  absl::Status OpenSession(ServerProcess& server, Stub& client);
  absl::Status OpenBox(ServerProcess& server, Stub& client);
  absl::Status Submit(Stub& client, bool with_commit);
  absl::Status SubmitPending(Stub& client);
  absl::Status Fetch(Stub& client, Box& box);
  absl::Status SetCapabilities(Stub& client, Box& box);
  void CheckBox(Stub& client, Box& box, FaultCounts& counts);

  std::deque<Box> boxes_;
  TestGate gate_;
  uint64_t epoch_ = 0;
  std::string session_;
  std::vector<tokens::ShownToken> spent_;
  std::optional<delivery::v1::SubmitRequest> pending_;
  std::optional<delivery::v1::SubmitRequest> last_commit_;  // acknowledged
  std::map<std::string, Box*> box_of_;                      // by mailbox id
  int answered_ = 0;
};

}  // namespace plumbline::server
