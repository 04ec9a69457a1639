// A Receive stream whose operations are answered from many threads at once.
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <functional>
#include <thread>

#include "absl/time/clock.h"
#include "server/receive_stream.h"
#include "server/streams.h"
#include "tests/server/receive_messages.h"

namespace plumbline::server {
namespace {

using delivery::v1::ReceiveRequest;
using delivery::v1::ReceiveResponse;

// Answers every operation from threads of its own, as gRPC and the pools do.
class ThreadedPort final : public StreamPort {
 public:
  explicit ThreadedPort(Streams& streams) : streams_(streams) {
    for (int i = 0; i < 3; ++i) {
      threads_.emplace_back([this] { Work(); });
    }
  }
  ~ThreadedPort() override {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
    }
    wake_.NotifyAll();
    for (std::thread& thread : threads_) thread.join();
  }
  void StartRead() override {
    Post([this] {
      ReceiveRequest message = Open();
      const int step = read_step_++;
      if (step == 1) message = Proof();
      if (step > 1) message = Ack({1});
      if (step == 1 || step > 1) {
        MutexLock lock(mutex_);
        while (step == 1 ? written_ < 1 : written_ < 2) {
          if (finished_ || stopping_) break;
          wake_.WaitFor(mutex_, absl::Milliseconds(1));
        }
      }
      stream_.OnRead(step < 40, message);
    });
  }
  void StartWrite(ReceiveResponse&&) override {
    Post([this] {
      {
        MutexLock lock(mutex_);
        ++written_;
      }
      stream_.OnWritten(true);
    });
  }
  void Finish(const absl::Status&) override {
    MutexLock lock(mutex_);
    EXPECT_FALSE(finished_);
    finished_ = true;
    wake_.NotifyAll();
  }
  void Prove(const identity::MailboxId&, const identity::Nonce&, ReceiveProof&&) override {
    Post([this] { stream_.OnProved(60); });
  }
  void TakeOver(const identity::MailboxId& mailbox) override {
    streams_.TakeOver(mailbox, std::shared_ptr<ReceiveStream>(std::shared_ptr<void>(), &stream_));
  }
  void Fetch(const identity::MailboxId&, const identity::MailboxPlace& place, const ReadLimit&) override {
    Post([this, place] {
      int64_t row = 0;
      while (row < 1000 && Place(row) != place) ++row;
      stream_.OnFetched(Rows(row + 1, row + 3, /*more=*/row < 100));
    });
  }
  void Acknowledge(const identity::MailboxId&, std::vector<Row>&&) override {
    Post([this] { stream_.OnAcknowledged(absl::OkStatus()); });
  }
  ReceiveStream& stream() { return stream_; }
  bool WaitUntilFinished() {
    const absl::Time end = absl::Now() + absl::Seconds(60);
    MutexLock lock(mutex_);
    while (!finished_ && absl::Now() < end) wake_.WaitFor(mutex_, absl::Milliseconds(100));
    return finished_;
  }

 private:
  void Post(std::function<void()> task) {
    MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
    wake_.NotifyAll();
  }
  void Work() {
    for (;;) {
      std::function<void()> task;
      {
        MutexLock lock(mutex_);
        while (tasks_.empty() && !stopping_) wake_.Wait(mutex_);
        if (tasks_.empty()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }
  Streams& streams_;
  ReceiveStream stream_{*this, kStore, kNow};
  std::atomic<int> read_step_{0};
  Mutex mutex_;
  CondVar wake_;
  int written_ ABSL_GUARDED_BY(mutex_) = 0;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

TEST(ReceiveStream, ManyThreadsAtOnceEndEachStreamExactlyOnce) {
  for (int round = 0; round < 30; ++round) {
    SCOPED_TRACE(round);
    Streams streams(100);
    std::deque<ThreadedPort> ports;
    for (int i = 0; i < 4; ++i) ports.emplace_back(streams);
    const auto shared = [](ThreadedPort& p) { return std::shared_ptr<ReceiveStream>(std::shared_ptr<void>(), &p.stream()); };
    for (ThreadedPort& port : ports) streams.Start(shared(port));
    std::thread waker([&] {
      identity::MailboxId mailbox;
      mailbox.fill('m');
      for (int i = 0; i < 50; ++i) streams.Offer(mailbox, Envelope(1'000'000 + i)), streams.Tick(kNow);
    });
    if (round % 3 == 0) ports[0].stream().OnCancelled();
    if (round % 3 == 1) streams.ShutDown();
    waker.join();
    if (round % 3 != 1) streams.ShutDown();
    for (ThreadedPort& port : ports) EXPECT_TRUE(port.WaitUntilFinished());
    for (ThreadedPort& port : ports) streams.Forget(&port.stream());
  }
}

}  // namespace
}  // namespace plumbline::server
