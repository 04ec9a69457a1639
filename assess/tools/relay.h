// A TCP relay on loopback that keeps a copy of every byte in both directions: what somebody on the network path sees.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "common/bytes.h"
#include "common/mutex.h"
#include "common/status.h"

namespace plumbline::assess {

struct RecordedConnection {
  Bytes from_client;
  Bytes from_server;
};

// Thread-safe. The destructor stops it. A client that comes while the target is down is disconnected.
class Relay {
 public:
  // Listens on 127.0.0.1 (a free port where `port` is 0) and forwards to 127.0.0.1:`target_port`.
  static absl::StatusOr<std::unique_ptr<Relay>> Start(int target_port, int port = 0);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  int port() const { return port_; }
  // Copies of what passed so far, one for each connection that reached the target and carried bytes.
  std::vector<RecordedConnection> Recorded() const;

 private:
  struct Pair {
    int client = -1;
    int server = -1;
    std::shared_ptr<RecordedConnection> record;
    bool client_open = true;  // still reading from it
    bool server_open = true;
  };
  Relay(int listener, int wake_read, int wake_write, int port, int target_port);
  void Serve();
  void Accept();
  // Moves what is there in one direction; false when that direction has ended.
  bool Move(int from, int to, Bytes& record);
  static void ClosePair(const Pair& pair);

  const int listener_;
  const int wake_read_;
  const int wake_write_;
  const int port_;
  const int target_port_;
  std::vector<Pair> pairs_;  // the serving thread's own
  mutable Mutex mutex_;
  std::vector<std::shared_ptr<RecordedConnection>> records_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace plumbline::assess
