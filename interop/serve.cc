#include "interop/serve.h"

#include <arpa/inet.h>
#include <grpcpp/grpcpp.h>
#include <pthread.h>

#include <csignal>
#include <cstdio>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/listener.h"
#include "common/rpc/run_unary.h"
#include "common/worker_pool.h"
#include "interop/mls_client.grpc.pb.h"

namespace plumbline::interop {
namespace {

constexpr size_t kQueue = 256;
constexpr size_t kMaxMessageBytes = 64 << 20;

// One thread runs all bodies, so the harness needs no lock. All 34 rpcs are the same but for their
// types.
class Service final : public pb::MLSClient::CallbackService {
 public:
  Service(HarnessLimits limits, WorkerPool& pool) : harness_(limits), pool_(pool) {}

#define PLUMBLINE_RPC(Name, Request, Response)                                                    \
  grpc::ServerUnaryReactor* Name(grpc::CallbackServerContext* context, const pb::Request* in,     \
                                 pb::Response* out) override {                                    \
    return rpc::RunUnary(context, pool_,                                                          \
                         [this, in, out](const rpc::Caller&) { return harness_.Do(*in, *out); }); \
  }
  PLUMBLINE_RPC(Name, NameRequest, NameResponse)
  PLUMBLINE_RPC(SupportedCiphersuites, SupportedCiphersuitesRequest, SupportedCiphersuitesResponse)
  PLUMBLINE_RPC(CreateGroup, CreateGroupRequest, CreateGroupResponse)
  PLUMBLINE_RPC(CreateKeyPackage, CreateKeyPackageRequest, CreateKeyPackageResponse)
  PLUMBLINE_RPC(JoinGroup, JoinGroupRequest, JoinGroupResponse)
  PLUMBLINE_RPC(ExternalJoin, ExternalJoinRequest, ExternalJoinResponse)
  PLUMBLINE_RPC(GroupInfo, GroupInfoRequest, GroupInfoResponse)
  PLUMBLINE_RPC(StateAuth, StateAuthRequest, StateAuthResponse)
  PLUMBLINE_RPC(Export, ExportRequest, ExportResponse)
  PLUMBLINE_RPC(Protect, ProtectRequest, ProtectResponse)
  PLUMBLINE_RPC(Unprotect, UnprotectRequest, UnprotectResponse)
  PLUMBLINE_RPC(StorePSK, StorePSKRequest, StorePSKResponse)
  PLUMBLINE_RPC(AddProposal, AddProposalRequest, ProposalResponse)
  PLUMBLINE_RPC(UpdateProposal, UpdateProposalRequest, ProposalResponse)
  PLUMBLINE_RPC(RemoveProposal, RemoveProposalRequest, ProposalResponse)
  PLUMBLINE_RPC(ExternalPSKProposal, ExternalPSKProposalRequest, ProposalResponse)
  PLUMBLINE_RPC(ResumptionPSKProposal, ResumptionPSKProposalRequest, ProposalResponse)
  PLUMBLINE_RPC(GroupContextExtensionsProposal, GroupContextExtensionsProposalRequest,
                ProposalResponse)
  PLUMBLINE_RPC(Commit, CommitRequest, CommitResponse)
  PLUMBLINE_RPC(HandleCommit, HandleCommitRequest, HandleCommitResponse)
  PLUMBLINE_RPC(HandlePendingCommit, HandlePendingCommitRequest, HandleCommitResponse)
  PLUMBLINE_RPC(ReInitProposal, ReInitProposalRequest, ProposalResponse)
  PLUMBLINE_RPC(ReInitCommit, CommitRequest, CommitResponse)
  PLUMBLINE_RPC(HandlePendingReInitCommit, HandlePendingCommitRequest, HandleReInitCommitResponse)
  PLUMBLINE_RPC(HandleReInitCommit, HandleCommitRequest, HandleReInitCommitResponse)
  PLUMBLINE_RPC(ReInitWelcome, ReInitWelcomeRequest, CreateSubgroupResponse)
  PLUMBLINE_RPC(HandleReInitWelcome, HandleReInitWelcomeRequest, JoinGroupResponse)
  PLUMBLINE_RPC(CreateBranch, CreateBranchRequest, CreateSubgroupResponse)
  PLUMBLINE_RPC(HandleBranch, HandleBranchRequest, HandleBranchResponse)
  PLUMBLINE_RPC(NewMemberAddProposal, NewMemberAddProposalRequest, NewMemberAddProposalResponse)
  PLUMBLINE_RPC(CreateExternalSigner, CreateExternalSignerRequest, CreateExternalSignerResponse)
  PLUMBLINE_RPC(AddExternalSigner, AddExternalSignerRequest, ProposalResponse)
  PLUMBLINE_RPC(ExternalSignerProposal, ExternalSignerProposalRequest, ProposalResponse)
  PLUMBLINE_RPC(Free, FreeRequest, FreeResponse)
#undef PLUMBLINE_RPC

 private:
  Harness harness_;
  WorkerPool& pool_;
};

}  // namespace

absl::Status CheckLoopback(const std::string& address) {
  const size_t colon = address.rfind(':');
  const std::string host = address.substr(0, colon == std::string::npos ? 0 : colon);
  in_addr four{};
  const bool loopback = host == "[::1]" || (inet_pton(AF_INET, host.c_str(), &four) == 1 &&
                                            (ntohl(four.s_addr) >> 24) == 127);
  if (loopback) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "not_loopback: ", address,
      " is not on the loopback interface (127.x.x.x:PORT or [::1]:PORT); "
      "this server gives private keys to whoever asks, so it serves this machine only"));
}

absl::Status Serve(const ServeOptions& options) {
  RETURN_IF_ERROR(CheckLoopback(options.listen));
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  WorkerPool pool(1, kQueue);
  Service service(options.limits, pool);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &port);
  rpc::Limits limits;
  limits.max_message_bytes = kMaxMessageBytes;
  rpc::ConfigureServer(builder, limits);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0)
    return absl::UnavailableError(absl::StrCat("cannot_listen: ", options.listen,
                                               " is taken; choose another port, or 0 for any"));
  std::printf(
      "plumbline-mls-interop: for tests of interoperability only; gives private keys to whoever "
      "asks on this machine\nport %d\n",
      port);
  std::fflush(stdout);
  int signal = 0;
  sigwait(&stop, &signal);
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  pool.Stop();
  return absl::OkStatus();
}

}  // namespace plumbline::interop
