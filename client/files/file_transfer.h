// Moves sealed files between this device and the delivery server, piece by piece. Sessions are opened and replaced as they are
// needed; what breaks is tried again where the other side durably is.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "client/files/file_connection.h"
#include "client/files/file_reference.h"
#include "client/files/spool.h"
#include "client/network.h"
#include "client/supplies.h"
#include "common/clock.h"
#include "common/status.h"

namespace plumbline::client {

// Called with how many bytes are at the other end; the last call has done == total.
using FileProgress = std::function<void(uint64_t done, uint64_t total)>;

// Used from one thread.
class FileTransfer final {
 public:
  // `patience`: how long the network may fail without a piece getting through.
  FileTransfer(Network& network, Supplies& supplies, const Clock& clock, absl::Duration patience)
      : network_(network), supplies_(supplies), clock_(clock), patience_(patience) {}

  struct Attachment {
    identity::Capability read_capability{}, owner_capability{};
    uint64_t size = 0;  // sealed
  };
  // Uploads all of `spool`, which has attachment.size bytes. Returns the last day the server keeps it. The server's refusals
  // as in attachments.proto; UNAVAILABLE when the patience is over.
  // `pause` is asked before each piece; where it says true, CANCELLED: what is at the server stays there.
  absl::StatusOr<uint32_t> Upload(const Attachment& attachment, const Spool& spool, const FileProgress& progress,
                                  const std::function<bool()>& pause = nullptr);

  // Fetches what `spool` lacks; each chunk is checked before it is kept, also what was there before. FAILED_PRECONDITION
  // file_damaged: the server has something else than the sender uploaded; NOT_FOUND file_expired.
  absl::Status Download(const FileReference& file, Spool& spool, const FileProgress& progress);

  // NOT_FOUND attachment_unknown.
  absl::Status Delete(const Attachment& attachment);

 private:
  struct Session {
    std::unique_ptr<FileConnection> connection;
    std::string id;
  };
  absl::StatusOr<Session*> OpenSession();
  // `call` in a session, again and again until it succeeds, is refused, or the patience is over.
  template <typename Response>
  absl::StatusOr<Response> Persist(const std::function<absl::StatusOr<Response>(Session&)>& call);
  absl::StatusOr<delivery::v1::BeginResponse> Begin(const Attachment& attachment);

  Network& network_;
  Supplies& supplies_;
  const Clock& clock_;
  const absl::Duration patience_;
  std::unique_ptr<Session> session_;
};

}  // namespace plumbline::client
