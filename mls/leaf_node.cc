#include "mls/leaf_node.h"

#include <algorithm>

#include "common/check.h"

namespace plumbline::mls {
namespace {

constexpr size_t kMaxKeyBytes = 4096;
constexpr size_t kMaxSignatureBytes = 16384;
constexpr size_t kMaxHashBytes = 255;

absl::StatusOr<Capabilities> ReadCapabilities(Reader& in) {
  Capabilities capabilities;
  ASSIGN_OR_RETURN(capabilities.versions, ReadUint16s(in));
  ASSIGN_OR_RETURN(capabilities.cipher_suites, ReadUint16s(in));
  ASSIGN_OR_RETURN(capabilities.extensions, ReadUint16s(in));
  ASSIGN_OR_RETURN(capabilities.proposals, ReadUint16s(in));
  ASSIGN_OR_RETURN(capabilities.credentials, ReadUint16s(in));
  return capabilities;
}

void WriteCapabilities(Writer& out, const Capabilities& capabilities) {
  WriteUint16s(out, capabilities.versions);
  WriteUint16s(out, capabilities.cipher_suites);
  WriteUint16s(out, capabilities.extensions);
  WriteUint16s(out, capabilities.proposals);
  WriteUint16s(out, capabilities.credentials);
}

// All of LeafNode but its signature: also the head of LeafNodeTBS.
void WriteUnsigned(Writer& out, const LeafNode& leaf) {
  out.Vector(leaf.encryption_key).Vector(leaf.signature_key);
  WriteCredential(out, leaf.credential);
  WriteCapabilities(out, leaf.capabilities);
  out.U8(static_cast<uint8_t>(leaf.source));
  if (leaf.source == LeafNodeSource::kKeyPackage)
    out.U64(leaf.lifetime.not_before).U64(leaf.lifetime.not_after);
  if (leaf.source == LeafNodeSource::kCommit) out.Vector(leaf.parent_hash);
  WriteExtensions(out, leaf.extensions);
}

// struct { ...LeafNode without signature...;
//          select (leaf_node_source) { case key_package: struct{};
//            case update, commit: opaque group_id<V>; uint32 leaf_index; }; } LeafNodeTBS;
absl::StatusOr<Bytes> ToBeSigned(const LeafNode& leaf,
                                 const std::optional<LeafPosition>& position) {
  Writer out;
  WriteUnsigned(out, leaf);
  if (leaf.source != LeafNodeSource::kKeyPackage) {
    if (!position) return absl::InvalidArgumentError("leaf node is not of a key package");
    out.Vector(position->group_id).U32(position->index.value);
  }
  return out.TakeBytes();
}

}  // namespace

Capabilities Capabilities::Default(std::vector<uint16_t> extensions) {
  Capabilities capabilities;
  capabilities.versions = {kProtocolVersionMls10};
  for (const SuiteId suite : CipherSuite::Supported()) {
    capabilities.cipher_suites.push_back(static_cast<uint16_t>(suite));
  }
  capabilities.extensions = std::move(extensions);
  capabilities.credentials = {kCredentialBasic, kCredentialX509};
  return capabilities;
}

bool Lifetime::Holds(absl::Time now) const {
  const int64_t seconds = absl::ToUnixSeconds(now);
  return seconds >= 0 && not_before <= static_cast<uint64_t>(seconds) &&
         static_cast<uint64_t>(seconds) <= not_after;
}

Lifetime Lifetime::From(absl::Time start, absl::Duration length) {
  const auto seconds = [](absl::Time time) {
    return static_cast<uint64_t>(std::max<int64_t>(0, absl::ToUnixSeconds(time)));
  };
  return {seconds(start), seconds(start + length)};
}

absl::StatusOr<LeafNode> ReadLeafNode(Reader& in) {
  LeafNode leaf;
  ASSIGN_OR_RETURN(const ByteView encryption_key, in.Vector(kMaxKeyBytes));
  ASSIGN_OR_RETURN(const ByteView signature_key, in.Vector(kMaxKeyBytes));
  leaf.encryption_key = ToBytes(encryption_key);
  leaf.signature_key = ToBytes(signature_key);
  ASSIGN_OR_RETURN(leaf.credential, ReadCredential(in));
  ASSIGN_OR_RETURN(leaf.capabilities, ReadCapabilities(in));
  ASSIGN_OR_RETURN(const uint8_t source, in.U8());
  if (source < 1 || source > 3) return absl::InvalidArgumentError("unknown leaf_node_source");
  leaf.source = static_cast<LeafNodeSource>(source);
  if (leaf.source == LeafNodeSource::kKeyPackage) {
    ASSIGN_OR_RETURN(leaf.lifetime.not_before, in.U64());
    ASSIGN_OR_RETURN(leaf.lifetime.not_after, in.U64());
  }
  if (leaf.source == LeafNodeSource::kCommit) {
    ASSIGN_OR_RETURN(const ByteView parent_hash, in.Vector(kMaxHashBytes));
    leaf.parent_hash = ToBytes(parent_hash);
  }
  ASSIGN_OR_RETURN(leaf.extensions, ReadExtensions(in));
  ASSIGN_OR_RETURN(const ByteView signature, in.Vector(kMaxSignatureBytes));
  leaf.signature = ToBytes(signature);
  return leaf;
}

void WriteLeafNode(Writer& out, const LeafNode& leaf) {
  WriteUnsigned(out, leaf);
  out.Vector(leaf.signature);
}

absl::Status SignLeafNode(const CipherSuite& suite, const SignaturePrivateKey& key,
                          const std::optional<LeafPosition>& position, LeafNode& leaf) {
  ASSIGN_OR_RETURN(const Bytes content, ToBeSigned(leaf, position));
  ASSIGN_OR_RETURN(leaf.signature, suite.SignWithLabel(key, "LeafNodeTBS", content));
  return absl::OkStatus();
}

absl::Status VerifyLeafNodeSignature(const CipherSuite& suite, const LeafNode& leaf,
                                     const std::optional<LeafPosition>& position) {
  ASSIGN_OR_RETURN(const Bytes content, ToBeSigned(leaf, position));
  return suite.VerifyWithLabel(leaf.signature_key, "LeafNodeTBS", content, leaf.signature);
}

absl::Status CheckLeafNodeAlone(const CipherSuite& suite, const LeafNode& leaf) {
  RETURN_IF_ERROR(suite.CheckHpkePublicKey(leaf.encryption_key));
  RETURN_IF_ERROR(suite.CheckSignaturePublicKey(leaf.signature_key));
  if (!Contains(leaf.capabilities.versions, kProtocolVersionMls10) ||
      !Contains(leaf.capabilities.cipher_suites, static_cast<uint16_t>(suite.id()))) {
    return absl::InvalidArgumentError(
        "leaf node does not list the group's version and cipher suite");
  }
  if (!Contains(leaf.capabilities.credentials, leaf.credential.type)) {
    return absl::InvalidArgumentError("leaf node does not list its own credential type");
  }
  for (const Extension& extension : leaf.extensions) {
    if (IsDefaultExtension(extension.type)) {
      if (extension.type == kExtensionApplicationId) continue;
      return absl::InvalidArgumentError("extension type is not for leaf nodes");
    }
    if (!Contains(leaf.capabilities.extensions, extension.type)) {
      return absl::InvalidArgumentError(
          "leaf node does not list the type of one of its extensions");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckLeafNodeSupports(const LeafNode& leaf,
                                   const Extensions& group_context_extensions) {
  for (const Extension& extension : group_context_extensions) {
    if (!IsDefaultExtension(extension.type) &&
        !Contains(leaf.capabilities.extensions, extension.type)) {
      return absl::InvalidArgumentError("leaf node does not support an extension of the group");
    }
  }
  const Bytes* data = FindExtension(group_context_extensions, kExtensionRequiredCapabilities);
  if (data == nullptr) return absl::OkStatus();
  ASSIGN_OR_RETURN(const RequiredCapabilities required, ParseRequiredCapabilities(*data));
  for (const uint16_t type : required.extensions) {
    if (!IsDefaultExtension(type) && !Contains(leaf.capabilities.extensions, type)) {
      return absl::InvalidArgumentError("leaf node lacks a required extension type");
    }
  }
  for (const uint16_t type : required.proposals) {
    const bool is_default = type >= 1 && type <= 7;
    if (!is_default && !Contains(leaf.capabilities.proposals, type)) {
      return absl::InvalidArgumentError("leaf node lacks a required proposal type");
    }
  }
  for (const uint16_t type : required.credentials) {
    if (!Contains(leaf.capabilities.credentials, type)) {
      return absl::InvalidArgumentError("leaf node lacks a required credential type");
    }
  }
  return absl::OkStatus();
}

}  // namespace plumbline::mls
