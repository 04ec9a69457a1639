#include "mls/key_package.h"

#include "mls/framing.h"
#include "mls/grease.h"

namespace plumbline::mls {
namespace {

constexpr size_t kMaxKeyBytes = 4096;
constexpr size_t kMaxSignatureBytes = 16384;

// KeyPackageTBS: all of KeyPackage but its signature.
void WriteUnsigned(Writer& out, const KeyPackage& key_package) {
  out.U16(key_package.version).U16(key_package.cipher_suite).Vector(key_package.init_key);
  WriteLeafNode(out, key_package.leaf_node);
  WriteExtensions(out, key_package.extensions);
}

Bytes ToBeSigned(const KeyPackage& key_package) {
  Writer out;
  WriteUnsigned(out, key_package);
  return out.TakeBytes();
}

}  // namespace

absl::StatusOr<KeyPackage> ReadKeyPackage(Reader& in) {
  KeyPackage key_package;
  ASSIGN_OR_RETURN(key_package.version, in.U16());
  ASSIGN_OR_RETURN(key_package.cipher_suite, in.U16());
  ASSIGN_OR_RETURN(const ByteView init_key, in.Vector(kMaxKeyBytes));
  key_package.init_key = ToBytes(init_key);
  ASSIGN_OR_RETURN(key_package.leaf_node, ReadLeafNode(in));
  ASSIGN_OR_RETURN(key_package.extensions, ReadExtensions(in));
  ASSIGN_OR_RETURN(const ByteView signature, in.Vector(kMaxSignatureBytes));
  key_package.signature = ToBytes(signature);
  return key_package;
}

void WriteKeyPackage(Writer& out, const KeyPackage& key_package) {
  WriteUnsigned(out, key_package);
  out.Vector(key_package.signature);
}

absl::StatusOr<KeyPackage> ParseKeyPackageMessage(ByteView wire) {
  ASSIGN_OR_RETURN(MlsMessage message, ParseMlsMessage(wire));
  KeyPackage* key_package = std::get_if<KeyPackage>(&message.body);
  if (key_package == nullptr) return absl::InvalidArgumentError("message is not a key package");
  return std::move(*key_package);
}

Bytes EncodeKeyPackageMessage(const KeyPackage& key_package) {
  Writer out;
  WriteMlsMessageHeader(out, WireFormat::kKeyPackage);
  WriteKeyPackage(out, key_package);
  return out.TakeBytes();
}

Bytes KeyPackageRef(const CipherSuite& suite, const KeyPackage& key_package) {
  Writer out;
  WriteKeyPackage(out, key_package);
  return suite.RefHash("MLS 1.0 KeyPackage Reference", out.view());
}

absl::Status ValidateKeyPackage(const KeyPackage& key_package, absl::Time now) {
  if (key_package.version != kProtocolVersionMls10)
    return absl::InvalidArgumentError("unknown protocol version");
  ASSIGN_OR_RETURN(const CipherSuite* const suite, CipherSuite::Get(key_package.cipher_suite));
  const LeafNode& leaf = key_package.leaf_node;
  if (leaf.source != LeafNodeSource::kKeyPackage) {
    return absl::InvalidArgumentError("leaf node of a key package has another source");
  }
  RETURN_IF_ERROR(suite->CheckHpkePublicKey(key_package.init_key));
  if (key_package.init_key == leaf.encryption_key) {
    return absl::InvalidArgumentError("init key equals the encryption key");
  }
  RETURN_IF_ERROR(CheckLeafNodeAlone(*suite, leaf));
  for (const Extension& extension : key_package.extensions) {
    if (IsDefaultExtension(extension.type)) {
      return absl::InvalidArgumentError("extension type is not for key packages");
    }
  }
  if (!leaf.lifetime.Holds(now))
    return absl::InvalidArgumentError("key package is outside its lifetime");
  RETURN_IF_ERROR(VerifyLeafNodeSignature(*suite, leaf, std::nullopt));
  return suite->VerifyWithLabel(leaf.signature_key, "KeyPackageTBS", ToBeSigned(key_package),
                                key_package.signature);
}

Secret KeyPackageBundle::Serialize() const {
  Writer out;
  out.U8(1);
  WriteKeyPackage(out, key_package);
  out.Vector(init_private_key.bytes.view()).Vector(encryption_private_key.bytes.view());
  return out.TakeSecret();
}

absl::StatusOr<KeyPackageBundle> KeyPackageBundle::Parse(ByteView stored) {
  Reader in(stored);
  ASSIGN_OR_RETURN(const uint8_t version, in.U8());
  if (version != 1) return absl::InvalidArgumentError("unknown version of a stored key package");
  KeyPackageBundle bundle;
  ASSIGN_OR_RETURN(bundle.key_package, ReadKeyPackage(in));
  ASSIGN_OR_RETURN(const ByteView init, in.Vector(kMaxKeyBytes));
  ASSIGN_OR_RETURN(const ByteView encryption, in.Vector(kMaxKeyBytes));
  RETURN_IF_ERROR(in.Done());
  bundle.init_private_key.bytes = Secret::CopyOf(init);
  bundle.encryption_private_key.bytes = Secret::CopyOf(encryption);
  return bundle;
}

absl::StatusOr<KeyPackageBundle> GenerateKeyPackage(const KeyPackageParams& params,
                                                    const SignatureKeyPair& signer) {
  ASSIGN_OR_RETURN(const CipherSuite* const suite,
                   CipherSuite::Get(static_cast<uint16_t>(params.suite)));
  HpkeKeyPair init = suite->GenerateHpkeKeyPair();
  HpkeKeyPair encryption = suite->GenerateHpkeKeyPair();
  KeyPackageBundle bundle;
  bundle.init_private_key = std::move(init.private_key);
  bundle.encryption_private_key = std::move(encryption.private_key);
  KeyPackage& out = bundle.key_package;
  out.cipher_suite = static_cast<uint16_t>(params.suite);
  out.init_key = std::move(init.public_key);
  out.leaf_node.encryption_key = std::move(encryption.public_key);
  out.leaf_node.signature_key = signer.public_key;
  out.leaf_node.credential = params.credential;
  out.leaf_node.capabilities = params.capabilities;
  out.leaf_node.lifetime = params.lifetime;
  out.leaf_node.extensions = params.leaf_extensions;
  out.extensions = params.key_package_extensions;
  if (params.last_resort && !out.last_resort())
    out.extensions.push_back({kExtensionLastResort, {}});
  if (params.grease) {
    AddGrease(out.leaf_node.capabilities, out.leaf_node.extensions);
    AddGreaseExtension(out.extensions);
  }
  RETURN_IF_ERROR(CheckLeafNodeAlone(*suite, out.leaf_node));
  RETURN_IF_ERROR(SignLeafNode(*suite, signer.private_key, std::nullopt, out.leaf_node));
  ASSIGN_OR_RETURN(out.signature,
                   suite->SignWithLabel(signer.private_key, "KeyPackageTBS", ToBeSigned(out)));
  return bundle;
}

}  // namespace plumbline::mls
