// Parties outside a group that may propose changes to it (RFC 9420 §12.1.8), and what they are told about it.
#pragma once

#include <cstdint>
#include <vector>

#include "common/bytes.h"
#include "common/status.h"
#include "mls/credential.h"
#include "mls/crypto/cipher_suite.h"
#include "mls/key_package.h"
#include "mls/proposal.h"
#include "mls/welcome.h"

namespace plumbline::mls {

// struct { SignaturePublicKey signature_key; Credential credential; } ExternalSender;
struct ExternalSender {
  Bytes signature_key;
  Credential credential;
  bool operator==(const ExternalSender&) const = default;
};
inline constexpr size_t kMaxExternalSenders = 1024;

// ExternalSender external_senders<V>: the data of an external_senders extension (§12.1.8.1). INVALID_ARGUMENT if
// malformed. The keys are not looked at.
absl::StatusOr<std::vector<ExternalSender>> ParseExternalSenders(ByteView data);
Bytes EncodeExternalSenders(const std::vector<ExternalSender>& senders);

// struct { HPKEPublicKey external_pub; } ExternalPub: the data of an external_pub extension (§12.4.3.2).
absl::StatusOr<Bytes> ParseExternalPub(ByteView data);
Bytes EncodeExternalPub(ByteView public_key);

// The GroupInfo of an MLSMessage. INVALID_ARGUMENT for any other. Its signature is not verified.
absl::StatusOr<GroupInfo> ParseGroupInfoMessage(ByteView wire);

// The epoch a proposal is for.
struct GroupEpoch {
  SuiteId suite = SuiteId::kX25519Aes128GcmSha256Ed25519;
  Bytes group_id;
  uint64_t epoch = 0;
};

// Proposals from outside, as MLSMessage bytes (PublicMessage). INVALID_ARGUMENT for an unusable key and for a kind of
// proposal that its sender may not make.
// `sender_index` is the place in the group's external_senders; any kind but Update and ExternalInit.
absl::StatusOr<Bytes> ProposeAsExternalSender(const GroupEpoch& group, uint32_t sender_index,
                                              const SignaturePrivateKey& key, Proposal proposal);
// A client asks to be added itself; `key` is the key package's signature key.
absl::StatusOr<Bytes> ProposeOwnAdd(const GroupEpoch& group, const KeyPackage& key_package,
                                    const SignaturePrivateKey& key);

// Whether an external sender may make this kind of proposal (§12.1.8).
bool MayBeExternal(ProposalKind kind);

}  // namespace plumbline::mls
