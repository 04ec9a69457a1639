// From starting a program to when it serves or has answered. Sealed keys cost what a guess costs, on purpose: that is the floor.
#include "absl/strings/str_cat.h"
#include "common/crypto/sealed_file.h"
#include "tests/bench/table.h"
#include "tests/common/certificates.h"
#include "tests/e2e/service_fixture.h"
#include "tests/server/server_process.h"

namespace plumbline::bench {
namespace {

using plumbline::testing::ServiceFixture;
using plumbline::testing::ValueOf;

constexpr int kStarts = 5;
constexpr crypto::SealCost kQuick{2, 64 * 1024};  // as `plumbline enrol --quick-unlock`
// The fixtures seal at the least cost, so that what is measured is the rest of the start.
using plumbline::testing::kCheap;

Sample Unseal(const crypto::SealCost& cost) {
  const Secret passphrase = Secret::CopyOf(AsBytes("a passphrase to measure with"));
  const Bytes sealed = ValueOf(crypto::Seal(passphrase, RandomBytes(64), cost));
  return MeasureAll(absl::ZeroDuration(), [&] { CHECK(crypto::Unseal(passphrase, sealed).ok()); });
}

Sample Times(const std::function<absl::Duration()>& once) {
  std::vector<absl::Duration> durations;
  for (int i = 0; i < kStarts; ++i) durations.push_back(once());
  return SampleOf(std::move(durations));
}

}  // namespace

void MeasureStartup(Table& table) {
  const auto add = [&](const std::string& what, const Sample& sample, const Sample& floor) {
    table.Add({.group = "Start-up", .what = what, .sample = sample, .floor = "unsealing at the least cost", .floor_sample = floor});
  };
  table.Add({.group = "Start-up", .what = "unsealing a service's keys", .sample = Unseal({})});
  table.Add({.group = "Start-up", .what = "unsealing a client's store, --quick-unlock", .sample = Unseal(kQuick)});
  const Sample cheap = Unseal(kCheap);
  server::ServerProcess server;
  add("delivery server, until it serves, plus unsealing", Times([&] {
        const absl::Time start = absl::Now();
        server.Start();
        const absl::Duration took = absl::Now() - start;
        server.Kill(SIGTERM);
        CHECK(server.Wait() == 0);
        return took;
      }), cheap);
  ServiceFixture services(PLUMBLINE_BIN);
  for (const auto& [service, name] : {std::pair(assess::Service::kKeyserver, "key server"), {assess::Service::kAdmin, "admin service"}}) {
    add(absl::StrCat(name, ", until it serves, plus unsealing"), Times([&, service = service] {
          CHECK(services.organisation.Stop(service) == 0);
          const absl::Time start = absl::Now();
          CHECK(services.organisation.Start(service).ok());
          return absl::Now() - start;
        }), cheap);
  }
  const assess::Person alice = services.Enrolled("alice");
  for (const char* command : {"status", "read"}) {
    add(absl::StrCat("client, `plumbline ", command, "`, plus unsealing"), Times([&] {
          const assess::CommandResult result = services.Run(alice, {command});
          CHECK(result.exit_code == 0);
          return result.took;
        }), cheap);
  }
}

}  // namespace plumbline::bench
