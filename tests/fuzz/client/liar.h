// Services that answer whatever the fuzzer says.
#pragma once

#include <algorithm>
#include <memory>

#include "client/devices_network.h"
#include "client/network.h"
#include "common/bytes.h"

namespace plumbline::client {

// What is still to be answered. Each answer is the next part, a two-byte length before it.
struct Answers {
  template <typename Response>
  absl::StatusOr<Response> Next() {
    if (rest.size() < 2) return absl::UnavailableError("server_unreachable: no more");
    const size_t size = std::min<size_t>(rest[0] * 256u + rest[1], rest.size() - 2);
    Response response;
    const bool parsed = response.ParseFromArray(rest.data() + 2, static_cast<int>(size));
    rest = rest.subspan(2 + size);
    if (!parsed) return absl::InternalError("answer_malformed: x");
    return response;
  }
  ByteView rest;
};

inline Bytes Part(const std::string& message) {
  return Concat(
      {Bytes{static_cast<uint8_t>(message.size() >> 8), static_cast<uint8_t>(message.size())},
       AsBytes(message)});
}

// Both services, for every purpose.
class Liar final : public Network, public JoinNetwork, public DevicesNetwork {
 public:
  explicit Liar(Answers& answers) : answers_(answers) {}

  absl::StatusOr<keys::v1::EnrolResponse> Enrol(const keys::v1::EnrolRequest&) override {
    return answers_.Next<keys::v1::EnrolResponse>();
  }
  absl::StatusOr<keys::v1::LookUpResponse> LookUp(const keys::v1::LookUpRequest&) override {
    return answers_.Next<keys::v1::LookUpResponse>();
  }
  absl::StatusOr<keys::v1::ReadLogResponse> ReadLog(const keys::v1::ReadLogRequest&) override {
    return answers_.Next<keys::v1::ReadLogResponse>();
  }
  absl::StatusOr<keys::v1::ClaimKeyPackagesResponse> ClaimKeyPackages(
      const keys::v1::ClaimKeyPackagesRequest&) override {
    return answers_.Next<keys::v1::ClaimKeyPackagesResponse>();
  }
  absl::StatusOr<keys::v1::PublishKeyPackagesResponse> PublishKeyPackages(
      const keys::v1::PublishKeyPackagesRequest&) override {
    return answers_.Next<keys::v1::PublishKeyPackagesResponse>();
  }
  absl::StatusOr<keys::v1::GetOwnAccountResponse> GetOwnAccount() override {
    return answers_.Next<keys::v1::GetOwnAccountResponse>();
  }
  absl::StatusOr<keys::v1::GetTokenKeysResponse> GetTokenKeys() override {
    return answers_.Next<keys::v1::GetTokenKeysResponse>();
  }
  absl::StatusOr<keys::v1::DrawTokensResponse> DrawTokens(
      const keys::v1::DrawTokensRequest&) override {
    return answers_.Next<keys::v1::DrawTokensResponse>();
  }
  absl::StatusOr<keys::v1::DrawGrantsResponse> DrawGrants(
      const keys::v1::DrawGrantsRequest&) override {
    return answers_.Next<keys::v1::DrawGrantsResponse>();
  }
  absl::StatusOr<keys::v1::RenewCertificateResponse> RenewCertificate(
      const keys::v1::RenewCertificateRequest&) override {
    return answers_.Next<keys::v1::RenewCertificateResponse>();
  }
  absl::StatusOr<keys::v1::RenewCredentialResponse> RenewCredential(const keys::v1::RenewCredentialRequest&) override {
    return answers_.Next<keys::v1::RenewCredentialResponse>();
  }
  absl::StatusOr<keys::v1::AskResponse> Ask(const keys::v1::EnrolRequest&) override {
    return answers_.Next<keys::v1::AskResponse>();
  }
  absl::StatusOr<keys::v1::CollectResponse> Collect(const keys::v1::CollectRequest&) override {
    return answers_.Next<keys::v1::CollectResponse>();
  }
  absl::StatusOr<keys::v1::InviteDeviceResponse> InviteDevice(
      const keys::v1::InviteDeviceRequest&) override {
    return answers_.Next<keys::v1::InviteDeviceResponse>();
  }
  absl::StatusOr<keys::v1::ListJoinRequestsResponse> ListJoinRequests() override {
    return answers_.Next<keys::v1::ListJoinRequestsResponse>();
  }
  absl::StatusOr<keys::v1::DecideDeviceResponse> DecideDevice(
      const keys::v1::DecideDeviceRequest&) override {
    return answers_.Next<keys::v1::DecideDeviceResponse>();
  }
  absl::Status OpenMailbox(const delivery::v1::OpenMailboxRequest&) override {
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<SendConnection>> Connect() override {
    return std::make_unique<Line>(answers_);
  }
  absl::StatusOr<std::unique_ptr<FileConnection>> ConnectFiles() override {
    return std::make_unique<FileLine>(answers_);
  }
  absl::StatusOr<std::unique_ptr<MailboxStream>> Receive(const Mailbox&, uint64_t,
                                                         EventQueue&) override {
    return absl::UnavailableError("server_unreachable: x");
  }

 private:
  class Line final : public SendConnection {
   public:
    explicit Line(Answers& answers) : answers_(answers) {}
    absl::StatusOr<delivery::v1::OpenSessionResponse> OpenSession(
        const delivery::v1::OpenSessionRequest&) override {
      return answers_.Next<delivery::v1::OpenSessionResponse>();
    }
    absl::StatusOr<delivery::v1::SubmitResponse> Submit(
        const delivery::v1::SubmitRequest& request) override {
      auto response = answers_.Next<delivery::v1::SubmitResponse>();
      if (!response.ok()) return response;
      // Ids that are right, so that the outcomes are looked at.
      for (int i = 0; i < std::min(response->results_size(), request.envelopes_size()); ++i) {
        if (response->results(i).envelope_id().empty())
          response->mutable_results(i)->set_envelope_id(request.envelopes(i).envelope_id());
      }
      return response;
    }
    absl::StatusOr<delivery::v1::ReadCommitResponse> ReadCommit(
        const delivery::v1::ReadCommitRequest&) override {
      return answers_.Next<delivery::v1::ReadCommitResponse>();
    }

   private:
    Answers& answers_;
  };
  class FileLine final : public FileConnection {
   public:
    explicit FileLine(Answers& answers) : answers_(answers) {}
    absl::StatusOr<delivery::v1::OpenSessionResponse> OpenSession(
        const delivery::v1::OpenSessionRequest&) override {
      return answers_.Next<delivery::v1::OpenSessionResponse>();
    }
    absl::StatusOr<delivery::v1::BeginResponse> Begin(const delivery::v1::BeginRequest&) override {
      return answers_.Next<delivery::v1::BeginResponse>();
    }
    absl::StatusOr<delivery::v1::PutResponse> Put(const delivery::v1::PutRequest&) override {
      return answers_.Next<delivery::v1::PutResponse>();
    }
    absl::StatusOr<delivery::v1::GetResponse> Get(const delivery::v1::GetRequest&) override {
      return answers_.Next<delivery::v1::GetResponse>();
    }
    absl::Status Delete(const delivery::v1::DeleteRequest&) override {
      return answers_.Next<delivery::v1::DeleteResponse>().status();
    }

   private:
    Answers& answers_;
  };

  Answers& answers_;
};

}  // namespace plumbline::client
