// What a key server would say, made up: honest, or with one thing wrong.
#include "doctor/directory.h"

#include "absl/strings/str_cat.h"
#include "common/directory/answer.h"
#include "common/identity/labels.h"
#include "common/tokens/token_key.h"
#include "tests/common/certificates.h"
#include "tests/doctor/findings.h"

namespace plumbline::doctor {
namespace {

using ::testing::HasSubstr;

constexpr char kDomain[] = "example.org";

crypto::Ed25519KeyPair Pair(uint8_t seed) { return *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, seed))); }

// The same for all tests: making it takes most of a second.
const crypto::BlindRsaPublicKey& RsaKey() {
  static const crypto::BlindRsaSecretKey key = crypto::BlindRsaSecretKey::Generate();
  return key.public_key();
}

class DirectoryTest : public ::testing::Test {
 protected:
  DirectoryTest()
      : organisation_(absl::Now(), absl::Hours(24 * 3650)),
        now_(absl::FromUnixSeconds(absl::ToUnixSeconds(organisation_.now))),
        log_(*tlog::NoteSigner::Create(directory::LogOrigin(kDomain), Pair(1))),
        first_(*tlog::Cosigner::Create("w.example/1", Pair(2))),
        second_(*tlog::Cosigner::Create("w.example/2", Pair(3))) {
    for (const char* role : {"directory", "grants"}) facts_.role_certificates.push_back(Role(role, Pair(4)));
    facts_.role_certificates.push_back(Role("tokens", tokens_));
    Name("any");
    AddKey(tokens::kPurposeDelivery, 1);
    AddKey(tokens::kPurposeDirectory, 1);
    Publish();
  }
  Bytes Role(const std::string& role, const crypto::Ed25519KeyPair& key, absl::Duration left = absl::Hours(24 * 300)) const {
    crypto::LeafSpec spec;
    spec.spki = crypto::Ed25519Spki(key.public_key());
    spec.uris = {absl::StrCat("plumbline://example.org/role/", role)};
    spec.purpose = crypto::Purpose::kRoleSignature;
    spec.validity = {now_ - absl::Hours(1), now_ + left};
    return testing::ValueOf(crypto::IssueLeaf(organisation_.root, organisation_.root_key, spec)).der();
  }
  // The policy that the root signs, of two witnesses.
  void Name(const std::string& needed, absl::Duration left = absl::Hours(24 * 300)) {
    const std::string text =
        absl::StrCat("log ", log_.verifier().ToText(), "\nwitness one ", first_.verifier().ToText(),
                     " http://127.0.0.1:1\nwitness two ", second_.verifier().ToText(), "\ngroup g ", needed, " one two\nquorum g\n");
    const Bytes policy = directory::Encode(directory::WitnessPolicy{kDomain, 7, text});
    facts_.policy = {Role("policy", Pair(5), left), policy, ToBytes(Pair(5).Sign(identity::kWitnessPolicyLabel, policy))};
  }
  tokens::TokenKey Key(const std::string& purpose, uint64_t epoch, absl::Duration opened = absl::Minutes(10)) const {
    const auto opens = static_cast<uint64_t>(absl::ToUnixSeconds(now_ - opened));
    tokens::TokenKey key{kDomain, RsaKey(), {purpose, tokens::kClassMember, epoch, opens, opens + 3600, opens + 4200, {}}};
    key.leaf.token_key_id = Sha256(RsaKey().Serialize());
    return key;
  }
  void AddKey(const std::string& purpose, uint64_t epoch, absl::Duration opened = absl::Minutes(10)) {
    const tokens::TokenKey key = Key(purpose, epoch, opened);
    const Bytes leaf = tlog::Encode(key.leaf);
    facts_.token_keys.push_back(*tokens::SignTokenKey(key, tokens_));
    facts_.token_leaves.insert(leaf);
    facts_.tree.Append(tlog::LeafHash(leaf));
  }
  void Publish(absl::Duration age = absl::Seconds(20)) {
    tlog::Note note = *tlog::ParseNote(*tlog::SignCheckpoint(facts_.tree.size(), facts_.tree.Root(), log_));
    note.signatures.push_back(first_.Cosign(note.text, now_ - age));
    facts_.note = tlog::FormatNote(note);
  }
  Report Judge() const {
    Report report;
    const auto trust = JudgeRoles(facts_, organisation_.root, kDomain, now_, report);
    const auto policy = JudgeWitnesses(facts_, organisation_.root, kDomain, now_, report);
    if (trust && policy) JudgeTokenKeys(facts_, *trust, *policy, now_, report);
    return report;
  }

  const testing::TestOrganisation organisation_;
  const absl::Time now_;
  const crypto::Ed25519KeyPair tokens_ = Pair(6);
  const tlog::NoteSigner log_;
  const tlog::Cosigner first_, second_;
  DirectoryFacts facts_;
};

TEST_F(DirectoryTest, AllIsWell) {
  const Report report = Judge();
  EXPECT_EQ(report.ExitCode(), kExitOk) << report.Text();
  EXPECT_EQ(report.findings().size(), 8u);  // three roles, policy, checkpoint, clock, two purposes
  EXPECT_THAT(Of(report, "witnesses.checkpoint").found, HasSubstr("1 of 2 witnesses"));
}

