// docs/runbooks/rotation.md and key-compromise.md, every command in its order, against real services with people who write to each
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
  machine.Type("rotation.md", 12);
  one.ExpectAllWell();
  const assess::CommandResult record = ValueOf(one.services.organisation.Administer({"audit", "list"}));
  EXPECT_THAT(record.out, ::testing::HasSubstr("key.rotated"));
}

TEST(KeyCompromiseRunbook, DoesWhatItSays) {
  Written one;
  Machine machine(one.services.organisation);
  // The administrator's own machine, who is asked nothing here.
  WriteProgram(machine.root + "/bin/plumbline-admin",
               absl::StrCat("exec " PLUMBLINE_BIN "/plumbline-admin --home ", one.services.organisation.AdministratorHome(), " --passphrase-file ",
                            one.services.organisation.AdministratorPassphrase(), " --yes \"$@\"\n"));
  machine.Type("key-compromise.md", 12);
  one.ExpectAllWell();
  EXPECT_NE(one.services.Run(one.mallory, {"send", "bob", "still here?"}).exit_code, 0) << "whose key was stolen";
}

}  // namespace
}  // namespace plumbline::testing
