#include "common/identity/uri.h"

#include <arpa/inet.h>

#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace plumbline::identity {
namespace {

constexpr char kMimi[] = "mimi://";
constexpr char kPlumbline[] = "plumbline://";
constexpr char kDigits[] = "0123456789";
constexpr std::array<std::pair<Service, const char*>, 3> kServices = {
    {{Service::kKeyserver, "keyserver"}, {Service::kDelivery, "delivery"}, {Service::kAdmin, "admin"}}};
constexpr std::array<std::pair<Role, const char*>, 7> kRoles = {
    {{Role::kDirectory, "directory"}, {Role::kGrants, "grants"}, {Role::kTokens, "tokens"},
     {Role::kAudit, "audit"}, {Role::kPolicy, "policy"}, {Role::kKeys, "keys"}, {Role::kSuccession, "succession"}}};

bool IsLowerAlnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

absl::Status CheckLabel(absl::string_view label) {
  const auto refuse = [] { return absl::InvalidArgumentError("not a domain name in lower case"); };
  if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return refuse();
  for (const char c : label) {
    if (!IsLowerAlnum(c) && c != '-') return refuse();
  }
  return absl::OkStatus();
}

absl::Status CheckName(absl::string_view name) {
  const auto refuse = [] {
    return absl::InvalidArgumentError(
        "a user name is 1 to 64 of a-z 0-9 . - _ and begins with a letter or digit");
  };
  if (name.empty() || name.size() > 64 || !IsLowerAlnum(name.front())) return refuse();
  for (const char c : name) {
    if (!IsLowerAlnum(c) && c != '.' && c != '-' && c != '_') return refuse();
  }
  return absl::OkStatus();
}

struct Parts {
  absl::string_view domain;
  absl::string_view last;
};

// <scheme><domain>/<kind>/<last>
absl::StatusOr<Parts> Split(absl::string_view text, absl::string_view scheme, absl::string_view kind) {
  if (text.size() > kMaxUri) return absl::InvalidArgumentError("URI is too long");
  if (!absl::ConsumePrefix(&text, scheme)) return absl::InvalidArgumentError("URI has another scheme");
  const std::vector<absl::string_view> pieces = absl::StrSplit(text, '/');
  if (pieces.size() != 3 || pieces[1] != kind) return absl::InvalidArgumentError("URI has another form");
  RETURN_IF_ERROR(CheckDomain(pieces[0]));
  return Parts{pieces[0], pieces[2]};
}

bool IsAddressOf(int family, absl::string_view text) {
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(family, std::string(text).c_str(), address) == 1;
}

// A host name, whose last label is no number (resolvers read 127.1 and 0x7f000001 as addresses, each in its own way), an IPv4
// address of four parts, or a bracketed IPv6 address. `host` has no NUL.
bool IsHost(absl::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') return IsAddressOf(AF_INET6, host.substr(1, host.size() - 2));
  if (IsAddressOf(AF_INET, host)) return true;
  absl::string_view label;
  for (const absl::string_view next : absl::StrSplit(host, '.')) {
    label = next;
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    for (const char c : label) {
      if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') return false;
    }
  }
  const bool hex = absl::StartsWithIgnoreCase(label, "0x") && label.find_first_not_of("0123456789abcdefABCDEF", 2) == absl::string_view::npos;
  return !hex && label.find_first_not_of(kDigits) != absl::string_view::npos;
}

absl::StatusOr<DeviceId> ParseHexId(absl::string_view text) {
  if (text.size() != 32) return absl::InvalidArgumentError("a device id is 32 hex digits");
  DeviceId id{};
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    uint8_t nibble = 0;
    if (c >= '0' && c <= '9') {
      nibble = static_cast<uint8_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      nibble = static_cast<uint8_t>(c - 'a' + 10);
    } else {
      return absl::InvalidArgumentError("a device id is 32 lower-case hex digits");
    }
    id[i / 2] = static_cast<uint8_t>((id[i / 2] << 4) | nibble);
  }
  return id;
}

}  // namespace

absl::Status CheckDomain(absl::string_view domain) {
  if (domain.empty() || domain.size() > 253) return absl::InvalidArgumentError("not a domain name");
  for (const absl::string_view label : absl::StrSplit(domain, '.')) RETURN_IF_ERROR(CheckLabel(label));
  return absl::OkStatus();
}

std::string UserUri::ToString() const { return absl::StrCat(kMimi, domain, "/u/", name); }

