// Welcome and GroupInfo (RFC 9420 §12.4.3): what a new member is given.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/bytes.h"
#include "common/codec.h"
#include "common/secret.h"
#include "common/status.h"
#include "mls/crypto/cipher_suite.h"
#include "mls/group_context.h"
#include "mls/key_schedule.h"
#include "mls/leaf_node.h"

namespace plumbline::mls {

// struct { GroupContext group_context; Extension extensions<V>; MAC confirmation_tag; uint32
// signer;
//          opaque signature<V>; } GroupInfo;
struct GroupInfo {
  GroupContext group_context;
  Extensions extensions;
  Bytes confirmation_tag;
  LeafIndex signer;
  Bytes signature;
  bool operator==(const GroupInfo&) const = default;
};
absl::StatusOr<GroupInfo> ReadGroupInfo(Reader& in);
void WriteGroupInfo(Writer& out, const GroupInfo& info);
// Label "GroupInfoTBS".
absl::Status SignGroupInfo(const CipherSuite& suite, const SignaturePrivateKey& key,
                           GroupInfo& info);
absl::Status VerifyGroupInfo(const CipherSuite& suite, ByteView signature_key,
                             const GroupInfo& info);

// struct { opaque joiner_secret<V>; optional<PathSecret> path_secret; PreSharedKeyID psks<V>; }
// GroupSecrets; struct { opaque path_secret<V>; } PathSecret;
struct GroupSecrets {
  Secret joiner_secret;
  std::optional<Secret> path_secret;
  std::vector<PreSharedKeyId> psks;
};
absl::StatusOr<GroupSecrets> ParseGroupSecrets(ByteView wire);
Secret Encode(const GroupSecrets& secrets);

// struct { KeyPackageRef new_member; HPKECiphertext encrypted_group_secrets; }
// EncryptedGroupSecrets;
struct EncryptedGroupSecrets {
  Bytes new_member;
  HpkeCiphertext encrypted_group_secrets;
  bool operator==(const EncryptedGroupSecrets&) const = default;
};

// struct { CipherSuite cipher_suite; EncryptedGroupSecrets secrets<V>; opaque
// encrypted_group_info<V>; } Welcome;
struct Welcome {
  uint16_t cipher_suite = 0;
  std::vector<EncryptedGroupSecrets> secrets;
  Bytes encrypted_group_info;
  bool operator==(const Welcome&) const = default;
};
absl::StatusOr<Welcome> ReadWelcome(Reader& in);
void WriteWelcome(Writer& out, const Welcome& welcome);

}  // namespace plumbline::mls
