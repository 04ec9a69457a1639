// The mailbox streams of a running client: each mailbox on a stream and connection of its own, envelopes taken one by one,
// acknowledged after their effects are on disk.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "client/events.h"
#include "client/inbox.h"
#include "client/network.h"
#include "client/sender.h"
#include "client/stores.h"
#include "common/clock.h"
#include "common/status.h"

namespace plumbline::client {

// Used from one thread.
class Receiver final {
 public:
  Receiver(Stores& stores, Inbox& inbox, Sender& sender, Supplies& supplies, Network& network, EventQueue& events,
           const Clock& clock)
      : stores_(stores), inbox_(inbox), sender_(sender), supplies_(supplies), network_(network), events_(events), clock_(clock) {}

  // Opens a stream for each open mailbox that has none and whose pause after a failure is over.
  absl::Status Start();
  // Ends all streams, and keeps how far they have come.
  absl::Status Stop();

  // Takes an event of a stream. Fails only if the store does. True if something is new: an envelope's effects, or a mailbox that is
  // closed for good.
  absl::StatusOr<bool> Take(const Event& event);

  // Everything that was stored before the streams began is here.
  bool caught_up() const;
  // Why the last stream ended that has not come back since; OK if all run.
  absl::Status failure() const;
  // All streams that were started have either caught up or failed.
  bool settled() const;

 private:
  struct Stream {
    uint64_t number = 0;
    std::unique_ptr<MailboxStream> stream;  // null while it is down
    bool caught_up = false;
    std::optional<identity::MailboxPlace> place;  // how far it has come; nothing if that is kept
    identity::Fixed<16> store{};                  // the server's, where that counts
    int taken = 0;                                // envelopes since it was kept
    absl::Status failure;  // until the next one says something
    int failures = 0;  // in a row
    absl::Duration again;  // not before this Uptime()
  };
  absl::StatusOr<bool> TakeEnvelope(Stream& stream, const identity::MailboxId& mailbox, const EnvelopeArrived& arrived);
  // Writes how far the stream has come, for the next one. It may be left behind: what was acknowledged is not sent again.
  absl::Status KeepPlace(Stream& stream, const identity::MailboxId& mailbox);
  absl::Status Open(Stream& stream, const Mailbox& mailbox);
  // A server that does not know the place, though it was not restored, may yet know where the mailbox began. False if that was tried.
  absl::StatusOr<bool> BeginAgain(Stream& stream, const identity::MailboxId& mailbox);
  absl::Status EndStream(Stream& stream, const identity::MailboxId& mailbox, const absl::Status& why);
  // A mailbox that the server has deleted: it will not come back, and whoever needs one opens another.
  absl::StatusOr<bool> ForgetIfOver(const Mailbox& mailbox);

  Stores& stores_;
  Inbox& inbox_;
  Sender& sender_;
  Supplies& supplies_;
  Network& network_;
  EventQueue& events_;
  const Clock& clock_;
  uint64_t next_number_ = 1;
  std::map<identity::MailboxId, Stream> streams_;
};

}  // namespace plumbline::client
