// What a token is good for (TokenChallenge, RFC 9577 §2.1): issuer, purpose, and perhaps a context.
//
//   struct {
//     uint16 token_type = 0x0002;
//     opaque issuer_name<1..2^16-1>;
//     opaque redemption_context<0..32>;   // 0 or 32 bytes
//     opaque origin_info<0..2^16-1>;
//   } TokenChallenge;
//
// A token has only the digest of this in it, so one challenge must have one encoding, and the fewer
// challenges there are, the more people look alike. Stricter than the RFC: names are of lower-case
// letters, digits and hyphens, with a port where they have one; there are named maxima; and no name
// is twice in origin_info.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::tokens {

inline constexpr uint16_t kTokenType = 0x0002;  // Blind RSA (2048-bit), RFC 9578 §8.2.2
inline constexpr size_t kMaxName = 255;
inline constexpr size_t kMaxOriginInfo = 1024;

using Hash = std::array<uint8_t, 32>;  // SHA-256
using RedemptionContext = std::array<uint8_t, 32>;

// A value, always valid.
class TokenChallenge final {
 public:
  // `issuer_name` is a server name: "issuer.example", "issuer.example:8443". `origin_info` is empty
  // or such names with commas between them. INVALID_ARGUMENT for anything else.
  static absl::StatusOr<TokenChallenge> Create(absl::string_view issuer_name,
                                               absl::string_view origin_info,
                                               std::optional<RedemptionContext> context = {});
  // INVALID_ARGUMENT unless `wire` is just what Encode writes; also for another token type, which
  // RFC 9577 §2.1.1 tells a client to ignore.
  static absl::StatusOr<TokenChallenge> Parse(ByteView wire);
  Bytes Encode() const;
  // SHA-256 of the encoding: challenge_digest of RFC 9577 §2.2.1.
  Hash Digest() const;

  const std::string& issuer_name() const { return issuer_name_; }
  const std::string& origin_info() const { return origin_info_; }
  const std::optional<RedemptionContext>& redemption_context() const { return context_; }
  bool operator==(const TokenChallenge&) const = default;

 private:
  TokenChallenge() = default;
  std::string issuer_name_;
  std::string origin_info_;
  std::optional<RedemptionContext> context_;
};

}  // namespace plumbline::tokens
