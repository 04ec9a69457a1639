// docs/runbooks/rotation.md, key-compromise.md and lost-device.md, every command in its order, against real services with people who write to each
// other.
#include "tests/runbooks/machine.h"

namespace plumbline::testing {
namespace {

using assess::Person;
using assess::Service;

struct Written {
  Written() {
    ExpectOk(services.Run(alice, {"send", "bob", "before"}));
  }
  // Nothing was lost, and people go on.
  void ExpectAllWell() {
    ExpectOk(services.Run(alice, {"send", "bob", "after"}));
    EXPECT_THAT(Texts(services.Run(bob, {"read"})), ::testing::ElementsAre("before", "after"));
  }
  ServiceFixture services{PLUMBLINE_BIN};
  const Person alice = services.Enrolled("alice"), bob = services.Enrolled("bob"), mallory = services.Enrolled("mallory");
};

TEST(RotationRunbook, DoesWhatItSays) {
  Written one;
  Machine machine(one.services.organisation);
  machine.PutRootAway();
  machine.Type("rotation.md", 24);
  machine.TellWitness(one.services.organisation);
  one.ExpectAllWell();
  const assess::CommandResult record = ValueOf(one.services.organisation.Administer({"audit", "list"}));
  EXPECT_THAT(record.out, ::testing::HasSubstr("key.rotated"));
}

// The administrator's own machine, who is asked nothing here.
void PutAdministrator(const Machine& machine, const assess::Organisation& organisation) {
  WriteProgram(machine.root + "/bin/plumbline-admin",
               absl::StrCat("exec " PLUMBLINE_BIN "/plumbline-admin --home ", organisation.AdministratorHome(), " --passphrase-file ",
                            organisation.AdministratorPassphrase(), " --yes \"$@\"\n"));
}

TEST(KeyCompromiseRunbook, DoesWhatItSays) {
  Written one;
  Machine machine(one.services.organisation);
  PutAdministrator(machine, one.services.organisation);
  machine.PutRootAway();
  machine.Type("key-compromise.md", 18);
  one.ExpectAllWell();
  EXPECT_NE(one.services.Run(one.mallory, {"send", "bob", "still here?"}).exit_code, 0) << "whose key was stolen";
}

TEST(LostDeviceRunbook, DoesWhatItSays) {
  Written one;
  Machine machine(one.services.organisation);
  PutAdministrator(machine, one.services.organisation);
  machine.Type("lost-device.md", 12);
  one.ExpectAllWell();
  // Whoever has the device, and the passphrase too.
  EXPECT_NE(one.services.Run(one.mallory, {"read"}).exit_code, 0);
  EXPECT_NE(one.services.Run(one.mallory, {"history"}).exit_code, 0) << "it is locked, and does not open";
  // The person, with the invitation and another device.
  assess::Person anew = one.mallory;
  anew.home += "-new";
  ExpectOk(one.services.Enrol(anew, ValueOf(assess::ReadFile(machine.root + "/mallory.invitation"))));
  ExpectOk(one.services.Run(anew, {"send", "bob", "here again"}));
}

}  // namespace
}  // namespace plumbline::testing
