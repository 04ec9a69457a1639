// The extensions this project adds to MLS: a mailbox's address in the leaf, the group's data in the group
// context (docs/protocols/delivery.md).
#pragma once

#include <cstdint>
#include <string>

#include "common/identity/fixed.h"
#include "common/status.h"

namespace plumbline::identity {

inline constexpr uint16_t kMailboxAddressExtension = 0xF0A1;  // LeafNode
inline constexpr uint16_t kGroupDataExtension = 0xF0A2;       // GroupContext

// struct { uint8 version = 1; opaque server<V>; opaque mailbox_id[16]; opaque hpke_public_key[32];
//          opaque deposit_capability[32]; } MailboxAddress;
struct MailboxAddress {
  std::string server;  // host:port of the delivery server's anonymous listener
  MailboxId mailbox_id{};
  PublicKey hpke_public_key{};  // X25519
  Fixed<32> deposit_capability{};
  bool operator==(const MailboxAddress&) const = default;
};
Bytes Encode(const MailboxAddress& address);
absl::StatusOr<MailboxAddress> ParseMailboxAddress(ByteView wire);

enum class GroupKind : uint8_t { kDirect = 1, kGroup = 2 };
using GroupHandle = Fixed<32>;

// struct { uint8 version = 1; opaque handle[32]; uint8 kind; } GroupData;
struct GroupData {
  GroupHandle handle{};
  GroupKind kind = GroupKind::kDirect;
  bool operator==(const GroupData&) const = default;
};
Bytes Encode(const GroupData& data);
absl::StatusOr<GroupData> ParseGroupData(ByteView wire);

}  // namespace plumbline::identity
