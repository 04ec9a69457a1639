// A device that will leave, down to the wire: it keeps everything a modified client could keep (an
// open stream, an open session, unspent tokens, unopened grants, an unused invitation) and tries
// all of it again and again.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/identity/invitation.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"
#include "plumbline/delivery/v1/delivery.grpc.pb.h"
#include "plumbline/delivery/v1/revocation.grpc.pb.h"
#include "plumbline/keys/v1/keys.grpc.pb.h"
#include "tests/e2e/service_fixture.h"
#include "tests/keyserver/people.h"
#include "tests/server/organisation.h"

namespace plumbline::testing {

class Leaver final {
 public:
  // Enrols as `person` with an invitation, then takes what it can get.
  Leaver(ServiceFixture& services, const assess::Person& person) : services_(services) {
    const std::string text = ValueOf(services.organisation.Invite(person));
    const auto invitation = ValueOf(identity::ParseInvitation(text));
    user_ = invitation.user;
    root_pem_ = RootPem();
    keyserver::Applicant applicant;
    const auto request = keyserver::Application(applicant, user_, invitation.code);
    keys::v1::EnrolResponse response;
    grpc::ClientContext context;
    const grpc::Status enrolled = Enrolment()->Enrol(&context, request, &response);
    if (!enrolled.ok()) std::fprintf(stderr, "%s\n", enrolled.error_message().c_str());
    CHECK(enrolled.ok());
    device_.emplace(keyserver::Joined(std::move(applicant), response));
    rpc::Endpoint endpoint = At(services.organisation.ports().keyserver_devices);
    endpoint.identity = rpc::TlsIdentity{crypto::ToPemChain({device_->tls, device_->issuing}),
                                         device_->keys.tls_key.ToPem()};
    device_channel_ = ValueOf(rpc::NewChannel(endpoint));
    CHECK(OpenChannel().ok());
    DrawTokens();
    keys::v1::DrawGrantsRequest grants;
    grants.set_count(10);
    keys::v1::DrawGrantsResponse granted;
    CHECK(Call("DrawGrants", grants, &keys::v1::Device::Stub::DrawGrants, granted).ok());
    grants_.assign(granted.grants().begin(), granted.grants().end());
    keys::v1::PublishKeyPackagesRequest packages;
    packages.add_key_packages(keyserver::MakeKeyPackage(*device_, absl::Now()));
    packages.set_last_resort_key_package(
        keyserver::MakeKeyPackage(*device_, absl::Now(), {.last_resort = true}));
    keys::v1::PublishKeyPackagesResponse published;
    CHECK(
        Call("PublishKeyPackages", packages, &keys::v1::Device::Stub::PublishKeyPackages, published)
            .ok());
    delivery_channel_ = ValueOf(rpc::NewChannel(At(services.organisation.ports().delivery)));
    CHECK(OpenMailbox(mailbox_).ok());
    session_ = ValueOf(OpenSession());
    unused_code_ =
        ValueOf(identity::ParseInvitation(ValueOf(services.organisation.Invite(person)))).code;
  }
  ~Leaver() {
    if (listener_.joinable()) {
      listening_->TryCancel();
      listener_.join();
    }
  }

  // A stream that was open before; `closed` becomes true when it ends with MAILBOX_CLOSED.
  void Listen() {
    listening_ = std::make_unique<grpc::ClientContext>();
    listener_ = std::thread([this] { closed_ = Receive(*listening_) == "mailbox_closed"; });
    for (int i = 0; i < 2000 && !caught_up_; ++i) absl::SleepFor(absl::Milliseconds(5));
    CHECK(caught_up_);
  }
  bool stream_was_closed() const { return closed_; }

