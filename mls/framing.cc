#include "mls/framing.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace plumbline::mls {
namespace {

constexpr size_t kMaxAuthenticatedData = size_t{1} << 20;
constexpr size_t kMaxTagBytes = 255;
constexpr size_t kMaxSignatureBytes = 16384;

absl::Status Invalid(absl::string_view rule) { return absl::InvalidArgumentError(rule); }

void WriteSender(Writer& out, const Sender& sender) {
  out.U8(static_cast<uint8_t>(sender.type));
  if (sender.type == SenderType::kMember || sender.type == SenderType::kExternal)
    out.U32(sender.index);
}

absl::StatusOr<Sender> ReadSender(Reader& in) {
  ASSIGN_OR_RETURN(const uint8_t type, in.U8());
  if (type < 1 || type > 4) return Invalid("unknown sender type");
  Sender sender{static_cast<SenderType>(type), 0};
  if (sender.type == SenderType::kMember || sender.type == SenderType::kExternal) {
    ASSIGN_OR_RETURN(sender.index, in.U32());
  }
  return sender;
}

absl::StatusOr<ContentType> ReadContentType(Reader& in) {
  ASSIGN_OR_RETURN(const uint8_t type, in.U8());
  if (type < 1 || type > 3) return Invalid("unknown content type");
  return static_cast<ContentType>(type);
}

void WriteContentBody(Writer& out, const Content& content) {
  if (const auto* data = std::get_if<ApplicationData>(&content)) out.Vector(data->bytes.view());
  if (const auto* proposal = std::get_if<Proposal>(&content)) WriteProposal(out, *proposal);
  if (const auto* commit = std::get_if<Commit>(&content)) WriteCommit(out, *commit);
}

absl::StatusOr<Content> ReadContentBody(Reader& in, ContentType type) {
  if (type == ContentType::kProposal) {
    ASSIGN_OR_RETURN(Proposal proposal, ReadProposal(in));
    return Content(std::move(proposal));
  }
  if (type == ContentType::kCommit) {
    ASSIGN_OR_RETURN(Commit commit, ReadCommit(in));
    return Content(std::move(commit));
  }
  ASSIGN_OR_RETURN(const ByteView data, in.Vector(kMaxVarint));
  return Content(ApplicationData{Secret::CopyOf(data)});
}

absl::StatusOr<FramedContent> ReadFramedContent(Reader& in) {
  FramedContent content;
  ASSIGN_OR_RETURN(const ByteView group_id, in.Vector(kMaxGroupIdBytes));
  ASSIGN_OR_RETURN(content.epoch, in.U64());
  ASSIGN_OR_RETURN(content.sender, ReadSender(in));
  ASSIGN_OR_RETURN(const ByteView authenticated_data, in.Vector(kMaxAuthenticatedData));
  ASSIGN_OR_RETURN(const ContentType type, ReadContentType(in));
  ASSIGN_OR_RETURN(content.content, ReadContentBody(in, type));
  content.group_id = ToBytes(group_id);
  content.authenticated_data = ToBytes(authenticated_data);
  return content;
}

void WriteAuthData(Writer& out, const FramedContentAuthData& auth, ContentType type) {
  out.Vector(auth.signature);
  if (type == ContentType::kCommit) out.Vector(auth.confirmation_tag);
}

absl::StatusOr<FramedContentAuthData> ReadAuthData(Reader& in, ContentType type) {
  FramedContentAuthData auth;
  ASSIGN_OR_RETURN(const ByteView signature, in.Vector(kMaxSignatureBytes));
  auth.signature = ToBytes(signature);
  if (type == ContentType::kCommit) {
    ASSIGN_OR_RETURN(const ByteView tag, in.Vector(kMaxTagBytes));
    auth.confirmation_tag = ToBytes(tag);
  }
  return auth;
}

// struct { ProtocolVersion version = mls10; WireFormat wire_format; FramedContent content;
//          select (content.sender.sender_type) { case member, new_member_commit: GroupContext
//          context;
//                                                case external, new_member_proposal: struct{}; }; }
// FramedContentTBS;
void WriteToBeSigned(Writer& out, const AuthenticatedContent& content, ByteView context) {
  WriteMlsMessageHeader(out, content.wire_format);
  WriteFramedContent(out, content.content);
  const SenderType sender = content.content.sender.type;
  if (sender == SenderType::kMember || sender == SenderType::kNewMemberCommit) out.Fixed(context);
}

// struct { FramedContentTBS content_tbs; FramedContentAuthData auth; } AuthenticatedContentTBM;
Writer ToBeMaced(const AuthenticatedContent& content, ByteView context) {
  Writer out;
  WriteToBeSigned(out, content, context);
  WriteAuthData(out, content.auth, content.content.type());
  return out;
}

absl::StatusOr<PublicMessage> ReadPublicMessage(Reader& in) {
  PublicMessage message;
  ASSIGN_OR_RETURN(message.content, ReadFramedContent(in));
  ASSIGN_OR_RETURN(message.auth, ReadAuthData(in, message.content.type()));
  if (message.content.sender.type == SenderType::kMember) {
    ASSIGN_OR_RETURN(const ByteView tag, in.Vector(kMaxTagBytes));
    message.membership_tag = ToBytes(tag);
  }
  return message;
}

void WritePublicMessage(Writer& out, const PublicMessage& message) {
  WriteFramedContent(out, message.content);
  WriteAuthData(out, message.auth, message.content.type());
  if (message.content.sender.type == SenderType::kMember) out.Vector(message.membership_tag);
}

absl::StatusOr<PrivateMessage> ReadPrivateMessage(Reader& in) {
  PrivateMessage message;
  ASSIGN_OR_RETURN(const ByteView group_id, in.Vector(kMaxGroupIdBytes));
  ASSIGN_OR_RETURN(message.epoch, in.U64());
  ASSIGN_OR_RETURN(message.content_type, ReadContentType(in));
  ASSIGN_OR_RETURN(const ByteView authenticated_data, in.Vector(kMaxAuthenticatedData));
  ASSIGN_OR_RETURN(const ByteView sender_data, in.Vector(1024));
  ASSIGN_OR_RETURN(const ByteView ciphertext, in.Vector(kMaxVarint));
  message.group_id = ToBytes(group_id);
  message.authenticated_data = ToBytes(authenticated_data);
  message.encrypted_sender_data = ToBytes(sender_data);
  message.ciphertext = ToBytes(ciphertext);
  return message;
}

// Also the whole PrivateContentAAD and, without the last field, SenderDataAAD.
void WritePrivateHeader(Writer& out, const PrivateMessage& message) {
  out.Vector(message.group_id).U64(message.epoch).U8(static_cast<uint8_t>(message.content_type));
  out.Vector(message.authenticated_data);
}

Bytes ContentAad(const PrivateMessage& message) {
  Writer out;
  WritePrivateHeader(out, message);
  return out.TakeBytes();
}

Bytes SenderDataAad(const PrivateMessage& message) {
  Writer out;
  out.Vector(message.group_id).U64(message.epoch).U8(static_cast<uint8_t>(message.content_type));
  return out.TakeBytes();
}

Secret GuardedNonce(ByteView nonce, const std::array<uint8_t, 4>& reuse_guard) {
  Secret out = Secret::CopyOf(nonce);
  CHECK(out.size() >= reuse_guard.size());
  for (size_t i = 0; i < reuse_guard.size(); ++i) out.span()[i] ^= reuse_guard[i];
  return out;
}

template <typename T>
absl::StatusOr<MlsMessage> AsBody(absl::StatusOr<T> body) {
  if (!body.ok()) return std::move(body).status();
  return MlsMessage{*std::move(body)};
}

absl::StatusOr<MlsMessage> ReadBody(Reader& in, uint16_t format) {
  switch (static_cast<WireFormat>(format)) {
    case WireFormat::kPublicMessage:
      return AsBody(ReadPublicMessage(in));
    case WireFormat::kPrivateMessage:
      return AsBody(ReadPrivateMessage(in));
    case WireFormat::kWelcome:
      return AsBody(ReadWelcome(in));
    case WireFormat::kGroupInfo:
      return AsBody(ReadGroupInfo(in));
    case WireFormat::kKeyPackage:
      return AsBody(ReadKeyPackage(in));
  }
  return absl::UnimplementedError("unknown wire format");
}

struct BodyWriter {
  Writer& out;
  void operator()(const PublicMessage& message) const { WritePublicMessage(out, message); }
  void operator()(const PrivateMessage& message) const {
    WritePrivateHeader(out, message);
    out.Vector(message.encrypted_sender_data).Vector(message.ciphertext);
  }
  void operator()(const Welcome& welcome) const { WriteWelcome(out, welcome); }
  void operator()(const GroupInfo& info) const { WriteGroupInfo(out, info); }
  void operator()(const KeyPackage& key_package) const { WriteKeyPackage(out, key_package); }
};

}  // namespace

