// The delivery server as it runs: a process, TLS, SQLCipher with every commit on disk. Callers and server share this machine.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/db/database.h"
#include "common/rpc/status.h"
#include "tests/bench/floor_server.h"
#include "tests/bench/table.h"
#include "tests/common/certificates.h"
#include "tests/server/server_process.h"

namespace plumbline::bench {
namespace {

using plumbline::testing::ValueOf;
using server::ServerProcess;
using server::TestMailbox;
using Stub = delivery::v1::Delivery::Stub;

constexpr int kRounds = 4;  // of everything in turn, so that a slow moment of the machine falls on floors and operations alike
constexpr absl::Duration kSlice = absl::Seconds(1);
constexpr size_t kSealed = 1024;      // bytes, the smallest size of an envelope
constexpr int kCallers = 8;           // at the same time
constexpr int kStored = 20'000;       // envelopes to receive
constexpr int kSubmission = 200;      // envelopes in one, while storing them
constexpr char kLimits[] = "limits:\n  session_envelopes: 10000\n  mailbox_envelopes: 1000000\n";

// What was timed, in one slice or several.
struct Series {
  std::vector<absl::Duration> durations;
  absl::Duration wall;
  int times = 1;  // operations that each duration stands for
  void Add(const Series& more) {
    durations.insert(durations.end(), more.durations.begin(), more.durations.end());
    wall += more.wall;
    times = more.times;
  }
  Sample sample() const {
    Sample sample = SampleOf(durations, wall);
    sample.per_second *= times;
    return sample;
  }
};

// `callers` threads call what `prepare` gives each of them, for a slice.
Series Concurrently(int callers, const std::function<std::function<void()>()>& prepare) {
  std::vector<std::function<void()>> calls;
  for (int i = 0; i < callers; ++i) {
    calls.push_back(prepare());
    calls.back()();  // connected
  }
  std::vector<std::vector<absl::Duration>> durations(callers);
  const absl::Time start = absl::Now(), end = start + kSlice;
  std::vector<std::thread> threads;
  for (int i = 0; i < callers; ++i) {
    threads.emplace_back([&, i] {
      while (absl::Now() < end) {
        const absl::Time before = absl::Now();
        calls[i]();
        durations[i].push_back(absl::Now() - before);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Series series{.durations = {}, .wall = absl::Now() - start};
  for (const auto& part : durations) series.durations.insert(series.durations.end(), part.begin(), part.end());
  return series;
}

Series EmptyCalls(const FloorServer& floor, int callers) {
  return Concurrently(callers, [&] {
    return [stub = std::shared_ptr<v1::Floor::Stub>(floor.Connect())] {
      grpc::ClientContext context;
      v1::NothingMessage request, response;
      CHECK(stub->Nothing(&context, request, &response).ok());
    };
  });
}

void Submit(Stub& stub, const delivery::v1::SubmitRequest& request) {
  grpc::ClientContext context;
  delivery::v1::SubmitResponse response;
  const absl::Status status = rpc::FromGrpc(stub.Submit(&context, request, &response));
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  CHECK(status.ok() && response.results_size() == request.envelopes_size());
}

// One envelope a call, to a mailbox of the caller's own; a new session before the old one is used up.
Series Sends(const ServerProcess& server, int callers) {
  struct Caller {
    std::unique_ptr<Stub> stub;
    TestMailbox mailbox;
    std::string session;
    int sent = 0;
  };
  return Concurrently(callers, [&] {
    auto caller = std::make_shared<Caller>();
    caller->stub = server.Client();
    caller->mailbox = server.Mailbox(*caller->stub);
    return [&server, caller, sealed = RandomBytes(kSealed)] {
      if (caller->sent++ % 9'000 == 0) caller->session = server.Session(*caller->stub);
      delivery::v1::SubmitRequest request;
      request.set_session_id(caller->session);
      AddEnvelope(request, caller->mailbox, sealed);
      Submit(*caller->stub, request);
    };
  });
}

// The rows that one envelope becomes, `rows` of them in each transaction; rates are of envelopes.
Series Inserts(int rows) {
  const testing::ScratchDir scratch;
  const auto database = ValueOf(db::Database::Open(scratch / "floor.db", db::Key::Random()));
  for (const char* sql : {"CREATE TABLE envelopes (row INTEGER PRIMARY KEY, mailbox BLOB, envelope_id BLOB, sealed BLOB, day INTEGER)",
                          "CREATE INDEX envelopes_by_mailbox ON envelopes(mailbox)",
                          "CREATE TABLE answers (row INTEGER PRIMARY KEY, envelope_id BLOB NOT NULL UNIQUE, content_hash BLOB, "
                          "outcome INTEGER, day INTEGER)"}) {
    CHECK(database->Execute(sql).ok());
  }
  const Bytes mailbox = RandomBytes(16), sealed = RandomBytes(kSealed), hash = RandomBytes(32);
  Series series{.durations = {}, .wall = {}, .times = rows};
  const absl::Time start = absl::Now();
  while (absl::Now() < start + kSlice) {
    const absl::Time before = absl::Now();
    db::Transaction transaction = ValueOf(db::Transaction::Begin(*database));
    for (int i = 0; i < rows; ++i) {
      const Bytes id = RandomBytes(16);
      db::Statement envelope = ValueOf(database->Prepare("INSERT INTO envelopes (mailbox, envelope_id, sealed, day) VALUES (?1, ?2, ?3, 1)"));
      CHECK(envelope.Bind(1, ByteView(mailbox)).Bind(2, ByteView(id)).Bind(3, ByteView(sealed)).Run().ok());
      db::Statement answer = ValueOf(database->Prepare("INSERT INTO answers (envelope_id, content_hash, outcome, day) VALUES (?1, ?2, 1, 1)"));
      CHECK(answer.Bind(1, ByteView(id)).Bind(2, ByteView(hash)).Run().ok());
    }
    CHECK(transaction.Commit().ok());
    series.durations.push_back(absl::Now() - before);
  }
  series.wall = absl::Now() - start;
  return series;
}

Sample OnlyRate(size_t count, absl::Duration wall) {
  Sample sample;
  sample.runs = count;
  sample.per_second = static_cast<double>(count) / absl::ToDoubleSeconds(wall);
  sample.p50 = sample.p99 = wall / static_cast<int64_t>(count);
  return sample;
}

// Everything that waits in one mailbox, through one stream, acknowledged as it comes.
Sample ReceiveStored(const ServerProcess& server) {
  const auto stub = server.Client();
  const TestMailbox mailbox = server.Mailbox(*stub);
  const Bytes sealed = RandomBytes(kSealed);
  std::string session;
  for (int sent = 0; sent < kStored; sent += kSubmission) {
    if (sent % 8'000 == 0) session = server.Session(*stub);
    delivery::v1::SubmitRequest request;
    request.set_session_id(session);
    for (int i = 0; i < kSubmission; ++i) AddEnvelope(request, mailbox, sealed);
    Submit(*stub, request);
  }
  server::Receiver receiver(*stub, mailbox);
  CHECK(receiver.Open());
  std::vector<uint64_t> tags;
  int received = 0;
  const absl::Time start = absl::Now();
  while (received < kStored) {
    const auto message = receiver.Next();
    CHECK(message.has_value());
    if (!message->has_delivery()) continue;
    ++received;
    tags.push_back(message->delivery().tag());
    if (tags.size() == 64 || received == kStored) {
      receiver.Ack(tags);
      tags.clear();
    }
  }
  return OnlyRate(kStored, absl::Now() - start);
}

Sample StreamWrites(const FloorServer& floor) {
  const auto stub = floor.Connect();
  grpc::ClientContext context;
  v1::PourRequest request;
  request.set_count(kStored);
  request.set_size(kSealed + 40);  // as much as a delivery with its id and tag
  const absl::Time start = absl::Now();
  const auto stream = stub->Pour(&context, request);
  v1::PourResponse drop;
  int received = 0;
  while (stream->Read(&drop)) ++received;
  CHECK(stream->Finish().ok() && received == kStored);
  return OnlyRate(kStored, absl::Now() - start);
}

// From before Submit until the recipient, who is online, has it; one at a time.
Sample Online(const ServerProcess& server) {
  const auto sender = server.Client(), recipient = server.Client();
  const TestMailbox mailbox = server.Mailbox(*recipient);
  server::Receiver receiver(*recipient, mailbox);
  CHECK(receiver.Open());
  receiver.UntilCaughtUp();
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<absl::Time> arrived;  // of the latest envelope
  std::thread reading([&] {
    while (const auto message = receiver.Next()) {
      if (!message->has_delivery()) continue;
      const std::lock_guard lock(mutex);
      arrived = absl::Now();
      receiver.Ack({message->delivery().tag()});
      changed.notify_one();
    }
  });
  const std::string session = server.Session(*sender);
  const Bytes sealed = RandomBytes(kSealed);
  std::vector<absl::Duration> durations;
  const absl::Time start = absl::Now();
  while (absl::Now() < start + kRounds * kSlice && durations.size() < 9'000) {
    delivery::v1::SubmitRequest request;
    request.set_session_id(session);
    AddEnvelope(request, mailbox, sealed);
    arrived.reset();
    const absl::Time before = absl::Now();
    Submit(*sender, request);
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return arrived.has_value(); });
    durations.push_back(*arrived - before);
  }
  receiver.Cancel();
  reading.join();
  return SampleOf(std::move(durations));
}

}  // namespace

void MeasureDelivery(Table& table, const std::string& self) {
  const FloorServer floor(self);
  ServerProcess server(kLimits);
  server.Start();
  const auto add = [&](const std::string& what, const Sample& sample, const std::string& floor_name = "", const Sample& floor_sample = {},
                       bool by_rate = false) {
    table.Add({.group = "Delivery", .what = what, .sample = sample, .floor = floor_name, .floor_sample = floor_sample, .by_rate = by_rate});
  };
  enum { kOneEmpty, kEmpty, kOneInsert, kInserts, kManyInserts, kOneSend, kSends, kParts };
  std::vector<Series> series(kParts);
  for (int round = 0; round < kRounds; ++round) {
    series[kOneEmpty].Add(EmptyCalls(floor, 1));
    series[kOneInsert].Add(Inserts(1));
    series[kOneSend].Add(Sends(server, 1));
    series[kEmpty].Add(EmptyCalls(floor, kCallers));
    series[kInserts].Add(Inserts(kCallers));
    series[kSends].Add(Sends(server, kCallers));
    series[kManyInserts].Add(Inserts(100));
  }
  const Sample one_empty = series[kOneEmpty].sample(), empty = series[kEmpty].sample(), one_insert = series[kOneInsert].sample(),
               inserts = series[kInserts].sample();
  const std::string callers = absl::StrCat(kCallers, " callers");
  add("empty unary RPC, 1 caller", one_empty);
  add("empty unary RPC, " + callers, empty);
  add("insert its rows, 1 envelope a transaction", one_insert);
  add(absl::StrCat("insert its rows, ", kCallers, " a transaction"), inserts);
  add("insert its rows, 100 a transaction", series[kManyInserts].sample());
  const Sample one_send = series[kOneSend].sample(), sends = series[kSends].sample();
  add("send 1 KiB, 1 caller", one_send, "empty unary RPC", one_empty);
  add("send 1 KiB, 1 caller", one_send, "insert of its rows", one_insert);
  add("send 1 KiB, " + callers, sends, "empty unary RPC", empty, true);
  add("send 1 KiB, " + callers, sends, absl::StrCat("group-committed insert, ", kCallers), inserts, true);
  const Sample writes = StreamWrites(floor);
  add("stream write, 1 KiB", writes);
  add("receive what is stored, 1 stream", ReceiveStored(server), "stream write", writes, true);
  add("send until received, online", Online(server), "empty unary RPC", one_empty);
  server.Kill(SIGTERM);
  CHECK(server.Wait() == 0);
}

}  // namespace plumbline::bench
