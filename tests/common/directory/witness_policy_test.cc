#include "common/directory/witness_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/directory/answer.h"
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

crypto::Ed25519KeyPair Pair(uint8_t seed) { return *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, seed))); }
std::string Log(const std::string& name = LogOrigin(kDomain)) {
  return absl::StrCat("log ", tlog::VerifierKey::Create(name, Pair(1).public_key())->ToText(), "\n");
}
std::string Witness() {
  return absl::StrCat("witness w ", tlog::CosignerKey::Create("w.example/1", Pair(2).public_key())->ToText(), "\n");
}

class WitnessPolicyTest : public ::testing::Test {
 protected:
  SignedWitnessPolicy Sign(const WitnessPolicy& policy, const std::string& uri = "plumbline://example.org/role/policy") const {
    crypto::LeafSpec spec;
    spec.spki = crypto::Ed25519Spki(key_.public_key());
    spec.uris = {uri};
    spec.purpose = crypto::Purpose::kRoleSignature;
    spec.validity = {organisation_.now - absl::Hours(1), organisation_.now + absl::Hours(24)};
    const Bytes encoded = Encode(policy);
    return {testing::ValueOf(crypto::IssueLeaf(organisation_.root, organisation_.root_key, spec)).der(), encoded,
            ToBytes(key_.Sign(identity::kWitnessPolicyLabel, encoded))};
  }
  absl::Status Verify(const SignedWitnessPolicy& offered, absl::Duration later = absl::ZeroDuration()) const {
    return VerifyWitnessPolicy(offered, organisation_.root, kDomain, organisation_.now + later).status();
  }
  const testing::TestOrganisation organisation_;
  const crypto::Ed25519KeyPair key_ = crypto::Ed25519KeyPair::Generate();
  const WitnessPolicy good_{kDomain, 3, absl::StrCat(Log(), Witness(), "quorum w\n")};
};

TEST_F(WitnessPolicyTest, IsTheRootsWord) {
  ASSERT_OK_AND_ASSIGN(const VerifiedPolicy verified, VerifyWitnessPolicy(Sign(good_), organisation_.root, kDomain, organisation_.now));
  EXPECT_EQ(verified.statement, good_);
  EXPECT_TRUE(verified.policy.needs_witnesses());
  const SignedWitnessPolicy signed_by_root = Sign(good_);
  for (const auto part : {&SignedWitnessPolicy::policy, &SignedWitnessPolicy::signature, &SignedWitnessPolicy::certificate}) {
    SignedWitnessPolicy changed = signed_by_root;
    (changed.*part)[(changed.*part).size() / 2] ^= 1;
    EXPECT_FALSE(Verify(changed).ok());
    changed = signed_by_root;
    (changed.*part).clear();
    EXPECT_FALSE(Verify(changed).ok());
  }
  EXPECT_THAT(Verify(signed_by_root, absl::Hours(48)), StatusIs(Code::kUnauthenticated));
  const testing::TestOrganisation other;
  EXPECT_THAT(VerifyWitnessPolicy(signed_by_root, other.root, kDomain, other.now).status(), StatusIs(Code::kUnauthenticated));
}

TEST_F(WitnessPolicyTest, NoOtherRoleMaySignOne) {
  for (const char* uri : {"plumbline://example.org/role/directory", "plumbline://example.org/role/audit",
                          "plumbline://example.com/role/policy"}) {
    EXPECT_THAT(Verify(Sign(good_, uri)), StatusIs(Code::kUnauthenticated, HasSubstr("not for a policy"))) << uri;
  }
}

