#include "common/rpc/run_unary.h"

#include <grpcpp/security/auth_context.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "common/retry.h"
#include "common/rpc/status.h"

namespace plumbline::rpc {
namespace {

constexpr absl::Duration kStoragePause = absl::Minutes(1);

// The text of our own failures stays here; strangers learn the code, and of a store that refuses what it means for them.
absl::Status ForStrangers(const absl::Status& status) {
  const std::string reason = ReasonId(status);
  if (reason == "disk_full") {
    return WithRetryAfter(absl::ResourceExhaustedError("storage_full: the service's storage is full; nothing was stored, try "
                                                       "again later"),
                          kStoragePause);
  }
  if (reason == "store_unavailable") {
    return absl::UnavailableError("storage_unavailable: the service cannot use its storage; nothing was changed, try again later");
  }
  switch (status.code()) {
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDataLoss:
      return absl::Status(status.code(), "internal_error: the service failed; its operator finds the cause in its log");
    default:
      return status;
  }
}

constexpr absl::Duration kBusyPause = absl::Seconds(1);

}  // namespace

absl::Status Busy() {
  return WithRetryAfter(absl::ResourceExhaustedError("busy: the service has too much to do; try again in a moment"), kBusyPause);
}

absl::StatusOr<Caller> CallerOf(const grpc::ServerContextBase& context) {
  const std::shared_ptr<const grpc::AuthContext> auth = context.auth_context();
  if (auth == nullptr) return absl::UnauthenticatedError("not_authenticated: the connection is not protected");
  const auto certificates = auth->FindPropertyValues("x509_pem_cert");
  Caller caller;
  if (certificates.empty()) return caller;
  if (!auth->IsPeerAuthenticated() || certificates.size() != 1) {
    return absl::UnauthenticatedError("not_authenticated: the client's certificate was not verified");
  }
  const auto parsed =
      crypto::Certificate::ParsePem(absl::string_view(certificates[0].data(), certificates[0].size()));
  if (!parsed.ok()) return absl::UnauthenticatedError("not_authenticated: the client's certificate cannot be read");
  if (absl::Now() >= parsed->not_after()) {  // a connection may outlive what it was opened with
    return absl::UnauthenticatedError("certificate_expired: this connection's certificate has ended; renew it and connect again");
  }
  caller.certificate = *parsed;
  return caller;
}

namespace {

void Enqueue(grpc::CallbackServerContext* context, grpc::ServerUnaryReactor* reactor, WorkerPool& pool, std::function<void()> run) {
  WorkerPool::Task task;
  task.run = [context, reactor, run = std::move(run)] {
    if (context->IsCancelled()) {
      reactor->Finish(grpc::Status(grpc::StatusCode::CANCELLED, "cancelled while waiting"));
      return;
    }
    run();
  };
  task.refuse = [reactor] { reactor->Finish(ToGrpc(Busy())); };
  // A connection, not a person: address and port. Kept while the task waits.
  if (!pool.TrySubmit(std::hash<std::string>()(context->peer()), task)) task.refuse();
}

}  // namespace

grpc::ServerUnaryReactor* RunUnary(grpc::CallbackServerContext* context, WorkerPool& pool, UnaryBody body) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<Caller> caller = CallerOf(*context);
  if (!caller.ok()) {
    reactor->Finish(ToGrpc(caller.status()));
    return reactor;
  }
  Enqueue(context, reactor, pool, [reactor, caller = *std::move(caller), body = std::move(body)] {
    reactor->Finish(ToGrpc(ForStrangers(body(caller))));
  });
  return reactor;
}

grpc::ServerUnaryReactor* StartUnary(grpc::CallbackServerContext* context, WorkerPool* pool, UnaryStart start) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto run = [reactor, start = std::move(start)] {
    start([reactor](const absl::Status& status) { reactor->Finish(ToGrpc(ForStrangers(status))); });
  };
  if (pool == nullptr) {
    run();
  } else {
    Enqueue(context, reactor, *pool, std::move(run));
  }
  return reactor;
}

}  // namespace plumbline::rpc
