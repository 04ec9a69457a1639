#include "server/attachments.h"

#include "common/identity/padme.h"
#include "common/identity/reason.h"
#include "server/requests.h"

namespace plumbline::server {
namespace {

using identity::Refuse;
namespace v1 = delivery::v1;

absl::StatusOr<identity::AttachmentId> ParseId(const std::string& field) {
  return ParseField<32>(field, "an attachment id has 32 bytes");
}

absl::StatusOr<identity::Capability> ParseCapability(const std::string& field) {
  return ParseField<32>(field, "a capability has 32 bytes");
}

template <typename Response>
void Fill(const AttachmentState& state, Response& response) {
  response.set_durable_bytes(state.durable);
  response.set_expires_day(static_cast<uint32_t>(state.expires));
}

}  // namespace

absl::Status Attachments::ForWire(const absl::Status& status) {
  const std::string reason = identity::ReasonOf(status);
  const bool refusal = absl::IsAlreadyExists(status) || absl::IsNotFound(status) || absl::IsInvalidArgument(status) ||
                       reason == "attachment_ending" || reason == "storage_full";
  if (status.ok() || refusal) return status;
  ++parts_.counters.storage_faults;
  if (absl::IsResourceExhausted(status)) {
    return Refuse(absl::StatusCode::kResourceExhausted, "storage_full",
                  "the server's storage is full; nothing was stored, try again later");
  }
  return Refuse(absl::StatusCode::kUnavailable, "storage_unavailable",
                "the server cannot use its storage; nothing was changed, try again later");
}

absl::Status Attachments::Begin(const v1::BeginRequest& request, v1::BeginResponse& response) {
  ASSIGN_OR_RETURN(const SessionId session, ParseSessionId(request.session_id()));
  NewAttachment attachment{};
  ASSIGN_OR_RETURN(attachment.id, ParseId(request.attachment_id()));
  ASSIGN_OR_RETURN(attachment.owner_hash, ParseField<32>(request.owner_capability_hash(), "a capability hash has 32 bytes"));
  attachment.size = request.size();
  if (attachment.size > parts_.max_size) {
    return Refuse(absl::StatusCode::kInvalidArgument, "attachment_too_large", "the file is larger than this server takes; send it in parts, or ask its operator for more");
  }
  if (attachment.size == 0 || identity::PadmeFileSize(attachment.size) != attachment.size) {
    return Refuse(absl::StatusCode::kInvalidArgument, "wrong_size", "an attachment's size is not one of the padded sizes");
  }
  RETURN_IF_ERROR(parts_.sessions.Take(session, kBeginCost));
  const absl::StatusOr<AttachmentState> state = parts_.store.Begin(attachment, Today());
  if (!state.ok()) return ForWire(state.status());
  Fill(*state, response);
  return absl::OkStatus();
}

absl::Status Attachments::Put(const v1::PutRequest& request, v1::PutResponse& response) {
  ASSIGN_OR_RETURN(const SessionId session, ParseSessionId(request.session_id()));
  ASSIGN_OR_RETURN(const identity::AttachmentId id, ParseId(request.attachment_id()));
  ASSIGN_OR_RETURN(const identity::Capability owner, ParseCapability(request.owner_capability()));
  if (request.piece().empty() || request.piece().size() > identity::kPieceSize) {
    return Refuse(absl::StatusCode::kInvalidArgument, "wrong_size", "a piece has 262144 bytes, the last one what is left");
  }
  RETURN_IF_ERROR(parts_.sessions.Take(session, kPutCost));
  const absl::StatusOr<AttachmentState> state =
      parts_.store.Append(id, Sha256(owner), request.offset(), AsBytes(request.piece()), Today());
  // Nothing was stored: it costs what asking costs.
  if (!state.ok() || !state->appended) parts_.sessions.GiveBack(session, kPutCost - kBeginCost);
  if (!state.ok()) return ForWire(state.status());
  Fill(*state, response);
  return absl::OkStatus();
}

absl::Status Attachments::Get(const v1::GetRequest& request, v1::GetResponse& response) {
  ASSIGN_OR_RETURN(const SessionId session, ParseSessionId(request.session_id()));
  ASSIGN_OR_RETURN(const identity::Capability read, ParseCapability(request.read_capability()));
  if (request.offset() % identity::kPieceSize != 0 || request.offset() >= identity::kMaxAttachment) {
    return Malformed("an offset is a multiple of 262144 within the attachment");
  }
  RETURN_IF_ERROR(parts_.sessions.Take(session, kGetCost));
  const absl::StatusOr<AttachmentPiece> piece = parts_.store.Read(Sha256(read), request.offset(), Today());
  if (!piece.ok()) return ForWire(piece.status());
  response.set_piece(ToString(piece->bytes));
  response.set_size(piece->size);
  return absl::OkStatus();
}

absl::Status Attachments::Delete(const v1::DeleteRequest& request) {
  ASSIGN_OR_RETURN(const SessionId session, ParseSessionId(request.session_id()));
  ASSIGN_OR_RETURN(const identity::AttachmentId id, ParseId(request.attachment_id()));
  ASSIGN_OR_RETURN(const identity::Capability owner, ParseCapability(request.owner_capability()));
  RETURN_IF_ERROR(parts_.sessions.Take(session, kDeleteCost));
  return ForWire(parts_.store.Remove(id, Sha256(owner), Today()));
}

}  // namespace plumbline::server
