// Key packages (RFC 9420 §10): what a client publishes so that it can be added while it is away.
#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"
#include "mls/crypto/cipher_suite.h"
#include "mls/leaf_node.h"

namespace plumbline::mls {

// struct { ProtocolVersion version; CipherSuite cipher_suite; HPKEPublicKey init_key; LeafNode
// leaf_node;
//          Extension extensions<V>; opaque signature<V>; } KeyPackage;
struct KeyPackage {
  uint16_t version = kProtocolVersionMls10;
  uint16_t cipher_suite = 0;
  Bytes init_key;
  LeafNode leaf_node;
  Extensions extensions;
  Bytes signature;
  bool operator==(const KeyPackage&) const = default;

  bool last_resort() const { return FindExtension(extensions, kExtensionLastResort) != nullptr; }
};

absl::StatusOr<KeyPackage> ReadKeyPackage(Reader& in);
void WriteKeyPackage(Writer& out, const KeyPackage& key_package);

// The MLSMessage form (wire format mls_key_package): what is published. INVALID_ARGUMENT on any
// other input. Parsing checks the form only; see ValidateKeyPackage.
absl::StatusOr<KeyPackage> ParseKeyPackageMessage(ByteView wire);
Bytes EncodeKeyPackageMessage(const KeyPackage& key_package);

// KeyPackageRef (§5.2): hash_size() bytes that name the key package in a Welcome.
Bytes KeyPackageRef(const CipherSuite& suite, const KeyPackage& key_package);

// All of §10.1 but the credential, which only an AuthenticationService can judge: version, suite,
// both signatures, source key_package, keys, capabilities, init key different from the encryption
// key, lifetime containing `now`. INVALID_ARGUMENT, or UNIMPLEMENTED for a suite this build does
// not know.
absl::Status ValidateKeyPackage(const KeyPackage& key_package, absl::Time now);

// A key package with the private keys that belong to it. The signature key stays with its owner.
// After a Welcome was used, delete the bundle unless it is a last resort.
struct KeyPackageBundle {
  KeyPackage key_package;
  HpkePrivateKey init_private_key;
  HpkePrivateKey encryption_private_key;

  Secret Serialize() const;
  // INVALID_ARGUMENT unless `stored` came from Serialize.
  static absl::StatusOr<KeyPackageBundle> Parse(ByteView stored);
};

struct KeyPackageParams {
  SuiteId suite = SuiteId::kX25519Aes128GcmSha256Ed25519;
  Credential credential;
  Lifetime lifetime;
  // Must list the type of every leaf extension given here.
  Capabilities capabilities = Capabilities::Default();
  Extensions leaf_extensions;
  Extensions key_package_extensions;
  bool last_resort = false;  // adds the last_resort extension
  bool grease = false;       // adds values without a meaning (§13.5) wherever they may stand
};

// INVALID_ARGUMENT if the parameters do not make a valid key package (an extension type that the
// capabilities omit).
absl::StatusOr<KeyPackageBundle> GenerateKeyPackage(const KeyPackageParams& params,
                                                    const SignatureKeyPair& signer);

}  // namespace plumbline::mls
