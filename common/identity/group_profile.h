// What a group says about itself, inside its encryption: name, people, roles. And what a member shows the others to change it
// without being an owner (docs/protocols/groups.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/crypto/ed25519.h"
#include "common/identity/fixed.h"
#include "common/status.h"

namespace plumbline::identity {

inline constexpr uint16_t kGroupProfileExtension = 0xF0A3;  // GroupContext
inline constexpr size_t kMaxGroupName = 128;                // bytes
inline constexpr size_t kMaxGroupPeople = 500;
inline constexpr size_t kMaxCommitEvidence = 512 * 1024;  // bytes

enum class GroupRole : uint8_t { kMember = 1, kOwner = 2 };
using ConversationId = Fixed<32>;

// struct { opaque user<V>; uint8 role; uint64 since; } GroupPerson;
struct GroupPerson {
  std::string user;  // user URI
  GroupRole role = GroupRole::kMember;
  uint64_t since = 0;  // the epoch whose commit brought this person in: tells one stay from another
  bool operator==(const GroupPerson&) const = default;
};

// struct { uint8 version = 1; opaque conversation_id[32]; opaque name<V>; GroupPerson people<V>;
//          opaque predecessor<V>; } GroupProfile;
struct GroupProfile {
  ConversationId conversation_id{};  // random; the same in every group that continues the conversation
  std::string name;                  // CheckText, 1 to kMaxGroupName bytes
  std::vector<GroupPerson> people;   // ascending by user, each once, 1 to kMaxGroupPeople
  Bytes predecessor;                 // id of the group that this one continues; empty in the first; at most 64 bytes
  bool operator==(const GroupProfile&) const = default;
};
Bytes Encode(const GroupProfile& profile);
absl::StatusOr<GroupProfile> ParseGroupProfile(ByteView wire);

// Null if that user is not one of the people.
const GroupPerson* FindPerson(const GroupProfile& profile, absl::string_view user);

// A person's wish to leave, good for one stay only: signed with the MLS key of one of their devices in the group.
// struct { uint8 version = 1; opaque conversation_id[32]; opaque user<V>; uint64 since; opaque device_id[16];
//          opaque signature[64]; } LeaveRequest;   // under kLeaveRequestLabel over the fields before
struct LeaveRequest {
  ConversationId conversation_id{};
  std::string user;
  uint64_t since = 0;
  DeviceId device_id{};
  Signature signature{};
  bool operator==(const LeaveRequest&) const = default;
};
LeaveRequest SignLeaveRequest(LeaveRequest request, const crypto::Ed25519KeyPair& mls_key);
// UNAUTHENTICATED if the signature is not by `mls_key`.
absl::Status VerifyLeaveRequest(const LeaveRequest& request, const crypto::Ed25519PublicKey& mls_key);
Bytes Encode(const LeaveRequest& request);
absl::StatusOr<LeaveRequest> ParseLeaveRequest(ByteView wire);

// A directory record as signed: shows that a device is no longer listed, or its owner suspended.
// struct { opaque record<V>; opaque signature[64]; } RecordEvidence;
struct RecordEvidence {
  Bytes record;  // canonical DirectoryRecord
  Signature signature{};
  bool operator==(const RecordEvidence&) const = default;
};

// What a commit's authenticated_data holds: why its committer may remove what an owner need not have asked for. Empty bytes
// where there is nothing to show.
// struct { uint8 version = 1; opaque leave_requests<V> /* LeaveRequest<V> each */; RecordEvidence records<V>; } CommitEvidence;
struct CommitEvidence {
  std::vector<LeaveRequest> leave_requests;  // at most kMaxGroupPeople
  std::vector<RecordEvidence> records;       // at most kMaxGroupPeople
  bool empty() const { return leave_requests.empty() && records.empty(); }
  bool operator==(const CommitEvidence&) const = default;
};
Bytes Encode(const CommitEvidence& evidence);
absl::StatusOr<CommitEvidence> ParseCommitEvidence(ByteView wire);

}  // namespace plumbline::identity
