// Our MLS and ts-mls: ways in from outside, PSKs, other groups, certificates. As ts_mls_test.cc.
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "mls/x509_authentication.h"
#include "tests/interop/ts_mls_fixture.h"
#include "tests/mls/test_certificates.h"

namespace plumbline::interop {
namespace {

TEST_P(TsMls, ExternalJoinBothWays) {
  Ours ours = OurGroup();
  for (const bool with_tree : {true, false}) {
    const std::string who = with_tree ? "first" : "second";
    Their(who);
    const absl::StatusOr<Bytes> info =
        ours.group.ExportGroupInfo({.ratchet_tree = with_tree, .external_pub = true});
    ASSERT_OK(info);
    json ask = {{"who", who}, {"groupInfo", ToHex(*info)}};
    if (!with_tree) ask["tree"] = ToHex(ours.group.EncodedTree());
    const json joined = Ask("externalJoin", ask);
    Take(ours, joined.value("commit", ""));
    if (!with_tree) Ask("process", {{"who", "first"}, {"message", joined.value("commit", "")}});
    Agree(ours, who);
  }
  for (const bool with_tree : {true, false}) {
    const json info = Ask("groupInfo", {{"who", "first"}, {"tree", with_tree}});
    mls::ExternalJoinParams params;
    params.credential = mls::Credential::Basic(AsBytes(with_tree ? "third" : "fourth"));
    if (!with_tree) params.ratchet_tree = FromHex(info.value("tree", ""));
    absl::StatusOr<mls::StagedCommit> staged =
        mls::Group::JoinExternally(FromHex(info.value("groupInfo", "")), std::move(params),
                                   suite_->GenerateSignatureKeyPair(), kEveryone, Now(), Policy());
    ASSERT_OK(staged);
    for (const std::string who : {"first", "second"}) Ask("process", Given(who, staged->message));
    Take(ours, ToHex(staged->message));
    ASSERT_OK_AND_ASSIGN(mls::Group group, mls::Group::Enter(*std::move(staged->next)));
    Ours newcomer{std::move(group), {}};
    EXPECT_EQ(newcomer.group.EpochAuthenticator(), ours.group.EpochAuthenticator());
    Agree(newcomer, "first");
    Agree(newcomer, "second");
  }
}

TEST_P(TsMls, ExternalPskBothWays) {
  Ours ours = OurGroup();
  const Bytes id = RandomBytes(12), secret = RandomBytes(32);
  ours.psks.Add(id, secret);
  mls::CommitParams params;
  params.adds = {TheirPackage("theirs")};
  params.external_psks = {id};
  Ask("storePsk", {{"who", "theirs"}, {"id", ToHex(id)}, {"secret", ToHex(secret)}});
  const mls::StagedCommit staged = Commit(ours, std::move(params));
  Ask("join", {{"who", "theirs"}, {"welcome", ToHex(*staged.welcome)}});
  Agree(ours, "theirs");
  // Ours by value again, to one who is a member; then theirs, with a newcomer of ours who knows it.
  mls::CommitParams again;
  again.external_psks = {id};
  again.force_path = false;
  Ask("process", Given("theirs", Commit(ours, std::move(again)).message));
  Agree(ours, "theirs");
  Joiner joiner = OurJoiner("third");
  joiner.psks.Add(id, secret);
  const json psk = {{"id", ToHex(id)}, {"nonceSize", suite_->hash_size()}};
  const json committed =
      Ask("commit", {{"who", "theirs"}, {"proposals", {{{"psk", psk}}, {{"add", Wire(joiner)}}}}});
  Take(ours, committed.value("commit", ""));
  Ours third = Join(committed, joiner);
  Agree(ours, "theirs");
  Agree(third, "theirs");
}

TEST_P(TsMls, NewMemberProposesItself) {
  Ours ours = OurGroup();
  Their("theirs");
  const json made = Ask("proposeOwnAdd",
                        {{"who", "theirs"}, {"groupInfo", ToHex(*ours.group.ExportGroupInfo())}});
  Take(ours, made.value("proposal", ""));
  const mls::StagedCommit staged = Commit(ours, {});
  ASSERT_TRUE(staged.welcome);
  Ask("join", {{"who", "theirs"}, {"welcome", ToHex(*staged.welcome)}});
  Agree(ours, "theirs");
  // And ours to them.
  Joiner joiner = OurJoiner("third");
  const absl::StatusOr<Bytes> proposal =
      mls::ProposeOwnAdd({suite_->id(), ours.group.group_id(), ours.group.epoch()},
                         joiner.bundle.key_package, joiner.signature_key.private_key);
  ASSERT_OK(proposal);
  Take(ours, ToHex(*proposal));
  Ask("process", Given("theirs", *proposal));
  const json committed = Ask("commit", {{"who", "theirs"}});
  Take(ours, committed.value("commit", ""));
  Ours third = Join(committed, joiner);
  Agree(third, "theirs");
}

// A subgroup and a successor: each made once by either.
TEST_P(TsMls, BranchAndReInitBothWays) {
  Ours ours = OurGroup();
  mls::CommitParams params;
  params.adds = {TheirPackage("theirs")};
  const mls::StagedCommit staged = Commit(ours, std::move(params));
  Ask("join", {{"who", "theirs"}, {"welcome", ToHex(*staged.welcome)}});
  const mls::Credential ours_credential = mls::Credential::Basic(AsBytes("ours"));
  const auto successor_params = [&] {
    mls::CreateGroupParams out;
    out.suite = suite_->id();
    out.group_id = RandomBytes(16);
    out.credential = ours_credential;
    out.lifetime = LeafLifetime();
    out.policy = Policy();
    return out;
  };
  const auto theirs_again = [&](const std::string& as) {
    const json made = Ask(
        "newClient", {{"who", as}, {"suite", GetParam()}, {"identity", ToHex(AsBytes("theirs"))}});
    return *mls::ParseKeyPackageMessage(FromHex(made.value("keyPackage", "")));
  };
  {
    mls::CommitParams add;
    add.adds = {theirs_again("branch")};
    absl::StatusOr<mls::Successor> made = ours.group.Branch(
        successor_params(), suite_->GenerateSignatureKeyPair(), std::move(add), kEveryone, Now());
    ASSERT_OK(made);
    Ask("joinBranch", {{"who", "theirs"}, {"as", "branch"}, {"welcome", ToHex(*made->welcome)}});
    Ours branch{std::move(made->group), {}};
    Agree(branch, "branch");
  }
  {
    Joiner joiner = *NewJoiner(*suite_, ours_credential);
    theirs_again("their branch");
    const json made = Ask("branch", {{"who", "theirs"},
                                     {"as", "their branch"},
                                     {"group", ToHex(RandomBytes(16))},
                                     {"keyPackages", {Wire(joiner)}}});
    absl::StatusOr<mls::Group> joined = ours.group.JoinSuccessor(
        FromHex(made.value("welcome", "")), joiner.bundle, CopyOf(joiner.signature_key.private_key),
        FromHex(made.value("tree", "")), kEveryone, Now());
    ASSERT_OK(joined);
    Ours branch{*std::move(joined), {}};
    Agree(branch, "their branch");
  }
  // Theirs ends the group, ours makes the successor.
  const Bytes next_id = RandomBytes(16);
  const json ended =
      Ask("reinit", {{"who", "theirs"}, {"group", ToHex(next_id)}, {"suite", GetParam()}});
  Take(ours, ended.value("commit", ""));
  ASSERT_TRUE(ours.group.reinit());
  mls::CommitParams add;
  add.adds = {theirs_again("next")};
  absl::StatusOr<mls::Successor> made = ours.group.Reinitialize(
      successor_params(), suite_->GenerateSignatureKeyPair(), std::move(add), kEveryone, Now());
  ASSERT_OK(made);
  Ask("joinSuccessor", {{"who", "theirs"}, {"as", "next"}, {"welcome", ToHex(*made->welcome)}});
  Ours next{std::move(made->group), {}};
  EXPECT_EQ(next.group.group_id(), next_id);
  Agree(next, "next");
  // Ours ends that one, theirs makes the successor.
  mls::CommitParams end;
  end.reinit.emplace();
  end.reinit->group_id = RandomBytes(16);
  end.reinit->cipher_suite = GetParam();
  const Bytes last_id = end.reinit->group_id;
  Ask("process", Given("next", Commit(next, std::move(end)).message));
  Joiner joiner = *NewJoiner(*suite_, ours_credential);
  theirs_again("last");
  const json last = Ask("createSuccessor", {{"who", "next"},
                                            {"as", "last"},
                                            {"group", ToHex(last_id)},
                                            {"suite", GetParam()},
                                            {"keyPackages", {Wire(joiner)}}});
  absl::StatusOr<mls::Group> joined = next.group.JoinSuccessor(
      FromHex(last.value("welcome", "")), joiner.bundle, CopyOf(joiner.signature_key.private_key),
      FromHex(last.value("tree", "")), kEveryone, Now());
  ASSERT_OK(joined);
  Ours end_group{*std::move(joined), {}};
  Agree(end_group, "last");
}

// A signature key of the suite that a certificate can be made for.
struct CertifiedKey {
  mls::TestKey key;
  mls::SignatureKeyPair pair;
};

CertifiedKey NewKey(const mls::CipherSuite& suite) {
  CertifiedKey out;
  const char* curve = nullptr;
  switch (suite.id()) {
    case mls::SuiteId::kP256Aes128GcmSha256P256:
      curve = "P-256";
      break;
    case mls::SuiteId::kP384Aes256GcmSha384P384:
      curve = "P-384";
      break;
    case mls::SuiteId::kP521Aes256GcmSha512P521:
      curve = "P-521";
      break;
    case mls::SuiteId::kX448Aes256GcmSha512Ed448:
    case mls::SuiteId::kX448ChaCha20Poly1305Sha512Ed448:
      out.key = mls::TestKey::Ed448();
      break;
    default:
      out.key = mls::TestKey::Ed25519();
  }
  Bytes secret;
  if (curve != nullptr) {
    out.key = mls::TestKey::OfCurve(curve);
    BIGNUM* scalar = nullptr;
    CHECK(EVP_PKEY_get_bn_param(out.key.pkey.get(), OSSL_PKEY_PARAM_PRIV_KEY, &scalar) == 1);
    secret.resize(static_cast<size_t>(EVP_PKEY_get_bits(out.key.pkey.get()) + 7) / 8);
    CHECK(BN_bn2binpad(scalar, secret.data(), static_cast<int>(secret.size())) > 0);
    BN_clear_free(scalar);
  } else {
    size_t size = 0;
    CHECK(EVP_PKEY_get_raw_private_key(out.key.pkey.get(), nullptr, &size) == 1);
    secret.resize(size);
    CHECK(EVP_PKEY_get_raw_private_key(out.key.pkey.get(), secret.data(), &size) == 1);
  }
  out.pair.private_key.bytes = Secret::Take(std::move(secret));
  out.pair.public_key = *suite.SignaturePublicKey(out.pair.private_key);
  return out;
}

// X.509 credentials under a real chain, judged by ours; ts-mls carries them.
TEST_P(TsMls, MembersShowCertificates) {
  mls::TestCertificateParams params;
  params.not_before = Now() - absl::Hours(1);
  params.not_after = Now() + absl::Hours(24);
  params.ca = true;
  const mls::TestCertificate root = mls::MakeTestCertificate(mls::TestKey::P256(), nullptr, params);
  const mls::TestCertificate nobody =
      mls::MakeTestCertificate(mls::TestKey::P256(), nullptr, params);
  params.ca = false;
  const absl::StatusOr<std::unique_ptr<mls::X509AuthenticationService>> judge =
      mls::X509AuthenticationService::Create({.roots = {root.der}, .extended_key_usage = ""});
  ASSERT_OK(judge);
  const CertifiedKey our_key = NewKey(*suite_), their_key = NewKey(*suite_);
  const auto certify = [&](const std::string& name, const CertifiedKey& key,
                           const mls::TestCertificate& issuer) {
    params.uris = {"mimi://example.org/u/" + name};
    return mls::MakeTestCertificate(key.key, &issuer, params).der;
  };
  const auto their_package = [&](const std::string& who, const mls::TestCertificate& issuer) {
    const json made =
        Ask("newClient", {{"who", who},
                          {"suite", GetParam()},
                          {"certificates", {ToHex(certify(who, their_key, issuer))}},
                          {"signatureKey",
                           {{"private", ToHex(their_key.pair.private_key.bytes.view())},
                            {"public", ToHex(their_key.pair.public_key)}}}});
    return *mls::ParseKeyPackageMessage(FromHex(made.value("keyPackage", "")));
  };

  mls::CreateGroupParams create;
  create.suite = suite_->id();
  create.group_id = RandomBytes(16);
  create.credential = mls::Credential::X509({certify("ours", our_key, root)});
  create.lifetime = LeafLifetime();
  create.policy = Policy();
  Ours ours{*mls::Group::Create(std::move(create), CopyOf(our_key.pair)), {}};
  mls::CommitParams commit;
  commit.adds = {their_package("certified", root)};
  absl::StatusOr<mls::StagedCommit> staged = ours.group.Commit(std::move(commit), **judge, Now());
  ASSERT_OK(staged);
  ASSERT_OK(ours.group.AdvanceTo(*std::move(staged->next)));
  Ask("join", {{"who", "certified"}, {"welcome", ToHex(*staged->welcome)}});
  Agree(ours, "certified");
  const json updated = Ask("commit", {{"who", "certified"}});
  absl::StatusOr<mls::Processed> taken =
      ours.group.Process(FromHex(updated.value("commit", "")), **judge, Now());
  ASSERT_OK(taken);
  ASSERT_OK(ours.group.AdvanceTo(*std::move(std::get<mls::StagedCommit>(*taken).next)));
  Agree(ours, "certified");
  // One that was certified by nobody we know is refused.
  EXPECT_EQ(ours.group
                .ProposeAdd(their_package("stranger", nobody),
                            mls::HandshakeFraming::kPrivateMessage, **judge, Now())
                .status()
                .code(),
            absl::StatusCode::kUnauthenticated);
}

}  // namespace
}  // namespace plumbline::interop