void WriteMlsMessageHeader(Writer& out, WireFormat format) {
  out.U16(kProtocolVersionMls10).U16(static_cast<uint16_t>(format));
}

absl::StatusOr<MlsMessage> ParseMlsMessage(ByteView wire) {
  Reader in(wire);
  ASSIGN_OR_RETURN(const uint16_t version, in.U16());
  if (version != kProtocolVersionMls10) return absl::UnimplementedError("unknown protocol version");
  ASSIGN_OR_RETURN(const uint16_t format, in.U16());
  ASSIGN_OR_RETURN(MlsMessage message, ReadBody(in, format));
  RETURN_IF_ERROR(in.Done());
  return message;
}

Bytes Encode(const MlsMessage& message) {
  Writer out;
  WriteMlsMessageHeader(out, static_cast<WireFormat>(message.body.index() + 1));
  std::visit(BodyWriter{out}, message.body);
  return out.TakeBytes();
}

void WriteFramedContent(Writer& out, const FramedContent& content) {
  out.Vector(content.group_id).U64(content.epoch);
  WriteSender(out, content.sender);
  out.Vector(content.authenticated_data).U8(static_cast<uint8_t>(content.type()));
  WriteContentBody(out, content.content);
}

absl::StatusOr<AuthenticatedContent> ParseAuthenticatedContent(ByteView wire) {
  Reader in(wire);
  AuthenticatedContent content;
  ASSIGN_OR_RETURN(const uint16_t format, in.U16());
  if (format != 1 && format != 2) return Invalid("content has the wire format of something else");
  content.wire_format = static_cast<WireFormat>(format);
  ASSIGN_OR_RETURN(content.content, ReadFramedContent(in));
  ASSIGN_OR_RETURN(content.auth, ReadAuthData(in, content.content.type()));
  RETURN_IF_ERROR(in.Done());
  return content;
}

