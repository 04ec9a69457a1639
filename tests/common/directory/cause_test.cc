#include "common/directory/cause.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/status_matchers.h"

namespace plumbline::directory {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

SignedIntent Intent(size_t signatures) {
  SignedIntent out{Bytes(300, 1), 0x0102030405060708, {}};
  for (uint8_t i = 0; i < signatures; ++i) {
    out.signatures.emplace_back();
    out.signatures.back().key_id.fill(i);
    out.signatures.back().signature.fill(i);
  }
  return out;
}
Enrolment WithCode(SignedIntent code) {
  Enrolment out{Bytes(200, 2), {}, {}, {}, Bytes(500, 3), std::move(code)};
  out.code_signature.fill(12);
  out.working_signature.fill(4);
  out.mls_signature.fill(5);
  return out;
}
Decided::Joined Joined() {
  Decided::Joined out{{"mimi://example.org/u/alice", {}, {}, {}}, Bytes(500, 6)};
  out.request.tls_key_hash.fill(7);
  out.request.working_public_key.fill(8);
  out.request.mls_signature_public_key.fill(9);
  return out;
}
Decided Decision(std::optional<Decided::Joined> joined) {
  Decided out{Bytes(100, 10), {}, std::move(joined)};
  out.signature.fill(11);
  return out;
}
Renewed Renewal() {
  Renewed out{Bytes(120, 13), {}, Bytes(500, 14)};
  out.signature.fill(15);
  return out;
}
Adopted WithDevices(uint8_t count) {
  Adopted out;
  for (uint8_t i = 0; i < count; ++i) {
    out.devices.emplace_back();
    out.devices.back().device_id.fill(i);
    out.devices.back().working_public_key.fill(i);
  }
  return out;
}

std::vector<Cause> All() {
  return {Intent(1), Intent(8), WithCode(Intent(2)), Decision(Joined()), Decision(std::nullopt), WithDevices(0),
          WithDevices(32), Activated{Intent(2), Joined()}, Renewal()};
}

TEST(CauseTest, EveryKindIsReadInOneWay) {
  for (const Cause& cause : All()) {
    SCOPED_TRACE(cause.index());
    const Bytes wire = Encode(cause);
    ASSERT_OK_AND_ASSIGN(const Cause back, ParseCause(wire));
    EXPECT_EQ(back, cause);
    for (size_t i = 0; i < wire.size(); ++i) {
      EXPECT_THAT(ParseCause(ByteView(wire).first(i)), StatusIs(Code::kInvalidArgument)) << i;
      for (const uint8_t bit : {0x01, 0x40, 0x80}) {
        Bytes changed = wire;
        changed[i] ^= bit;
        const absl::StatusOr<Cause> parsed = ParseCause(changed);
        if (parsed.ok()) {
          EXPECT_EQ(Encode(*parsed), changed) << i;
          EXPECT_NE(*parsed, cause) << i;
        }
      }
    }
    for (const uint8_t more : {0, 1}) {
      Bytes longer = wire;
      longer.push_back(more);
      EXPECT_THAT(ParseCause(longer), StatusIs(Code::kInvalidArgument));
    }
  }
}

// What auditors and key servers that share no code have to agree on.
TEST(CauseTest, TheFormIsTheOneThatIsWritten) {
  SignedIntent intent{{0xaa}, 5, {}};
  intent.signatures.emplace_back();
  intent.signatures.back().key_id.fill(1);
  intent.signatures.back().signature.fill(2);
  const Bytes signed_intent =
      Concat({Bytes{1, 0xaa}, Bytes{0, 0, 0, 0, 0, 0, 0, 5}, Bytes{0x40, 96}, Bytes(32, 1), Bytes(64, 2)});
  EXPECT_EQ(Encode(Cause(intent)), Concat({Bytes{1, 1}, signed_intent}));

  Enrolment enrolment{{0xbb}, {}, {}, {}, {0xcc}, intent};
  enrolment.working_signature.fill(1);
  enrolment.mls_signature.fill(2);
  EXPECT_EQ(Encode(Cause(enrolment)),
            Concat({Bytes{1, 2, 1, 0xbb}, Bytes(64, 0), Bytes(64, 1), Bytes(64, 2), Bytes{1, 0xcc}, signed_intent}));

  Decided decided = Decision(Joined());
  decided.decision = {0xdd};
  decided.joined->credential = {0xee};
  EXPECT_EQ(Encode(Cause(decided)),
            Concat({Bytes{1, 3, 1, 0xdd}, Bytes(64, 11), Bytes{1, 26}, AsBytes("mimi://example.org/u/alice"), Bytes(32, 7),
                    Bytes(32, 8), Bytes(32, 9), Bytes{1, 0xee}}));
  EXPECT_EQ(Encode(Cause(WithDevices(1))), Concat({Bytes{1, 4, 48}, Bytes(48, 0)}));
  Renewed renewed = Renewal();
  renewed.renewal = {0xdd};
  renewed.credential = {0xee};
  EXPECT_EQ(Encode(Cause(renewed)), Concat({Bytes{1, 6, 1, 0xdd}, Bytes(64, 15), Bytes{1, 0xee}}));
}

TEST(CauseTest, WhatNoCauseIsIsRefused) {
  EXPECT_THAT(ParseCause({}), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(ParseCause(Bytes{2, 4, 0}), StatusIs(Code::kInvalidArgument, HasSubstr("unknown version of a cause")));
  for (const uint8_t kind : {0, 7, 255})
    EXPECT_THAT(ParseCause(Bytes{1, kind, 0}), StatusIs(Code::kInvalidArgument, HasSubstr("unknown kind"))) << int{kind};
  EXPECT_THAT(ParseCause(Bytes{1, 4, 0x40, 0}), StatusIs(Code::kInvalidArgument)) << "a length that is not minimal";
  Decided decided = Decision(Joined());
  decided.joined->request.user = "mimi://Example.org/u/alice";
  EXPECT_THAT(ParseCause(Encode(Cause(decided))), StatusIs(Code::kInvalidArgument)) << "a name in another spelling";
}

TEST(CauseTest, TheBoundsAreHeld) {
  EXPECT_THAT(ParseCause(Bytes(kMaxCause + 1)), StatusIs(Code::kInvalidArgument, HasSubstr("too long")));
  EXPECT_THAT(ParseCause(Encode(Cause(Intent(0)))), StatusIs(Code::kInvalidArgument, HasSubstr("1 to 8 signatures")));
  EXPECT_OK(ParseCause(Encode(Cause(Intent(kMaxIntentSignatures)))));
  EXPECT_THAT(ParseCause(Encode(Cause(Intent(kMaxIntentSignatures + 1)))), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(ParseCause(Encode(Cause(WithCode(Intent(0))))), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(ParseCause(Encode(Cause(WithDevices(33)))), StatusIs(Code::kInvalidArgument));
  const auto with = [](size_t intent, size_t message, size_t credential) {
    Enrolment out = WithCode(Intent(kMaxIntentSignatures));
    out.code.intent.resize(intent);
    out.proof.resize(message);
    out.credential.resize(credential);
    return ParseCause(Encode(Cause(out))).status();
  };
  EXPECT_OK(with(identity::kMaxIntent, kMaxCauseMessage, kMaxCauseCredential));
  EXPECT_THAT(with(identity::kMaxIntent + 1, 1, 1), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(with(1, kMaxCauseMessage + 1, 1), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(with(1, 1, kMaxCauseCredential + 1), StatusIs(Code::kInvalidArgument));
  Decided decided = Decision(Joined());
  decided.decision.resize(kMaxCauseMessage + 1);
  EXPECT_THAT(ParseCause(Encode(Cause(decided))), StatusIs(Code::kInvalidArgument));
  decided = Decision(Joined());
  decided.joined->credential.resize(kMaxCauseCredential + 1);
  EXPECT_THAT(ParseCause(Encode(Cause(decided))), StatusIs(Code::kInvalidArgument));
}

TEST(CauseTest, AdoptedDevicesAreInOrderAndOnce) {
  Adopted adopted = WithDevices(3);
  std::swap(adopted.devices[0], adopted.devices[1]);
  EXPECT_THAT(ParseCause(Encode(Cause(adopted))), StatusIs(Code::kInvalidArgument, HasSubstr("not in order")));
  adopted.devices[0] = adopted.devices[1];
  EXPECT_THAT(ParseCause(Encode(Cause(adopted))), StatusIs(Code::kInvalidArgument, HasSubstr("not in order")));
}

}  // namespace
}  // namespace plumbline::directory
