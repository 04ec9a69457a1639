// What the attachment service decides, without gRPC: requests in, answers out (docs/protocols/files.md).
#pragma once

#include "common/clock.h"
#include "common/status.h"
#include "plumbline/delivery/v1/attachments.pb.h"
#include "server/counters.h"
#include "server/sessions.h"
#include "server/store/attachment_store.h"

namespace plumbline::server {

// What each call takes from a session's budget. A piece stored is dearer than one read: it stays. With the default budget of
// 2000 one token stores at most 125 MiB, or reads 500.
inline constexpr uint32_t kBeginCost = 1, kPutCost = 4, kGetCost = 1, kDeleteCost = 1;

// Thread-safe; every function may wait for the disk, so it runs on a worker pool. A refusal is "<reason_id>: <text>". A failing
// disk is RESOURCE_EXHAUSTED storage_full or UNAVAILABLE storage_unavailable, and then nothing has changed.
class Attachments final {
 public:
  struct Parts {
    AttachmentStore& store;
    Sessions& sessions;
    Counters& counters;
    const Clock& clock;
    uint64_t max_size;  // of one attachment, bytes
  };
  explicit Attachments(const Parts& parts) : parts_(parts) {}

  absl::Status Begin(const delivery::v1::BeginRequest& request, delivery::v1::BeginResponse& response);
  absl::Status Put(const delivery::v1::PutRequest& request, delivery::v1::PutResponse& response);
  absl::Status Get(const delivery::v1::GetRequest& request, delivery::v1::GetResponse& response);
  absl::Status Delete(const delivery::v1::DeleteRequest& request);

 private:
  // Refusals pass; anything else the store says is a fault of the storage.
  absl::Status ForWire(const absl::Status& status);
  Day Today() const { return DayOf(parts_.clock.Now()); }

  const Parts parts_;
};

}  // namespace plumbline::server
