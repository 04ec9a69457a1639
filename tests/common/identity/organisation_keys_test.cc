// The root's statement of which role keys count: what is one, which of two holds, and who counts when.
#include "common/identity/organisation_keys.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/identity/trust.h"
#include "tests/common/identity/signed_keys.h"
#include "tests/status_matchers.h"

namespace plumbline::identity {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kDomain[] = "example.org";
const absl::Time kNow = absl::FromUnixSeconds(1795392000);

uint64_t Unix(absl::Time time) { return static_cast<uint64_t>(absl::ToUnixSeconds(time)); }

// Root and role keys; grants was replaced and counts for an hour more.
struct Replaced {
  KeyAuthority authority{kDomain, kNow};
  crypto::Ed25519KeyPair directory = crypto::Ed25519KeyPair::Generate(), former = crypto::Ed25519KeyPair::Generate(),
                         grants = crypto::Ed25519KeyPair::Generate(), tokens = crypto::Ed25519KeyPair::Generate(),
                         audit = crypto::Ed25519KeyPair::Generate();
  OrganisationKeys keys{kDomain,
                        3,
                        {{authority.RoleCertificate(Role::kDirectory, directory), 0},
                         {authority.RoleCertificate(Role::kGrants, grants), 0},
                         {authority.RoleCertificate(Role::kGrants, former), Unix(kNow + absl::Hours(1))},
                         {authority.RoleCertificate(Role::kTokens, tokens), 0},
                         {authority.RoleCertificate(Role::kAudit, audit), 0}}};
  absl::StatusOr<OrganisationKeys> Verified(const Bytes& wire, absl::Time at = kNow) const {
    return VerifyOrganisationKeys(wire, authority.root(), kDomain, at);
  }
};

TEST(OrganisationKeys, AreReadBackAsTheyWereSaid) {
  const Replaced r;
  ASSERT_OK_AND_ASSIGN(const OrganisationKeys verified, r.Verified(r.authority.Sign(r.keys)));
  EXPECT_EQ(verified, r.keys);
  EXPECT_EQ(Encode(*ParseOrganisationKeys(Encode(r.keys))), Encode(r.keys));
}

TEST(OrganisationKeys, CountUntilTheirEndAndNotAfter) {
  const Replaced r;
  const TrustedKeys trusted(r.keys);
  const Bytes message = {1, 2, 3}, by_former = r.former.Sign("a label", message), by_current = r.grants.Sign("a label", message);
  for (const absl::Time at : {kNow, kNow + absl::Minutes(59)}) {
    EXPECT_OK(trusted.Of(Role::kGrants, at).Verify("a label", message, by_former));
    EXPECT_OK(trusted.Of(Role::kGrants, at).Verify("a label", message, by_current));
  }
  for (const absl::Time at : {kNow + absl::Hours(1), kNow + absl::Hours(50)}) {
    EXPECT_THAT(trusted.Of(Role::kGrants, at).Verify("a label", message, by_former), StatusIs(absl::StatusCode::kUnauthenticated));
    EXPECT_OK(trusted.Of(Role::kGrants, at).Verify("a label", message, by_current));
  }
  // Of its own role alone, and no longer than the certificate.
  EXPECT_THAT(trusted.Of(Role::kTokens, kNow).Verify("a label", message, by_current), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(trusted.Of(Role::kAudit, kNow).Verify("a label", message, by_current), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(trusted.Of(Role::kGrants, r.keys.keys[1].certificate.not_after()).Verify("a label", message, by_current),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(OrganisationKeys, ThatWereNeverReplacedCountWithoutAnEnd) {
  const Replaced r;
  const TrustedKeys trusted(r.directory.public_key(), r.grants.public_key(), r.tokens.public_key());
  EXPECT_EQ(trusted.number(), 0u);
  const Bytes message = {1};
  EXPECT_OK(trusted.Of(Role::kDirectory, kNow + absl::Hours(24 * 4000)).Verify("a label", message, r.directory.Sign("a label", message)));
  EXPECT_FALSE(trusted.Of(Role::kGrants, kNow).Verify("a label", message, r.former.Sign("a label", message)).ok());
}

TEST(OrganisationKeys, TheHigherNumberHolds) {
  const Replaced r;
  OrganisationKeys lower = r.keys, other = r.keys;
  lower.number = 2;
  other.keys[2].ends_unix += 1;
  EXPECT_EQ(*Supersedes(r.keys, lower), true);
  EXPECT_EQ(*Supersedes(r.keys, OrganisationKeys{kDomain, 0, {}}), true);
  EXPECT_EQ(*Supersedes(r.keys, r.keys), false);
  EXPECT_THAT(Supersedes(lower, r.keys), StatusIs(absl::StatusCode::kFailedPrecondition, StartsWith("organisation_keys_replaced: ")));
  EXPECT_THAT(Supersedes(other, r.keys), StatusIs(absl::StatusCode::kFailedPrecondition, StartsWith("organisation_keys_contradict: ")));
}

TEST(OrganisationKeys, OnlyTheRootsOwnWordForThemCounts) {
  const Replaced r;
  const KeyAuthority other(kDomain, kNow);
  EXPECT_THAT(r.Verified(other.Sign(r.keys)), StatusIs(absl::StatusCode::kUnauthenticated));
  // By a role's key, or the one of a witness policy.
  EXPECT_THAT(r.Verified(r.authority.Sign(r.keys, Role::kPolicy)), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(r.Verified(r.authority.Sign(r.keys, Role::kDirectory)), StatusIs(absl::StatusCode::kUnauthenticated));
  // Under another label.
  EXPECT_THAT(r.Verified(r.authority.Sign(r.keys, Role::kKeys, kWitnessPolicyLabel)), StatusIs(absl::StatusCode::kUnauthenticated));
  // After the certificate of its own key ended.
  EXPECT_THAT(r.Verified(r.authority.Sign(r.keys), kNow + absl::Hours(24 * 800)), StatusIs(absl::StatusCode::kUnauthenticated));
  // A key that the root did not certify, said by the root's key.
  OrganisationKeys foreign = r.keys;
  foreign.keys[0].certificate = other.RoleCertificate(Role::kDirectory, r.directory);
  EXPECT_THAT(r.Verified(r.authority.Sign(foreign)), StatusIs(absl::StatusCode::kUnauthenticated));
  // Of another organisation, under the same root.
  const KeyAuthority sister("example.com", kNow, r.authority.root(), r.authority.root_key());
  const OrganisationKeys theirs{"example.com",
                                3,
                                {{sister.RoleCertificate(Role::kDirectory, r.directory), 0},
                                 {sister.RoleCertificate(Role::kGrants, r.grants), 0},
                                 {sister.RoleCertificate(Role::kTokens, r.tokens), 0},
                                 {sister.RoleCertificate(Role::kAudit, r.audit), 0}}};
  EXPECT_OK(VerifyOrganisationKeys(sister.Sign(theirs), sister.root(), "example.com", kNow).status());
  EXPECT_THAT(r.Verified(sister.Sign(theirs)), Not(IsOk()));
  EXPECT_THAT(r.Verified(r.authority.Sign(theirs)), Not(IsOk()));
  EXPECT_THAT(VerifyOrganisationKeys(r.authority.Sign(r.keys), r.authority.root(), "example.com", kNow), Not(IsOk()));
}

TEST(OrganisationKeys, AnIncompleteOrDisorderedSetIsRefused) {
  const Replaced r;
  const auto refused = [&](const char* why, const std::function<void(OrganisationKeys&)>& change) {
    SCOPED_TRACE(why);
    OrganisationKeys changed = r.keys;
    change(changed);
    EXPECT_THAT(ParseOrganisationKeys(Encode(changed)), StatusIs(absl::StatusCode::kInvalidArgument));
  };
  refused("a role is missing", [](auto& k) { k.keys.pop_back(); });
  refused("a role is missing at the front", [](auto& k) { k.keys.erase(k.keys.begin()); });
  refused("out of order", [](auto& k) { std::swap(k.keys[0], k.keys[1]); });
  refused("the former one first", [](auto& k) { std::swap(k.keys[1], k.keys[2]); });
  refused("two current ones", [](auto& k) { k.keys[2].ends_unix = 0; });
  refused("a former one of another role", [&](auto& k) { k.keys[2].certificate = r.authority.RoleCertificate(Role::kTokens, r.former); });
  refused("two former ones", [](auto& k) { k.keys.insert(k.keys.begin() + 3, k.keys[2]); });
  refused("a key that replaces itself", [](auto& k) { k.keys[2].certificate = k.keys[1].certificate; });
  refused("an end beyond all time", [](auto& k) { k.keys[2].ends_unix = uint64_t{1} << 50; });
  refused("no number", [](auto& k) { k.number = 0; });
  refused("another domain in a certificate", [](auto& k) { k.domain = "example.com"; });
  refused("a role that signs statements", [&](auto& k) { k.keys[0].certificate = r.authority.RoleCertificate(Role::kKeys, r.directory); });
}

// The same with two issuing authorities that were replaced.
struct Authorities : Replaced {
  crypto::P256PrivateKey key[3] = {crypto::P256PrivateKey::Generate(), crypto::P256PrivateKey::Generate(), crypto::P256PrivateKey::Generate()};
  crypto::Certificate Make(int i, absl::Time begin) const {
    return *crypto::MakeIssuing(authority.root(), authority.root_key(), key[i].spki(), "Example issuing", {begin, kNow + absl::Hours(24 * 700)});
  }
  Authorities() {
    keys.authorities = {{Make(0, kNow), 0},
                        {Make(1, kNow - absl::Minutes(30)), Unix(kNow + absl::Hours(1))},
                        {Make(2, kNow - absl::Minutes(30)), Unix(kNow - absl::Minutes(1))}};
  }
};

TEST(OrganisationKeys, NameTheAuthoritiesThatWereReplacedAndTheirEnds) {
  const Authorities r;
  ASSERT_OK_AND_ASSIGN(const OrganisationKeys verified, r.Verified(r.authority.Sign(r.keys)));
  EXPECT_EQ(verified, r.keys);
  EXPECT_EQ(Encode(*ParseOrganisationKeys(Encode(r.keys))), Encode(r.keys));
  const TrustedKeys trusted(verified);
  ASSERT_EQ(trusted.authorities().size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(trusted.authorities()[i], r.keys.authorities[i].certificate);
  EXPECT_EQ(trusted.replaced().EndOf(r.keys.authorities[0].certificate), absl::InfiniteFuture());
  EXPECT_EQ(trusted.replaced().EndOf(r.keys.authorities[1].certificate), kNow + absl::Hours(1));
  EXPECT_EQ(trusted.replaced().EndOf(r.keys.authorities[2].certificate), kNow - absl::Minutes(1));
  const crypto::P256PrivateKey another = crypto::P256PrivateKey::Generate();
  EXPECT_EQ(trusted.replaced().EndOf(*crypto::MakeIssuing(r.authority.root(), r.authority.root_key(), another.spki(), "Example issuing",
                                                          {kNow, kNow + absl::Hours(9)})),
            absl::InfiniteFuture())
      << "one that came after the statement";
  // No longer than its certificate.
  Authorities longer;
  longer.keys.authorities[1].ends_unix = Unix(kNow + absl::Hours(24 * 900));
  EXPECT_EQ(TrustedKeys(longer.keys).replaced().EndOf(longer.keys.authorities[1].certificate), longer.keys.authorities[1].certificate.not_after());
  EXPECT_TRUE(TrustedKeys(Replaced().keys).replaced().empty());
  EXPECT_TRUE(TrustedKeys(Replaced().keys).authorities().empty());
}

TEST(OrganisationKeys, ADisorderedListOfAuthoritiesIsRefused) {
  const Authorities r;
  const auto refused = [&](const char* why, const std::function<void(OrganisationKeys&)>& change) {
    SCOPED_TRACE(why);
    OrganisationKeys changed = r.keys;
    change(changed);
    EXPECT_THAT(ParseOrganisationKeys(Encode(changed)), StatusIs(absl::StatusCode::kInvalidArgument));
  };
  refused("two current ones", [](auto& k) { k.authorities[1].ends_unix = 0; });
  refused("no current one", [](auto& k) { k.authorities.erase(k.authorities.begin()); });
  refused("the current one last", [](auto& k) { std::swap(k.authorities[0], k.authorities[2]); });
  refused("an older one first", [&](auto& k) { k.authorities[1].certificate = r.Make(1, kNow - absl::Hours(9)); });
  refused("one that replaces itself", [&](auto& k) { k.authorities[2].certificate = r.Make(1, kNow - absl::Minutes(40)); });
  refused("an end beyond all time", [](auto& k) { k.authorities[1].ends_unix = uint64_t{1} << 50; });
  refused("a role's key", [&](auto& k) { k.authorities[2].certificate = k.keys[0].certificate; });
  refused("too many", [](auto& k) { k.authorities.resize(kMaxAuthorities + 1, k.authorities[1]); });
  Bytes empty = Encode(Replaced().keys);
  empty[0] = 2;
  empty.push_back(0);
  EXPECT_THAT(ParseOrganisationKeys(empty), StatusIs(absl::StatusCode::kInvalidArgument)) << "version 2 without any";
}

TEST(OrganisationKeys, AnAuthorityThatTheRootDidNotCertifyIsRefused) {
  const Authorities r, other;
  OrganisationKeys foreign = r.keys;
  foreign.authorities[1].certificate = other.keys.authorities[1].certificate;
  EXPECT_THAT(r.Verified(r.authority.Sign(foreign)), StatusIs(absl::StatusCode::kUnauthenticated));
  // The root itself is none.
  foreign = r.keys;
  foreign.authorities[2].certificate = r.authority.root();
  EXPECT_THAT(r.Verified(r.authority.Sign(foreign)), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(OrganisationKeys, EveryCutAndTrailingByteIsRefused) {
  const Authorities r;
  const Bytes statement = Encode(r.keys), wire = r.authority.Sign(r.keys);
  for (size_t n = 0; n < statement.size(); ++n) {
    EXPECT_THAT(ParseOrganisationKeys(ByteView(statement).first(n)), StatusIs(absl::StatusCode::kInvalidArgument)) << n;
  }
  for (size_t n = 0; n < wire.size(); ++n) {
    EXPECT_THAT(ParseSignedOrganisationKeys(ByteView(wire).first(n)), StatusIs(absl::StatusCode::kInvalidArgument)) << n;
  }
  Bytes longer = statement;
  longer.push_back(0);
  EXPECT_THAT(ParseOrganisationKeys(longer), StatusIs(absl::StatusCode::kInvalidArgument));
  Bytes longer_wire = wire;
  longer_wire.push_back(0);
  EXPECT_THAT(ParseSignedOrganisationKeys(longer_wire), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(TrustBundle, HasTheStatementWithIt) {
  const Replaced r;
  TrustBundle bundle{{r.authority.root(), r.keys.keys[0].certificate, r.keys.keys[1].certificate, r.keys.keys[3].certificate},
                     r.authority.Sign(r.keys)};
  const std::string text = ToText(bundle);
  ASSERT_OK_AND_ASSIGN(const TrustBundle read, ReadTrustBundle(text));
  EXPECT_EQ(ToText(read), text);
  ASSERT_OK_AND_ASSIGN(const OrganisationTrust trust, ParseTrustBundle(text, kDomain, kNow));
  EXPECT_EQ(trust.Keys().number(), 3u);
  const Bytes message = {7};
  EXPECT_OK(trust.Keys().Of(Role::kGrants, kNow).Verify("a label", message, r.former.Sign("a label", message)));
  // The statement and the certificates have to agree.
  bundle.certificates[2] = r.keys.keys[2].certificate;
  EXPECT_THAT(ParseTrustBundle(ToText(bundle), kDomain, kNow), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("lists")));
  for (const std::string& damaged : {text.substr(0, text.size() - 1), text + "x", absl::StrCat(text.substr(0, text.size() - 60), "\n")}) {
    EXPECT_THAT(ReadTrustBundle(damaged), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

}  // namespace
}  // namespace plumbline::identity
