// Tokens to test with: an issuer whose keys are made once a process, because each takes a while.
#pragma once

#include <map>
#include <string>

#include "common/check.h"
#include "common/tokens/issuance.h"
#include "common/tokens/token_key.h"

namespace plumbline::tokens {

// A token as it is shown: with the statement of its key.
struct ShownToken {
  std::string token;
  std::string token_key;
};

// Of organisations that are made up in a test.
inline const crypto::Ed25519KeyPair& TestTokensRole() {
  static const auto* const key = new crypto::Ed25519KeyPair(crypto::Ed25519KeyPair::Generate());
  return *key;
}

template <typename Request>
void Show(Request& request, const ShownToken& token) {
  request.set_token(token.token);
  request.set_token_key(token.token_key);
}

class Mint final {
 public:
  static constexpr uint64_t kEpoch = 3600;  // seconds; a key ends 480 after it closes

  // `number`-th key of the process, the same each time it is asked for.
  static const crypto::BlindRsaSecretKey& Key(size_t number = 0) {
    static auto* const keys = new std::map<size_t, crypto::BlindRsaSecretKey>();
    auto found = keys->find(number);
    if (found == keys->end()) found = keys->emplace(number, crypto::BlindRsaSecretKey::Generate()).first;
    return found->second;
  }

  Mint(std::string domain, const crypto::Ed25519KeyPair& tokens_role)
      : domain_(std::move(domain)), role_(*crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(tokens_role.seed()))) {}

  // Of the epoch that began at the last full hour, counted from 1970.
  TokenKey KeyFor(absl::string_view purpose, absl::Time now) const {
    const auto opens = static_cast<uint64_t>(absl::ToUnixSeconds(now)) / kEpoch * kEpoch;
    return {domain_,
            Key(NumberOf(purpose)).public_key(),
            {std::string(purpose), kClassMember, opens / kEpoch, opens, opens + kEpoch, opens + kEpoch + 480,
             TokenKeyId(Key(NumberOf(purpose)).public_key())}};
  }
  Bytes Signed(const TokenKey& key) const { return *SignTokenKey(key, role_); }
  static TokenResponse Answer(absl::string_view purpose, const TokenRequest& request) {
    auto out = Issue(Key(NumberOf(purpose)), request);
    CHECK(out.ok());
    return *out;
  }
  // Drawn and finished.
  ShownToken Draw(absl::string_view purpose, absl::Time now) const {
    const TokenKey key = KeyFor(purpose, now);
    const auto pending = PendingToken::Begin(ChallengeFor(domain_, purpose), key.key);
    CHECK(pending.ok());
    const auto token = pending->Finish(Answer(purpose, pending->request()));
    CHECK(token.ok());
    return {ToString(Encode(*token)), ToString(Signed(key))};
  }

 private:
  static size_t NumberOf(absl::string_view purpose) { return purpose == kPurposeDelivery ? 0 : 1; }
  const std::string domain_;
  const crypto::Ed25519KeyPair role_;
};

}  // namespace plumbline::tokens
