// Keys in a token (PKCS#11): opening the token that the configuration names, and binding the rest of the key ring to it, so that
// keys.sealed and its passphrase open nothing without the token (docs/adr/0016-keys-in-a-token.md).
//
// What keys.sealed holds of a bound ring, in place of the ring itself:
//   struct {
//     opaque magic[8] = "PLBOUND1";
//     opaque label<1..64>; opaque id<1..64>;   /* the derivation key in the token */
//     opaque salt[32];                         /* new each time that the file is written */
//     opaque box<V>;                           /* WrappedKey of the ring (common/crypto/key_wrap.h) under the secret derived with the
//                                                 salt; all before it as its context */
//   } BoundRing;
#pragma once

#include <memory>

#include "common/pkcs11/derivation_key.h"

namespace plumbline::config::v1 {
class KeyserverConfig;
}

namespace plumbline::keyserver {

// Loads the library that the configuration names, if it names one: before EnterSandbox. Null: the keys are in keys.sealed.
absl::StatusOr<std::unique_ptr<pkcs11::Module>> LoadTokenModule(const config::v1::KeyserverConfig& config);
// The token that the configuration names, with its PIN; null if it names none. Codes of ReadPinFile and pkcs11::Token::Open.
absl::StatusOr<std::shared_ptr<pkcs11::Token>> OpenToken(const config::v1::KeyserverConfig& config);

bool IsBound(ByteView content);
// UNAVAILABLE if the token is out of reach.
absl::StatusOr<Bytes> Bind(const pkcs11::DerivationKey& key, const Secret& ring);
struct Unbound {
  Secret ring;
  std::shared_ptr<const pkcs11::DerivationKey> key;
};
// FAILED_PRECONDITION pkcs11_not_configured where `token` is null; codes of pkcs11::DerivationKey::Open; DATA_LOSS for what Bind did not
// make with that key.
absl::StatusOr<Unbound> Unbind(const std::shared_ptr<pkcs11::Token>& token, ByteView content);

}  // namespace plumbline::keyserver
