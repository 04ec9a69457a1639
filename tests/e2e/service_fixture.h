// An organisation of three services as real processes, for tests: a fresh folder, free ports, keys and certificates made that
// moment, an administrator who acts through plumbline-admin. Ended and removed with the fixture.
#pragma once

#include <string>
#include <vector>

#include "assess/demo/organisation.h"
#include "tests/common/certificates.h"
#include "tests/common/scratch.h"

namespace plumbline::testing {

// The folder with the programs is given by the test's build (PLUMBLINE_BIN). Any failure to set up ends the test program.
class ServiceFixture final {
 public:
  // `ports`: those wanted where something is to stand before a service.
  explicit ServiceFixture(const std::string& bin, const assess::Ports& ports = {})
      : organisation({.bin = bin, .folder = scratch_ / "organisation", .detached = false, .controls = false,
                      .client_environment = {}}) {
    Must(organisation.Found(ports));
    for (const assess::Service service : assess::kServices) Must(organisation.Start(service));
    Must(organisation.PrepareAdministrator());
    const assess::CommandResult registered =
        ValueOf(organisation.Administer({"register", "--name", "Ada", "--code", organisation.administrator_code()}));
    CHECK(registered.exit_code == 0);
  }

  // A person with an account and a folder, not yet enrolled.
  assess::Person NewPerson(const std::string& account) {
    assess::Person person = ValueOf(organisation.NewPerson(account, account + " Example"));
    Must(organisation.CreateAccount(person));
    return person;
  }
  // The same, enrolled.
  assess::Person Enrolled(const std::string& account) {
    assess::Person person = NewPerson(account);
    const assess::CommandResult result = Enrol(person, ValueOf(organisation.Invite(person)));
    if (result.exit_code != 0) std::fprintf(stderr, "%s%s\n", result.out.c_str(), result.err.c_str());
    CHECK(result.exit_code == 0);
    return person;
  }
  assess::CommandResult Enrol(const assess::Person& person, const std::string& invitation) {
    return Run(person, {"enrol", "--quick-unlock", "--label", "laptop"}, invitation);
  }
  // `plumbline --json ...` as this person.
  assess::CommandResult Run(const assess::Person& person, std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), "--json");
    return ValueOf(organisation.Client(person, arguments, input));
  }

 private:
  static void Must(const absl::Status& status) {
    if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
    CHECK(status.ok());
  }
  const ScratchDir scratch_;

 public:
  assess::Organisation organisation;
};

}  // namespace plumbline::testing
