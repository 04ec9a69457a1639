#include "common/directory/log_succession.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/directory/answer.h"
#include "common/directory/follow.h"
#include "common/identity/labels.h"
#include "common/identity/uri.h"
#include "tests/common/certificates.h"
#include "tests/status_matchers.h"

namespace plumbline::directory {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

constexpr char kDomain[] = "example.org";

LogSuccession Good() {
  const auto vrf = *crypto::VrfKeyPair::FromSeed(Secret::CopyOf(Bytes(32, 7)));
  return {kDomain, 2, SuccessionReason::kPlanned, 17, tlog::Hash{1, 2, 3}, vrf.public_key()};
}

TEST(LogNames, AreNumberedFromTheSecondOn) {
  EXPECT_EQ(LogOrigin(kDomain), "example.org/directory");
  EXPECT_EQ(LogOrigin(kDomain, 12), "example.org/directory/12");
  for (const uint64_t number : {uint64_t{1}, uint64_t{2}, uint64_t{10}, ~uint64_t{0}}) {
    EXPECT_EQ(*LogNumber(LogOrigin(kDomain, number), kDomain), number);
  }
  for (const char* other : {"", "example.org", "example.org/directory/", "example.org/directory/0", "example.org/directory/1", "example.org/directory/02",
                            "example.org/directory/+2", "example.org/directory/2/", "example.org/directory/2x", "example.com/directory",
                            "example.org/directory/18446744073709551616", "example.org/directory2"}) {
    EXPECT_THAT(LogNumber(other, kDomain).status(), StatusIs(Code::kInvalidArgument)) << other;
  }
}

TEST(LogSuccession, HasOneEncoding) {
  for (const SuccessionReason reason : {SuccessionReason::kPlanned, SuccessionReason::kRestored}) {
    LogSuccession each = Good();
    each.reason = reason;
    const Bytes wire = Encode(each);
    ASSERT_OK_AND_ASSIGN(const LogSuccession parsed, ParseLogSuccession(wire));
    EXPECT_EQ(parsed, each);
    for (size_t n = 0; n < wire.size(); ++n) EXPECT_THAT(ParseLogSuccession(ByteView(wire).first(n)), StatusIs(Code::kInvalidArgument));
    Bytes longer = wire;
    longer.push_back(0);
    EXPECT_THAT(ParseLogSuccession(longer), StatusIs(Code::kInvalidArgument));
  }
}

TEST(LogSuccession, RefusesWhatNoLogCanBe) {
  const auto parse = [](const std::function<void(LogSuccession&)>& change) {
    LogSuccession each = Good();
    change(each);
    return ParseLogSuccession(Encode(each)).status();
  };
  EXPECT_OK(parse([](auto&) {}));
  EXPECT_THAT(parse([](auto& each) { each.number = 1; }), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(parse([](auto& each) { each.former_size = 0; }), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(parse([](auto& each) { each.former_size = tlog::kMaxSize + 1; }), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(parse([](auto& each) { each.reason = static_cast<SuccessionReason>(3); }), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(parse([](auto& each) { each.reason = static_cast<SuccessionReason>(0); }), StatusIs(Code::kInvalidArgument));
  Bytes other_format = Encode(Good());
  other_format[0] = 2;
  EXPECT_THAT(ParseLogSuccession(other_format), StatusIs(Code::kInvalidArgument));
  Bytes no_key = Encode(Good());
  std::fill(no_key.end() - 32, no_key.end(), uint8_t{0});
  EXPECT_THAT(ParseLogSuccession(no_key), StatusIs(Code::kInvalidArgument));
}

class SignedSuccession : public ::testing::Test {
 protected:
  SignedLogSuccession Sign(const LogSuccession& succession, identity::Role role = identity::Role::kSuccession,
                           absl::string_view label = identity::kLogSuccessionLabel) const {
    crypto::LeafSpec spec;
    spec.spki = crypto::Ed25519Spki(key_.public_key());
    spec.uris = {identity::RoleUri{kDomain, role}.ToString()};
    spec.purpose = crypto::Purpose::kRoleSignature;
    spec.validity = {organisation_.now - absl::Hours(1), organisation_.now + absl::Hours(24)};
    const Bytes encoded = Encode(succession);
    return {testing::ValueOf(crypto::IssueLeaf(organisation_.root, organisation_.root_key, spec)).der(), encoded,
            ToBytes(key_.Sign(label, encoded))};
  }
  absl::Status Verify(const SignedLogSuccession& offered, absl::Duration later = absl::ZeroDuration()) const {
    return VerifyLogSuccession(offered, organisation_.root, kDomain, organisation_.now + later).status();
  }
  const testing::TestOrganisation organisation_;
  const crypto::Ed25519KeyPair key_ = crypto::Ed25519KeyPair::Generate();
};

TEST_F(SignedSuccession, IsTheRootsWordForEver) {
  const SignedLogSuccession good = Sign(Good());
  EXPECT_OK(Verify(good));
  EXPECT_OK(Verify(good, absl::Hours(24 * 3650))) << "it tells what happened once";
  EXPECT_THAT(Verify(good, -absl::Hours(2)), StatusIs(Code::kUnauthenticated));
  for (const identity::Role role : {identity::Role::kPolicy, identity::Role::kKeys, identity::Role::kDirectory}) {
    EXPECT_THAT(Verify(Sign(Good(), role)), StatusIs(Code::kUnauthenticated, HasSubstr("not for a word about the next log")));
  }
  EXPECT_THAT(Verify(Sign(Good(), identity::Role::kSuccession, identity::kWitnessPolicyLabel)), StatusIs(Code::kUnauthenticated));
  for (const auto part : {&SignedLogSuccession::statement, &SignedLogSuccession::signature, &SignedLogSuccession::certificate}) {
    SignedLogSuccession changed = good;
    (changed.*part)[(changed.*part).size() / 2] ^= 1;
    EXPECT_FALSE(Verify(changed).ok());
  }
  const testing::TestOrganisation other;
  EXPECT_THAT(VerifyLogSuccession(good, other.root, kDomain, other.now), StatusIs(Code::kUnauthenticated));
  LogSuccession elsewhere = Good();
  elsewhere.domain = "example.com";
  EXPECT_THAT(Verify(Sign(elsewhere)), StatusIs(Code::kInvalidArgument));
}

TEST_F(SignedSuccession, HasOneEncoding) {
  const SignedLogSuccession good = Sign(Good());
  const Bytes wire = Encode(good);
  ASSERT_OK_AND_ASSIGN(const SignedLogSuccession parsed, ParseSignedLogSuccession(wire));
  EXPECT_EQ(parsed, good);
  for (size_t n = 0; n < wire.size(); ++n) EXPECT_THAT(ParseSignedLogSuccession(ByteView(wire).first(n)), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(ParseSignedLogSuccession(Bytes(kMaxSignedLogSuccession + 1)), StatusIs(Code::kInvalidArgument));
}

TEST_F(SignedSuccession, NamesTheFirstLeafOfTheNextLog) {
  const tlog::GenesisLeaf genesis = GenesisOf(Good(), organisation_.root);
  EXPECT_EQ(genesis.origin, "example.org/directory/2");
  EXPECT_EQ(genesis.authority, Sha256(organisation_.root.der()));
  EXPECT_EQ(genesis.vrf_key, Good().vrf_key);
}

TEST(Handover, OpensForWhoFollowsThePersonAlone) {
  const Bytes statement = Encode(Good());
  const auto key = [](uint8_t byte) { return Secret::CopyOf(Bytes(kFollowKeySize, byte)); };
  crypto::VrfProof proof{};
  proof.fill(9);
  const Bytes sealed = SealHandover({proof, key(2)}, key(1), statement);
  EXPECT_EQ(sealed, SealHandover({proof, key(2)}, key(1), statement)) << "the same to everybody";
  ASSERT_OK_AND_ASSIGN(const Handover opened, OpenHandover(sealed, key(1), statement));
  EXPECT_EQ(opened.index_proof, proof);
  EXPECT_EQ(opened.follow_key, key(2));
  EXPECT_THAT(OpenHandover(sealed, key(3), statement).status(), StatusIs(Code::kUnauthenticated));
  LogSuccession other = Good();
  other.number = 3;
  EXPECT_THAT(OpenHandover(sealed, key(1), Encode(other)).status(), StatusIs(Code::kUnauthenticated));
  for (size_t n = 0; n < sealed.size(); ++n) {
    EXPECT_THAT(OpenHandover(ByteView(sealed).first(n), key(1), statement).status(), StatusIs(Code::kUnauthenticated));
    Bytes changed = sealed;
    changed[n] ^= 1;
    EXPECT_THAT(OpenHandover(changed, key(1), statement).status(), StatusIs(Code::kUnauthenticated));
  }
}

}  // namespace
}  // namespace plumbline::directory
