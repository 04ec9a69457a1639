// Envelopes and sealed commits: what leaves this device, and what comes in (docs/protocols/delivery.md).
#pragma once

#include "client/store/mailbox_store.h"
#include "client/store/outbox_store.h"
#include "common/identity/envelope.h"
#include "common/identity/mailbox_address.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::client {

// A new mailbox with random id, keys and capability, not yet open.
absl::StatusOr<Mailbox> NewMailbox(ByteView group_id, ByteView grant, uint32_t expires_day);
identity::MailboxAddress AddressOf(const Mailbox& mailbox, absl::string_view server);

// Seals `content` to one mailbox under a new random envelope id. INVALID_ARGUMENT for an unusable key or a payload that is
// too large.
absl::StatusOr<OutgoingEnvelope> SealEnvelope(const identity::MailboxAddress& address,
                                              const identity::EnvelopeContent& content);
// INVALID_ARGUMENT for a size that is not allowed, bytes not sealed to this mailbox under this id, or malformed content.
absl::StatusOr<identity::EnvelopeContent> OpenEnvelope(const Mailbox& mailbox, const identity::EnvelopeId& envelope_id,
                                                       ByteView sealed);

// 24-byte nonce || XChaCha20-Poly1305. `key` is 32 bytes.
absl::StatusOr<Bytes> SealCommit(const Secret& key, const identity::GroupHandle& handle, uint64_t epoch,
                                 ByteView mls_message);
// INVALID_ARGUMENT if it does not authenticate or is malformed.
absl::StatusOr<Bytes> OpenCommit(const Secret& key, const identity::GroupHandle& handle, uint64_t epoch, ByteView sealed);

}  // namespace plumbline::client