  // What is tried. Each says how it was refused; OK means that it still works.
  absl::Status DeviceRpc() {
    keys::v1::GetOwnAccountRequest body;
    keys::v1::GetOwnAccountResponse response;
    const absl::Status status = Call("GetOwnAccount", body, &keys::v1::Device::Stub::GetOwnAccount, response);
    if (identity::ReasonOf(status) == "channel_unknown") OpenChannel().IgnoreError();
    return status;
  }
  // The key server's newest key for a purpose, and its statement.
  struct OfferedKey {
    tokens::TokenKey key;
    std::string statement;
  };
  OfferedKey KeyFor(const std::string& purpose) const {
    keys::v1::GetTokenKeysResponse offered;
    grpc::ClientContext context;
    CHECK(Directory()->GetTokenKeys(&context, keys::v1::GetTokenKeysRequest(), &offered).ok());
    std::optional<OfferedKey> out;
    for (const std::string& each : offered.token_keys()) {
      const tokens::TokenKey key = ValueOf(tokens::OpenTokenKey(AsBytes(each), TokensRole(), domain()));
      if (key.leaf.purpose == purpose) out = OfferedKey{key, each};
    }
    CHECK(out.has_value());
    return *out;
  }
  // What the key server answers to these TokenRequests.
  absl::StatusOr<std::vector<std::string>> DrawAnswers(const std::string& purpose, const std::vector<Bytes>& requests) {
    keys::v1::DrawTokensRequest body;
    body.set_purpose(purpose);
    for (const Bytes& each : requests) body.add_token_requests(ToString(each));
    keys::v1::DrawTokensResponse response;
    RETURN_IF_ERROR(Call("DrawTokens", body, &keys::v1::Device::Stub::DrawTokens, response));
    return std::vector<std::string>(response.token_responses().begin(), response.token_responses().end());
  }
  // A session on a token of now, in place of the former one.
  void OpenAnew() { session_ = ValueOf(OpenSession()); }
  // Fifty for each purpose, in place of what there was.
  void DrawTokens() {
    Draw("delivery", delivery_tokens_);
    Draw("directory", directory_tokens_);
  }
  absl::Status RenewCertificate() {
    keys::v1::RenewCertificateRequest body;
    body.set_tls_csr(ToString(crypto::CertificateRequest::Create(device_->keys.tls_key)));
    keys::v1::RenewCertificateResponse response;
    return Call("RenewCertificate", body, &keys::v1::Device::Stub::RenewCertificate, response);
  }
  absl::Status LookUp(const std::string& user) { return LookUp(user, Take(directory_tokens_)); }
  absl::Status LookUp(const std::string& user, const tokens::ShownToken& token) {
    keys::v1::LookUpRequest request;
    tokens::Show(request, token);
    request.set_user(user);
    keys::v1::LookUpResponse response;
    grpc::ClientContext context;
    return rpc::FromGrpc(Directory()->LookUp(&context, request, &response));
  }
  absl::Status Claim(const std::string& user, const tokens::ShownToken& token) {
    keys::v1::ClaimKeyPackagesRequest request;
    tokens::Show(request, token);
    request.set_user(user);
    request.set_cipher_suite(3);
    keys::v1::ClaimKeyPackagesResponse response;
    grpc::ClientContext context;
    const absl::Status status =
        rpc::FromGrpc(Directory()->ClaimKeyPackages(&context, request, &response));
    if (status.ok() && response.key_packages().empty())
      return absl::NotFoundError("none: there is no key package");
    return status;
  }
  absl::Status Claim(const std::string& user) { return Claim(user, Take(directory_tokens_)); }
  absl::Status EnrolWithUnusedCode() {
    const keyserver::Applicant applicant;
    keys::v1::EnrolResponse response;
    grpc::ClientContext context;
    return rpc::FromGrpc(Enrolment()->Enrol(
        &context, keyserver::Application(applicant, user_, unused_code_), &response));
  }
  absl::StatusOr<std::string> OpenSession() { return OpenSession(Take(delivery_tokens_)); }
  absl::StatusOr<std::string> OpenSession(const tokens::ShownToken& token) {
    delivery::v1::OpenSessionRequest request;
    tokens::Show(request, token);
    delivery::v1::OpenSessionResponse response;
    grpc::ClientContext context;
    Within(context);
    RETURN_IF_ERROR(rpc::FromGrpc(Delivery()->OpenSession(&context, request, &response)));
    return response.session_id();
  }
  // On the session that was opened before.
  absl::Status Submit() {
    delivery::v1::SubmitRequest request;
    request.set_session_id(session_);
    server::AddEnvelope(request, mailbox_, Bytes(1024));
    delivery::v1::SubmitResponse response;
    grpc::ClientContext context;
    Within(context);
    return rpc::FromGrpc(Delivery()->Submit(&context, request, &response));
  }
  absl::Status OpenAnotherMailbox() {
    server::TestMailbox mailbox;
    return OpenMailbox(mailbox);
  }
  absl::Status ReceiveAnew() {
    grpc::ClientContext context;
    Within(context);
    const std::string end = Receive(context);
    return end.empty() ? absl::OkStatus() : absl::UnauthenticatedError(end + ": ended");
  }

  const std::string& user() const { return user_; }
  std::string domain() const { return ValueOf(identity::ParseUserUri(user_)).domain; }
  tokens::ShownToken directory_token() { return Take(directory_tokens_); }
  const identity::DeviceId& id() const { return device_->id; }

