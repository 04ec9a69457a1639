// What is inside an envelope, and inside a sealed commit, padded so that only a Padmé size shows
// (docs/protocols/delivery.md, "Envelopes" and "Commit gate").
#pragma once

#include <cstdint>

#include "common/identity/fixed.h"
#include "common/identity/gate.h"
#include "common/identity/padme.h"
#include "common/status.h"

namespace plumbline::identity {

inline constexpr size_t kEnvelopeOverhead = 32 + 16;      // HPKE enc and authenticator
inline constexpr size_t kSealedCommitOverhead = 24 + 16;  // XChaCha20-Poly1305 nonce and authenticator
inline constexpr size_t kMaxPayload = kMaxSealed - 64;    // bytes

enum class EnvelopeKind : uint8_t { kMessage = 1, kBody = 2, kCommit = 3, kWelcome = 4, kResync = 5 };

// struct { uint8 version = 1; uint8 kind; opaque payload<V>; opaque zeros[...]; } EnvelopeContent;
struct EnvelopeContent {
  EnvelopeKind kind = EnvelopeKind::kMessage;
  Bytes payload;
  bool operator==(const EnvelopeContent&) const = default;
};
// The plaintext: with kEnvelopeOverhead it has a Padmé size. INVALID_ARGUMENT if the payload is over
// kMaxPayload.
absl::StatusOr<Bytes> EncodePadded(const EnvelopeContent& content);
// INVALID_ARGUMENT for anything EncodePadded cannot have made: padding that is not zero or not of that length
// included.
absl::StatusOr<EnvelopeContent> ParseEnvelopeContent(ByteView plaintext);

// Payload of kind 3: struct { GateRecord gate; opaque mls_message<V>; } CommitPayload;
struct CommitPayload {
  GateRecord gate;
  Bytes mls_message;
  bool operator==(const CommitPayload&) const = default;
};
Bytes Encode(const CommitPayload& payload);
absl::StatusOr<CommitPayload> ParseCommitPayload(ByteView wire);

// Plaintext of a sealed commit: struct { opaque mls_message<V>; opaque zeros[...]; }; with
// kSealedCommitOverhead it has a Padmé size. INVALID_ARGUMENT as above.
absl::StatusOr<Bytes> EncodePaddedCommit(ByteView mls_message);
absl::StatusOr<Bytes> ParsePaddedCommit(ByteView plaintext);

// HPKE info of an envelope: kEnvelopeInfoLabel || mailbox_id.
Bytes EnvelopeInfo(const MailboxId& mailbox_id);

}  // namespace plumbline::identity
