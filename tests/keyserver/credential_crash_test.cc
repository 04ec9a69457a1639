// A renewal that is cut off at any write of the disk is whole or was never made, and asking again ends it.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "keyserver/key_ring.h"
#include "keyserver/views.h"
#include "tests/keyserver/credentials.h"
#include "tests/keyserver/faulted_child.h"

namespace plumbline::keyserver {
namespace {

// In a process of its own, on storage that fails: what the desk does in its transaction, over a copy of a key server's folder.
TEST(CredentialChild, Renews) {
  const char* const folder = std::getenv("CREDENTIAL_FOLDER");
  if (folder == nullptr) return;  // run by CredentialCrash
  FakeClock clock;
  clock.Advance(absl::Hours(24 * 250));
  const KeyRing keys = *UnsealKeyRing(folder, TestPassphrase());
  const auto connection = *SqlcipherConnection::Open(DatabasePath(folder), keys.database_key, *keys.AuditKey(), *keys.LogKeys(), clock,
                                                     db::OpenOptions());
  SqlcipherAccountStore accounts(*connection);
  Account account = *accounts.Find(kAlice);
  const identity::Hash former = Sha256(account.devices[0].credential);
  account.devices[0].credential = Bytes(500, 7);
  directory::Renewed cause{Bytes(100, 1), {}, account.devices[0].credential};
  const uint64_t revision = account.revision;
  account.record = *NextRecord(account, Sha256(cause.renewal), keys.directory.key);
  audit::Entry entry;
  entry.event = audit::Event::kCredentialRenewed;
  _exit(accounts.RenewCredential(account.devices[0], former, revision, account.record, cause, entry).ok() ? 0 : 1);
}

class CredentialCrash : public ::testing::TestWithParam<const char*> {};

TEST_P(CredentialCrash, LeavesTheOldOrTheNewAndAskingAgainEndsIt) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  testing::ScratchDir scratch;
  const std::string before = scratch / "before", run = scratch / "run", count = scratch / "count";
  world.Keep(before);
  world.clock().Advance(absl::Hours(24 * 250));
  const auto attempt = [&](int at) {
    std::filesystem::remove_all(run);
    std::filesystem::copy(before, run, std::filesystem::copy_options::recursive);
    return RunFaulted("CredentialChild.Renews", {{"CREDENTIAL_FOLDER", run}}, GetParam(), at, count);
  };
  ASSERT_EQ(attempt(0), 0);
  const int changes = ReadCount(count);
  ASSERT_GT(changes, 3);
  int old = 0, done = 0;
  for (int at = 1; at <= changes; ++at) {
    SCOPED_TRACE(at);
    const int status = attempt(at);
    EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 99);
    world.GoBack(run);
    ASSERT_OK_AND_ASSIGN(const Account account, world.accounts().Find(kAlice));
    const identity::DirectoryRecord record = *identity::ParseDirectoryRecord(account.record.bytes);
    EXPECT_EQ(record.devices[0].credential_hash, Sha256(account.devices[0].credential)) << "record and device are of one moment";
    const bool renewed = account.devices[0].credential != device.credential.der();
    EXPECT_EQ(record.version, renewed ? 3u : 2u);
    ++(renewed ? done : old);
    Refresh(world, device);
    if (renewed) continue;
    ASSERT_OK(Renew(world, device, kAlice));
  }
  EXPECT_GT(old, 0);
}

INSTANTIATE_TEST_SUITE_P(Faults, CredentialCrash, ::testing::Values("kill", "torn", "power"));

}  // namespace
}  // namespace plumbline::keyserver
