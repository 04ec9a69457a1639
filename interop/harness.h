// What plumbline-mls-interop does for each rpc of mls_client.proto, without gRPC. Groups are
// values: each commit makes a new state from a copy, so that older states stay as they were. For
// tests only: gives private keys away, and believes every basic credential. Not thread-safe.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"
#include "interop/mls_client.pb.h"
#include "interop/shelf.h"
#include "mls/group.h"

namespace plumbline::interop {

namespace pb = ::mls_client;

struct HarnessLimits {
  size_t states = 4096;  // and as many transactions, signers and reinits
};

// Believes every credential; a client is its credential.
class EveryCredential final : public mls::AuthenticationService {
 public:
  absl::Status Validate(const mls::Credential&, ByteView, absl::Time) const override {
    return absl::OkStatus();
  }
  bool SameClient(const mls::Credential& a, const mls::Credential& b) const override {
    return a == b;
  }
};

// The external PSKs that one state or transaction was told. Copies share the secrets.
class KnownPsks final : public mls::PskStore {
 public:
  void Add(ByteView id, ByteView secret);
  absl::StatusOr<Secret> ExternalPsk(ByteView psk_id) const override;

 private:
  std::map<Bytes, std::shared_ptr<const Secret>> secrets_;
};

// Private keys of a client that waits to be added.
struct Joiner {
  mls::KeyPackageBundle bundle;
  mls::SignatureKeyPair signature_key;
  KnownPsks psks;
};

struct State {
  mls::Group group;
  bool encrypt_handshake = false;
  KnownPsks psks;
  std::map<Bytes, Bytes>
      proposals;  // this epoch's that `group` holds, own ones too: message -> ProposalRef
  std::optional<mls::StagedGroup> committed;  // by this member, not applied yet
};

// A member of a group that was re-initialised.
struct Suspended {
  State state;
  Joiner joiner;  // for the successor
};

struct Signer {
  mls::SignatureKeyPair key;
};

class Harness final {
 public:
  explicit Harness(HarnessLimits limits = {});

  // Each: INVALID_ARGUMENT (malformed, unknown number, any rule of RFC 9420), UNIMPLEMENTED (names
  // what), else what mls/group.h says. What fails leaves everything as it was.
  absl::Status Do(const pb::NameRequest& in, pb::NameResponse& out);
  absl::Status Do(const pb::SupportedCiphersuitesRequest& in,
                  pb::SupportedCiphersuitesResponse& out);
  absl::Status Do(const pb::CreateGroupRequest& in, pb::CreateGroupResponse& out);
  absl::Status Do(const pb::CreateKeyPackageRequest& in, pb::CreateKeyPackageResponse& out);
  absl::Status Do(const pb::JoinGroupRequest& in, pb::JoinGroupResponse& out);
  absl::Status Do(const pb::ExternalJoinRequest& in, pb::ExternalJoinResponse& out);
  absl::Status Do(const pb::GroupInfoRequest& in, pb::GroupInfoResponse& out);
  absl::Status Do(const pb::StateAuthRequest& in, pb::StateAuthResponse& out);
  absl::Status Do(const pb::ExportRequest& in, pb::ExportResponse& out);
  absl::Status Do(const pb::ProtectRequest& in, pb::ProtectResponse& out);
  absl::Status Do(const pb::UnprotectRequest& in, pb::UnprotectResponse& out);
  absl::Status Do(const pb::StorePSKRequest& in, pb::StorePSKResponse& out);
  absl::Status Do(const pb::FreeRequest& in, pb::FreeResponse& out);
  // harness_proposals.cc
  absl::Status Do(const pb::AddProposalRequest& in, pb::ProposalResponse& out);
  absl::Status Do(const pb::UpdateProposalRequest& in, pb::ProposalResponse& out);
  absl::Status Do(const pb::RemoveProposalRequest& in, pb::ProposalResponse& out);
  absl::Status Do(const pb::ExternalPSKProposalRequest& in, pb::ProposalResponse& out);
  absl::Status Do(const pb::ResumptionPSKProposalRequest& in, pb::ProposalResponse& out);
  absl::Status Do(const pb::GroupContextExtensionsProposalRequest& in, pb::ProposalResponse& out);
  absl::Status Do(const pb::ReInitProposalRequest& in, pb::ProposalResponse& out);
  absl::Status Do(const pb::NewMemberAddProposalRequest& in, pb::NewMemberAddProposalResponse& out);
  absl::Status Do(const pb::CreateExternalSignerRequest& in, pb::CreateExternalSignerResponse& out);
  absl::Status Do(const pb::AddExternalSignerRequest& in, pb::ProposalResponse& out);
  absl::Status Do(const pb::ExternalSignerProposalRequest& in, pb::ProposalResponse& out);
  // harness_commits.cc
  absl::Status Do(const pb::CommitRequest& in, pb::CommitResponse& out);
  absl::Status Do(const pb::HandleCommitRequest& in, pb::HandleCommitResponse& out);
  absl::Status Do(const pb::HandlePendingCommitRequest& in, pb::HandleCommitResponse& out);
  // harness_successors.cc
  absl::Status Do(const pb::HandleCommitRequest& in, pb::HandleReInitCommitResponse& out);
  absl::Status Do(const pb::HandlePendingCommitRequest& in, pb::HandleReInitCommitResponse& out);
  absl::Status Do(const pb::ReInitWelcomeRequest& in, pb::CreateSubgroupResponse& out);
  absl::Status Do(const pb::HandleReInitWelcomeRequest& in, pb::JoinGroupResponse& out);
  absl::Status Do(const pb::CreateBranchRequest& in, pb::CreateSubgroupResponse& out);
  absl::Status Do(const pb::HandleBranchRequest& in, pb::HandleBranchResponse& out);

 private:
  template <typename Propose>
  absl::Status AsProposal(uint32_t state_id, pb::ProposalResponse& out, Propose propose);
  absl::StatusOr<State> AfterCommit(const pb::HandleCommitRequest& in);
  absl::StatusOr<State> AfterPending(uint32_t state_id);
  absl::StatusOr<pb::HandleReInitCommitResponse> Suspend(State state);

  Numbers numbers_;
  Shelf<State> states_;
  Shelf<Joiner> joiners_;
  Shelf<Suspended> suspended_;
  Shelf<Signer> signers_;
};

}  // namespace plumbline::interop
