// Moving the commit gate from exporter secrets that an outside MLS client derived
// (docs/protocols/delivery.md, "Commit gate").
#pragma once

#include <nlohmann/json.hpp>

#include "client/store/outbox_store.h"
#include "common/bytes.h"
#include "common/identity/envelope.h"
#include "common/status.h"
#include "plumbline/delivery/v1/delivery.pb.h"

namespace plumbline::interop {

// Sealed to the mailbox of an encoded MailboxAddress, the data of a leaf's extension 0xF0A1.
absl::StatusOr<client::OutgoingEnvelope> SealTo(ByteView address, identity::EnvelopeKind kind,
                                                Bytes payload);
void AddEnvelope(delivery::v1::SubmitRequest& request, const client::OutgoingEnvelope& envelope);
size_t CountStored(const delivery::v1::SubmitResponse& response);

// {"handle", "epoch", "message": the commit, "gateSeed", "commitKey", "readToken": exported in
// `epoch`, "nextGateSeed": exported in the epoch after it, "isNew", "to": [addresses], "welcomes":
// [{"to": address, "message": welcome}]} without the session.
absl::StatusOr<delivery::v1::SubmitRequest> MakeGatedSubmit(const nlohmann::json& request);
const char* OutcomeName(delivery::v1::CommitOutcome::Outcome outcome);

// {"gate", "handle", "epoch", "gateSeed", "nextGateSeed"}: whether the record beside a commit is of
// this epoch's gate and leads to the next epoch's. UNAUTHENTICATED gate_mismatch.
absl::StatusOr<nlohmann::json> CheckGate(const nlohmann::json& request);

}  // namespace plumbline::interop
