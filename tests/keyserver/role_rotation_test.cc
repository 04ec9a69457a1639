// The key of a role is replaced, in whole or not at all, whatever moment the ceremony is killed at: what is stored is signed anew, the
// root says which keys count, and the former private key is gone.
#include "keyserver/role_rotation.h"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/identity/labels.h"
#include "common/identity/trust.h"
#include "keyserver/ceremony.h"
#include "keyserver/rotation.h"
#include "tests/common/audit/logs.h"
#include "tests/common/cheap_seal.h"
#include "tests/keyserver/faulted_child.h"
#include "tests/keyserver/kept_world.h"

namespace plumbline::keyserver {
namespace {

namespace fs = std::filesystem;
using identity::Role;
using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr absl::Duration kHour = absl::Hours(1);

struct Organised : KeptWorld {
  absl::StatusOr<RoleRotated> Rotate(const std::string& folder, Role role, absl::Duration life = kHour) {
    return RotateRole(At(folder), TestPassphrase(), role, life, world.clock(), testing::kCheap);
  }
  // The same in this world, which goes on with it.
  RoleRotated RotateHere(Role role, absl::Duration life = kHour) {
    const std::string folder = Kept(absl::StrCat("here", ++count));
    const RoleRotated out = *Rotate(folder, role, life);
    world.GoBack(folder);
    return out;
  }
  int count = 0;
};

const RoleKey& KeyOf(const KeyRing& keys, Role role) {
  return role == Role::kDirectory ? keys.directory : role == Role::kGrants ? keys.grants : role == Role::kTokens ? keys.tokens : *keys.audit;
}

// Opens a folder as the service does, and CHECKs that all that is stored is signed by the ring's keys.
struct Served {
  static absl::StatusOr<std::unique_ptr<Served>> Open(const config::v1::KeyserverConfig& config) {
    ASSIGN_OR_RETURN(KeyRing keys, UnsealKeyRing(config.data_dir(), TestPassphrase()));
    RETURN_IF_ERROR(FinishRotation(config, TestPassphrase(), keys, testing::kCheap));
    auto out = std::unique_ptr<Served>(new Served(std::move(keys)));
    ASSIGN_OR_RETURN(out->connection, OpenForRotation(config, out->keys, out->clock));
    RETURN_IF_ERROR(CheckRoleKeys(*out->connection, out->keys));
    MutexLock lock(out->connection->mutex());
    db::Database& database = out->connection->database();
    RETURN_IF_ERROR(out->connection->audit().reader().Verify().status());
    db::Statement records = *database.Prepare("SELECT record, signature FROM directory_record");
    for (; *records.Step(); ++out->records)
      RETURN_IF_ERROR(identity::VerifyDirectoryRecord(records.Blob(0), records.Blob(1), out->keys.directory.key.public_key()).status());
    db::Statement statements = *database.Prepare("SELECT statement FROM token_key");
    for (; *statements.Step(); ++out->statements)
      RETURN_IF_ERROR(tokens::OpenTokenKey(statements.Blob(0), out->keys.tokens.key.public_key(), kDomain).status());
    return out;
  }
  uint64_t number() const { return keys.Statement()->number; }

  KeyRing keys;
  FakeClock clock;
  std::unique_ptr<SqlcipherConnection> connection;
  int records = 0, statements = 0;