TEST_F(WitnessPolicyTest, IsForTheDirectorysLogWithWitnesses) {
  const auto with = [&](const std::string& text) { return Verify(Sign({kDomain, 1, text})); };
  EXPECT_OK(with(good_.text));
  EXPECT_THAT(with(absl::StrCat(Log(), Witness(), "quorum none\n")), StatusIs(Code::kInvalidArgument, HasSubstr("no quorum")));
  EXPECT_THAT(with(absl::StrCat(Log("example.com/directory"), Witness(), "quorum w\n")),
              StatusIs(Code::kInvalidArgument, HasSubstr("not for one log alone, of the directory of example.org")));
  EXPECT_THAT(with(absl::StrCat(Log("example.org/directory/1"), Witness(), "quorum w\n")), StatusIs(Code::kInvalidArgument));
  const SignedWitnessPolicy second = Sign({kDomain, 1, absl::StrCat(Log(LogOrigin(kDomain, 2)), Witness(), "quorum w\n")});
  EXPECT_EQ(VerifyWitnessPolicy(second, organisation_.root, kDomain, organisation_.now)->log, 2u);
  EXPECT_EQ(VerifyWitnessPolicy(Sign(good_), organisation_.root, kDomain, organisation_.now)->log, 1u);
  EXPECT_THAT(with(absl::StrCat(Witness(), "quorum w\n")), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(with("nonsense"), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(Verify(Sign({"example.com", 1, good_.text})), StatusIs(Code::kInvalidArgument, HasSubstr("another organisation")));
}

TEST_F(WitnessPolicyTest, IsOfOneLog) {
  const std::string other = absl::StrCat("log ", tlog::VerifierKey::Create("other.example/log", Pair(3).public_key())->ToText(), "\n");
  for (const std::string& logs : {Log() + other, other + Log()}) {
    EXPECT_THAT(Verify(Sign({kDomain, 1, absl::StrCat(logs, Witness(), "quorum w\n")})),
                StatusIs(Code::kInvalidArgument, HasSubstr("alone")));
  }
}

TEST_F(WitnessPolicyTest, ItsKeyIsEd25519) {
  SignedWitnessPolicy offered = Sign(good_);
  crypto::LeafSpec spec;
  spec.spki = crypto::P256PrivateKey::Generate().spki();
  spec.uris = {"plumbline://example.org/role/policy"};
  spec.purpose = crypto::Purpose::kRoleSignature;
  spec.validity = {organisation_.now - absl::Hours(1), organisation_.now + absl::Hours(24)};
  offered.certificate = testing::ValueOf(crypto::IssueLeaf(organisation_.root, organisation_.root_key, spec)).der();
  EXPECT_THAT(Verify(offered), StatusIs(Code::kUnauthenticated, HasSubstr("not for a policy")));
}

TEST_F(WitnessPolicyTest, IsWithinItsLimits) {
  const std::string domain(253, 'a'), text(tlog::kMaxPolicy, 'x');
  EXPECT_OK(ParseWitnessPolicy(Encode({domain, 1, text})));
  EXPECT_THAT(ParseWitnessPolicy(Encode({domain + 'a', 1, text})), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(ParseWitnessPolicy(Encode({domain, 1, text + 'x'})), StatusIs(Code::kInvalidArgument));
}

TEST_F(WitnessPolicyTest, IsReadInOneWay) {
  const Bytes wire = Encode(good_);
  ASSERT_OK_AND_ASSIGN(const WitnessPolicy back, ParseWitnessPolicy(wire));
  EXPECT_EQ(back, good_);
  for (size_t i = 0; i < wire.size(); ++i) EXPECT_THAT(ParseWitnessPolicy(ByteView(wire).first(i)), StatusIs(Code::kInvalidArgument));
  Bytes longer = wire;
  longer.push_back(0);
  EXPECT_THAT(ParseWitnessPolicy(longer), StatusIs(Code::kInvalidArgument));
  EXPECT_THAT(ParseWitnessPolicy(Encode({kDomain, 0, good_.text})), StatusIs(Code::kInvalidArgument, HasSubstr("from 1")));
  Bytes other = wire;
  other[0] = 2;
  EXPECT_THAT(ParseWitnessPolicy(other), StatusIs(Code::kInvalidArgument));
}

}  // namespace
}  // namespace plumbline::directory