TEST_F(DirectoryTest, ARoleThatEnds) {
  facts_.role_certificates[1] = Role("grants", Pair(4), absl::Hours(24 * 80));
  EXPECT_THAT(Of(Judge(), "certificates.roles", "plumbline://example.org/role/grants"), IsWarning());
  facts_.role_certificates[1] = Role("grants", Pair(4), absl::Hours(24 * 5));
  EXPECT_THAT(Of(Judge(), "certificates.roles", "plumbline://example.org/role/grants"), IsFailed());
}

TEST_F(DirectoryTest, RolesOfAnotherOrganisation) {
  facts_.role_certificates.pop_back();
  EXPECT_EQ(Judge().ExitCode(), kExitFailed);
}

TEST_F(DirectoryTest, APolicyThatIsNotTheRootsOrEnds) {
  Name("any", absl::Hours(24 * 60));
  EXPECT_THAT(Of(Judge(), "witnesses.policy"), IsWarning());
  facts_.policy->signature[3] ^= 1;
  EXPECT_THAT(Of(Judge(), "witnesses.policy"), IsFailed());
  facts_.policy.reset();
  EXPECT_THAT(Of(Judge(), "witnesses.policy"), IsFailed());
}

TEST_F(DirectoryTest, ACheckpointThatTooFewCosigned) {
  Name("all");
  EXPECT_THAT(Of(Judge(), "witnesses.checkpoint"), IsFailed());
}

TEST_F(DirectoryTest, ACheckpointOfOtherLeaves) {
  facts_.tree.Append(tlog::LeafHash(AsBytes("one more")));
  EXPECT_THAT(Of(Judge(), "witnesses.checkpoint").found, HasSubstr("not those that were cosigned"));
  EXPECT_THAT(Of(Judge(), "witnesses.checkpoint"), IsFailed());
}

TEST_F(DirectoryTest, ACheckpointThatIsOld) {
  Publish(absl::Hours(2));
  EXPECT_THAT(Of(Judge(), "witnesses.checkpoint"), IsWarning());
  Publish(absl::Hours(25));
  EXPECT_THAT(Of(Judge(), "witnesses.checkpoint"), IsFailed());
}

TEST_F(DirectoryTest, AClockThatTheWitnessesDoNotShare) {
  Publish(absl::Minutes(10));
  EXPECT_THAT(Of(Judge(), "clock.witnesses"), IsWarning());
  Publish(-absl::Minutes(2));
  EXPECT_THAT(Of(Judge(), "clock.witnesses"), IsFailed());
  Publish(-absl::Seconds(10));
  EXPECT_THAT(Of(Judge(), "clock.witnesses"), IsOk());
}

TEST_F(DirectoryTest, WitnessesThatDoNotAnswer) {
  Report said;
  const auto policy = JudgeWitnesses(facts_, organisation_.root, kDomain, now_, said);
  ASSERT_TRUE(policy.has_value());
  const WitnessAnswers asked = AskWitnesses(policy->policy);  // nobody is there
  Report none;
  JudgeAnswers(policy->policy, asked, none);
  EXPECT_THAT(Of(none, "witnesses.answer", "one"), IsFailed());
  EXPECT_THAT(Of(none, "witnesses.answer", "two"), IsNotChecked());
  Report one;
  JudgeAnswers(policy->policy, {{"one", asked.at("one")}, {"two", absl::OkStatus()}}, one);
  EXPECT_THAT(Of(one, "witnesses.answer", "one"), IsWarning());
  EXPECT_THAT(Of(one, "witnesses.answer", "two"), IsOk());
}

TEST_F(DirectoryTest, NoKeyToDrawTokensUnder) {
  facts_.token_keys.pop_back();
  EXPECT_THAT(Of(Judge(), "tokens.keys", "directory"), IsFailed());
  EXPECT_THAT(Of(Judge(), "tokens.keys", "delivery"), IsOk());
}

TEST_F(DirectoryTest, AKeyThatTheLogDoesNotHave) {
  facts_.token_leaves.erase(tlog::Encode(Key(tokens::kPurposeDelivery, 1).leaf));
  EXPECT_THAT(Of(Judge(), "tokens.keys", "delivery"), IsFailed());
}

TEST_F(DirectoryTest, ANewKeyThatWaitsForTheWitnessesIsAWarning) {
  facts_.token_keys.push_back(*tokens::SignTokenKey(Key(tokens::kPurposeDelivery, 2, absl::ZeroDuration()), tokens_));
  EXPECT_THAT(Of(Judge(), "tokens.keys", "delivery"), IsWarning());
}

TEST_F(DirectoryTest, AKeyThatRunsOut) {
  facts_.token_keys.erase(facts_.token_keys.begin());
  AddKey(tokens::kPurposeDelivery, 1, absl::Minutes(57));
  Publish();
  EXPECT_THAT(Of(Judge(), "tokens.keys", "delivery"), IsWarning());
  AddKey(tokens::kPurposeDelivery, 2, absl::Minutes(7));
  Publish();
  EXPECT_THAT(Of(Judge(), "tokens.keys", "delivery"), IsOk());
}

TEST_F(DirectoryTest, AKeyOfSomebodyElse) {
  facts_.token_keys[0] = *tokens::SignTokenKey(Key(tokens::kPurposeDelivery, 1), Pair(9));
  EXPECT_THAT(Of(Judge(), "tokens.keys"), IsFailed());
}

TEST_F(DirectoryTest, ALogThatIsTooLongToRead) {
  facts_.whole = false;
  EXPECT_THAT(Of(Judge(), "tokens.keys"), IsNotChecked());
}

}  // namespace
}  // namespace plumbline::doctor
