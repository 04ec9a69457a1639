// From one epoch to the next (RFC 9420 §8), and content of ours on its way out (§6). Private to
// mls/group_*.cc and commit_*.cc.
#pragma once

#include <optional>
#include <vector>

#include "mls/commit_rules.h"
#include "mls/group_state.h"

namespace plumbline::mls {

// Ties a new group to the one it branches from or succeeds: the one PSK of that usage that its
// first commit may have (§11.2, §11.3).
struct SuccessorLink {
  PreSharedKeyId id;
  Secret secret;
};

// Of the current or a past epoch that is still kept; null if there is none.
const Secret* OwnResumptionPsk(const GroupState& group, uint64_t epoch);

// §8.4: the PSKs in their order, from the link, the store and the group's own epochs (`group`: null
// outside one). NOT_FOUND if one is missing, INVALID_ARGUMENT for a usage that has no place here.
absl::StatusOr<PskSecret> ResolvePsks(const GroupState* group, const CipherSuite& suite,
                                      const std::vector<PreSharedKeyId>& ids, const PskStore* store,
                                      const SuccessorLink* link = nullptr);

// What both sides of a commit have in hand once the path is dealt with.
struct EpochInputs {
  RatchetTree tree;
  Extensions extensions;
  TreePrivate keys;
  SignaturePrivateKey signature_key;
  InitSecret init;
  CommitSecret commit_secret;
  PskSecret psk;
  std::optional<ReInitProposal> reinit;
};

struct NextEpoch {
  GroupState state;
  JoinerSecret joiner;  // with `psk`, what a Welcome needs
  PskSecret psk;
};

// Of the epoch that ends: what the next one starts from (§8).
InitSecret NextInit(const GroupState& group);
// Encoded GroupContext that protects path secrets: next epoch, next tree, transcript hash of the
// current epoch.
Bytes PathContext(const PublicGroup& group, const RatchetTree& tree, const Extensions& extensions);
// Runs the key schedule (§8) for a commit whose signed content is `content`. The new state carries
// its confirmation tag.
absl::StatusOr<NextEpoch> EnterEpoch(const PublicGroup& group, EpochInputs inputs,
                                     const AuthenticatedContent& content);
// Encoded WireFormat, FramedContent and signature: what the transcript hash covers.
Bytes ConfirmedTranscriptInput(const AuthenticatedContent& content);

// Protects signed content of ours in the current epoch. Advances the own ratchet for a
// PrivateMessage.
absl::StatusOr<MlsMessage> Protect(GroupState& group, AuthenticatedContent content,
                                   Padding padding);
// Unsigned content of ours.
AuthenticatedContent NewContent(const GroupState& group, WireFormat format,
                                ByteView authenticated_data, Content content);
void ApplyLeafChange(const LeafChange& change, LeafNode& leaf);
// PERMISSION_DENIED if the policy has handshakes encrypted only.
absl::StatusOr<WireFormat> FormatOf(const GroupPolicy& policy, HandshakeFraming framing);

// --- GroupInfo, made and judged (group_info.cc) ---

// Signed by us; extensions as asked for.
absl::StatusOr<GroupInfo> MakeGroupInfo(const GroupState& group, const GroupInfoOptions& options);
// Its extensions, and those of its group context, stand where they may.
absl::Status CheckGroupInfoExtensions(const GroupInfo& info);
// The tree it carries, or else `given`; with its hash.
absl::StatusOr<RatchetTree> TreeOf(const CipherSuite& suite, const GroupInfo& info,
                                   const std::optional<Bytes>& given, const GroupPolicy& policy);
// Signer, signature, tree and every leaf (§12.4.3.1).
absl::Status CheckGroupInfo(const RatchetTree& tree, const GroupInfo& info,
                            const GroupPolicy& policy, const Judge& judge);

// --- Commits (commit_making.cc, commit_taking.cc) ---

absl::StatusOr<StagedCommit> MakeCommit(GroupState& group, CommitParams params, const Judge& judge,
                                        SuccessorLink* link = nullptr);
// `verified` holds a commit, of a member or from outside, of the group's epoch.
absl::StatusOr<StagedCommit> TakeCommit(const GroupState& group, const VerifiedContent& verified,
                                        const Judge& judge, const PskStore* psks);
// PSK ids of their own nonce, for proposals.
PskProposal NewExternalPsk(const CipherSuite& suite, ByteView psk_id);
PskProposal NewResumptionPsk(const PublicGroup& group, uint64_t epoch);

}  // namespace plumbline::mls
