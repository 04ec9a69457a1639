#include "common/metrics/listener.h"

#include <httplib.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/handshake.h"

namespace plumbline::metrics {
namespace {

constexpr time_t kPatienceSeconds = 5;
constexpr size_t kAnswering = 2;  // threads

prometheus::MetricFamily FamilyOf(const Measure& measure) {
  prometheus::MetricFamily family;
  family.name = measure.name;
  family.help = measure.help;
  prometheus::ClientMetric metric;
  if (const auto* counter = std::get_if<Counter>(&measure.value)) {
    family.type = prometheus::MetricType::Counter;
    metric.counter.value = static_cast<double>(counter->value);
  } else if (const auto* gauge = std::get_if<Gauge>(&measure.value)) {
    family.type = prometheus::MetricType::Gauge;
    metric.gauge.value = gauge->value;
  } else if (const auto* histogram = std::get_if<Histogram::Snapshot>(&measure.value)) {
    family.type = prometheus::MetricType::Histogram;
    std::uint64_t count = 0;
    for (size_t i = 0; i < histogram->counts.size(); ++i) {
      count += static_cast<std::uint64_t>(histogram->counts[i]);
      const bool last = i == Histogram::kBounds.size();
      metric.histogram.bucket.push_back({count, last ? std::numeric_limits<double>::infinity() : Histogram::kBounds[i]});
    }
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = histogram->sum_seconds;
  }
  family.metric.push_back(metric);
  return family;
}

// Not by name: what "localhost" is, a file decides.
bool IsLoopback(const std::string& host) { return host == "127.0.0.1" || host == "::1"; }

}  // namespace

std::string ToText(const std::vector<Measure>& measures) {
  std::vector<prometheus::MetricFamily> families;
  for (const Measure& measure : measures) families.push_back(FamilyOf(measure));
  return prometheus::TextSerializer().Serialize(families);
}

class Listener::Server final : public httplib::Server {
 public:
  explicit Server(Collect collect) {
    new_task_queue = [] { return new httplib::ThreadPool(kAnswering); };
    set_payload_max_length(0);
    set_keep_alive_max_count(1);
    set_read_timeout(kPatienceSeconds);
    set_write_timeout(kPatienceSeconds);
    // Not the library's own choice, SO_REUSEPORT: with it another process of this user could take connections away.
    set_socket_options([](socket_t fd) {
      const int yes = 1;
      setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    Get("/metrics", [collect = std::move(collect)](const httplib::Request&, httplib::Response& response) {
      response.set_content(ToText(collect()), "text/plain; version=0.0.4; charset=utf-8");
    });
  }
  ~Server() override {
    if (!thread_.joinable()) return;
    stop();
    thread_.join();
  }

  bool Bind(const std::string& host, int port) {
    port_ = port == 0 ? bind_to_any_port(host) : bind_to_port(host, port) ? port : -1;
    return port_ > 0;
  }
  void Run() {
    thread_ = std::thread([this] { listen_after_bind(); });
    while (!is_running()) std::this_thread::yield();  // stop() does nothing before that
  }
  int port() const { return port_; }

 private:
  int port_ = -1;
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<Listener>> Listener::Start(const std::string& address, Collect collect) {
  ASSIGN_OR_RETURN(const rpc::HostPort target, rpc::SplitHostPort(address));
  if (!IsLoopback(target.host)) {
    return absl::InvalidArgumentError(absl::StrCat("metrics_not_local: ", address,
                                                   " can be reached from other machines, and this listener asks nobody who they are: choose "
                                                   "127.0.0.1 or [::1], and have what collects them run here"));
  }
  int port = 0;
  if (!absl::SimpleAtoi(target.port, &port)) return absl::InvalidArgumentError("address_malformed: write host:port");
  auto server = std::make_unique<Server>(std::move(collect));
  if (!server->Bind(target.host, port)) {
    return absl::FailedPreconditionError(
        absl::StrCat("address_in_use: cannot listen at ", address, "; another program uses this port: choose another"));
  }
  server->Run();
  return std::unique_ptr<Listener>(new Listener(std::move(server)));
}

Listener::Listener(std::unique_ptr<Server> server) : server_(std::move(server)) {}
Listener::~Listener() = default;
int Listener::port() const { return server_->port(); }

}  // namespace plumbline::metrics
