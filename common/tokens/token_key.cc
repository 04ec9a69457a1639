#include "common/tokens/token_key.h"

#include "common/check.h"
#include "common/codec.h"
#include "common/identity/labels.h"
#include "common/tokens/token.h"

namespace plumbline::tokens {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kMaxDomain = 253;

absl::StatusOr<TokenKey> ParseTokenKey(ByteView wire) {
  Reader in(wire);
  ASSIGN_OR_RETURN(const uint8_t version, in.U8());
  if (version != kVersion) return absl::InvalidArgumentError("a token key of an unknown version");
  ASSIGN_OR_RETURN(const ByteView domain, in.Vector(kMaxDomain));
  ASSIGN_OR_RETURN(const ByteView spki, in.Vector(crypto::kBlindRsaSpkiSize));
  ASSIGN_OR_RETURN(const crypto::BlindRsaPublicKey key, crypto::BlindRsaPublicKey::Parse(spki));
  ASSIGN_OR_RETURN(const ByteView bytes, in.Vector(tlog::kMaxDirectoryLeaf));
  RETURN_IF_ERROR(in.Done());
  ASSIGN_OR_RETURN(tlog::DirectoryLeaf leaf, tlog::ParseDirectoryLeaf(bytes));
  auto* of_key = std::get_if<tlog::TokenKeyLeaf>(&leaf);
  if (of_key == nullptr || of_key->token_key_id != TokenKeyId(key))
    return absl::InvalidArgumentError("a token key's leaf is of another key");
  return TokenKey{ToString(domain), key, std::move(*of_key)};
}

}  // namespace

bool IsPurpose(absl::string_view purpose) { return purpose == kPurposeDelivery || purpose == kPurposeDirectory; }

TokenChallenge ChallengeFor(absl::string_view domain, absl::string_view purpose) {
  absl::StatusOr<TokenChallenge> out = TokenChallenge::Create(domain, purpose);
  CHECK(out.ok());
  return *std::move(out);
}

absl::StatusOr<Bytes> SignTokenKey(const TokenKey& key, const crypto::Ed25519Signer& tokens_role) {
  Writer inner, out;
  inner.U8(kVersion).Vector(AsBytes(key.domain)).Vector(key.key.Serialize()).Vector(tlog::Encode(key.leaf));
  ASSIGN_OR_RETURN(const Bytes signature, crypto::SignUnder(tokens_role, identity::kTokenKeyLabel, inner.view()));
  return out.Vector(inner.view()).Fixed(signature).TakeBytes();
}

absl::StatusOr<TokenKey> OpenTokenKey(ByteView wire, const identity::RoleKeys& tokens_keys, absl::string_view domain) {
  Reader in(wire);
  ASSIGN_OR_RETURN(const ByteView inner, in.Vector(kMaxSignedTokenKey));
  ASSIGN_OR_RETURN(const ByteView signature, in.Fixed(64));
  RETURN_IF_ERROR(in.Done());
  ASSIGN_OR_RETURN(TokenKey key, ParseTokenKey(inner));
  RETURN_IF_ERROR(tokens_keys.Verify(identity::kTokenKeyLabel, inner, signature));
  if (key.domain != domain) return absl::UnauthenticatedError("the token key is another organisation's");
  return key;
}

}  // namespace plumbline::tokens
