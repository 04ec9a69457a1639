// The real plumbline-server as a child process with a configuration, keys and certificate of its own, and a client for it.
#pragma once

#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plumbline/delivery/v1/delivery.grpc.pb.h"
#include "tests/common/process.h"
#include "tests/server/organisation.h"
#include "tests/server/temporary_directory.h"

namespace plumbline::server {

using Ended = testing::Finished;
inline Ended RunProgram(const std::vector<std::string>& command) { return testing::RunToEnd(command); }

class ServerProcess final {
 public:
  // Initialised, not started. `limits` is YAML for the field of that name.
  explicit ServerProcess(const std::string& limits = "");

  using Environment = std::map<std::string, std::string>;
  // Waits until it listens. CHECKs that it does. `environment` is added to this process's.
  void Start(const Environment& environment = {});
  // The same; false if it ended before it listened.
  bool TryStart(const Environment& environment);
  void Kill(int signal) { service_->Signal(signal); }  // without waiting
  int Wait() { return service_->Wait(); }              // until it has ended; as Ended::code
  pid_t pid() const { return service_->pid(); }
  int port() const { return port_; }
  std::string address() const;
  std::string ConfigFile() const { return directory_.File("server.yaml"); }
  std::string LogText() const { return service_->Output(); }
  void WriteConfig(const std::string& listen);
  const TemporaryDirectory& directory() const { return directory_; }
  const TestOrganisation& organisation() const { return organisation_; }

  std::unique_ptr<delivery::v1::Delivery::Stub> Client() const;
  // On `client`: a session, a mailbox.
  std::string Session(delivery::v1::Delivery::Stub& client) const;
  TestMailbox Mailbox(delivery::v1::Delivery::Stub& client) const;

 private:
  const TemporaryDirectory directory_;
  const TestOrganisation organisation_;
  const std::string limits_;
  int port_ = 0;
  std::optional<testing::ServiceProcess> service_;
};

// One Receive stream, used from one thread.
class Receiver final {
 public:
  Receiver(delivery::v1::Delivery::Stub& client, const TestMailbox& mailbox);
  ~Receiver();
  // Opens and proves. False if the stream ended.
  bool Open();
  // The next message, or nothing if the stream ended.
  std::optional<delivery::v1::ReceiveResponse> Next();
  // All deliveries until caught_up or the end of the stream.
  std::vector<delivery::v1::ReceiveResponse::Delivery> UntilCaughtUp();
  void Ack(const std::vector<uint64_t>& tags);
  bool Write(const delivery::v1::ReceiveRequest& message) { return stream_->Write(message); }
  void WritesDone() { stream_->WritesDone(); }
  void Cancel() { context_.TryCancel(); }
  grpc::Status Finish();

 private:
  const TestMailbox& mailbox_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<delivery::v1::ReceiveRequest, delivery::v1::ReceiveResponse>> stream_;
  bool finished_ = false;
};

}  // namespace plumbline::server