 private:
  explicit Served(KeyRing ring) : keys(std::move(ring)) {}
};

class RotateRoleTest : public ::testing::TestWithParam<Role> {};
INSTANTIATE_TEST_SUITE_P(Roles, RotateRoleTest, ::testing::Values(Role::kDirectory, Role::kGrants, Role::kTokens, Role::kAudit),
                         [](const auto& role) { return std::string(identity::RoleName(role.param)); });

TEST_P(RotateRoleTest, SignsAnewWhatIsStoredAndRecordsIt) {
  Organised one;
  const std::string folder = one.Kept("run");
  ASSERT_OK_AND_ASSIGN(const KeyRing before, UnsealKeyRing(folder, TestPassphrase()));
  ASSERT_OK_AND_ASSIGN(const RoleRotated done, one.Rotate(folder, GetParam()));
  EXPECT_EQ(done.number, 1u);
  EXPECT_EQ(done.former, ToHex(KeyOf(before, GetParam()).key.public_key().view()));
  EXPECT_EQ(done.former_ends, one.world.clock().Now() + kHour);
  EXPECT_FALSE(done.ended_earlier);
  EXPECT_FALSE(fs::exists(folder + "/keys.next"));
  {
    ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(one.At(folder)));
    EXPECT_EQ(served->number(), 1u);
    EXPECT_GE(served->records, 4);
    EXPECT_GE(served->statements, 2);
    EXPECT_EQ(done.next, ToHex(KeyOf(served->keys, GetParam()).key.public_key().view()));
    EXPECT_NE(done.next, done.former);
    for (const Role other : identity::kListedRoles) {
      EXPECT_EQ(KeyOf(served->keys, other).key.public_key() != KeyOf(before, other).key.public_key(), other == GetParam());
    }
    // The former private key is not kept.
    const Secret ring = served->keys.Serialize();
    const ByteView seed = KeyOf(before, GetParam()).key.seed();
    EXPECT_EQ(std::search(ring.view().begin(), ring.view().end(), seed.begin(), seed.end()), ring.view().end());
  }
  one.world.GoBack(folder);
  const audit::Record event = one.world.LastEvent("key.rotated");
  EXPECT_EQ(event.subject, identity::RoleName(GetParam()));
  EXPECT_EQ(event.actor, "ceremony");
  EXPECT_EQ(event.details.at("number"), "1");
  EXPECT_EQ(event.details.at("former"), done.former);
  EXPECT_EQ(event.details.at("next"), done.next);
  EXPECT_EQ(event.details.at("former_ends"), absl::FormatTime(absl::RFC3339_sec, done.former_ends, absl::UTCTimeZone()));
}

// As the clients, the services and a newcomer judge it.
TEST_P(RotateRoleTest, TheFormerKeyCountsUntilItsEnd) {
  Organised one;
  ASSERT_OK_AND_ASSIGN(const KeyRing before, UnsealKeyRing(one.world.config().data_dir(), TestPassphrase()));
  const Bytes message = {1, 2}, by_former = *crypto::SignUnder(KeyOf(before, GetParam()).key, "a label", message);
  const absl::Time now = one.world.clock().Now();
  one.RotateHere(GetParam());
  keys::v1::ReadLogRequest request;
  request.set_limit(10);
  keys::v1::ReadLogResponse log;
  ASSERT_OK(one.world.directory().ReadLog(request, log));
  ASSERT_OK_AND_ASSIGN(const std::string text, ExportTrust(one.world.config(), TestPassphrase()));
  ASSERT_OK_AND_ASSIGN(const identity::OrganisationTrust from_file, identity::ParseTrustBundle(text, kDomain, now));
  ASSERT_OK_AND_ASSIGN(const identity::OrganisationKeys from_log,
                       identity::VerifyOrganisationKeys(AsBytes(log.organisation_keys()), before.root, kDomain, now));
  keys::v1::GetOrganisationResponse organisation;
  one.world.organisation().Fill(organisation);
  EXPECT_EQ(organisation.organisation_keys(), log.organisation_keys());
  for (const identity::TrustedKeys& trusted : {from_file.Keys(), identity::TrustedKeys(from_log)}) {
    EXPECT_EQ(trusted.number(), 1u);
    EXPECT_OK(trusted.Of(GetParam(), now + kHour - absl::Seconds(1)).Verify("a label", message, by_former));
    EXPECT_THAT(trusted.Of(GetParam(), now + kHour).Verify("a label", message, by_former), Not(IsOk()));
  }
  request.set_keys_number(1);
  keys::v1::ReadLogResponse again;
  ASSERT_OK(one.world.directory().ReadLog(request, again));
  EXPECT_EQ(again.organisation_keys(), "") << "whoever has it is not told again";
}

TEST(RotateRole, TheLogIsAsItWas) {
  Organised one;
  const std::string note = one.world.directory_store().Newest()->note;
  one.RotateHere(Role::kDirectory);
  EXPECT_EQ(one.world.directory_store().Newest()->note, note);
}

// Tokens that were drawn before are shown with a statement by the former key.
TEST(RotateRole, TokensDrawnBeforeCountUntilTheFormerKeyEnds) {
  Organised one;
  const tokens::ShownToken first = one.world.Token(one.alice), second = one.world.Token(one.alice);
  one.RotateHere(Role::kTokens, absl::Minutes(10));
  const auto look_up = [&](const tokens::ShownToken& token) {
    keys::v1::LookUpRequest request;
    request.set_user(kBob);
    tokens::Show(request, token);
    keys::v1::LookUpResponse response;
    return one.world.directory().LookUp(request, response);
  };
  EXPECT_OK(look_up(first));
  one.world.clock().Advance(absl::Minutes(10));
  EXPECT_THAT(look_up(second), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("token_invalid: ")));
  ASSERT_OK(one.world.tokens().Prepare());
  EXPECT_OK(look_up(one.world.Token(one.alice)));
}

