// A device of the organisation whose MLS is somebody else's: enrolment, directory, mailboxes,
// envelopes and the commit gate are the client's own code, while key packages, groups and messages
// come from outside and are only carried. For interoperability tests: it hands the device's MLS key
// to whoever drives it. Not thread-safe.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "client/directory.h"
#include "client/events.h"
#include "client/home.h"
#include "client/net/grpc_network.h"
#include "client/self.h"
#include "client/stores.h"
#include "client/supplies.h"
#include "common/clock.h"
#include "common/status.h"

namespace plumbline::interop {

struct OutsideOptions {
  std::string home;  // the device's folder; made if it is not there
  std::string passphrase_file;
  std::string invitation;  // text; needed once
  std::string label = "outside client";
};

class OutsideDevice final {
 public:
  // Enrols with the invitation where the folder holds no account. NOT_FOUND not_enrolled; otherwise
  // as Enrol and Home::Open.
  static absl::StatusOr<std::unique_ptr<OutsideDevice>> Open(const OutsideOptions& options);
  ~OutsideDevice();

  // One request of docs/interop.md ("The port"): {"op": ...} and what it answers. Bytes are
  // hexadecimal. INVALID_ARGUMENT request_malformed; the services' refusals as they are.
  absl::StatusOr<nlohmann::json> Answer(const nlohmann::json& request);

 private:
  struct Stream {
    client::Mailbox mailbox;
    std::unique_ptr<client::MailboxStream> stream;
    bool caught_up = false;
  };
  explicit OutsideDevice(std::string home) : home_(std::move(home)) {}
  absl::Status Connect();

  absl::StatusOr<nlohmann::json> Identity();
  absl::StatusOr<nlohmann::json> Publish(const nlohmann::json& request);
  absl::StatusOr<nlohmann::json> LookUp(const nlohmann::json& request);
  absl::StatusOr<nlohmann::json> Claim(const nlohmann::json& request);
  absl::StatusOr<nlohmann::json> Send(const nlohmann::json& request);
  absl::StatusOr<nlohmann::json> Commit(const nlohmann::json& request);
  absl::StatusOr<nlohmann::json> Receive(const nlohmann::json& request);
  absl::StatusOr<delivery::v1::SubmitResponse> Submit(delivery::v1::SubmitRequest request);
  absl::Status OpenStreams();
  // What the envelope holds; null if nobody can use it or it came before.
  absl::StatusOr<nlohmann::json> TakeEnvelope(Stream& stream,
                                              const client::EnvelopeArrived& arrived);

  const client::Home home_;
  const SystemClock clock_;
  std::unique_ptr<client::Store> store_;
  std::unique_ptr<client::Stores> stores_;
  std::unique_ptr<client::Self> self_;
  std::unique_ptr<client::GrpcNetwork> network_;
  std::unique_ptr<client::Supplies> supplies_;
  std::unique_ptr<client::Directory> directory_;
  client::EventQueue events_;
  std::map<uint64_t, Stream> streams_;  // by number
  std::set<identity::EnvelopeId> seen_;
  uint64_t next_stream_ = 1;
};

}  // namespace plumbline::interop
