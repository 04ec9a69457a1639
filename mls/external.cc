#include "mls/external.h"

#include <utility>

#include "mls/framing.h"

namespace plumbline::mls {
namespace {

constexpr size_t kMaxKeyBytes = 4096;

absl::StatusOr<Bytes> Signed(const GroupEpoch& group, Sender sender, const SignaturePrivateKey& key,
                             Proposal proposal) {
  ASSIGN_OR_RETURN(const CipherSuite* const suite, CipherSuite::Get(static_cast<uint16_t>(group.suite)));
  AuthenticatedContent content;
  content.wire_format = WireFormat::kPublicMessage;
  content.content.group_id = group.group_id;
  content.content.epoch = group.epoch;
  content.content.sender = sender;
  content.content.content = std::move(proposal);
  RETURN_IF_ERROR(SignContent(*suite, key, {}, content));  // the context is not signed from outside (§6.1)
  return Encode(MlsMessage{ProtectPublic(*suite, {}, {}, std::move(content))});
}

}  // namespace

absl::StatusOr<std::vector<ExternalSender>> ParseExternalSenders(ByteView data) {
  Reader in(data);
  ASSIGN_OR_RETURN(const ByteView list, in.Vector(kMaxVarint));
  RETURN_IF_ERROR(in.Done());
  std::vector<ExternalSender> senders;
  for (Reader items(list); !items.AtEnd();) {
    if (senders.size() >= kMaxExternalSenders) return absl::InvalidArgumentError("too many external senders");
    ExternalSender sender;
    ASSIGN_OR_RETURN(const ByteView key, items.Vector(kMaxKeyBytes));
    sender.signature_key = ToBytes(key);
    ASSIGN_OR_RETURN(sender.credential, ReadCredential(items));
    senders.push_back(std::move(sender));
  }
  return senders;
}

Bytes EncodeExternalSenders(const std::vector<ExternalSender>& senders) {
  Writer list;
  for (const ExternalSender& sender : senders) {
    list.Vector(sender.signature_key);
    WriteCredential(list, sender.credential);
  }
  Writer out;
  out.Vector(list.view());
  return out.TakeBytes();
}

absl::StatusOr<Bytes> ParseExternalPub(ByteView data) {
  Reader in(data);
  ASSIGN_OR_RETURN(const ByteView key, in.Vector(kMaxKeyBytes));
  RETURN_IF_ERROR(in.Done());
  return ToBytes(key);
}

Bytes EncodeExternalPub(ByteView public_key) {
  Writer out;
  out.Vector(public_key);
  return out.TakeBytes();
}

absl::StatusOr<GroupInfo> ParseGroupInfoMessage(ByteView wire) {
  ASSIGN_OR_RETURN(MlsMessage message, ParseMlsMessage(wire));
  GroupInfo* info = std::get_if<GroupInfo>(&message.body);
  if (info == nullptr) return absl::InvalidArgumentError("message is not a GroupInfo");
  return std::move(*info);
}

bool MayBeExternal(ProposalKind kind) {
  switch (kind) {
    case ProposalKind::kAdd:
    case ProposalKind::kRemove:
    case ProposalKind::kPsk:
    case ProposalKind::kReInit:
    case ProposalKind::kGroupContextExtensions: return true;
    case ProposalKind::kUpdate:
    case ProposalKind::kExternalInit: return false;
  }
  return false;
}

absl::StatusOr<Bytes> ProposeAsExternalSender(const GroupEpoch& group, uint32_t sender_index,
                                              const SignaturePrivateKey& key, Proposal proposal) {
  if (!MayBeExternal(KindOf(proposal))) {
    return absl::InvalidArgumentError("an external sender may not make this kind of proposal");
  }
  return Signed(group, {SenderType::kExternal, sender_index}, key, std::move(proposal));
}

absl::StatusOr<Bytes> ProposeOwnAdd(const GroupEpoch& group, const KeyPackage& key_package,
                                    const SignaturePrivateKey& key) {
  return Signed(group, {SenderType::kNewMemberProposal, 0}, key, AddProposal{key_package});
}

}  // namespace plumbline::mls