// Each record and the checkpoint are signed anew, and the record of the rotation is one of them.
TEST(RotateRole, TheAuditRecordVerifiesUnderTheNewKeyAlone) {
  Organised one;
  ASSERT_OK_AND_ASSIGN(const AuditState before, VerifyAudit(one.world.config(), TestPassphrase()));
  const std::string folder = one.Kept("run");
  ASSERT_OK_AND_ASSIGN(const RoleRotated done, one.Rotate(folder, Role::kAudit, absl::ZeroDuration()));
  ASSERT_OK_AND_ASSIGN(const AuditState after, VerifyAudit(one.At(folder), TestPassphrase()));
  EXPECT_EQ(after.audit_key, done.audit_key);
  EXPECT_NE(after.audit_key, before.audit_key);
  EXPECT_EQ(after.checkpoint.size, before.checkpoint.size + 1);
  ASSERT_OK_AND_ASSIGN(const AuditExport exported, ExportAudit(one.At(folder), TestPassphrase()));
  const auto nobody = [](const audit::Record&) {};
  EXPECT_OK(audit::VerifyExport(exported.lines, *tlog::VerifierKey::Parse(after.audit_key), nobody, before.checkpoint).status());
  EXPECT_FALSE(audit::VerifyExport(exported.lines, *tlog::VerifierKey::Parse(before.audit_key), nobody).ok());
}

// What the former key did not sign is not signed by the next one either.
TEST(RotateRole, ABrokenAuditRecordIsNotSignedAnew) {
  Organised one;
  const std::string folder = one.Kept("run");
  ASSERT_OK_AND_ASSIGN(const KeyRing keys, UnsealKeyRing(folder, TestPassphrase()));
  {
    ASSERT_OK_AND_ASSIGN(const auto database, db::Database::Open(DatabasePath(folder), keys.database_key));
    audit::ChangeRecord(*database, 3);
  }
  EXPECT_THAT(one.Rotate(folder, Role::kAudit), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 3 was changed")));
  KeyRing now = *UnsealKeyRing(folder, TestPassphrase());
  ASSERT_OK(FinishRotation(one.At(folder), TestPassphrase(), now, testing::kCheap));
  EXPECT_EQ(now.Statement()->number, 0u);
}

TEST(RotateRole, AgainAndOfSeveralRoles) {
  Organised one;
  const RoleRotated first = one.RotateHere(Role::kGrants, absl::Hours(48));
  const RoleRotated other = one.RotateHere(Role::kDirectory, absl::Hours(24));
  const RoleRotated second = one.RotateHere(Role::kGrants, absl::Hours(1));
  EXPECT_EQ(other.number, 2u);
  EXPECT_EQ(second.number, 3u);
  EXPECT_EQ(second.former, first.next);
  EXPECT_FALSE(other.ended_earlier);
  EXPECT_TRUE(second.ended_earlier) << "of a role there is one former key at most";
  ASSERT_OK_AND_ASSIGN(const identity::OrganisationKeys keys, one.world.organisation().keys().Statement());
  ASSERT_EQ(keys.keys.size(), 6u);
  EXPECT_EQ(ToHex(keys.keys[1].certificate.ed25519_key()->view()), other.former);
  EXPECT_EQ(ToHex(keys.keys[3].certificate.ed25519_key()->view()), second.former);
  // What has ended is left out of the next.
  one.world.clock().Advance(absl::Hours(30));
  one.RotateHere(Role::kTokens);
  EXPECT_EQ(one.world.organisation().keys().Statement()->keys.size(), 5u);
  ASSERT_OK(Served::Open(one.At(one.Kept("end"))).status());
}

TEST(RotateRole, AWrongPassphraseRoleTimeOrARunningServiceChangesNothing) {
  Organised one;
  const std::string folder = one.Kept("run");
  const auto at = one.At(folder);
  EXPECT_THAT(RotateRole(at, Secret::CopyOf(AsBytes("another passphrase")), Role::kGrants, kHour, one.world.clock(), testing::kCheap),
              StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("passphrase_wrong: ")));
  for (const Role role : {Role::kPolicy, Role::kKeys}) EXPECT_FALSE(one.Rotate(folder, role).ok());
  for (const absl::Duration life : {-absl::Seconds(1), kMaxFormerLife + absl::Seconds(1)}) {
    EXPECT_THAT(one.Rotate(folder, Role::kGrants, life), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("former_ends_malformed: ")));
  }
  {
    ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(at));
    EXPECT_FALSE(one.Rotate(folder, Role::kGrants).ok());
    EXPECT_EQ(served->number(), 0u);
  }
  fs::remove(RootPath(folder));
  EXPECT_FALSE(one.Rotate(folder, Role::kGrants).ok());
  EXPECT_FALSE(fs::exists(folder + "/keys.next"));
  ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(at));
  EXPECT_EQ(served->number(), 0u);
}

