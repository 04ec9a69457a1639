// The services as the engine sees them. The one implementation is client/net/grpc_network.h; the engine itself includes no
// gRPC. Every failure is a status whose message begins with a reason id and says what to do (docs/protocols/errors.md);
// UNAVAILABLE means that nothing is known about whether the request was carried out.
#pragma once

#include <memory>
#include <vector>

#include "client/events.h"
#include "client/files/file_connection.h"
#include "client/store/mailbox_store.h"
#include "common/status.h"
#include "plumbline/delivery/v1/delivery.pb.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::client {

// One anonymous connection for one send session. Not thread-safe.
class SendConnection {
 public:
  virtual ~SendConnection() = default;
  virtual absl::StatusOr<delivery::v1::OpenSessionResponse> OpenSession(
      const delivery::v1::OpenSessionRequest& request) = 0;
  virtual absl::StatusOr<delivery::v1::SubmitResponse> Submit(const delivery::v1::SubmitRequest& request) = 0;
  virtual absl::StatusOr<delivery::v1::ReadCommitResponse> ReadCommit(
      const delivery::v1::ReadCommitRequest& request) = 0;
};

// One mailbox being fetched on an anonymous connection of its own. Destroying it ends the stream and waits for its thread.
class MailboxStream {
 public:
  virtual ~MailboxStream() = default;
  // Tells the server that the effects of these deliveries are on disk. A lost acknowledgement is harmless.
  virtual void Acknowledge(const std::vector<uint64_t>& tags) = 0;
};

class Network {
 public:
  virtual ~Network() = default;

  // Key server, anonymous: each call on a connection of its own.
  virtual absl::StatusOr<keys::v1::EnrolResponse> Enrol(const keys::v1::EnrolRequest& request) = 0;
  virtual absl::StatusOr<keys::v1::LookUpResponse> LookUp(const keys::v1::LookUpRequest& request) = 0;
  virtual absl::StatusOr<keys::v1::ClaimKeyPackagesResponse> ClaimKeyPackages(
      const keys::v1::ClaimKeyPackagesRequest& request) = 0;

  virtual absl::StatusOr<keys::v1::GetTokenKeysResponse> GetTokenKeys() = 0;
  virtual absl::StatusOr<keys::v1::ReadLogResponse> ReadLog(const keys::v1::ReadLogRequest& request) = 0;

  // Key server, as this device: certificate and a signature by the working key.
  virtual absl::StatusOr<keys::v1::PublishKeyPackagesResponse> PublishKeyPackages(
      const keys::v1::PublishKeyPackagesRequest& request) = 0;
  virtual absl::StatusOr<keys::v1::GetOwnAccountResponse> GetOwnAccount() = 0;
  virtual absl::StatusOr<keys::v1::DrawTokensResponse> DrawTokens(const keys::v1::DrawTokensRequest& request) = 0;
  virtual absl::StatusOr<keys::v1::DrawGrantsResponse> DrawGrants(const keys::v1::DrawGrantsRequest& request) = 0;
  virtual absl::StatusOr<keys::v1::RenewCertificateResponse> RenewCertificate(
      const keys::v1::RenewCertificateRequest& request) = 0;
  virtual absl::StatusOr<keys::v1::RenewCredentialResponse> RenewCredential(const keys::v1::RenewCredentialRequest& request) = 0;

  // Delivery server, anonymous: each on a connection of its own.
  virtual absl::Status OpenMailbox(const delivery::v1::OpenMailboxRequest& request) = 0;
  virtual absl::StatusOr<std::unique_ptr<SendConnection>> Connect() = 0;
  virtual absl::StatusOr<std::unique_ptr<FileConnection>> ConnectFiles() = 0;
  // Proves ownership and pushes events into `events`, marked with `number`, until destroyed; a StreamEnded is the last.
  // `events` outlives the stream.
  virtual absl::StatusOr<std::unique_ptr<MailboxStream>> Receive(const Mailbox& mailbox, uint64_t number,
                                                                 EventQueue& events) = 0;
};

}  // namespace plumbline::client
