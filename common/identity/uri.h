// The names of people, devices, services and signing roles (docs/protocols/identity.md, "Names").
// Each has exactly one spelling; every parser refuses any other with INVALID_ARGUMENT.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/identity/fixed.h"
#include "common/status.h"

namespace plumbline::identity {

inline constexpr size_t kMaxUri = 400;  // bytes; the longest domain and name fit

// INVALID_ARGUMENT unless `domain` is 1 to 253 characters of lower-case labels (letters, digits, inner
// hyphens; each 1 to 63) joined by dots.
absl::Status CheckDomain(absl::string_view domain);

// mimi://<domain>/u/<name>: a person. name: 1 to 64 of a-z 0-9 . - _, the first a letter or digit.
struct UserUri {
  std::string domain;
  std::string name;
  std::string ToString() const;
  bool operator==(const UserUri&) const = default;
};
absl::StatusOr<UserUri> ParseUserUri(absl::string_view text);
// From what a person types: a whole URI, or just the name within `domain`.
absl::StatusOr<UserUri> ParseUserName(absl::string_view typed, absl::string_view domain);
// opaque user<V>, a user URI in text.
absl::StatusOr<std::string> ReadUserUri(Reader& in);

// mimi://<domain>/d/<32 lower-case hex digits>: a device.
struct DeviceUri {
  std::string domain;
  DeviceId id;
  std::string ToString() const;
  bool operator==(const DeviceUri&) const = default;
};
absl::StatusOr<DeviceUri> ParseDeviceUri(absl::string_view text);

// plumbline://<domain>/unlock/<32 lower-case hex digits>: a device, where it may do nothing but unlock its store.
struct UnlockUri {
  std::string domain;
  DeviceId id;
  std::string ToString() const;
  bool operator==(const UnlockUri&) const = default;
};
absl::StatusOr<UnlockUri> ParseUnlockUri(absl::string_view text);

enum class Service { kKeyserver, kDelivery, kAdmin };
absl::string_view ServiceName(Service service);  // "keyserver", "delivery", "admin"
absl::StatusOr<Service> ParseServiceName(absl::string_view name);

// plumbline://<domain>/service/<name>
struct ServiceUri {
  std::string domain;
  Service service;
  std::string ToString() const;
  bool operator==(const ServiceUri&) const = default;
};
absl::StatusOr<ServiceUri> ParseServiceUri(absl::string_view text);

enum class Role { kDirectory, kGrants, kTokens, kAudit, kPolicy, kKeys, kSuccession };
absl::string_view RoleName(Role role);  // "directory", "grants", "tokens", "audit", "policy", "keys", "succession"
absl::StatusOr<Role> ParseRoleName(absl::string_view name);

// plumbline://<domain>/role/<name>: a signing key of the key server.
struct RoleUri {
  std::string domain;
  Role role;
  std::string ToString() const;
  bool operator==(const RoleUri&) const = default;
};
absl::StatusOr<RoleUri> ParseRoleUri(absl::string_view text);

// host:port as services publish it: a host name, an IPv4 address of four parts or a bracketed IPv6 address; port 1 to
// 65535. INVALID_ARGUMENT otherwise. At most 300 bytes. What it lets through is a host and a port for every resolver.
inline constexpr size_t kMaxAddress = 300;
absl::Status CheckAddress(absl::string_view address);

}  // namespace plumbline::identity
