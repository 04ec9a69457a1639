#include "tests/e2e/hostile_server.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <map>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "assess/tools/child.h"
#include "common/crypto/x509.h"
#include "common/identity/fixed.h"
#include "common/retry.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"
#include "common/rpc/tls_policy.h"
#include "server/keys.h"

namespace plumbline::testing {

namespace v1 = delivery::v1;

struct HostileServer::Stream {
  grpc::ServerReaderWriter<v1::ReceiveResponse, v1::ReceiveRequest>* client;
  grpc::ServerContext* context;
  grpc::ClientContext real_context;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ReceiveRequest, v1::ReceiveResponse>> real;
  Mutex writing;  // both threads write to `real`, which takes one at a time
  bool done ABSL_GUARDED_BY(writing) = false;
  std::string mailbox;
  std::atomic<bool> opened{false};
  Mutex mutex;
  std::map<uint64_t, uint64_t> real_tags ABSL_GUARDED_BY(mutex);  // of the client's
  uint64_t next_tag = 1;
  bool dropped = false;
  bool replayed = false;
  std::optional<Envelope> held;

  void WriteReal(const v1::ReceiveRequest& request) {
    MutexLock lock(writing);
    if (!done) real->Write(request);
  }
  void EndReal() {
    MutexLock lock(writing);
    done = true;
    real->WritesDone();
  }
};

absl::StatusOr<std::unique_ptr<HostileServer>> HostileServer::Start(assess::Organisation& organisation) {
  RETURN_IF_ERROR(rpc::PinTls13());
  const std::string folder = organisation.FolderOf(assess::Service::kDelivery);
  ASSIGN_OR_RETURN(std::string passphrase, assess::ReadFile(organisation.folder() + "/secrets/delivery.passphrase"));
  while (!passphrase.empty() && passphrase.back() == '\n') passphrase.pop_back();
  ASSIGN_OR_RETURN(const server::ServerKeys keys, server::OpenKeys(folder + "/data", Secret::CopyOf(AsBytes(passphrase))));
  ASSIGN_OR_RETURN(const std::string chain, assess::ReadFile(folder + "/certificate.pem"));
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> certificates, crypto::ParsePemChain(chain));
  const std::string root = certificates.back().ToPem();

  rpc::Endpoint endpoint;
  endpoint.address = absl::StrCat("127.0.0.1:", organisation.ports().delivery);
  endpoint.root_pem = root;
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, rpc::NewChannel(endpoint));
  std::unique_ptr<HostileServer> server(new HostileServer(v1::Delivery::NewStub(channel)));
  ASSIGN_OR_RETURN(auto credentials, rpc::AnonymousServerCredentials({.chain_pem = chain, .key_pem = keys.tls.ToPem()}));
  rpc::ListenerOptions options;
  options.address = absl::StrCat("127.0.0.1:", organisation.ports().delivery_published);
  options.root_pem = root;
  options.limits.max_message_bytes = 32 << 20;
  ASSIGN_OR_RETURN(server->listener_, rpc::Listener::Start(options, std::move(credentials), {server.get()}));
  return server;
}

HostileServer::~HostileServer() {
  if (listener_ != nullptr) listener_->Shutdown(absl::ZeroDuration());
}

void HostileServer::Do(Mischief mischief) {
  deeds_ = 0;
  refusals_ = 0;
  mischief_ = mischief;
}

grpc::Status HostileServer::Refusal() {
  const Mischief mischief = mischief_;
  const bool twice = mischief == Mischief::kBusy && refusals_ < 2;
  if (!twice && mischief != Mischief::kBusyForever) return grpc::Status::OK;
  ++refusals_;
  ++deeds_;
  return rpc::ToGrpc(WithRetryAfter(absl::ResourceExhaustedError("busy: come back later"),
                                    twice ? absl::Seconds(1) : absl::Hours(24 * 365)));
}

