#include "tests/bench/load/scenarios.h"

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "tests/bench/load/bare_insert.h"

namespace plumbline::bench {
namespace {

constexpr int kGroup = 200;        // mailboxes of a group
constexpr int kIdleStreams = 400;
constexpr absl::Duration kTurn = absl::Seconds(1);
constexpr int kStoreSenders = 64;  // a writer's transaction takes that many
constexpr char kLimits[] = "limits:\n  mailbox_envelopes: 1000000\n  mailbox_mebibytes: 65536\n";

Target TargetOf(const server::ServerProcess& server) {
  Target target;
  target.name = "server";
  target.pid = server.pid();
  target.connect = [&server] { return server.Client(); };
  target.token = [&server] {
    delivery::v1::OpenSessionRequest request;
    tokens::Show(request, server.organisation().NewToken(absl::Now()));
    return request;
  };
  target.mailbox = [&server](DeliveryStub& stub) { return server.Mailbox(stub); };
  return target;
}

server::ServerProcess& Started(server::ServerProcess& server) {
  server.Start();
  return server;
}

double Milliseconds(double microseconds) { return microseconds / 1000; }

}  // namespace

Scenarios::Scenarios(const LoadOptions& options, const std::string& self)
    : options_(options), server_(kLimits), echo_(self), real_(TargetOf(Started(server_))), floor_(echo_.target()) {}

void Scenarios::Run(const std::string& part) {
  if (part == "pairs") Pairs();
  if (part == "one") One();
  if (part == "store") Store();
  if (part == "group") Group();
  if (part == "overload") Overload();
  if (part == "idle") Idle();
}

// Floors and the server take turns, second by second, so that a slow moment of the machine falls on all alike.
void Scenarios::Pairs() {
  const Traffic traffic{.in_flight = options_.in_flight, .warm_up = absl::Milliseconds(300), .duration = kTurn};
  Load echo_load(floor_, options_.pairs), real_load(real_, options_.pairs);
  echo_load.GoOnline();
  real_load.GoOnline();
  Cost echo, real;
  Inserted inserts;
  for (int turn = 0; turn < options_.seconds; ++turn) {
    echo.Add(echo_load.Send(traffic));
    real.Add(real_load.Send(traffic));
    inserts.Add(BareInserts(options_.in_flight, /*acknowledge=*/true, kTurn));
  }
  report_.Add({"pairs", absl::StrCat("floor: echo, server's CPU for 1,000 messages"), echo.server_us(), "ms"});
  report_.Add({"pairs", absl::StrCat("floor: bare insert and delete, CPU for 1,000 messages"), inserts.us(), "ms"});
  report_.Add({"pairs", absl::StrCat("server's CPU for 1,000 messages, ", options_.pairs, " pairs, ", options_.in_flight, " in flight"),
               real.server_us(), "ms", "echo + insert", echo.server_us() + inserts.us(), "at most 2 x; at most 80 ms"});
  report_.Add({"pairs", "messages delivered", real.per_second(), "a second", "echo", echo.per_second()});
  report_.Add({"pairs", "submitted until acknowledged, p50", Milliseconds(Percentile(real.acknowledged, 50)), "ms"});
  report_.Add({"pairs", "submitted until acknowledged, p99", Milliseconds(Percentile(real.acknowledged, 99)), "ms", "", 0, "under 20 ms"});
  report_.Add({"pairs", "submitted until received, p50", Milliseconds(Percentile(real.arrived, 50)), "ms"});
  report_.Add({"pairs", "submitted until received, p99", Milliseconds(Percentile(real.arrived, 99)), "ms", "", 0, "under 20 ms"});
}

void Scenarios::One() {
  const Traffic traffic{.in_flight = 1, .warm_up = absl::Milliseconds(300), .duration = kTurn, .pause = absl::Milliseconds(10)};
  Load echo_load(floor_, 1), real_load(real_, 1);
  echo_load.GoOnline();
  real_load.GoOnline();
  Cost echo, real;
  std::vector<absl::Duration> inserts;
  for (int turn = 0; turn < options_.seconds; ++turn) {
    echo.Add(echo_load.Send(traffic));
    real.Add(real_load.Send(traffic));
    inserts.push_back(BareInserts(1, /*acknowledge=*/false, kTurn / 2).p50);
  }
  const double floor = Percentile(inserts, 50) + 2 * Percentile(echo.acknowledged, 50);
  report_.Add({"one", "one message, submitted until received, p50", Percentile(real.arrived, 50), "us",
               "one synced commit + two empty RPCs", floor, "at most 1.5 x"});
  report_.Add({"one", "one message, submitted until acknowledged, p50", Percentile(real.acknowledged, 50), "us",
               "one synced commit + two empty RPCs", floor});
}

void Scenarios::Store() {
  const Traffic traffic{.in_flight = kStoreSenders, .warm_up = absl::Milliseconds(300), .duration = kTurn};
  Load load(real_, kStoreSenders);
  Cost stored;
  Inserted inserts;
  for (int turn = 0; turn < options_.seconds; ++turn) {
    inserts.Add(BareInserts(kStoreSenders, /*acknowledge=*/false, kTurn));
    stored.Add(load.Send(traffic));
  }
  report_.Add({"store", "floor: bare insert, synced for every 64", inserts.per_second(), "a second"});
  report_.Add({"store", "messages for people offline, one a submission", stored.per_second(), "a second", "bare insert", inserts.per_second(),
               "15,000, or 0.7 x if that is lower"});
  report_.Add({"store", "  the server's CPU for 1,000", stored.server_us(), "ms"});
  report_.Add({"store", "  the load's own CPU for 1,000", absl::ToDoubleMicroseconds(stored.load_cpu) / static_cast<double>(stored.envelopes), "ms"});
  const Cost drained = load.GoOnline();
  report_.Add({"store", "and received when they come", drained.per_second(), "a second", "stored", stored.per_second(), "at least 1 x"});
  report_.Add({"store", "  the server's CPU for 1,000", drained.server_us(), "ms"});
}

void Scenarios::Group() {
  const Traffic single{.in_flight = options_.in_flight, .warm_up = absl::Milliseconds(300), .duration = kTurn};
  Traffic group = single;
  group.in_flight = 1;
  group.fan_out = kGroup;
  Load offline(real_, kGroup), load(real_, kGroup), floor(floor_, kGroup);
  load.GoOnline();
  floor.GoOnline();
  Cost one, all, online, writes;
  for (int turn = 0; turn < options_.seconds; ++turn) {
    one.Add(offline.Send(single));
    all.Add(offline.Send(group));
    online.Add(load.Send(group));
    writes.Add(floor.Send(group));
  }
  report_.Add({"group", absl::StrCat("a message to ", kGroup, " mailboxes, offline: server's CPU for 1,000 deliveries"), all.server_us(), "ms",
               "a message to one", one.server_us(), "less than 1 x"});
  report_.Add({"group", "  all online, until the last acknowledgement", online.server_us(), "ms"});
  report_.Add({"group", "  of which stream writes and reads (echo)", writes.server_us(), "ms"});
}

// One sender who behaves, alone and then beside ten times as many submissions as the server is measured with: of ten who want too much, and of
// as many as there are submissions.
void Scenarios::Overload() {
  for (const int connections : {10, 10 * options_.in_flight}) Overload(connections);
}

void Scenarios::Overload(int connections) {
  const Traffic calm{.in_flight = 1, .warm_up = absl::Milliseconds(300), .duration = absl::Seconds(options_.seconds), .pause = absl::Milliseconds(10)};
  Load one(real_, 1), flood(real_, 10 * options_.in_flight, static_cast<size_t>(connections));
  one.GoOnline();
  const Cost alone = one.Send(calm);
  std::thread flooding([&] {
    setpriority(PRIO_PROCESS, 0, 10);  // of this thread: it is not to take the processor from what is measured
    flood.Send({.in_flight = 10 * options_.in_flight, .warm_up = absl::ZeroDuration(), .duration = absl::Seconds(options_.seconds) + absl::Seconds(2)});
  });
  Traffic later = calm;
  later.warm_up = absl::Seconds(1);  // the flood's sessions are open by then, and it goes on for a second longer
  const Cost beside = one.Send(later);
  flooding.join();
  report_.Add({"overload", "one sender who behaves, submitted until acknowledged, p50", Milliseconds(Percentile(beside.acknowledged, 50)), "ms", "alone",
               Milliseconds(Percentile(alone.acknowledged, 50))});
  report_.Add({"overload", absl::StrCat("  p99, beside ", 10 * options_.in_flight, " submissions at a time on ", connections, " connections"),
               Milliseconds(Percentile(beside.acknowledged, 99)), "ms", "alone", Milliseconds(Percentile(alone.acknowledged, 99)), "at most 2 x"});
}

void Scenarios::Idle() {
  const auto bytes = [](const Target& target) {
    Load first(target, kIdleStreams);  // what the first of a kind costs is not counted
    first.GoOnline();
    const int64_t before = MemoryOf(target.pid);
    Load load(target, kIdleStreams);
    load.GoOnline();
    return static_cast<double>(MemoryOf(target.pid) - before) / kIdleStreams / 1024;
  };
  const double echo = bytes(floor_), real = bytes(real_);
  report_.Add({"idle", "an idle Receive stream, memory of the server", real, "KiB", "an idle stream of the echo", echo, "at most 1.2 x"});
}

}  // namespace plumbline::bench
