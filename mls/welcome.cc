#include "mls/welcome.h"

namespace plumbline::mls {
namespace {

constexpr size_t kMaxHashBytes = 255;
constexpr size_t kMaxSignatureBytes = 16384;
constexpr size_t kMaxPsks = 256;

void WriteUnsigned(Writer& out, const GroupInfo& info) {
  WriteGroupContext(out, info.group_context);
  WriteExtensions(out, info.extensions);
  out.Vector(info.confirmation_tag).U32(info.signer.value);
}

Bytes ToBeSigned(const GroupInfo& info) {
  Writer out;
  WriteUnsigned(out, info);
  return out.TakeBytes();
}

}  // namespace

absl::StatusOr<GroupInfo> ReadGroupInfo(Reader& in) {
  GroupInfo info;
  ASSIGN_OR_RETURN(info.group_context, ReadGroupContext(in));
  ASSIGN_OR_RETURN(info.extensions, ReadExtensions(in));
  ASSIGN_OR_RETURN(const ByteView tag, in.Vector(kMaxHashBytes));
  ASSIGN_OR_RETURN(info.signer.value, in.U32());
  ASSIGN_OR_RETURN(const ByteView signature, in.Vector(kMaxSignatureBytes));
  info.confirmation_tag = ToBytes(tag);
  info.signature = ToBytes(signature);
  return info;
}

void WriteGroupInfo(Writer& out, const GroupInfo& info) {
  WriteUnsigned(out, info);
  out.Vector(info.signature);
}

absl::Status SignGroupInfo(const CipherSuite& suite, const SignaturePrivateKey& key,
                           GroupInfo& info) {
  ASSIGN_OR_RETURN(info.signature, suite.SignWithLabel(key, "GroupInfoTBS", ToBeSigned(info)));
  return absl::OkStatus();
}

absl::Status VerifyGroupInfo(const CipherSuite& suite, ByteView signature_key,
                             const GroupInfo& info) {
  return suite.VerifyWithLabel(signature_key, "GroupInfoTBS", ToBeSigned(info), info.signature);
}

absl::StatusOr<GroupSecrets> ParseGroupSecrets(ByteView wire) {
  Reader in(wire);
  GroupSecrets secrets;
  ASSIGN_OR_RETURN(const ByteView joiner_secret, in.Vector(kMaxHashBytes));
  secrets.joiner_secret = Secret::CopyOf(joiner_secret);
  ASSIGN_OR_RETURN(const bool has_path_secret, in.Present());
  if (has_path_secret) {
    ASSIGN_OR_RETURN(const ByteView path_secret, in.Vector(kMaxHashBytes));
    secrets.path_secret = Secret::CopyOf(path_secret);
  }
  ASSIGN_OR_RETURN(const ByteView psks, in.Vector(kMaxVarint));
  RETURN_IF_ERROR(in.Done());
  for (Reader items(psks); !items.AtEnd();) {
    if (secrets.psks.size() >= kMaxPsks)
      return absl::InvalidArgumentError("too many pre-shared keys");
    ASSIGN_OR_RETURN(PreSharedKeyId psk, ReadPreSharedKeyId(items));
    secrets.psks.push_back(std::move(psk));
  }
  return secrets;
}

Secret Encode(const GroupSecrets& secrets) {
  Writer psks;
  for (const PreSharedKeyId& psk : secrets.psks) WritePreSharedKeyId(psks, psk);
  Writer out;
  out.Vector(secrets.joiner_secret.view()).Present(secrets.path_secret.has_value());
  if (secrets.path_secret) out.Vector(secrets.path_secret->view());
  out.Vector(psks.view());
  return out.TakeSecret();
}

absl::StatusOr<Welcome> ReadWelcome(Reader& in) {
  Welcome welcome;
  ASSIGN_OR_RETURN(welcome.cipher_suite, in.U16());
  ASSIGN_OR_RETURN(const ByteView list, in.Vector(kMaxVarint));
  for (Reader items(list); !items.AtEnd();) {
    EncryptedGroupSecrets entry;
    ASSIGN_OR_RETURN(const ByteView new_member, items.Vector(kMaxHashBytes));
    entry.new_member = ToBytes(new_member);
    ASSIGN_OR_RETURN(const ByteView kem_output, items.Vector(4096));
    ASSIGN_OR_RETURN(const ByteView ciphertext, items.Vector(1 << 20));
    entry.encrypted_group_secrets = {ToBytes(kem_output), ToBytes(ciphertext)};
    welcome.secrets.push_back(std::move(entry));
  }
  ASSIGN_OR_RETURN(const ByteView group_info, in.Vector(kMaxVarint));
  welcome.encrypted_group_info = ToBytes(group_info);
  return welcome;
}

void WriteWelcome(Writer& out, const Welcome& welcome) {
  Writer list;
  for (const EncryptedGroupSecrets& entry : welcome.secrets) {
    list.Vector(entry.new_member).Vector(entry.encrypted_group_secrets.kem_output);
    list.Vector(entry.encrypted_group_secrets.ciphertext);
  }
  out.U16(welcome.cipher_suite).Vector(list.view()).Vector(welcome.encrypted_group_info);
}

}  // namespace plumbline::mls
