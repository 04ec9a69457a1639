#include "common/directory/log_succession.h"

#include <sodium.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/codec.h"
#include "common/crypto/hkdf.h"
#include "common/directory/answer.h"
#include "common/directory/follow.h"
#include "common/identity/labels.h"
#include "common/identity/root_statement.h"
#include "common/identity/uri.h"

namespace plumbline::directory {
namespace {

constexpr uint8_t kFormat = 1;
constexpr size_t kMaxDomain = 253;
constexpr size_t kMaxStatement = 1024;
constexpr size_t kNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTag = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kPlain = crypto::kVrfProofSize + kFollowKeySize;

absl::Status Malformed() { return absl::InvalidArgumentError("the statement about the directory's next log is malformed"); }

}  // namespace

Bytes Encode(const LogSuccession& succession) {
  return Writer()
      .U8(kFormat)
      .Vector(AsBytes(succession.domain))
      .U64(succession.number)
      .U8(static_cast<uint8_t>(succession.reason))
      .U64(succession.former_size)
      .Fixed(succession.former_root)
      .Fixed(succession.vrf_key.view())
      .TakeBytes();
}

absl::StatusOr<LogSuccession> ParseLogSuccession(ByteView wire) {
  Reader in(wire);
  ASSIGN_OR_RETURN(const uint8_t format, in.U8());
  ASSIGN_OR_RETURN(const ByteView domain, in.Vector(kMaxDomain));
  ASSIGN_OR_RETURN(const uint64_t number, in.U64());
  ASSIGN_OR_RETURN(const uint8_t reason, in.U8());
  ASSIGN_OR_RETURN(const uint64_t former_size, in.U64());
  ASSIGN_OR_RETURN(const ByteView root, in.Fixed(32));
  ASSIGN_OR_RETURN(const ByteView key, in.Fixed(crypto::kVrfKeySize));
  RETURN_IF_ERROR(in.Done());
  const bool known = reason == static_cast<uint8_t>(SuccessionReason::kPlanned) || reason == static_cast<uint8_t>(SuccessionReason::kRestored);
  if (format != kFormat || number < 2 || !known || former_size == 0 || former_size > tlog::kMaxSize) return Malformed();
  ASSIGN_OR_RETURN(const crypto::VrfPublicKey vrf_key, crypto::VrfPublicKey::Parse(key));
  LogSuccession out{ToString(domain), number, static_cast<SuccessionReason>(reason), former_size, {}, vrf_key};
  std::copy(root.begin(), root.end(), out.former_root.begin());
  return out;
}

tlog::GenesisLeaf GenesisOf(const LogSuccession& succession, const crypto::Certificate& root) {
  return {LogOrigin(succession.domain, succession.number), Sha256(root.der()), succession.vrf_key};
}

Bytes Encode(const SignedLogSuccession& succession) {
  return Writer().Vector(succession.certificate).Vector(succession.statement).Fixed(succession.signature).TakeBytes();
}

absl::StatusOr<SignedLogSuccession> ParseSignedLogSuccession(ByteView wire) {
  if (wire.size() > kMaxSignedLogSuccession) return Malformed();
  Reader in(wire);
  ASSIGN_OR_RETURN(const ByteView certificate, in.Vector(crypto::kMaxCertificateSize));
  ASSIGN_OR_RETURN(const ByteView statement, in.Vector(kMaxStatement));
  ASSIGN_OR_RETURN(const ByteView signature, in.Fixed(64));
  RETURN_IF_ERROR(in.Done());
  return SignedLogSuccession{ToBytes(certificate), ToBytes(statement), ToBytes(signature)};
}

absl::StatusOr<LogSuccession> VerifyLogSuccession(const SignedLogSuccession& offered, const crypto::Certificate& root,
                                                  absl::string_view domain, absl::Time now) {
  ASSIGN_OR_RETURN(const crypto::Certificate certificate, crypto::Certificate::Parse(offered.certificate));
  // It holds for ever: who comes late is shown it too.
  RETURN_IF_ERROR(identity::VerifyRootStatement("a word about the next log of this organisation's directory", offered.certificate,
                                                offered.statement, offered.signature, identity::kLogSuccessionLabel, root, domain,
                                                identity::Role::kSuccession, std::min(now, certificate.not_after() - absl::Seconds(1))));
  ASSIGN_OR_RETURN(LogSuccession succession, ParseLogSuccession(offered.statement));
  if (succession.domain != domain) return absl::InvalidArgumentError("the word about the next log is of another organisation");
  return succession;
}

Bytes SealHandover(const Handover& handover, const Secret& former_follow_key, ByteView statement) {
  CHECK(former_follow_key.view().size() == kFollowKeySize && handover.follow_key.view().size() == kFollowKeySize);
  const Secret plain = Writer().Fixed(handover.index_proof).Fixed(handover.follow_key.view()).TakeSecret();
  const Secret message = Writer().Fixed(statement).Fixed(plain.view()).TakeSecret();
  const auto mac = crypto::HmacSha256(former_follow_key.view(), message.view());
  Bytes out(kNonce + kPlain + kTag);
  std::copy_n(mac.begin(), kNonce, out.begin());
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + kNonce, nullptr, plain.view().data(), kPlain, statement.data(), statement.size(),
                                             nullptr, out.data(), former_follow_key.view().data());
  return out;
}

absl::StatusOr<Handover> OpenHandover(ByteView sealed, const Secret& former_follow_key, ByteView statement) {
  CHECK(former_follow_key.view().size() == kFollowKeySize);
  Secret plain(kPlain);
  if (sealed.size() != kNonce + kPlain + kTag ||
      crypto_aead_xchacha20poly1305_ietf_decrypt(plain.span().data(), nullptr, nullptr, sealed.data() + kNonce, kPlain + kTag, statement.data(),
                                                 statement.size(), sealed.data(), former_follow_key.view().data()) != 0)
    return absl::UnauthenticatedError("what was handed over about a person does not open");
  Handover out;
  std::copy_n(plain.view().begin(), out.index_proof.size(), out.index_proof.begin());
  out.follow_key = Secret::CopyOf(plain.view().subspan(out.index_proof.size()));
  return out;
}

}  // namespace plumbline::directory
