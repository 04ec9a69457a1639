// From the fields of a request, which may hold anything, to values whose sizes and ranges are right; and back.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/crypto/ed25519.h"
#include "common/identity/gate.h"
#include "common/identity/reason.h"
#include "common/status.h"
#include "plumbline/delivery/v1/delivery.pb.h"
#include "server/sessions.h"
#include "server/store/envelope_store.h"

namespace plumbline::server {

// INVALID_ARGUMENT "request_malformed: <text>".
absl::Status Malformed(absl::string_view text);
// UNAUTHENTICATED signature_invalid.
absl::Status SignatureInvalid();

template <size_t N>
absl::StatusOr<identity::Fixed<N>> ParseField(const std::string& field, absl::string_view rule) {
  absl::StatusOr<identity::Fixed<N>> value = identity::ToFixed<N>(AsBytes(field));
  if (!value.ok()) return Malformed(rule);
  return value;
}

// UNAUTHENTICATED session_unknown for any other size than 16 bytes.
absl::StatusOr<SessionId> ParseSessionId(const std::string& field);

// At most kMaxDepositCapabilities, 32 bytes each.
absl::StatusOr<std::vector<identity::Hash>> ParseHashes(const google::protobuf::RepeatedPtrField<std::string>& fields);

// The envelopes of a submission: their number and sizes, ids all different. Capabilities are hashed. INVALID_ARGUMENT
// wrong_size for an envelope whose length is no Padmé size, submission_too_large, duplicate_envelope_id, request_malformed.
absl::StatusOr<std::vector<Deposit>> ParseDeposits(const delivery::v1::SubmitRequest& request);

struct ParsedMove {
  identity::GateMove move;
  identity::Signature signature;
  std::optional<identity::PublicKey> founding_key;
};
absl::StatusOr<ParsedMove> ParseMove(const delivery::v1::GatedCommit& commit, const std::vector<Deposit>& deposits);

void FillResponse(const delivery::v1::SubmitRequest& request, const SubmitResult& result,
                  delivery::v1::SubmitResponse& response);

}  // namespace plumbline::server
