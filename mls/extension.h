// MLS extensions (RFC 9420 §13), kept byte for byte: unknown ones are carried, hashed and signed,
// never dropped.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/bytes.h"
#include "common/codec.h"
#include "common/status.h"

namespace plumbline::mls {

// RFC 9420 §17.3. Private use is 0xF000..0xFFFF.
inline constexpr uint16_t kExtensionApplicationId = 0x0001;         // LeafNode
inline constexpr uint16_t kExtensionRatchetTree = 0x0002;           // GroupInfo
inline constexpr uint16_t kExtensionRequiredCapabilities = 0x0003;  // GroupContext
inline constexpr uint16_t kExtensionExternalPub = 0x0004;           // GroupInfo
inline constexpr uint16_t kExtensionExternalSenders = 0x0005;       // GroupContext
inline constexpr uint16_t kExtensionLastResort = 0x000A;            // KeyPackage

// struct { ExtensionType extension_type; opaque extension_data<V>; } Extension;
struct Extension {
  uint16_t type = 0;
  Bytes data;
  bool operator==(const Extension&) const = default;
};
using Extensions = std::vector<Extension>;

// The data of the extension of that type; none if it is absent.
const Bytes* FindExtension(const Extensions& extensions, uint16_t type);
// The five types of RFC 9420 §7.2 that need not be listed in capabilities.
bool IsDefaultExtension(uint16_t type);
// The reserved values of RFC 9420 §13.5: carried, but of no meaning.
bool IsGrease(uint16_t value);

// Extension extensions<V>. INVALID_ARGUMENT if malformed or if one type occurs twice (§13).
absl::StatusOr<Extensions> ReadExtensions(Reader& in);
void WriteExtensions(Writer& out, const Extensions& extensions);

// uint16 values<V>, of any element meaning.
absl::StatusOr<std::vector<uint16_t>> ReadUint16s(Reader& in);
void WriteUint16s(Writer& out, const std::vector<uint16_t>& values);
bool Contains(const std::vector<uint16_t>& values, uint16_t value);

// struct { ExtensionType extension_types<V>; ProposalType proposal_types<V>; CredentialType
// credential_types<V>; } RequiredCapabilities (§11.1).
struct RequiredCapabilities {
  std::vector<uint16_t> extensions;
  std::vector<uint16_t> proposals;
  std::vector<uint16_t> credentials;
};
absl::StatusOr<RequiredCapabilities> ParseRequiredCapabilities(ByteView data);
Bytes Encode(const RequiredCapabilities& required);

}  // namespace plumbline::mls