absl::StatusOr<UserUri> ParseUserUri(absl::string_view text) {
  ASSIGN_OR_RETURN(const Parts parts, Split(text, kMimi, "u"));
  RETURN_IF_ERROR(CheckName(parts.last));
  return UserUri{std::string(parts.domain), std::string(parts.last)};
}

absl::StatusOr<UserUri> ParseUserName(absl::string_view typed, absl::string_view domain) {
  if (absl::StartsWith(typed, kMimi)) return ParseUserUri(typed);
  RETURN_IF_ERROR(CheckDomain(domain));
  RETURN_IF_ERROR(CheckName(typed));
  return UserUri{std::string(domain), std::string(typed)};
}

absl::StatusOr<std::string> ReadUserUri(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView bytes, in.Vector(kMaxUri));
  std::string text = plumbline::ToString(bytes);
  RETURN_IF_ERROR(ParseUserUri(text).status());
  return text;
}

std::string DeviceUri::ToString() const { return absl::StrCat(kMimi, domain, "/d/", ToHex(id)); }

absl::StatusOr<DeviceUri> ParseDeviceUri(absl::string_view text) {
  ASSIGN_OR_RETURN(const Parts parts, Split(text, kMimi, "d"));
  ASSIGN_OR_RETURN(const DeviceId id, ParseHexId(parts.last));
  return DeviceUri{std::string(parts.domain), id};
}

std::string UnlockUri::ToString() const { return absl::StrCat(kPlumbline, domain, "/unlock/", ToHex(id)); }

absl::StatusOr<UnlockUri> ParseUnlockUri(absl::string_view text) {
  ASSIGN_OR_RETURN(const Parts parts, Split(text, kPlumbline, "unlock"));
  ASSIGN_OR_RETURN(const DeviceId id, ParseHexId(parts.last));
  return UnlockUri{std::string(parts.domain), id};
}

absl::string_view ServiceName(Service service) {
  for (const auto& [value, name] : kServices) {
    if (value == service) return name;
  }
  return "";
}

absl::StatusOr<Service> ParseServiceName(absl::string_view text) {
  for (const auto& [value, name] : kServices) {
    if (text == name) return value;
  }
  return absl::InvalidArgumentError("a service is one of keyserver, delivery, admin");
}

std::string ServiceUri::ToString() const {
  return absl::StrCat(kPlumbline, domain, "/service/", ServiceName(service));
}

absl::StatusOr<ServiceUri> ParseServiceUri(absl::string_view text) {
  ASSIGN_OR_RETURN(const Parts parts, Split(text, kPlumbline, "service"));
  ASSIGN_OR_RETURN(const Service service, ParseServiceName(parts.last));
  return ServiceUri{std::string(parts.domain), service};
}

absl::string_view RoleName(Role role) {
  for (const auto& [value, name] : kRoles) {
    if (value == role) return name;
  }
  return "";
}

absl::StatusOr<Role> ParseRoleName(absl::string_view text) {
  for (const auto& [value, name] : kRoles) {
    if (text == name) return value;
  }
  return absl::InvalidArgumentError("a role is one of directory, grants, tokens, audit, policy");
}

std::string RoleUri::ToString() const { return absl::StrCat(kPlumbline, domain, "/role/", RoleName(role)); }

absl::StatusOr<RoleUri> ParseRoleUri(absl::string_view text) {
  ASSIGN_OR_RETURN(const Parts parts, Split(text, kPlumbline, "role"));
  ASSIGN_OR_RETURN(const Role role, ParseRoleName(parts.last));
  return RoleUri{std::string(parts.domain), role};
}

absl::Status CheckAddress(absl::string_view address) {
  const auto refuse = [] {
    return absl::InvalidArgumentError("an address is host:port with a port from 1 to 65535");
  };
  const size_t colon = address.rfind(':');
  const bool has_nul = address.find('\0') != absl::string_view::npos;
  if (address.size() > kMaxAddress || has_nul || colon == absl::string_view::npos || colon == 0) return refuse();
  const absl::string_view host = address.substr(0, colon);
  const absl::string_view port = address.substr(colon + 1);
  int number = 0;
  const bool digits = port.find_first_not_of(kDigits) == absl::string_view::npos;
  if (port.empty() || port.size() > 5 || port.front() == '0' || !digits || !absl::SimpleAtoi(port, &number) || number > 65535) {
    return refuse();
  }
  return IsHost(host) ? absl::OkStatus() : refuse();
}

}  // namespace plumbline::identity
