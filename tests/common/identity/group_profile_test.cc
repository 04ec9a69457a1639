// The structures of groups and of falling behind: one encoding each, and nothing else is read.
#include "common/identity/group_profile.h"

#include <gmock/gmock.h>

#include "common/identity/resync.h"
#include "tests/status_matchers.h"

namespace plumbline::identity {
namespace {

using plumbline::testing::StatusIs;

GroupProfile Sample() {
  GroupProfile profile;
  profile.conversation_id[3] = 7;
  profile.name = "Harbour watch";
  profile.people = {{"mimi://example.org/u/alice", GroupRole::kOwner, 0}, {"mimi://example.org/u/bob", GroupRole::kMember, 9}};
  profile.predecessor = Bytes(32, 5);
  return profile;
}

CommitEvidence SampleEvidence() {
  LeaveRequest request;
  request.user = "mimi://example.org/u/bob";
  request.since = 9;
  return {{request}, {{Bytes(100, 3), {}}}};
}

ResyncRequest SampleResync() {
  ResyncRequest request;
  request.group_id = Bytes(32, 1);
  request.epoch = 5;
  request.time_unix = 1'790'000'000;
  request.key_package = Bytes(300, 2);
  return request;
}

// Every strict prefix is refused, so is a trailing byte, and the whole comes back as it was.
template <typename T, typename Parse>
void ExpectOneEncoding(const T& value, Parse parse) {
  const Bytes wire = Encode(value);
  ASSERT_OK_AND_ASSIGN(const T back, parse(wire));
  EXPECT_EQ(back, value);
  for (size_t n = 0; n < wire.size(); ++n) {
    if (n == 0 && parse(ByteView()).ok()) continue;  // evidence of nothing
    EXPECT_THAT(parse(ByteView(wire).first(n)).status(), StatusIs(absl::StatusCode::kInvalidArgument)) << n;
  }
  Bytes longer = wire;
  longer.push_back(0);
  EXPECT_THAT(parse(longer).status(), StatusIs(absl::StatusCode::kInvalidArgument));
  // Whatever else is read encodes to what was read.
  for (size_t i = 0; i < wire.size(); ++i) {
    for (const uint8_t mask : {0x01, 0x80}) {
      Bytes changed = wire;
      changed[i] ^= mask;
      const auto read = parse(changed);
      if (read.ok()) {
        EXPECT_EQ(Encode(*read), changed) << i;
      }
    }
  }
}

TEST(GroupProfile, HasOneEncoding) {
  ExpectOneEncoding(Sample(), [](ByteView wire) { return ParseGroupProfile(wire); });
}

TEST(GroupProfile, LeaveRequestsEvidenceAndResyncsHaveOneEncoding) {
  ExpectOneEncoding(SampleEvidence().leave_requests[0], [](ByteView wire) { return ParseLeaveRequest(wire); });
  ExpectOneEncoding(SampleEvidence(), [](ByteView wire) { return ParseCommitEvidence(wire); });
  ExpectOneEncoding(CommitEvidence(), [](ByteView wire) { return ParseCommitEvidence(wire); });
  ExpectOneEncoding(SampleResync(), [](ByteView wire) { return ParseResyncRequest(wire); });
}

TEST(GroupProfile, RefusesWhatIsNotInOrder) {
  const auto refused = [](const GroupProfile& profile) {
    EXPECT_THAT(ParseGroupProfile(Encode(profile)).status(), StatusIs(absl::StatusCode::kInvalidArgument));
  };
  GroupProfile profile = Sample();
  std::swap(profile.people[0], profile.people[1]);
  refused(profile);
  profile = Sample();
  profile.people[1] = profile.people[0];
  refused(profile);
  profile = Sample();
  profile.people.clear();
  refused(profile);
  profile = Sample();
  profile.name = "";
  refused(profile);
  profile.name = "two\nlines";
  refused(profile);
  profile.name = std::string(kMaxGroupName + 1, 'x');
  refused(profile);
  profile = Sample();
  profile.people[0].user = "alice";
  refused(profile);
  profile = Sample();
  profile.people[0].role = static_cast<GroupRole>(3);
  refused(profile);
  profile = Sample();
  profile.people.clear();
  for (size_t i = 0; i <= kMaxGroupPeople; ++i) {
    char user[64];
    std::snprintf(user, sizeof user, "mimi://example.org/u/p%06zu", i);
    profile.people.push_back({user, GroupRole::kOwner, 0});
  }
  refused(profile);
  profile.people.pop_back();
  EXPECT_OK(ParseGroupProfile(Encode(profile)).status());
}

TEST(GroupProfile, ARequestIsSignedByItsDevice) {
  const crypto::Ed25519KeyPair key = crypto::Ed25519KeyPair::Generate(), other = crypto::Ed25519KeyPair::Generate();
  const LeaveRequest leave = SignLeaveRequest(SampleEvidence().leave_requests[0], key);
  EXPECT_OK(VerifyLeaveRequest(leave, key.public_key()));
  EXPECT_FALSE(VerifyLeaveRequest(leave, other.public_key()).ok());
  const ResyncRequest resync = SignResyncRequest(SampleResync(), key);
  EXPECT_OK(VerifyResyncRequest(resync, key.public_key()));
  EXPECT_FALSE(VerifyResyncRequest(resync, other.public_key()).ok());
  for (const auto change : {+[](ResyncRequest& r) { ++r.epoch; }, +[](ResyncRequest& r) { ++r.time_unix; },
                            +[](ResyncRequest& r) { r.group_id[0] ^= 1; }, +[](ResyncRequest& r) { r.key_package[0] ^= 1; }}) {
    ResyncRequest changed = resync;
    change(changed);
    EXPECT_FALSE(VerifyResyncRequest(changed, key.public_key()).ok());
  }
  LeaveRequest changed = leave;
  ++changed.since;
  EXPECT_FALSE(VerifyLeaveRequest(changed, key.public_key()).ok());
}

}  // namespace
}  // namespace plumbline::identity
