// The admin service's ceremony and what it refuses to start with.
#include "admin/service_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/audit/audit_reader.h"
#include "common/codec.h"
#include "common/crypto/issue.h"
#include "common/crypto/sealed_file.h"
#include "common/file.h"
#include "tests/common/identity/replaced_authority.h"
#include "tests/status_matchers.h"

namespace plumbline::admin {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

Secret Passphrase(const char* text = "correct horse battery") { return Secret::CopyOf(AsBytes(text)); }

// An organisation that can certify the service, and the service's folder.
struct Scene {
  Scene() {
    char name[] = "/tmp/plumbline-admin-keys-XXXXXX";
    folder = ::mkdtemp(name);
    config.set_data_dir(folder + "/state");
    config.set_organisation_domain("example.org");
    config.set_certificate_file(folder + "/admin.pem");
    config.set_root_fingerprint(root.fingerprint().ToText());
  }
  ~Scene() { std::filesystem::remove_all(folder); }

  void WriteChain(const std::string& uri, ByteView spki, const crypto::Certificate& top) {
    const crypto::Certificate leaf =
        *crypto::IssueLeaf(issuing, issuing_key,
                           {.spki = ToBytes(spki),
                            .common_name = "",
                            .uris = {uri},
                            .dns_names = {},
                            .ip_addresses = {"127.0.0.1"},
                            .purpose = crypto::Purpose::kTlsPeer,
                            .validity = {now - absl::Hours(1), now + absl::Hours(24)}});
    std::ofstream(config.certificate_file()) << crypto::ToPemChain({leaf, issuing, top});
  }

  Bytes RequestedSpki() {
    return crypto::CertificateRequest::Parse(AsBytes(*ReadTextFile(RequestPath(config), 4096)))->spki();
  }

  const absl::Time now = absl::Now();
  const crypto::P256PrivateKey root_key = crypto::P256PrivateKey::Generate();
  const crypto::Certificate root =
      *crypto::MakeRoot(root_key, "example.org", {now - absl::Hours(2), now + absl::Hours(48)});
  const crypto::P256PrivateKey issuing_key = crypto::P256PrivateKey::Generate();
  const crypto::Certificate issuing = *crypto::MakeIssuing(root, root_key, issuing_key.spki(), "issuing",
                                                           {now - absl::Hours(2), now + absl::Hours(48)});
  std::string folder;
  config::v1::AdminConfig config;
  SystemClock clock;
};

constexpr char kAdminUri[] = "plumbline://example.org/service/admin";

TEST(Initialise, MakesKeysThatOpenAndARequestForTheSameKey) {
  Scene scene;
  ASSERT_OK(Initialise(scene.config, Passphrase(), scene.clock));
  ASSERT_OK_AND_ASSIGN(const ServiceKeys keys, OpenServiceKeys(scene.config, Passphrase()));
  EXPECT_EQ(scene.RequestedSpki(), keys.tls_key.spki());
  scene.WriteChain(kAdminUri, keys.tls_key.spki(), scene.root);
  ASSERT_OK_AND_ASSIGN(const ServiceIdentity identity, LoadIdentity(scene.config, keys, scene.now));
  EXPECT_EQ(identity.root_pem, scene.root.ToPem());
}

// The record is signed from its first entry.
TEST(Initialise, MakesARecordThatItsKeyVerifies) {
  Scene scene;
  ASSERT_OK(Initialise(scene.config, Passphrase(), scene.clock));
  ASSERT_OK_AND_ASSIGN(const ServiceKeys keys, OpenServiceKeys(scene.config, Passphrase()));
  ASSERT_OK_AND_ASSIGN(const audit::LogKey log_key, keys.AuditKey("example.org"));
  ASSERT_OK_AND_ASSIGN(const auto database, db::Database::Open(DatabasePath(scene.config), keys.database_key));
  ASSERT_OK_AND_ASSIGN(audit::AuditReader reader, audit::AuditReader::Open(*database, log_key.verifier()));
  ASSERT_OK_AND_ASSIGN(const tlog::Checkpoint checkpoint, reader.Verify());
  EXPECT_EQ(checkpoint, (tlog::Checkpoint{"example.org/audit/admin", 1, checkpoint.root}));
}

TEST(AddAuditKey, GivesOneToKeysOfAnEarlierVersionAndLeavesTheOthersAsTheyAre) {
  Scene scene;
  ASSERT_OK(Initialise(scene.config, Passphrase(), scene.clock));
  ASSERT_OK_AND_ASSIGN(const ServiceKeys made, OpenServiceKeys(scene.config, Passphrase()));
  Writer old;
  old.Fixed(made.database_key.view()).Vector(made.tls_key.der());
  ASSERT_OK(crypto::SealToFile(SealedPath(scene.config), Passphrase(), old.view()));
  ASSERT_OK_AND_ASSIGN(const ServiceKeys opened, OpenServiceKeys(scene.config, Passphrase()));
  EXPECT_THAT(opened.AuditKey("example.org").status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("audit_key_missing")));
  ASSERT_OK(AddAuditKey(scene.config, Passphrase()));
  ASSERT_OK_AND_ASSIGN(const ServiceKeys added, OpenServiceKeys(scene.config, Passphrase()));
  EXPECT_TRUE(Equal(added.database_key.view(), made.database_key.view()));
  EXPECT_EQ(added.tls_key.spki(), made.tls_key.spki());
  ASSERT_OK_AND_ASSIGN(const audit::LogKey first, added.AuditKey("example.org"));
  ASSERT_OK(AddAuditKey(scene.config, Passphrase()));  // not another one
  ASSERT_OK_AND_ASSIGN(const ServiceKeys again, OpenServiceKeys(scene.config, Passphrase()));
  EXPECT_EQ(again.AuditKey("example.org")->verifier(), first.verifier());
}

