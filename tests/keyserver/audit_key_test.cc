// The key that signs the audit record: made in the ceremony, or added to an organisation of an earlier version.
#include <set>

#include "common/file.h"
#include "common/identity/trust.h"
#include "keyserver/ceremony.h"
#include "keyserver/key_ring.h"
#include "tests/common/audit/logs.h"
#include "tests/keyserver/world.h"
#include "tests/status_matchers.h"

namespace plumbline::keyserver {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

constexpr crypto::SealCost kCheap{1, 8192};

// A ceremony's outcome on disk, with nothing open.
struct Founded {
  Founded() {
    config.set_organisation_domain("example.org");
    config.set_display_name("Example");
    config.set_data_dir(scratch / "data");
    config.add_ip_addresses("127.0.0.1");
    config.mutable_limits()->mutable_administrator_code_life()->set_seconds(3600);
    config.mutable_limits()->set_code_attempts(5);
    result = *RunCeremony(config, passphrase, clock, kCheap);
  }
  KeyRing Keys() { return *UnsealKeyRing(config.data_dir(), passphrase); }
  std::unique_ptr<db::Database> Database() {
    return *db::Database::Open(DatabasePath(config.data_dir()), Keys().database_key);
  }
  // As version 0.1 left it.
  void MakeOld(uint64_t records) {
    KeyRing keys = Keys();
    keys.audit.reset();
    keys.transparency.reset();
    keys.witnesses.reset();
    keys.wrapping = Secret();
    ASSERT_OK(SealKeyRing(config.data_dir(), passphrase, keys, kCheap));
    audit::PutOldChain(*Database(), records);
  }
  testing::ScratchDir scratch;
  FakeClock clock;
  config::v1::KeyserverConfig config;
  const Secret passphrase = Secret::CopyOf(AsBytes("a passphrase for these tests"));
  CeremonyResult result{.organisation = crypto::Fingerprint::Of({}), .administrator_code = "", .code_expires = {}, .audit_key = ""};
};

TEST(AuditKey, IsMadeByTheCeremonyAndCertifiedByTheRoot) {
  Founded t;
  const KeyRing keys = t.Keys();
  ASSERT_TRUE(keys.audit.has_value());
  EXPECT_OK(crypto::VerifyChain(keys.audit->certificate, {}, keys.root, t.clock.Now(), crypto::Purpose::kRoleSignature));
  EXPECT_EQ(keys.audit->certificate.uris(), std::vector<std::string>{"plumbline://example.org/role/audit"});
  ASSERT_OK_AND_ASSIGN(const AuditState state, VerifyAudit(t.config, t.passphrase));
  EXPECT_EQ(state.audit_key, t.result.audit_key);
  EXPECT_EQ(state.checkpoint.size, 2u);
  EXPECT_EQ(state.checkpoint.origin, "example.org/audit/keyserver");
  // What other services believe is not widened by it.
  EXPECT_FALSE(identity::VerifyTrust(keys.root,
                                     {keys.directory.certificate, keys.grants.certificate, keys.audit->certificate}, {},
                                     "example.org", t.clock.Now())
                   .ok());
}

TEST(AuditKey, IsAddedToAnEarlierVersionByHandOnly) {
  Founded t;
  t.MakeOld(3);
  EXPECT_THAT(t.Keys().AuditKey().status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("make-audit-key")));
  EXPECT_THAT(VerifyAudit(t.config, t.passphrase).status(), StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_OK_AND_ASSIGN(const std::string key, MakeAuditKey(t.config, t.passphrase, t.clock, kCheap));
  ASSERT_OK_AND_ASSIGN(const AuditState state, VerifyAudit(t.config, t.passphrase));
  EXPECT_EQ(state.checkpoint.size, 3u);
  EXPECT_EQ(state.audit_key, key);
  ASSERT_OK_AND_ASSIGN(const std::string again, MakeAuditKey(t.config, t.passphrase, t.clock, kCheap));
  EXPECT_EQ(again, key);
}

// Everything that is secret or certified in one is in it alone.
TEST(Installations, HaveNoKeyInCommon) {
  const auto keys_of = [](const Founded& t, const KeyRing& keys) {
    std::vector<Bytes> out = {keys.root.spki(), keys.issuing.spki(), ToBytes(keys.issuing_key.der()), ToBytes(keys.service_key.der()),
                              ToBytes(keys.grant_escrow.private_key()), ToBytes(keys.database_key.view()), ToBytes(keys.wrapping.view()),
                              ToBytes(keys.transparency->log.seed()), ToBytes(keys.transparency->vrf.seed()),
                              ToBytes(keys.transparency->follow.view()), ToBytes(AsBytes(t.result.administrator_code))};
    for (const RoleKey* role : {&keys.directory, &keys.grants, &keys.tokens, &*keys.audit}) out.push_back(ToBytes(role->key.seed()));
    return out;
  };
  Founded one, other;
  std::set<Bytes> all;
  size_t count = 0;
  for (Founded* each : {&one, &other}) {
    const std::vector<Bytes> keys = keys_of(*each, each->Keys());
    count += keys.size();
    all.insert(keys.begin(), keys.end());
  }
  EXPECT_EQ(all.size(), count);
  // Nor is one passphrase's sealed file the other's: salts differ.
  EXPECT_NE(*ReadTextFile(KeysPath(one.config.data_dir()), 1 << 20), *ReadTextFile(KeysPath(other.config.data_dir()), 1 << 20));
}

TEST(WrappingKey, IsAddedToAnEarlierVersionByHandOnly) {
  Founded t;
  KeyRing keys = t.Keys();
  EXPECT_OK(keys.WrapFor("a kind of keys").status());
  const Bytes log_seed = ToBytes(keys.transparency->log.seed());
  keys.wrapping = Secret();
  ASSERT_OK(SealKeyRing(t.config.data_dir(), t.passphrase, keys, kCheap));
  EXPECT_THAT(t.Keys().WrapFor("a kind of keys").status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("make-log-key")));
  ASSERT_OK(MakeLogKey(t.config, t.passphrase, kCheap).status());
  EXPECT_OK(t.Keys().WrapFor("a kind of keys").status());
  EXPECT_EQ(ToBytes(t.Keys().transparency->log.seed()), log_seed);
}

// The key is there and the tree is not: somebody put a chain of their own in its place. Opening it signs nothing.
TEST(AuditKey, DoesNotSignAChainThatAppearsLater) {
  Founded t;
  audit::PutOldChain(*t.Database(), 3);
  const auto opened = SqlcipherConnection::Open(DatabasePath(t.config.data_dir()), t.Keys().database_key,
                                                *t.Keys().AuditKey(), *t.Keys().LogKeys(), t.clock, db::OpenOptions());
  EXPECT_THAT(opened.status(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("audit_key_missing")));
}

}  // namespace
}  // namespace plumbline::keyserver
