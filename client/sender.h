// Brings what is in the outbox to the delivery server, and groups up to the epoch the server is at.
#pragma once

#include <memory>

#include "client/conversations.h"
#include "client/inbox.h"
#include "client/network.h"
#include "client/stores.h"
#include "client/supplies.h"
#include "common/clock.h"
#include "common/status.h"

namespace plumbline::client {

class Sender final {
 public:
  Sender(Stores& stores, Conversations& conversations, Inbox& inbox, Network& network, Supplies& supplies,
         const Clock& clock)
      : stores_(stores), conversations_(conversations), inbox_(inbox), network_(network), supplies_(supplies),
        clock_(clock) {}

  // Sends the stored bytes of every item, oldest first, and writes down each answer. On a failure what is left stays as it
  // is, to be sent again. A commit that lost has been replaced by the one that won when this returns.
  absl::Status Flush();

  // Fetches and applies commits until the group is at the server's epoch. OK also if there was none, and if the way there is no
  // longer kept: then the group is lost (Inbox::FallBehind).
  absl::Status CatchUp(ByteView group_id);

  // Ends the session and its connection.
  void Disconnect() { session_.reset(); }

 private:
  struct Session {
    std::unique_ptr<SendConnection> connection;
    std::string id;
    size_t sends_left = 0;
    absl::Time ends;
  };
  // A session with room for `envelopes` more, at most what a fresh one has.
  absl::StatusOr<Session*> SessionFor(size_t envelopes);
  absl::Status SendItem(const OutboxItem& item);
  absl::Status SendMessage(const OutboxItem& item);
  absl::Status SendCommit(const OutboxItem& item);
  absl::StatusOr<delivery::v1::SubmitResponse> Submit(delivery::v1::SubmitRequest request);
  absl::Status TakeWinner(const OutboxItem& item);
  // The stored commit of the group's present epoch. NOT_FOUND commit_unknown.
  absl::StatusOr<delivery::v1::ReadCommitResponse> ReadCommit(const OpenGroup& group);
  absl::Status ApplyFetched(const OpenGroup& group, const delivery::v1::ReadCommitResponse& fetched, RefusedChange& refused);

  Stores& stores_;
  Conversations& conversations_;
  Inbox& inbox_;
  Network& network_;
  Supplies& supplies_;
  const Clock& clock_;
  std::unique_ptr<Session> session_;
};

}  // namespace plumbline::client