TEST(Initialise, NeverReplacesKeys) {
  Scene scene;
  ASSERT_OK(Initialise(scene.config, Passphrase(), scene.clock));
  EXPECT_THAT(Initialise(scene.config, Passphrase(), scene.clock),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("already_initialised")));
}

TEST(OpenServiceKeys, SaysWhatIsWrong) {
  Scene scene;
  EXPECT_THAT(OpenServiceKeys(scene.config, Passphrase()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("plumbline-admin init")));
  ASSERT_OK(Initialise(scene.config, Passphrase(), scene.clock));
  EXPECT_THAT(OpenServiceKeys(scene.config, Passphrase("another horse entirely")),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("passphrase_wrong")));
}

// The passphrase opens the file, and what is in it are no keys.
TEST(OpenServiceKeys, SaysThatTheContentIsDamaged) {
  Scene scene;
  ASSERT_OK(Initialise(scene.config, Passphrase(), scene.clock));
  ASSERT_OK_AND_ASSIGN(const ServiceKeys keys, OpenServiceKeys(scene.config, Passphrase()));
  Writer cut, no_key, longer;
  cut.Fixed(keys.database_key.view());
  no_key.Fixed(keys.database_key.view()).Vector(Bytes(100, 1)).Fixed(keys.audit->seed());
  longer.Fixed(keys.database_key.view()).Vector(keys.tls_key.der()).Fixed(keys.audit->seed()).U8(0);
  for (const Writer* content : {&cut, &no_key, &longer}) {
    ASSERT_OK(crypto::SealToFile(SealedPath(scene.config), Passphrase(), content->view(), {1, 8192}));
    EXPECT_THAT(OpenServiceKeys(scene.config, Passphrase()),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("sealed_file_damaged")));
  }
}

TEST(LoadIdentity, RefusesEveryWrongCertificateWithItsOwnReason) {
  Scene scene;
  ASSERT_OK(Initialise(scene.config, Passphrase(), scene.clock));
  ASSERT_OK_AND_ASSIGN(const ServiceKeys keys, OpenServiceKeys(scene.config, Passphrase()));
  const auto refused = [&](const char* reason, absl::Time at) {
    EXPECT_THAT(LoadIdentity(scene.config, keys, at).status(),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(reason)));
  };
  refused("certificate_missing", scene.now);
  std::ofstream(scene.config.certificate_file()) << "not a certificate";
  refused("certificate_wrong", scene.now);
  scene.WriteChain(kAdminUri, crypto::P256PrivateKey::Generate().spki(), scene.root);
  refused("not for this service's key", scene.now);
  scene.WriteChain("plumbline://example.org/service/keyserver", keys.tls_key.spki(), scene.root);
  refused("does not name plumbline://example.org/service/admin", scene.now);
  const crypto::Certificate other_root =
      *crypto::MakeRoot(scene.root_key, "other", {scene.now - absl::Hours(2), scene.now + absl::Hours(2)});
  scene.WriteChain(kAdminUri, keys.tls_key.spki(), other_root);
  refused("not the organisation's", scene.now);
  Scene stranger;  // whose issuing certificate the organisation's root never signed
  stranger.config.set_certificate_file(scene.config.certificate_file());
  stranger.WriteChain(kAdminUri, keys.tls_key.spki(), scene.root);
  refused("certificate_wrong", scene.now);
  scene.WriteChain(kAdminUri, keys.tls_key.spki(), scene.root);
  refused("certificate_expired", scene.now + absl::Hours(25));
  refused("certificate_not_yet_valid", scene.now - absl::Hours(3));
}

TEST(LoadIssuers, TakesTheTrustFilesWordOfItsOwnOrganisation) {
  Scene scene;
  const identity::ReplacedAuthority organisation(scene.now);
  const absl::Time ends = absl::FromUnixSeconds(absl::ToUnixSeconds(scene.now + absl::Hours(1)));
  ASSERT_OK_AND_ASSIGN(const rpc::Issuers none, LoadIssuers(scene.config, organisation.authority.root(), scene.now));
  EXPECT_EQ(none, nullptr);
  scene.config.set_trust_file(scene.folder + "/trust.pem");
  const auto broken = StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("trust_invalid: "));
  EXPECT_THAT(LoadIssuers(scene.config, organisation.authority.root(), scene.now), broken) << "it is named, and not there";
  std::ofstream(scene.config.trust_file()) << identity::ToText(organisation.Trust(organisation.Keys(1, ends)));
  ASSERT_OK_AND_ASSIGN(const rpc::Issuers issuers, LoadIssuers(scene.config, organisation.authority.root(), scene.now));
  EXPECT_EQ(issuers->replaced().EndOf(organisation.former), ends);
  EXPECT_EQ(issuers->replaced().EndOf(organisation.present), absl::InfiniteFuture());
  EXPECT_THAT(LoadIssuers(scene.config, scene.root, scene.now), broken) << "another organisation's";
}

}  // namespace
}  // namespace plumbline::admin
