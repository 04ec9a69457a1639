// A random key in a token from which secrets derive that are worth nothing without the token: HMAC-SHA-256 of it. What a token cannot
// compute with itself is encrypted under such a secret (docs/adr/0016). Never leaves the token. Thread-safe.
#pragma once

#include <memory>

#include "common/pkcs11/token.h"

namespace plumbline::pkcs11 {

inline constexpr size_t kDerivedSize = 32;

class DerivationKey final {
 public:
  // A new one, named by `label` and a random id, and opened. Durable on return. Codes of Ed25519Key::Generate and Open.
  static absl::StatusOr<std::shared_ptr<const DerivationKey>> Generate(std::shared_ptr<Token> token, absl::string_view label);
  static absl::StatusOr<std::shared_ptr<const DerivationKey>> Open(std::shared_ptr<Token> token, KeyName name);

  const KeyName& name() const { return name_; }
  const std::string& token_label() const { return token_->label(); }
  const std::shared_ptr<Token>& token() const { return token_; }

  // HMAC-SHA-256(key, vector(label) || vector(context)): kDerivedSize bytes, the same every time. UNAVAILABLE if the token is out of reach.
  absl::StatusOr<Secret> Derive(absl::string_view label, ByteView context) const;

 private:
  DerivationKey(std::shared_ptr<Token> token, KeyName name) : token_(std::move(token)), name_(std::move(name)) {}
  const std::shared_ptr<Token> token_;
  const KeyName name_;
};

}  // namespace plumbline::pkcs11
