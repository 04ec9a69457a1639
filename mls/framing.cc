#include "mls/framing.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace plumbline::mls {
namespace {

absl::Status Invalid(absl::string_view rule) { return absl::InvalidArgumentError(rule); }

// Enough for anything that holds `content` once, without moving it; a commit may exceed it.
size_t SizeWith(const AuthenticatedContent& content, size_t beside) {
  const auto* data = std::get_if<ApplicationData>(&content.content.content);
  return 512 + beside + content.content.authenticated_data.size() +
         (data == nullptr ? 0 : data->bytes.size());
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
  Writer out(SizeWith(content, context.size()));
  WriteToBeSigned(out, content, context);
  WriteAuthData(out, content.auth, content.content.type());
  return out;
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

}  // namespace

absl::Status SignContent(const CipherSuite& suite, const SignaturePrivateKey& key, ByteView context,
                         AuthenticatedContent& content) {
  Writer tbs(SizeWith(content, context.size()));
  WriteToBeSigned(tbs, content, context);
  ASSIGN_OR_RETURN(content.auth.signature,
                   suite.SignWithLabel(key, "FramedContentTBS", tbs.view()));
  return absl::OkStatus();
}

absl::StatusOr<VerifiedContent> VerifyContent(const CipherSuite& suite, ByteView signature_key,
                                              ByteView context, AuthenticatedContent content) {
  Writer tbs(SizeWith(content, context.size()));
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
  Writer plain(SizeWith(content, padding.block) * 9 / 8);  // Padme adds less than an eighth
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
