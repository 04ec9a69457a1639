// Messages on the wire (RFC 9420 §6): their structures and encodings. What protects them:
// mls/framing.h.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "common/bytes.h"
#include "common/codec.h"
#include "common/secret.h"
#include "common/status.h"
#include "mls/crypto/cipher_suite.h"
#include "mls/key_package.h"
#include "mls/proposal.h"
#include "mls/welcome.h"

namespace plumbline::mls {

enum class WireFormat : uint16_t {
  kPublicMessage = 1,
  kPrivateMessage = 2,
  kWelcome = 3,
  kGroupInfo = 4,
  kKeyPackage = 5
};
enum class ContentType : uint8_t { kApplication = 1, kProposal = 2, kCommit = 3 };
enum class SenderType : uint8_t {
  kMember = 1,
  kExternal = 2,
  kNewMemberProposal = 3,
  kNewMemberCommit = 4
};

// struct { SenderType sender_type; select (sender_type) { case member: uint32 leaf_index;
//          case external: uint32 sender_index; case new_member_commit, new_member_proposal:
//          struct{}; }; } Sender;
struct Sender {
  SenderType type = SenderType::kMember;
  uint32_t index = 0;  // of the leaf, or among the external senders
  bool operator==(const Sender&) const = default;
};
inline Sender MemberSender(LeafIndex leaf) { return {SenderType::kMember, leaf.value}; }

struct ApplicationData {
  Secret bytes;
};
using Content = std::variant<ApplicationData, Proposal, Commit>;  // in the order of ContentType

// struct { opaque group_id<V>; uint64 epoch; Sender sender; opaque authenticated_data<V>;
// ContentType content_type;
//          select (content_type) { case application: opaque application_data<V>; case proposal:
//          Proposal proposal;
//                                  case commit: Commit commit; }; } FramedContent;
struct FramedContent {
  Bytes group_id;
  uint64_t epoch = 0;
  Sender sender;
  Bytes authenticated_data;
  Content content;

  ContentType type() const { return static_cast<ContentType>(content.index() + 1); }
};

// struct { opaque signature<V>; select (content_type) { case commit: MAC confirmation_tag; ... }; }
// FramedContentAuthData;
struct FramedContentAuthData {
  Bytes signature;
  Bytes confirmation_tag;  // of a commit, else empty
  bool operator==(const FramedContentAuthData&) const = default;
};

// struct { WireFormat wire_format; FramedContent content; FramedContentAuthData auth; }
// AuthenticatedContent;
struct AuthenticatedContent {
  WireFormat wire_format = WireFormat::kPrivateMessage;
  FramedContent content;
  FramedContentAuthData auth;
};

// struct { FramedContent content; FramedContentAuthData auth;
//          select (content.sender.sender_type) { case member: MAC membership_tag; ... }; }
//          PublicMessage;
struct PublicMessage {
  FramedContent content;
  FramedContentAuthData auth;
  Bytes membership_tag;  // of a member, else empty
};

// struct { opaque group_id<V>; uint64 epoch; ContentType content_type; opaque
// authenticated_data<V>;
//          opaque encrypted_sender_data<V>; opaque ciphertext<V>; } PrivateMessage;
struct PrivateMessage {
  Bytes group_id;
  uint64_t epoch = 0;
  ContentType content_type = ContentType::kApplication;
  Bytes authenticated_data;
  Bytes encrypted_sender_data;
  Bytes ciphertext;
};

// struct { ProtocolVersion version = mls10; WireFormat wire_format; select (wire_format) { ... }; }
// MLSMessage;
struct MlsMessage {
  std::variant<PublicMessage, PrivateMessage, Welcome, GroupInfo, KeyPackage>
      body;  // in the order of WireFormat
};

// Parses one MLSMessage that fills `wire` exactly. INVALID_ARGUMENT, or UNIMPLEMENTED for an
// unknown version, wire format or proposal type.
absl::StatusOr<MlsMessage> ParseMlsMessage(ByteView wire);
Bytes Encode(const MlsMessage& message);
void WriteMlsMessageHeader(Writer& out, WireFormat format);

absl::StatusOr<AuthenticatedContent> ParseAuthenticatedContent(ByteView wire);
Bytes Encode(const AuthenticatedContent& content);
// Encoding of the content alone, for the confirmed transcript hash.
void WriteFramedContent(Writer& out, const FramedContent& content);

// What comes before encrypted_sender_data: the PrivateContentAAD (§6.3.1).
void WritePrivateHeader(Writer& out, const PrivateMessage& message);
// The parts that a PrivateMessageContent has too (§6.3.1).
void WriteContentBody(Writer& out, const Content& content);
absl::StatusOr<Content> ReadContentBody(Reader& in, ContentType type);
void WriteAuthData(Writer& out, const FramedContentAuthData& auth, ContentType type);
absl::StatusOr<FramedContentAuthData> ReadAuthData(Reader& in, ContentType type);

Bytes ProposalReference(const CipherSuite& suite, const AuthenticatedContent& content);  // §5.2

}  // namespace plumbline::mls
