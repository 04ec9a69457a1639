// An organisation of three services as real processes, for tests: a fresh folder, free ports, keys and certificates made that
// moment, an administrator who acts through plumbline-admin. Ended and removed with the fixture.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "assess/demo/organisation.h"
#include "tests/common/certificates.h"
#include "tests/common/cheap_seal.h"
#include "tests/common/scratch.h"

namespace plumbline::testing {

inline void EnsureOk(const absl::Status& status) {
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  CHECK(status.ok());
}

inline void Administer(assess::Organisation& organisation, const std::vector<std::string>& arguments) {
  const assess::CommandResult result = ValueOf(organisation.Administer(arguments));
  if (result.exit_code != 0) std::fprintf(stderr, "%s%s\n", result.out.c_str(), result.err.c_str());
  CHECK(result.exit_code == 0);
}

// An organisation whose ceremony was held and whose services have not been started, sealed cheaply.
class FoundedOrganisation final {
 public:
  explicit FoundedOrganisation(const std::string& bin)
      : organisation({.bin = bin, .folder = scratch_ / "organisation", .detached = false, .controls = false, .client_environment = {}}) {
    EnsureOk(organisation.Found({}));
    Administer(organisation, {"key", "create"});
    for (const assess::Service service : assess::kServices) {
      const std::string folder = organisation.FolderOf(service);
      SealCheaply(folder, absl::StrCat(organisation.folder(), "/secrets/", std::filesystem::path(folder).filename().string(), ".passphrase"));
    }
    SealCheaply(organisation.AdministratorHome(), organisation.AdministratorPassphrase());
  }

 private:
  const ScratchDir scratch_;

 public:
  assess::Organisation organisation;
};

// The folder with the programs is given by the test's build (PLUMBLINE_BIN). Any failure to set up ends the test program.
// Each fixture is an installation of its own; those of one program begin from one ceremony.
class ServiceFixture final {
 public:
  // `ports`: those wanted where something is to stand before a service.
  explicit ServiceFixture(const std::string& bin, const assess::Ports& ports = {})
      : organisation({.bin = bin, .folder = scratch_ / "organisation", .detached = false, .controls = false,
                      .client_environment = {}}) {
    static const FoundedOrganisation founded(bin);
    EnsureOk(organisation.FoundLike(founded.organisation, ports));
    for (const assess::Service service : assess::kServices) EnsureOk(organisation.Start(service));
    Administer(organisation, {"setup", "--server", absl::StrCat("127.0.0.1:", organisation.ports().admin), "--domain", assess::kDomain, "--fingerprint",
                organisation.fingerprint()});
    Administer(organisation, {"register", "--name", "Ada", "--code", organisation.administrator_code()});
  }

  // A person with an account and a folder, not yet enrolled.
  assess::Person NewPerson(const std::string& account) {
    assess::Person person = ValueOf(organisation.NewPerson(account, account + " Example"));
    EnsureOk(organisation.CreateAccount(person));
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
    const assess::CommandResult result = Run(person, {"enrol", "--accept-notice", "--quick-unlock", "--label", "laptop"}, invitation);
    // As somebody at work: the passphrase once, not with each command. Where that fails, each command asks for it.
    if (result.exit_code == 0) Run(person, {"unlock", "--idle", "480", "--longest", "1440"});
    return result;
  }
  // `plumbline --json ...` as this person.
  assess::CommandResult Run(const assess::Person& person, std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), "--json");
    return ValueOf(organisation.Client(person, arguments, input));
  }

 private:
  const ScratchDir scratch_;

 public:
  assess::Organisation organisation;
};

}  // namespace plumbline::testing
