#include "tests/server/server_process.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/rpc/credentials.h"
#include "common/rpc/tls_policy.h"
#include "server/keys.h"
#include "tests/common/cheap_seal.h"
#include "tests/common/scratch.h"

namespace plumbline::server {
namespace {

namespace v1 = delivery::v1;

void WriteText(const std::string& path, const std::string& text, mode_t mode) {
  std::ofstream(path, std::ios::binary) << text;
  CHECK(chmod(path.c_str(), mode) == 0);
}

// What `init` makes: sealed keys and a certificate request. Made once, since each server gets a certificate of its own for it.
const std::string& InitialisedData(const std::string& root_fingerprint) {
  static const testing::ScratchDir scratch;
  static const std::string data = [&] {
    WriteText(scratch / "passphrase", "a passphrase for this test\n", 0600);
    WriteText(scratch / "server.yaml",
              absl::StrCat("organisation_domain: ", kDomain, "\nroot_fingerprint: \"", root_fingerprint, "\"\ndata_dir: ", scratch / "data",
                           "\nlisten: 127.0.0.1:0\ntrust_file: trust.pem\ncertificate_file: server.pem\npassphrase_file: ",
                           scratch / "passphrase", "\n"),
              0644);
    const Ended init = RunProgram({PLUMBLINE_SERVER, "init", "--config", scratch / "server.yaml"});
    if (init.code != 0) std::fprintf(stderr, "%s\n", init.output.c_str());
    CHECK(init.code == 0);
    testing::SealCheaply(scratch / "data", scratch / "passphrase");
    return scratch / "data";
  }();
  return data;
}

}  // namespace

ServerProcess::ServerProcess(const std::string& limits) : limits_(limits) {
  CHECK(rpc::PinTls13().ok());
  WriteText(directory_.File("passphrase"), "a passphrase for this test\n", 0600);
  WriteText(directory_.File("trust.pem"), organisation_.TrustPem(), 0644);
  WriteConfig("127.0.0.1:0");
  std::filesystem::copy(InitialisedData(organisation_.root().fingerprint().ToText()), directory_.File("data"));
  const std::string request = testing::ReadAll(absl::StrCat(directory_.File("data"), "/", kRequestFile));
  WriteText(directory_.File("server.pem"), organisation_.SignService(AsBytes(request)), 0644);
}

void ServerProcess::WriteConfig(const std::string& listen) {
  WriteText(ConfigFile(),
            absl::StrCat("organisation_domain: ", kDomain, "\nroot_fingerprint: \"",
                         organisation_.root().fingerprint().ToText(), "\"\ndata_dir: ", directory_.File("data"), "\nlisten: \"",
                         listen, "\"\ntrust_file: ", directory_.File("trust.pem"), "\ncertificate_file: ",
                         directory_.File("server.pem"), "\npassphrase_file: ", directory_.File("passphrase"),
                         "\nlog_file: ", directory_.File("server.log"), "\n", limits_),
            0644);
}

void ServerProcess::Start(const Environment& environment) {
  CHECK(TryStart(environment));
}

bool ServerProcess::TryStart(const Environment& environment) {
  service_.emplace(std::vector<std::string>{PLUMBLINE_SERVER, "serve", "--config", ConfigFile()}, directory_.File("output"),
                   directory_.File("server.log"), environment);
  port_ = std::atoi(service_->WaitForLine("\"event\":\"listener.started\",\"port\":").c_str());
  if (port_ == 0) std::fprintf(stderr, "%s\n", LogText().c_str());
  if (port_ == 0) service_.reset();
  return port_ != 0;
}

std::string ServerProcess::address() const { return absl::StrCat("127.0.0.1:", port_); }

std::unique_ptr<v1::Delivery::Stub> ServerProcess::Client() const {
  rpc::Endpoint endpoint;
  endpoint.address = address();
  endpoint.root_pem = organisation_.root().ToPem();
  auto channel = rpc::NewChannel(endpoint);
  CHECK(channel.ok());
  return v1::Delivery::NewStub(*channel);
}

std::string ServerProcess::Session(v1::Delivery::Stub& client) const {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);  // whoever has just been started may be busy
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Minutes(1)));
  v1::OpenSessionRequest request;
  tokens::Show(request, organisation_.NewToken(absl::Now()));
  v1::OpenSessionResponse response;
  const grpc::Status status = client.OpenSession(&context, request, &response);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.error_message().c_str());
  CHECK(status.ok());
  return response.session_id();
}

TestMailbox ServerProcess::Mailbox(v1::Delivery::Stub& client) const {
  TestMailbox mailbox;
  grpc::ClientContext context;
  v1::OpenMailboxResponse response;
  CHECK(client.OpenMailbox(&context, mailbox.Opening(organisation_.NewGrant(absl::Now())), &response).ok());
  return mailbox;
}

Receiver::Receiver(v1::Delivery::Stub& client, const TestMailbox& mailbox)
    : mailbox_(mailbox) {
  context_.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(5));  // no test waits for ever
  stream_ = client.Receive(&context_);
}

Receiver::~Receiver() {
  if (finished_) return;
  Cancel();
  Finish();
}

grpc::Status Receiver::Finish() {
  finished_ = true;
  v1::ReceiveResponse message;
  while (stream_->Read(&message)) {
  }
  return stream_->Finish();
}

bool Receiver::Open() {
  v1::ReceiveRequest message;
  message.mutable_open()->set_mailbox_id(ToString(mailbox_.id));
  if (!stream_->Write(message)) return false;
  const auto challenge = Next();
  if (!challenge || challenge->challenge().nonce().size() != 32) return false;
  *message.mutable_proof() = mailbox_.Proof(AsBytes(challenge->challenge().nonce()));
  return stream_->Write(message);
}

std::optional<v1::ReceiveResponse> Receiver::Next() {
  v1::ReceiveResponse message;
  if (!stream_->Read(&message)) return std::nullopt;
  return message;
}

std::vector<v1::ReceiveResponse::Delivery> Receiver::UntilCaughtUp() {
  std::vector<v1::ReceiveResponse::Delivery> out;
  for (auto message = Next(); message && !message->has_caught_up(); message = Next()) {
    if (message->has_delivery()) out.push_back(message->delivery());
  }
  return out;
}

void Receiver::Ack(const std::vector<uint64_t>& tags) {
  v1::ReceiveRequest message;
  for (const uint64_t tag : tags) message.mutable_ack()->add_tags(tag);
  stream_->Write(message);
}

}  // namespace plumbline::server
