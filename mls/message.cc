#include "mls/message.h"

#include <utility>

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

void WritePrivateHeader(Writer& out, const PrivateMessage& message) {
  out.Vector(message.group_id).U64(message.epoch).U8(static_cast<uint8_t>(message.content_type));
  out.Vector(message.authenticated_data);
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
  const auto* sealed = std::get_if<PrivateMessage>(&message.body);
  Writer out(sealed == nullptr
                 ? 1024
                 : 512 + sealed->authenticated_data.size() + sealed->ciphertext.size());
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

}  // namespace plumbline::mls
