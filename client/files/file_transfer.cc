#include "client/files/file_transfer.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "client/upkeep.h"
#include "common/identity/reason.h"
#include "common/tokens/token_key.h"

namespace plumbline::client {
namespace {

using identity::Refuse;
namespace v1 = delivery::v1;

static_assert(identity::kPieceSize % kChunkSize == 0, "a piece holds whole chunks");

bool IsWorthRepeating(const absl::Status& status) {
  return IsTransient(status) || identity::ReasonOf(status) == "too_many_sessions";
}

bool SessionIsOver(const absl::Status& status) {
  const std::string reason = identity::ReasonOf(status);
  return reason == "session_unknown" || reason == "session_ended" || reason == "budget_spent";
}

absl::Status Damaged() {
  return Refuse(absl::StatusCode::kFailedPrecondition, "file_damaged",
                "what the delivery server gave is not the file that was sent: parts of it were changed, exchanged or are missing. "
                "Nothing was saved. Ask for the file to be sent again, and tell your security officer");
}

// How much of `spool`, in whole pieces, is this file's. Less than was written is no fault: a crash may tear the end.
absl::StatusOr<uint64_t> GoodPart(const FileCipher& cipher, const FileShape& shape, const Spool& spool) {
  ASSIGN_OR_RETURN(const uint64_t size, spool.Size());
  for (uint32_t index = 0; index < shape.chunks(); ++index) {
    const uint64_t offset = uint64_t{index} * kChunkSize;
    const uint64_t whole = offset / identity::kPieceSize * identity::kPieceSize;
    if (offset + shape.sealed_chunk(index) > size) return whole;
    ASSIGN_OR_RETURN(const Bytes sealed, spool.ReadAt(offset, shape.sealed_chunk(index)));
    if (!cipher.Open(index, sealed).ok()) return whole;
  }
  return shape.sealed_size;
}

absl::Status CheckPiece(const FileCipher& cipher, const FileShape& shape, uint64_t offset, ByteView piece) {
  for (size_t at = 0; at < piece.size();) {
    const auto index = static_cast<uint32_t>((offset + at) / kChunkSize);
    const size_t size = shape.sealed_chunk(index);
    if (at + size > piece.size() || !cipher.Open(index, piece.subspan(at, size)).ok()) return Damaged();
    at += size;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<FileTransfer::Session*> FileTransfer::OpenSession() {
  if (session_ != nullptr) return session_.get();
  auto session = std::make_unique<Session>();
  ASSIGN_OR_RETURN(const v1::OpenSessionResponse opened,
                   supplies_.WithToken(tokens::kPurposeDelivery,
                                      [&](const StoredToken& token) -> absl::StatusOr<v1::OpenSessionResponse> {
                                        ASSIGN_OR_RETURN(session->connection, network_.ConnectFiles());
                                        v1::OpenSessionRequest request;
                                        request.set_token(ToString(token.token));
                                        request.set_token_key(ToString(token.token_key));
                                        return session->connection->OpenSession(request);
                                      }));
  session->id = opened.session_id();
  session_ = std::move(session);
  return session_.get();
}

template <typename Response>
absl::StatusOr<Response> FileTransfer::Persist(const std::function<absl::StatusOr<Response>(Session&)>& call) {
  constexpr int kSessions = 3;  // that may be over in a row: more is a server which does not mean it
  const absl::Time give_up = clock_.Now() + patience_;
  absl::Duration pause = absl::Milliseconds(100);
  for (int over = 0;;) {
    const absl::StatusOr<Session*> session = OpenSession();
    absl::StatusOr<Response> response = session.ok() ? call(**session) : absl::StatusOr<Response>(session.status());
    if (response.ok()) return response;
    const bool again = SessionIsOver(response.status()) && ++over < kSessions;
    if (!again && !IsWorthRepeating(response.status())) return response;
    session_.reset();
    if (again) continue;
    if (clock_.Now() + pause > give_up) return response;
    absl::SleepFor(pause);
    pause = std::min(pause * 2, absl::Seconds(2));
  }
}

absl::StatusOr<v1::BeginResponse> FileTransfer::Begin(const Attachment& attachment) {
  return Persist<v1::BeginResponse>([&](Session& session) {
    v1::BeginRequest request;
    request.set_session_id(session.id);
    request.set_attachment_id(ToString(Sha256(attachment.read_capability)));
    request.set_owner_capability_hash(ToString(Sha256(attachment.owner_capability)));
    request.set_size(attachment.size);
    return session.connection->Begin(request);
  });
}

absl::StatusOr<uint32_t> FileTransfer::Upload(const Attachment& attachment, const Spool& spool, const FileProgress& progress,
                                              const std::function<bool()>& pause) {
  ASSIGN_OR_RETURN(const v1::BeginResponse begun, Begin(attachment));
  uint64_t durable = begun.durable_bytes();
  uint32_t expires_day = begun.expires_day();
  progress(std::min(durable, attachment.size), attachment.size);
  while (durable < attachment.size) {
    if (durable % identity::kPieceSize != 0) break;
    if (pause && pause()) return absl::CancelledError("paused");
    const auto size = static_cast<size_t>(std::min<uint64_t>(identity::kPieceSize, attachment.size - durable));
    ASSIGN_OR_RETURN(const Bytes piece, spool.ReadAt(durable, size));
    ASSIGN_OR_RETURN(const v1::PutResponse put, Persist<v1::PutResponse>([&](Session& session) {
                       v1::PutRequest request;
                       request.set_session_id(session.id);
                       request.set_attachment_id(ToString(Sha256(attachment.read_capability)));
                       request.set_owner_capability(ToString(attachment.owner_capability));
                       request.set_offset(durable);
                       request.set_piece(ToString(piece));
                       return session.connection->Put(request);
                     }));
    if (put.durable_bytes() <= durable) break;  // a server that stands still, or goes back
    durable = put.durable_bytes();
    expires_day = put.expires_day();
    progress(std::min(durable, attachment.size), attachment.size);
  }
  if (durable == attachment.size) return expires_day;
  return Refuse(absl::StatusCode::kInternal, "delivery_server_answer",
                "the delivery server contradicts itself about how much of the file it has; try again, and tell its operator");
}

absl::Status FileTransfer::Download(const FileReference& file, Spool& spool, const FileProgress& progress) {
  const FileCipher cipher(file.key.view(), file.shape);
  ASSIGN_OR_RETURN(uint64_t have, GoodPart(cipher, file.shape, spool));
  RETURN_IF_ERROR(spool.Truncate(have));
  progress(have, file.shape.sealed_size);
  while (have < file.shape.sealed_size) {
    const absl::StatusOr<v1::GetResponse> got = Persist<v1::GetResponse>([&](Session& session) {
      v1::GetRequest request;
      request.set_session_id(session.id);
      request.set_read_capability(ToString(file.read_capability));
      request.set_offset(have);
      return session.connection->Get(request);
    });
    if (absl::IsNotFound(got.status())) {
      return Refuse(absl::StatusCode::kNotFound, "file_expired",
                    "the delivery server no longer has this file: its time is over, or the sender took it back. Ask for it to be "
                    "sent again");
    }
    RETURN_IF_ERROR(got.status());
    const uint64_t wanted = std::min<uint64_t>(identity::kPieceSize, file.shape.sealed_size - have);
    if (got->size() != file.shape.sealed_size || got->piece().size() != wanted) return Damaged();
    RETURN_IF_ERROR(CheckPiece(cipher, file.shape, have, AsBytes(got->piece())));
    RETURN_IF_ERROR(spool.Append(AsBytes(got->piece())));
    have += wanted;
    progress(have, file.shape.sealed_size);
  }
  ASSIGN_OR_RETURN(const identity::Hash hash, spool.HashAll());
  return hash == file.sealed_hash ? absl::OkStatus() : Damaged();
}

absl::Status FileTransfer::Delete(const Attachment& attachment) {
  return Persist<bool>([&](Session& session) -> absl::StatusOr<bool> {
           v1::DeleteRequest request;
           request.set_session_id(session.id);
           request.set_attachment_id(ToString(Sha256(attachment.read_capability)));
           request.set_owner_capability(ToString(attachment.owner_capability));
           RETURN_IF_ERROR(session.connection->Delete(request));
           return true;
         })
      .status();
}

}  // namespace plumbline::client
