#include "common/identity/group_profile.h"

#include "common/identity/labels.h"
#include "common/identity/record.h"
#include "common/identity/text.h"
#include "common/identity/uri.h"
#include "common/identity/version.h"

namespace plumbline::identity {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kMaxGroupId = 64;
constexpr size_t kMaxPeopleBytes = kMaxGroupPeople * (kMaxUri + 16);
constexpr size_t kMaxLeaveRequest = kMaxUri + 256;

absl::StatusOr<GroupPerson> ReadPerson(Reader& in) {
  GroupPerson out;
  ASSIGN_OR_RETURN(out.user, ReadUserUri(in));
  ASSIGN_OR_RETURN(const uint8_t role, in.U8());
  if (role != 1 && role != 2) return absl::InvalidArgumentError("an unknown role in a group");
  out.role = static_cast<GroupRole>(role);
  ASSIGN_OR_RETURN(out.since, in.U64());
  return out;
}

Bytes SignedPart(const LeaveRequest& request) {
  Writer out;
  out.U8(kVersion)
      .Fixed(request.conversation_id)
      .Vector(AsBytes(request.user))
      .U64(request.since)
      .Fixed(request.device_id);
  return out.TakeBytes();
}

}  // namespace

Bytes Encode(const GroupProfile& profile) {
  Writer people;
  for (const GroupPerson& person : profile.people) {
    people.Vector(AsBytes(person.user)).U8(static_cast<uint8_t>(person.role)).U64(person.since);
  }
  Writer out;
  out.U8(kVersion)
      .Fixed(profile.conversation_id)
      .Vector(AsBytes(profile.name))
      .Vector(people.view())
      .Vector(profile.predecessor);
  return out.TakeBytes();
}

absl::StatusOr<GroupProfile> ParseGroupProfile(ByteView wire) {
  Reader in(wire);
  RETURN_IF_ERROR(TakeVersion(in, kVersion, "a group profile"));
  GroupProfile out;
  ASSIGN_OR_RETURN(out.conversation_id, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.name, ReadText(in, kMaxGroupName));
  if (out.name.empty()) return absl::InvalidArgumentError("a group without a name");
  ASSIGN_OR_RETURN(const ByteView list, in.Vector(kMaxPeopleBytes));
  Reader people(list);
  while (!people.AtEnd()) {
    if (out.people.size() == kMaxGroupPeople) return absl::InvalidArgumentError("a group with too many people");
    ASSIGN_OR_RETURN(GroupPerson person, ReadPerson(people));
    if (!out.people.empty() && !(out.people.back().user < person.user)) {
      return absl::InvalidArgumentError("a group's people are not in order");
    }
    out.people.push_back(std::move(person));
  }
  if (out.people.empty()) return absl::InvalidArgumentError("a group without people");
  ASSIGN_OR_RETURN(const ByteView predecessor, in.Vector(kMaxGroupId));
  out.predecessor = ToBytes(predecessor);
  RETURN_IF_ERROR(in.Done());
  return out;
}

const GroupPerson* FindPerson(const GroupProfile& profile, absl::string_view user) {
  for (const GroupPerson& person : profile.people) {
    if (person.user == user) return &person;
  }
  return nullptr;
}

LeaveRequest SignLeaveRequest(LeaveRequest request, const crypto::Ed25519KeyPair& mls_key) {
  request.signature = *ToFixed<64>(mls_key.Sign(kLeaveRequestLabel, SignedPart(request)));
  return request;
}

absl::Status VerifyLeaveRequest(const LeaveRequest& request, const crypto::Ed25519PublicKey& mls_key) {
  return mls_key.Verify(kLeaveRequestLabel, SignedPart(request), request.signature);
}

Bytes Encode(const LeaveRequest& request) {
  Writer out;
  out.Fixed(SignedPart(request)).Fixed(request.signature);
  return out.TakeBytes();
}

absl::StatusOr<LeaveRequest> ParseLeaveRequest(ByteView wire) {
  Reader in(wire);
  RETURN_IF_ERROR(TakeVersion(in, kVersion, "a leave request"));
  LeaveRequest out;
  ASSIGN_OR_RETURN(out.conversation_id, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.user, ReadUserUri(in));
  ASSIGN_OR_RETURN(out.since, in.U64());
  ASSIGN_OR_RETURN(out.device_id, ReadFixed<16>(in));
  ASSIGN_OR_RETURN(out.signature, ReadFixed<64>(in));
  RETURN_IF_ERROR(in.Done());
  return out;
}

Bytes Encode(const CommitEvidence& evidence) {
  if (evidence.empty()) return {};
  Writer requests, records;
  for (const LeaveRequest& request : evidence.leave_requests) requests.Vector(Encode(request));
  for (const RecordEvidence& record : evidence.records) records.Vector(record.record).Fixed(record.signature);
  Writer out;
  out.U8(kVersion).Vector(requests.view()).Vector(records.view());
  return out.TakeBytes();
}

absl::StatusOr<CommitEvidence> ParseCommitEvidence(ByteView wire) {
  CommitEvidence out;
  if (wire.empty()) return out;
  if (wire.size() > kMaxCommitEvidence) return absl::InvalidArgumentError("a commit's evidence is too long");
  Reader in(wire);
  RETURN_IF_ERROR(TakeVersion(in, kVersion, "a commit's evidence"));
  ASSIGN_OR_RETURN(const ByteView requests, in.Vector(kMaxCommitEvidence));
  for (Reader rest(requests); !rest.AtEnd();) {
    if (out.leave_requests.size() == kMaxGroupPeople) return absl::InvalidArgumentError("too many leave requests");
    ASSIGN_OR_RETURN(const ByteView request, rest.Vector(kMaxLeaveRequest));
    ASSIGN_OR_RETURN(LeaveRequest parsed, ParseLeaveRequest(request));
    out.leave_requests.push_back(std::move(parsed));
  }
  ASSIGN_OR_RETURN(const ByteView records, in.Vector(kMaxCommitEvidence));
  for (Reader rest(records); !rest.AtEnd();) {
    if (out.records.size() == kMaxGroupPeople) return absl::InvalidArgumentError("too many records");
    RecordEvidence record;
    ASSIGN_OR_RETURN(const ByteView bytes, rest.Vector(kMaxRecord));
    record.record = ToBytes(bytes);
    ASSIGN_OR_RETURN(record.signature, ReadFixed<64>(rest));
    out.records.push_back(std::move(record));
  }
  RETURN_IF_ERROR(in.Done());
  if (out.empty()) return absl::InvalidArgumentError("evidence that shows nothing");  // its one encoding is no bytes at all
  return out;
}

}  // namespace plumbline::identity