 private:
  rpc::Endpoint At(int port) const {
    rpc::Endpoint endpoint;
    endpoint.address = absl::StrCat("127.0.0.1:", port);
    endpoint.root_pem = root_pem_;
    return endpoint;
  }
  std::vector<crypto::Certificate> Trust() const {
    return ValueOf(crypto::ParsePemChain(ValueOf(assess::ReadFile(
        services_.organisation.FolderOf(assess::Service::kDelivery) + "/trust.pem"))));
  }
  std::string RootPem() const { return Trust().front().ToPem(); }
  crypto::Ed25519PublicKey TokensRole() const {
    const std::vector<crypto::Certificate> all = Trust();
    const auto role = std::find_if(all.begin(), all.end(), [](const crypto::Certificate& each) {
      return !each.uris().empty() && each.uris()[0].ends_with("/role/tokens");
    });
    CHECK(role != all.end());
    return *role->ed25519_key();
  }
  // Refused connections are waited for: a server that is down is no refusal.
  static void Within(grpc::ClientContext& context) {
    context.set_wait_for_ready(true);
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
  }
  std::unique_ptr<keys::v1::Enrolment::Stub> Enrolment() const {
    return keys::v1::Enrolment::NewStub(
        ValueOf(rpc::NewChannel(At(services_.organisation.ports().keyserver_people))));
  }
  std::unique_ptr<keys::v1::Directory::Stub> Directory() const {
    return keys::v1::Directory::NewStub(
        ValueOf(rpc::NewChannel(At(services_.organisation.ports().keyserver_people))));
  }
  std::unique_ptr<delivery::v1::Delivery::Stub> Delivery() const {
    return delivery::v1::Delivery::NewStub(delivery_channel_);
  }
  template <typename T>
  static T Take(std::deque<T>& all) {
    CHECK(!all.empty());
    T out = std::move(all.front());
    all.pop_front();
    return out;
  }
  absl::Status OpenChannel() {
    grpc::ClientContext context;
    keys::v1::OpenChannelResponse response;
    RETURN_IF_ERROR(
        rpc::FromGrpc(keys::v1::Device::NewStub(device_channel_)
                          ->OpenChannel(&context, keys::v1::OpenChannelRequest(), &response)));
    device_->nonce = *identity::ToFixed<32>(AsBytes(response.nonce()));
    device_->counter = 0;
    const auto pem = context.auth_context()->FindPropertyValues("x509_pem_cert");
    server_certificate_.emplace(
        *crypto::Certificate::ParsePem(absl::string_view(pem.front().data(), pem.front().size())));
    return absl::OkStatus();
  }
  template <typename Response>
  absl::Status Call(absl::string_view rpc, const google::protobuf::Message& body,
                    grpc::Status (keys::v1::Device::Stub::*method)(grpc::ClientContext*,
                                                                   const keys::v1::SignedRequest&,
                                                                   Response*),
                    Response& response) {
    grpc::ClientContext context;
    const auto stub = keys::v1::Device::NewStub(device_channel_);
    return rpc::FromGrpc(((*stub).*method)(
        &context, keyserver::SignRequest(*device_, rpc, body, *server_certificate_), &response));
  }
  void Draw(const std::string& purpose, std::deque<tokens::ShownToken>& into) {
    const OfferedKey offered = KeyFor(purpose);
    std::vector<tokens::PendingToken> pending;
    std::vector<Bytes> requests;
    for (int i = 0; i < 50; ++i) {
      pending.push_back(ValueOf(tokens::PendingToken::Begin(tokens::ChallengeFor(domain(), purpose), offered.key.key)));
      requests.push_back(tokens::Encode(pending.back().request()));
    }
    const std::vector<std::string> answers = ValueOf(DrawAnswers(purpose, requests));
    into.clear();
    for (size_t i = 0; i < 50; ++i) {
      const auto answer = ValueOf(tokens::ParseTokenResponse(AsBytes(answers[i])));
      into.push_back({ToString(tokens::Encode(ValueOf(pending[i].Finish(answer)))), offered.statement});
    }
  }
  absl::Status OpenMailbox(const server::TestMailbox& mailbox) {
    grpc::ClientContext context;
    Within(context);
    delivery::v1::OpenMailboxResponse response;
    return rpc::FromGrpc(
        Delivery()->OpenMailbox(&context, mailbox.Opening(Take(grants_)), &response));
  }
  // Opens, proves, and reads to the end, or to caught_up if `context` is not the listening one. The
  // reason of the end.
  std::string Receive(grpc::ClientContext& context) {
    const auto stub = Delivery();
    const auto stream = stub->Receive(&context);
    delivery::v1::ReceiveRequest open;
    open.mutable_open()->set_mailbox_id(ToString(mailbox_.id));
    stream->Write(open);
    delivery::v1::ReceiveResponse response;
    while (stream->Read(&response)) {
      if (response.has_challenge()) {
        delivery::v1::ReceiveRequest proof;
        *proof.mutable_proof() = mailbox_.Proof(AsBytes(response.challenge().nonce()));
        stream->Write(proof);
      }
      if (response.has_closed()) {
        stream->Finish();
        return response.closed().reason() == delivery::v1::ReceiveResponse::Closed::MAILBOX_CLOSED
                   ? "mailbox_closed"
                   : "closed";
      }
      if (response.has_caught_up()) {
        caught_up_ = true;
        if (&context == listening_.get()) continue;
        stream->WritesDone();
        stream->Finish();
        return "";
      }
    }
    return identity::ReasonOf(rpc::FromGrpc(stream->Finish()));
  }

  ServiceFixture& services_;
  std::string user_, root_pem_, session_, unused_code_;
  std::optional<keyserver::TestDevice> device_;
  std::optional<crypto::Certificate> server_certificate_;
  std::shared_ptr<grpc::Channel> device_channel_, delivery_channel_;
  std::deque<tokens::ShownToken> delivery_tokens_, directory_tokens_;
  std::deque<std::string> grants_;
  server::TestMailbox mailbox_;
  std::unique_ptr<grpc::ClientContext> listening_;
  std::thread listener_;
  std::atomic<bool> closed_ = false, caught_up_ = false;
};

}  // namespace plumbline::testing