grpc::Status HostileServer::OpenSession(grpc::ServerContext*, const v1::OpenSessionRequest* request,
                                        v1::OpenSessionResponse* response) {
  if (grpc::Status refusal = Refusal(); !refusal.ok()) return refusal;
  grpc::ClientContext context;
  return real_->OpenSession(&context, *request, response);
}

grpc::Status HostileServer::ReadCommit(grpc::ServerContext*, const v1::ReadCommitRequest* request,
                                       v1::ReadCommitResponse* response) {
  grpc::ClientContext context;
  return real_->ReadCommit(&context, *request, response);
}

grpc::Status HostileServer::OpenMailbox(grpc::ServerContext*, const v1::OpenMailboxRequest* request,
                                        v1::OpenMailboxResponse* response) {
  grpc::ClientContext context;
  return real_->OpenMailbox(&context, *request, response);
}

grpc::Status HostileServer::Submit(grpc::ServerContext*, const v1::SubmitRequest* request, v1::SubmitResponse* response) {
  if (grpc::Status refusal = Refusal(); !refusal.ok()) return refusal;
  const Mischief mischief = mischief_;
  const bool swallows = mischief == Mischief::kSwallow || (mischief == Mischief::kLoseCommits && request->has_commit());
  if (swallows) {
    ++deeds_;
    if (mischief == Mischief::kLoseCommits) {
      response->mutable_commit()->set_outcome(v1::CommitOutcome::LOST);
      response->mutable_commit()->set_current_epoch(request->commit().epoch() + 1);
      return grpc::Status::OK;
    }
    for (const v1::Envelope& envelope : request->envelopes()) {
      v1::EnvelopeResult& result = *response->add_results();
      result.set_envelope_id(envelope.envelope_id());
      result.set_outcome(v1::EnvelopeResult::STORED);
    }
    response->mutable_commit()->set_outcome(request->has_commit() ? v1::CommitOutcome::ACCEPTED
                                                                  : v1::CommitOutcome::OUTCOME_UNSPECIFIED);
    return grpc::Status::OK;
  }
  grpc::ClientContext context;
  const grpc::Status status = real_->Submit(&context, *request, response);
  if (mischief == Mischief::kAnswerForOthers) {
    ++deeds_;
    for (v1::EnvelopeResult& result : *response->mutable_results()) result.set_envelope_id(ToString(RandomBytes(16)));
  }
  if (mischief == Mischief::kAnswerTooFew && response->results_size() > 0) {
    ++deeds_;
    response->mutable_results()->RemoveLast();
  }
  return status;
}

grpc::Status HostileServer::Receive(grpc::ServerContext* context,
                                    grpc::ServerReaderWriter<v1::ReceiveResponse, v1::ReceiveRequest>* client) {
  Stream stream{.client = client, .context = context};
  stream.real = real_->Receive(&stream.real_context);
  v1::ReceiveRequest request;
  if (!client->Read(&request)) {
    stream.real_context.TryCancel();
    return grpc::Status::OK;
  }
  stream.mailbox = request.open().mailbox_id();
  stream.WriteReal(request);
  std::thread answers([&] { Answers(stream); });
  while (client->Read(&request)) {
    if (request.has_ack()) {
      v1::ReceiveRequest translated;
      translated.mutable_ack();
      MutexLock lock(stream.mutex);
      for (const uint64_t tag : request.ack().tags()) {
        if (stream.real_tags.contains(tag)) translated.mutable_ack()->add_tags(stream.real_tags[tag]);
      }
      request = translated;
    }
    stream.WriteReal(request);
  }
  stream.EndReal();
  if (context->IsCancelled()) stream.real_context.TryCancel();
  answers.join();
  return stream.real->Finish();
}

void HostileServer::Answers(Stream& stream) {
  v1::ReceiveResponse message;
  bool going = true;
  while (going && stream.real->Read(&message)) going = Pass(stream, message);
  // Whoever waits for the client to say something is told that it is over.
  stream.context->TryCancel();
  stream.real_context.TryCancel();
}