Bytes Encode(const AuthenticatedContent& content) {
  Writer out;
  out.U16(static_cast<uint16_t>(content.wire_format));
  WriteFramedContent(out, content.content);
  WriteAuthData(out, content.auth, content.content.type());
  return out.TakeBytes();
}

Bytes ProposalReference(const CipherSuite& suite, const AuthenticatedContent& content) {
  return suite.RefHash("MLS 1.0 Proposal Reference", Encode(content));
}

absl::Status SignContent(const CipherSuite& suite, const SignaturePrivateKey& key, ByteView context,
                         AuthenticatedContent& content) {
  Writer tbs;
  WriteToBeSigned(tbs, content, context);
  ASSIGN_OR_RETURN(content.auth.signature,
                   suite.SignWithLabel(key, "FramedContentTBS", tbs.view()));
  return absl::OkStatus();
}

absl::StatusOr<VerifiedContent> VerifyContent(const CipherSuite& suite, ByteView signature_key,
                                              ByteView context, AuthenticatedContent content) {
  Writer tbs;
  WriteToBeSigned(tbs, content, context);
  RETURN_IF_ERROR(
      suite.VerifyWithLabel(signature_key, "FramedContentTBS", tbs.view(), content.auth.signature));
  return VerifiedContent(std::move(content));
}

PublicMessage ProtectPublic(const CipherSuite& suite, ByteView membership_key, ByteView context,
                            AuthenticatedContent content) {
  CHECK(content.wire_format == WireFormat::kPublicMessage &&
        content.content.type() != ContentType::kApplication);
  PublicMessage message;
  if (content.content.sender.type == SenderType::kMember) {
    message.membership_tag = suite.Mac(membership_key, ToBeMaced(content, context).view());
  }
  message.content = std::move(content.content);
  message.auth = std::move(content.auth);
  return message;
}