TEST(RotateRole, SealedKeysOfAnotherTimeThanTheDatabaseAreRefused) {
  Organised one;
  const std::string before = one.Kept("before"), run = one.Kept("run");
  ASSERT_OK(one.Rotate(run, Role::kTokens).status());
  fs::copy(KeysPath(before), KeysPath(run), fs::copy_options::overwrite_existing);
  const auto refused = StatusIs(absl::StatusCode::kFailedPrecondition, StartsWith("role_keys_mismatch: "));
  EXPECT_THAT(Served::Open(one.At(run)), refused);
  EXPECT_THAT(one.Rotate(run, Role::kTokens), refused);
}

// In a process of its own, which is killed.
TEST(RoleRotationChild, Rotates) {
  const char* const folder = std::getenv("ROTATE_FOLDER");
  if (folder == nullptr) return;
  config::v1::KeyserverConfig config;
  config.set_organisation_domain(kDomain);
  config.set_data_dir(folder);
  ASSERT_OK(RotateRole(config, TestPassphrase(), Role::kDirectory, kHour, FakeClock(), testing::kCheap).status());
}

int RunChild(const std::string& folder, const std::string& kind, int at, const std::string& count) {
  return RunFaulted("RoleRotationChild.Rotates", {{"ROTATE_FOLDER", folder}}, kind, at, count);
}

// Killed at each change of a file in turn: the next start has one set of keys, under which all is signed; a second one goes through.
TEST(RotateRole, KilledAtEachWrite) {
  Organised one;
  const std::string start = one.Kept("start"), folder = one.scratch / "run", count = one.scratch / "count";
  const auto again = [&] {
    fs::remove_all(folder);
    fs::copy(start, folder, fs::copy_options::recursive);
  };
  again();
  ASSERT_EQ(RunChild(folder, "kill", 0, count), 0);
  const int changes = ReadCount(count);
  ASSERT_GT(changes, 10);
  for (const char* kind : {"kill", "torn", "power"}) {
    int old = 0, rotated = 0;
    for (int n = 1; n <= changes; ++n) {
      SCOPED_TRACE(absl::StrCat(kind, " at change ", n, " of ", changes));
      again();
      const int status = RunChild(folder, kind, n, count);
      EXPECT_TRUE(WIFSIGNALED(status) || status == 0);
      {
        ASSERT_OK_AND_ASSIGN(const auto served, Served::Open(one.At(folder)));
        ASSERT_LE(served->number(), 1u);
        ++(served->number() == 0 ? old : rotated);
        for (const auto& entry : fs::directory_iterator(folder)) {
          EXPECT_FALSE(absl::StrContains(entry.path().filename().string(), "keys.next")) << entry.path();
        }
      }
      if (n % 7 != 0) continue;
      EXPECT_OK(one.Rotate(folder, Role::kDirectory).status());
    }
    std::printf("rotation of a role, %s at each of %d changes: the former key %d times, the new one %d times, and nothing between\n", kind,
                changes, old, rotated);
    EXPECT_GT(old, 0);
    EXPECT_GT(rotated, 0);
  }
}

}  // namespace
}  // namespace plumbline::keyserver
