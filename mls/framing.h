// What authenticates and protects the content of messages (RFC 9420 §6). Bytes become an MlsMessage
// by parsing (mls/message.h), an AuthenticatedContent by removing the protection, and a
// VerifiedContent only by checking its signature.
#pragma once

#include <array>
#include <cstdint>

#include "common/bytes.h"
#include "common/status.h"
#include "mls/crypto/cipher_suite.h"
#include "mls/message.h"
#include "mls/padding.h"
#include "mls/secret_tree.h"

namespace plumbline::mls {

// --- Signature (§6.1). `context` is the encoded GroupContext of the epoch of the content. ---

absl::Status SignContent(const CipherSuite& suite, const SignaturePrivateKey& key, ByteView context,
                         AuthenticatedContent& content);

// Content whose signature was checked with the key of its sender. Only VerifyContent makes one.
class VerifiedContent {
 public:
  const AuthenticatedContent& authenticated() const { return content_; }
  const FramedContent& content() const { return content_.content; }
  const FramedContentAuthData& auth() const { return content_.auth; }
  AuthenticatedContent Take() && { return std::move(content_); }

 private:
  friend absl::StatusOr<VerifiedContent> VerifyContent(const CipherSuite& suite,
                                                       ByteView signature_key, ByteView context,
                                                       AuthenticatedContent content);
  explicit VerifiedContent(AuthenticatedContent content) : content_(std::move(content)) {}
  AuthenticatedContent content_;
};
// INVALID_ARGUMENT if it does not verify.
absl::StatusOr<VerifiedContent> VerifyContent(const CipherSuite& suite, ByteView signature_key,
                                              ByteView context, AuthenticatedContent content);

// --- PublicMessage (§6.2): proposals and commits only. ---

PublicMessage ProtectPublic(const CipherSuite& suite, ByteView membership_key, ByteView context,
                            AuthenticatedContent content);
// Checks the membership tag of a member's message. INVALID_ARGUMENT if it is wrong or the content
// is application data.
absl::StatusOr<AuthenticatedContent> UnprotectPublic(const CipherSuite& suite,
                                                     ByteView membership_key, ByteView context,
                                                     PublicMessage message);

// --- PrivateMessage (§6.3). ---

// struct { uint32 leaf_index; uint32 generation; opaque reuse_guard[4]; } SenderData;
struct SenderData {
  LeafIndex leaf;
  uint32_t generation = 0;
  std::array<uint8_t, 4> reuse_guard{};
};

// `key` is one generation of the sender's ratchet; the reuse guard of the sender data is applied to
// its nonce.
PrivateMessage SealPrivate(const CipherSuite& suite, const SenderDataSecret& sender_data_secret,
                           const SenderData& sender_data, const KeyAndNonce& key,
                           const AuthenticatedContent& content, Padding padding);
absl::StatusOr<SenderData> OpenSenderData(const CipherSuite& suite,
                                          const SenderDataSecret& sender_data_secret,
                                          const PrivateMessage& message);
// INVALID_ARGUMENT if it does not decrypt, is malformed or its padding is not zero.
absl::StatusOr<AuthenticatedContent> OpenPrivate(const CipherSuite& suite,
                                                 const SenderData& sender_data,
                                                 const KeyAndNonce& key,
                                                 const PrivateMessage& message);

}  // namespace plumbline::mls