bool HostileServer::Pass(Stream& stream, v1::ReceiveResponse message) {
  const Mischief mischief = mischief_;
  if (message.has_challenge() && mischief == Mischief::kBadChallenge) {
    ++deeds_;
    message.mutable_challenge()->set_nonce("short");
  }
  if (message.has_challenge() && mischief == Mischief::kNonsense) {
    ++deeds_;
    stream.client->Write(v1::ReceiveResponse());
    v1::ReceiveResponse malformed;
    malformed.mutable_delivery()->set_envelope_id("abc");
    return stream.client->Write(malformed);
  }
  if (message.has_challenge() && mischief == Mischief::kEndEarly) {
    ++deeds_;
    v1::ReceiveResponse done;
    done.mutable_caught_up();
    stream.client->Write(done);
    return false;
  }
  if (message.has_caught_up() && stream.held.has_value()) {
    if (!Give(stream, *stream.held, stream.held->tag())) return false;
    stream.held.reset();
  }
  return message.has_delivery() ? Deliver(stream, message.delivery()) : stream.client->Write(message);
}

bool HostileServer::Deliver(Stream& stream, const Envelope& envelope) {
  const Mischief mischief = mischief_;
  std::vector<std::pair<std::string, Envelope>> seen;
  {
    MutexLock lock(mutex_);
    seen = seen_;
    seen_.emplace_back(stream.mailbox, envelope);
  }
  Envelope extra = envelope;
  switch (mischief) {
    case Mischief::kDropFirst:
      if (stream.dropped) break;
      stream.dropped = true;
      ++deeds_;
      {
        v1::ReceiveRequest ack;
        ack.mutable_ack()->add_tags(envelope.tag());
        stream.WriteReal(ack);
      }
      return true;
    case Mischief::kDuplicate:
      ++deeds_;
      if (!Give(stream, envelope, envelope.tag())) return false;
      break;
    case Mischief::kReorder:
      if (!stream.held.has_value()) {
        stream.held = envelope;
        return true;
      }
      ++deeds_;
      if (!Give(stream, envelope, envelope.tag())) return false;
      extra = *stream.held;
      stream.held.reset();
      return Give(stream, extra, extra.tag());
    case Mischief::kReplay:
    case Mischief::kReplayRenamed:
      if (stream.replayed) break;
      stream.replayed = true;
      for (auto& [mailbox, old] : seen) {
        if (mailbox != stream.mailbox) continue;
        ++deeds_;
        if (mischief == Mischief::kReplayRenamed) old.set_envelope_id(ToString(RandomBytes(16)));
        if (!Give(stream, old, 0)) return false;
      }
      break;
    case Mischief::kForge:
      ++deeds_;
      extra.set_envelope_id(ToString(RandomBytes(16)));
      extra.set_sealed(ToString(RandomBytes(envelope.sealed().size())));
      if (!Give(stream, extra, 0)) return false;
      break;
    case Mischief::kAlter:
      ++deeds_;
      extra.set_envelope_id(ToString(RandomBytes(16)));
      (*extra.mutable_sealed())[envelope.sealed().size() / 2] ^= 1;
      if (!Give(stream, extra, 0)) return false;
      break;
    case Mischief::kMixUp: {
      const auto other = std::find_if(seen.begin(), seen.end(), [&](const auto& each) { return each.first != stream.mailbox; });
      if (other == seen.end()) break;
      ++deeds_;
      if (!Give(stream, other->second, 0)) return false;
      break;
    }
    default:
      break;
  }
  return Give(stream, envelope, envelope.tag());
}

bool HostileServer::Give(Stream& stream, Envelope envelope, uint64_t real_tag) {
  {
    MutexLock lock(stream.mutex);
    if (real_tag != 0) stream.real_tags[stream.next_tag] = real_tag;
  }
  envelope.set_tag(stream.next_tag++);
  v1::ReceiveResponse message;
  *message.mutable_delivery() = std::move(envelope);
  return stream.client->Write(message);
}

}  // namespace plumbline::testing
