// docs/runbooks/backup-restore.md, every command in its order, against real services with people who write to each other.
#include "tests/runbooks/machine.h"

namespace plumbline::testing {
namespace {

namespace fs = std::filesystem;
using assess::Person;
using assess::Service;

TEST(BackupRunbook, DoesWhatItSays) {
  ServiceFixture services(PLUMBLINE_BIN);
  assess::Organisation& organisation = services.organisation;
  const Person alice = services.Enrolled("alice"), bob = services.Enrolled("bob");
  ASSERT_EQ(services.Run(alice, {"send", "bob", "before the night"}).exit_code, 0);
  Machine machine(organisation);
  machine.PutRootAway();
  machine.Type("backup-restore.md", 41);
  machine.TellWitness(organisation);

  // It is morning: what waited is there, people go on, and the witness followed.
  EXPECT_THAT(Texts(services.Run(bob, {"read"})), ::testing::Contains("before the night"));
  const Person carol = services.Enrolled("carol");
  EXPECT_EQ(services.Run(alice, {"send", "carol", "good morning"}).exit_code, 0);
  EXPECT_THAT(Texts(services.Run(carol, {"read"})), ::testing::Contains("good morning"));
  EXPECT_THAT(ValueOf(assess::ReadFile(organisation.LogOf(Service::kKeyserver))), ::testing::Not(::testing::HasSubstr("witness_saw_another_log")));
  int restored = 0;
  for (const Service service : kOnMachine) {
    const fs::path data = absl::StrCat(machine.root, "/var/lib/", ProgramOf(service));
    EXPECT_TRUE(fs::exists(data / KeysFileOf(service)));
    restored += fs::exists(data.string() + ".lost");
  }
  EXPECT_EQ(restored, 3);
}

}  // namespace
}  // namespace plumbline::testing
