// Every connection that the programs of an organisation make while people use it, as the kernel is asked for it (strace), program by
// program: nothing but the peers that are configured. No name is resolved, nothing is reported to anybody, no datagram leaves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "assess/demo/people.h"
#include "tests/client_output.h"
#include "tests/common/process.h"
#include "tests/e2e/service_fixture.h"

namespace plumbline::privacy {
namespace {

namespace fs = std::filesystem;
using assess::Person;
using testing::ReadAll;
using testing::ServiceFixture;
using testing::ValueOf;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::IsSubsetOf;

constexpr char kTracer[] = "/usr/bin/strace";

// A folder that has every program under its own name, each started under the tracer; the process stays the one that was started.
class Watched final {
 public:
  Watched() {
    for (const auto& entry : fs::directory_iterator(PLUMBLINE_BIN)) {
      const std::string name = entry.path().filename();
      const bool program = name == "plumbline" || (absl::StartsWith(name, "plumbline-") && entry.path().extension().empty());
      if (program) {
        Wrap(name, entry.path());
      } else {
        fs::create_symlink(entry.path(), folder_ / name);
      }
    }
    fs::create_directory(traces());
  }
  void Wrap(const std::string& name, const std::string& program) const {
    std::ofstream(folder_ / name) << "#!/bin/sh\nexec " << kTracer << " -D -f -qq -e signal=none -e trace=connect,sendto,sendmsg,sendmmsg -o '"
                                  << traces() << "/" << name << ".'$$ '" << program << "' \"$@\"\n";
    fs::permissions(folder_ / name, fs::perms::owner_all);
  }
  std::string folder() const { return folder_.path(); }
  std::string traces() const { return folder_ / "traces"; }

  // By program: "127.0.0.1:443", or the whole line where the address is of another kind. What stays on the machine and within the
  // person's own folder (the agent's socket) is left out.
  std::map<std::string, std::set<std::string>> Peers() const {
    static const std::regex four("sin_port=htons\\((\\d+)\\), sin_addr=inet_addr\\(\"([^\"]+)\"\\)");
    // Of a socket for both families.
    static const std::regex six("sin6_port=htons\\((\\d+)\\).*inet_pton\\(AF_INET6, \"::ffff:([^\"]+)\"");
    std::map<std::string, std::set<std::string>> peers;
    for (const auto& entry : fs::directory_iterator(traces())) {
      const std::string name = entry.path().stem();
      for (const absl::string_view line_view : absl::StrSplit(ReadAll(entry.path()), '\n')) {
        const std::string line(line_view);
        std::smatch match;
        if (!absl::StrContains(line, "sa_family=")) continue;  // on a connection that is there already
        if (std::regex_search(line, match, four) || std::regex_search(line, match, six)) {
          peers[name].insert(absl::StrCat(match[2].str(), ":", match[1].str()));
        } else if (!absl::StrContains(line, "AF_UNIX")) {
          peers[name].insert(line);
        }
      }
    }
    return peers;
  }

 private:
  const testing::ScratchDir folder_;
};

std::string Local(int port) { return absl::StrCat("127.0.0.1:", port); }

TEST(Connections, GoToConfiguredPeersAndNowhereElse) {
  if (!fs::exists(kTracer)) GTEST_SKIP() << kTracer << " is not there: apt-get install strace";
  const Watched watched;
  std::map<std::string, std::set<std::string>> allowed;
  int stranger = 0;
  {
    ServiceFixture services(watched.folder());
    const assess::Ports& ports = services.organisation.ports();
    // Without an agent: its tracer would hold on to the output of the command that started it.
    const auto enrolled = [&](const std::string& account) {
      const Person person = services.NewPerson(account);
      testing::ExpectOk(services.Run(person, {"enrol", "--accept-notice", "--quick-unlock", "--label", "laptop"}, ValueOf(services.organisation.Invite(person))));
      return person;
    };
    const Person alice = enrolled("alice"), bob = enrolled("bob"), carol = enrolled("carol");
    const auto as = [&](const Person& person, const std::vector<std::string>& arguments) {
      testing::ExpectOk(services.Run(person, arguments));
    };
    as(alice, {"send", bob.account, "hello"});
    as(bob, {"read"});
    as(alice, {"group", "create", "Three", bob.account, carol.account});
    for (const Person& person : {bob, carol, alice}) as(person, {"sync"});
    as(carol, {"send", "group:Three", "all of us"});
    const std::string file = watched.folder() + "/file";
    ASSERT_TRUE(assess::WriteFile(file, std::string(200'000, 'f')).ok());
    as(alice, {"send-file", bob.account, file});
    as(bob, {"read"});
    as(bob, {"devices"});
    testing::ExpectOk(ValueOf(services.organisation.Administer({"account", "suspend", carol.account, "--reason", "an inquiry"})));
    testing::ExpectOk(ValueOf(services.organisation.Administer({"audit", "list"})));
    // Each service probes its own listeners before it serves (common/rpc/listener.h).
    const auto own = [&](assess::Service service) {
      std::set<std::string> places;
      for (const int port : services.organisation.ListenersOf(service)) places.insert(Local(port));
      return places;
    };
    allowed["plumbline"] = {Local(ports.keyserver_people), Local(ports.keyserver_devices), Local(ports.delivery_published)};
    allowed["plumbline-admin"] = own(assess::Service::kAdmin);  // the tool, and the service
    allowed["plumbline-admin"].insert(Local(ports.keyserver_admin));
    allowed["plumbline-keyserver"] = own(assess::Service::kKeyserver);
    allowed["plumbline-keyserver"].insert({Local(ports.witness), Local(ports.revocation)});
    allowed["plumbline-server"] = own(assess::Service::kDelivery);
    allowed["plumbline-witness"] = {};
    stranger = ValueOf(assess::FreePort());
    watched.Wrap("planted", "/bin/bash");
    assess::RunCommand({.program = watched.folder() + "/planted",
                        .arguments = {"-c", absl::StrCat("exec 3<>/dev/tcp/127.0.0.1/", stranger)}}).status().IgnoreError();
  }  // every service has ended, and its tracer with it
  std::map<std::string, std::set<std::string>> peers;
  EXPECT_TRUE(assess::PollUntil([&] { return (peers = watched.Peers()).contains("planted"); }, absl::Seconds(10)));
  EXPECT_THAT(peers["planted"], Contains(Local(stranger)));
  peers.erase("planted");
  for (const auto& [program, places] : peers) {
    ASSERT_TRUE(allowed.contains(program)) << program << " made a connection";
    EXPECT_THAT(places, IsSubsetOf(allowed[program])) << program;
  }
  // It has seen what was there to be seen.
  for (const char* program : {"plumbline", "plumbline-admin", "plumbline-keyserver"}) {
    for (const std::string& place : allowed[program]) EXPECT_THAT(peers[program], Contains(place)) << program;
  }
}

}  // namespace
}  // namespace plumbline::privacy
