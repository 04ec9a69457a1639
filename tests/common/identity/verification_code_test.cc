#include "common/identity/verification_code.h"

#include <gtest/gtest.h>

namespace plumbline::identity {
namespace {

TEST(VerificationCode, IsTheSameForBothAndForAnyOrderOfDevices) {
  const VerificationParty alice{"mimi://example.org/u/alice", {PublicKey{1}, PublicKey{2}}};
  const VerificationParty alice_reordered{"mimi://example.org/u/alice", {PublicKey{2}, PublicKey{1}}};
  const VerificationParty bob{"mimi://example.org/u/bob", {PublicKey{3}}};
  const std::string code = VerificationCode(alice, bob);
  EXPECT_EQ(code, VerificationCode(bob, alice));
  EXPECT_EQ(code, VerificationCode(bob, alice_reordered));
  // Computed from the description in docs/protocols/identity.md by another program (Python's hashlib).
  EXPECT_EQ(code, "93078 89289 05269 16360 61777 41990 04186 26312 67642 30881 70414 48307");
}

TEST(VerificationCode, ChangesWithEveryDeviceAndName) {
  const VerificationParty alice{"mimi://example.org/u/alice", {PublicKey{1}}};
  const VerificationParty bob{"mimi://example.org/u/bob", {PublicKey{3}}};
  const std::string code = VerificationCode(alice, bob);
  EXPECT_NE(code, VerificationCode(alice, {"mimi://example.org/u/bob", {PublicKey{3}, PublicKey{4}}}));
  EXPECT_NE(code, VerificationCode(alice, {"mimi://example.org/u/bob", {PublicKey{4}}}));
  EXPECT_NE(code, VerificationCode(alice, {"mimi://example.org/u/carol", {PublicKey{3}}}));
}

}  // namespace
}  // namespace plumbline::identity
