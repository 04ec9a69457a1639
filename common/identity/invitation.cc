#include "common/identity/invitation.h"

#include <sodium.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/identity/codes.h"
#include "common/identity/uri.h"

namespace plumbline::identity {
namespace {

constexpr char kPrefix[] = "plumbline-invitation:1:";
constexpr char kDevicePrefix[] = "plumbline-device-invitation:1:";
constexpr size_t kMaxText = 4096;
constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

std::string Base64Url(ByteView bytes) {
  std::string out(sodium_base64_ENCODED_LEN(bytes.size(), kVariant), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(), kVariant);
  out.pop_back();  // the terminating zero
  return out;
}

absl::StatusOr<Bytes> FromBase64Url(absl::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("the invitation is not whole: copy all of it");
  Bytes out(text.size());
  size_t size = 0;
  if (sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, nullptr,
                        kVariant) != 0) {
    return absl::InvalidArgumentError("the invitation is not whole: copy all of it");
  }
  out.resize(size);
  // libsodium refuses padding, white space and bits left over, but takes some bytes above 0x7f for letters.
  if (Base64Url(out) != text) return absl::InvalidArgumentError("the invitation is not whole: copy all of it");
  return out;
}

}  // namespace

std::string FormatInvitation(const Invitation& invitation) {
  Writer out;
  out.Vector(AsBytes(invitation.domain))
      .Fixed(invitation.root_fingerprint)
      .Vector(AsBytes(invitation.keyserver_address))
      .Vector(AsBytes(invitation.user))
      .Vector(AsBytes(invitation.code))
      .U64(invitation.expires_unix);
  return absl::StrCat(invitation.by_device ? kDevicePrefix : kPrefix, Base64Url(out.view()));
}

absl::StatusOr<Invitation> ParseInvitation(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  Invitation out;
  out.by_device = absl::ConsumePrefix(&text, kDevicePrefix);
  if (text.size() > kMaxText || (!out.by_device && !absl::ConsumePrefix(&text, kPrefix))) {
    return absl::InvalidArgumentError("an invitation begins with plumbline-invitation:1:");
  }
  ASSIGN_OR_RETURN(const Bytes wire, FromBase64Url(text));
  Reader in(wire);
  ASSIGN_OR_RETURN(const ByteView domain, in.Vector(253));
  ASSIGN_OR_RETURN(out.root_fingerprint, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(const ByteView address, in.Vector(kMaxAddress));
  ASSIGN_OR_RETURN(out.user, ReadUserUri(in));
  ASSIGN_OR_RETURN(const ByteView code, in.Vector(kCodeCharacters));
  ASSIGN_OR_RETURN(out.expires_unix, in.U64());
  RETURN_IF_ERROR(in.Done());
  out.domain = ToString(domain);
  out.keyserver_address = ToString(address);
  out.code = ToString(code);
  RETURN_IF_ERROR(CheckDomain(out.domain));
  RETURN_IF_ERROR(CheckAddress(out.keyserver_address));
  ASSIGN_OR_RETURN(const UserUri user, ParseUserUri(out.user));
  if (user.domain != out.domain)
    return absl::InvalidArgumentError("the invitation names a person of another domain");
  ASSIGN_OR_RETURN(const std::string normal, NormaliseCode(out.code));
  if (normal != out.code) return absl::InvalidArgumentError("the invitation's code is not in normal form");
  return out;
}

}  // namespace plumbline::identity
