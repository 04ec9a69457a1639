// Our MLS and ts-mls: ways in from outside, PSKs, other groups, certificates. As ts_mls_test.cc.
#include "absl/strings/str_cat.h"
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
    Ours newcomer{*std::move(staged->next), {}};
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

// X.509 credentials under a real chain, judged by ours; ts-mls carries them.
TEST(TsMlsX509, MembersShowCertificates) {
  if (const std::string why = WhyNoTsMls(); !why.empty()) GTEST_SKIP() << why;
  TsMlsPeer peer;
  const absl::Time now = Now();
  mls::TestCertificateParams params;
  params.not_before = now - absl::Hours(1);
  params.not_after = now + absl::Hours(24);
  params.ca = true;
  const mls::TestCertificate root = mls::MakeTestCertificate(mls::TestKey::P256(), nullptr, params);
  params.ca = false;
  const absl::StatusOr<std::unique_ptr<mls::X509AuthenticationService>> judge =
      mls::X509AuthenticationService::Create({.roots = {root.der}, .extended_key_usage = ""});
  ASSERT_OK(judge);
  for (const uint16_t id : {1, 3}) {
    SCOPED_TRACE(id);
    const mls::CipherSuite& suite = **mls::CipherSuite::Get(id);
    const auto certified = [&](const std::string& uri, const mls::SignatureKeyPair& key) {
      params.uris = {uri};
      return mls::MakeTestCertificate(mls::TestKey::Ed25519From(key.private_key.bytes.view()),
                                      &root, params)
          .der;
    };
    const mls::SignatureKeyPair our_key = suite.GenerateSignatureKeyPair(),
                                their_key = suite.GenerateSignatureKeyPair();
    mls::CreateGroupParams create;
    create.suite = suite.id();
    create.group_id = RandomBytes(16);
    create.credential = mls::Credential::X509({certified("mimi://example.org/u/ours", our_key)});
    create.lifetime = LeafLifetime();
    create.policy = Policy();
    mls::Group ours = *mls::Group::Create(std::move(create), CopyOf(our_key));
    const absl::StatusOr<json> made =
        peer.Ask("newClient",
                 {{"who", "theirs"},
                  {"suite", id},
                  {"certificates", {ToHex(certified("mimi://example.org/u/theirs", their_key))}},
                  {"signatureKey",
                   {{"private", ToHex(their_key.private_key.bytes.view())},
                    {"public", ToHex(their_key.public_key)}}}});
    ASSERT_OK(made);
    mls::CommitParams commit;
    commit.adds = {*mls::ParseKeyPackageMessage(FromHex(made->value("keyPackage", "")))};
    absl::StatusOr<mls::StagedCommit> staged = ours.Commit(std::move(commit), **judge, now);
    ASSERT_OK(staged);
    ASSERT_OK(ours.AdvanceTo(*std::move(staged->next)));
    ASSERT_OK(peer.Ask("join", {{"who", "theirs"}, {"welcome", ToHex(*staged->welcome)}}));
    const absl::StatusOr<json> updated = peer.Ask("commit", {{"who", "theirs"}});
    ASSERT_OK(updated);
    absl::StatusOr<mls::Processed> taken =
        ours.Process(FromHex(updated->value("commit", "")), **judge, now);
    ASSERT_OK(taken);
    ASSERT_OK(ours.AdvanceTo(*std::move(std::get<mls::StagedCommit>(*taken).next)));
    EXPECT_EQ(updated->value("authenticator", ""), ToHex(ours.EpochAuthenticator()));
    // A certificate of nobody we know is refused.
    const mls::TestCertificate stranger = mls::MakeTestCertificate(
        mls::TestKey::Ed25519From(their_key.private_key.bytes.view()), nullptr, params);
    const absl::StatusOr<json> foreign =
        peer.Ask("newClient", {{"who", "stranger"},
                               {"suite", id},
                               {"certificates", {ToHex(stranger.der)}},
                               {"signatureKey",
                                {{"private", ToHex(their_key.private_key.bytes.view())},
                                 {"public", ToHex(their_key.public_key)}}}});
    ASSERT_OK(foreign);
    EXPECT_EQ(
        ours.ProposeAdd(*mls::ParseKeyPackageMessage(FromHex(foreign->value("keyPackage", ""))),
                        mls::HandshakeFraming::kPrivateMessage, **judge, now)
            .status()
            .code(),
        absl::StatusCode::kUnauthenticated);
  }
}

}  // namespace
}  // namespace plumbline::interop
