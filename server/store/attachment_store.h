// Attachments: opaque bytes under the hash of a capability, appended piece by piece, until a day. Nothing here relates one to a
// session, a mailbox or another attachment.
#pragma once

#include "common/identity/attachment.h"
#include "common/status.h"
#include "server/store/mailbox_store.h"

namespace plumbline::server {

struct NewAttachment {
  identity::AttachmentId id;
  identity::Hash owner_hash;  // of the capability that appends and deletes
  uint64_t size;              // bytes, 1 to identity::kMaxAttachment
};

struct AttachmentState {
  uint64_t durable;       // bytes on disk: where the next piece goes
  Day expires;            // the last day it is kept
  bool appended = false;  // by this call
};

struct AttachmentPiece {
  Bytes bytes;
  uint64_t size;  // of the whole attachment
};

// Thread-safe. Each method is one transaction but Purge; what it changed is on disk when it returns OK, and with any other
// status nothing has changed. Besides the codes named: RESOURCE_EXHAUSTED (disk full), UNAVAILABLE, DATA_LOSS.
// A complete attachment lives for the configured days from its completion, an incomplete one for two from its beginning.
class AttachmentStore {
 public:
  virtual ~AttachmentStore() = default;

  // Makes an empty attachment, or finds the one that is there. ALREADY_EXISTS attachment_exists if it has another owner or
  // size; UNAVAILABLE attachment_ending while one of that id is being deleted; RESOURCE_EXHAUSTED storage_full if there is no
  // room for the whole of it now (none is set aside).
  virtual absl::StatusOr<AttachmentState> Begin(const NewAttachment& attachment, Day today) = 0;

  // Appends `piece` if `offset` is where the next one goes; otherwise changes nothing. OK both times: the state tells.
  //   NOT_FOUND attachment_unknown, also for another owner     RESOURCE_EXHAUSTED storage_full
  //   INVALID_ARGUMENT wrong_size: neither identity::kPieceSize nor what is left
  virtual absl::StatusOr<AttachmentState> Append(const identity::AttachmentId& id, const identity::Hash& owner_hash,
                                                 uint64_t offset, ByteView piece, Day today) = 0;

  // The piece at `offset`, a multiple of identity::kPieceSize. NOT_FOUND attachment_unknown, also for an incomplete one;
  // INVALID_ARGUMENT request_malformed for an offset behind the end.
  virtual absl::StatusOr<AttachmentPiece> Read(const identity::AttachmentId& id, uint64_t offset, Day today) = 0;

  // From now on it is unknown; Purge takes its bytes away. NOT_FOUND attachment_unknown.
  virtual absl::Status Remove(const identity::AttachmentId& id, const identity::Hash& owner_hash, Day today) = 0;

  // Deletes what was removed or expired before `today`, and makes it disappear from the write-ahead log as well. In small
  // transactions: a failure leaves the rest for the next call. ABORTED if a reader is in the way: call again.
  virtual absl::Status Purge(Day today) = 0;
};

}  // namespace plumbline::server
