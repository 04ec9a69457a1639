#include "interop/runner/walker.h"

#include "absl/strings/str_cat.h"

namespace plumbline::interop {

absl::StatusOr<LateMessage> WriteMessage(Transcript& transcript, const Walker& sender,
                                         const Bytes& plaintext, const Bytes& authenticated_data) {
  pb::ProtectRequest request;
  request.set_state_id(sender.state);
  request.set_plaintext(ToString(plaintext));
  request.set_authenticated_data(ToString(authenticated_data));
  ASSIGN_OR_RETURN(const pb::ProtectResponse made,
                   PLUMBLINE_CALL(transcript, sender.name, *sender.client, Protect, request));
  return LateMessage{made.ciphertext(), request.plaintext(), sender.name, {}};
}

absl::Status ReadMessage(Transcript& transcript, const Walker& reader, const LateMessage& message) {
  pb::UnprotectRequest request;
  request.set_state_id(reader.state);
  request.set_ciphertext(message.ciphertext);
  ASSIGN_OR_RETURN(const pb::UnprotectResponse read,
                   PLUMBLINE_CALL(transcript, reader.name, *reader.client, Unprotect, request));
  if (read.plaintext() != message.plaintext)
    return absl::DataLossError(absl::StrCat(reader.name, " read another plaintext"));
  return absl::OkStatus();
}

void FreeState(Transcript& transcript, const Walker& walker) {
  pb::FreeRequest request;
  request.set_state_id(walker.state);
  (void)PLUMBLINE_CALL(transcript, walker.name, *walker.client, Free, request).ok();
}

}  // namespace plumbline::interop