absl::StatusOr<AuthenticatedContent> UnprotectPublic(const CipherSuite& suite,
                                                     ByteView membership_key, ByteView context,
                                                     PublicMessage message) {
  if (message.content.type() == ContentType::kApplication)
    return Invalid("application data in a PublicMessage");
  AuthenticatedContent content{WireFormat::kPublicMessage, std::move(message.content),
                               std::move(message.auth)};
  if (content.content.sender.type == SenderType::kMember &&
      !suite.MacVerify(membership_key, ToBeMaced(content, context).view(),
                       message.membership_tag)) {
    return Invalid("membership tag is wrong");
  }
  return content;
}

// struct { select (content_type) { ... }; FramedContentAuthData auth; opaque
// padding[length_of_padding]; } PrivateMessageContent;
PrivateMessage SealPrivate(const CipherSuite& suite, const SenderDataSecret& sender_data_secret,
                           const SenderData& sender_data, const KeyAndNonce& key,
                           const AuthenticatedContent& content, Padding padding) {
  CHECK(content.wire_format == WireFormat::kPrivateMessage);
  PrivateMessage message{content.content.group_id,
                         content.content.epoch,
                         content.content.type(),
                         content.content.authenticated_data,
                         {},
                         {}};
  Writer plain;
  WriteContentBody(plain, content.content.content);
  WriteAuthData(plain, content.auth, content.content.type());
  const size_t padded = PaddedSize(plain.size(), padding);
  plain.Fixed(Bytes(padded - plain.size()));
  const Secret nonce = GuardedNonce(key.nonce.view(), sender_data.reuse_guard);
  message.ciphertext = suite.Seal(key.key.view(), nonce.view(), ContentAad(message), plain.view());

  Writer sender;
  sender.U32(sender_data.leaf.value).U32(sender_data.generation).Fixed(sender_data.reuse_guard);
  const KeyAndNonce outer =
      DeriveSenderDataKeyAndNonce(suite, sender_data_secret, message.ciphertext);
  message.encrypted_sender_data =
      suite.Seal(outer.key.view(), outer.nonce.view(), SenderDataAad(message), sender.view());
  return message;
}

absl::StatusOr<SenderData> OpenSenderData(const CipherSuite& suite,
                                          const SenderDataSecret& sender_data_secret,
                                          const PrivateMessage& message) {
  const KeyAndNonce outer =
      DeriveSenderDataKeyAndNonce(suite, sender_data_secret, message.ciphertext);
  ASSIGN_OR_RETURN(const Secret plain,
                   suite.Open(outer.key.view(), outer.nonce.view(), SenderDataAad(message),
                              message.encrypted_sender_data));
  Reader in(plain.view());
  SenderData sender_data;
  ASSIGN_OR_RETURN(sender_data.leaf.value, in.U32());
  ASSIGN_OR_RETURN(sender_data.generation, in.U32());
  ASSIGN_OR_RETURN(const ByteView guard, in.Fixed(sender_data.reuse_guard.size()));
  RETURN_IF_ERROR(in.Done());
  std::copy(guard.begin(), guard.end(), sender_data.reuse_guard.begin());
  return sender_data;
}

absl::StatusOr<AuthenticatedContent> OpenPrivate(const CipherSuite& suite,
                                                 const SenderData& sender_data,
                                                 const KeyAndNonce& key,
                                                 const PrivateMessage& message) {
  const Secret nonce = GuardedNonce(key.nonce.view(), sender_data.reuse_guard);
  ASSIGN_OR_RETURN(const Secret plain, suite.Open(key.key.view(), nonce.view(), ContentAad(message),
                                                  message.ciphertext));
  Reader in(plain.view());
  AuthenticatedContent out;
  out.wire_format = WireFormat::kPrivateMessage;
  out.content.group_id = message.group_id;
  out.content.epoch = message.epoch;
  out.content.sender = {SenderType::kMember, sender_data.leaf.value};
  out.content.authenticated_data = message.authenticated_data;
  ASSIGN_OR_RETURN(out.content.content, ReadContentBody(in, message.content_type));
  ASSIGN_OR_RETURN(out.auth, ReadAuthData(in, message.content_type));
  if (std::any_of(in.rest().begin(), in.rest().end(), [](uint8_t byte) { return byte != 0; })) {
    return Invalid("padding is not zero");
  }
  return out;
}

}  // namespace plumbline::mls
