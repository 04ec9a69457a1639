// Joining by an external commit (RFC 9420 §12.4.3.2).
#include <utility>

#include "mls/epoch_change.h"
#include "mls/external.h"
#include "mls/grease.h"
#include "mls/transcript_hash.h"

namespace plumbline::mls {
namespace {

absl::Status Invalid(absl::string_view rule) { return absl::InvalidArgumentError(rule); }

constexpr Sender kJoiner{SenderType::kNewMemberCommit, 0};

// What a verified GroupInfo tells.
absl::StatusOr<PublicGroup> ReadGroup(GroupInfo info, const std::optional<Bytes>& ratchet_tree,
                                      const GroupPolicy& policy, const Judge& judge) {
  ASSIGN_OR_RETURN(const CipherSuite* const suite,
                   CipherSuite::Get(info.group_context.cipher_suite));
  RETURN_IF_ERROR(CheckGroupInfoExtensions(info));
  ASSIGN_OR_RETURN(RatchetTree tree, TreeOf(*suite, info, ratchet_tree, policy));
  RETURN_IF_ERROR(CheckGroupInfo(tree, info, policy, judge));
  Bytes interim = InterimTranscriptHash(*suite, info.group_context.confirmed_transcript_hash,
                                        info.confirmation_tag);
  return PublicGroup{suite,
                     policy,
                     std::move(info.group_context),
                     std::move(tree),
                     std::move(interim),
                     std::move(info.confirmation_tag)};
}

absl::StatusOr<LeafIndex> LeafOfClient(const PublicGroup& group, const Credential& credential,
                                       const Judge& judge) {
  std::optional<LeafIndex> found;
  ForEachMember(group.tree, [&](LeafIndex index, const LeafNode& leaf) {
    if (!found && judge.SameClient(leaf.credential, credential)) found = index;
  });
  if (!found) return Invalid("the group has no leaf of this client to replace");
  return *found;
}

absl::StatusOr<std::vector<CommitProposal>> ProposalsOf(const PublicGroup& group, Bytes kem_output,
                                                        const ExternalJoinParams& params,
                                                        const Judge& judge) {
  std::vector<CommitProposal> list;
  const auto add = [&](Proposal proposal) {
    list.push_back({std::move(proposal), kJoiner, false, {}});
  };
  add(ExternalInitProposal{std::move(kem_output)});
  if (params.replace_own_leaf) {
    ASSIGN_OR_RETURN(const LeafIndex own, LeafOfClient(group, params.credential, judge));
    add(RemoveProposal{own});
  }
  for (const Bytes& psk : params.external_psks) add(NewExternalPsk(*group.suite, psk));
  for (const uint64_t epoch : params.resumption_psks) add(NewResumptionPsk(group, epoch));
  RETURN_IF_ERROR(CheckExternalProposalList(group, list, judge));
  return list;
}

struct JoinerPath {
  LeafIndex joiner;
  TreePrivate keys;
  NewPath path;
  UpdatePath update;
};

absl::StatusOr<JoinerPath> MakePath(const PublicGroup& group, Provisional& next, LeafNode leaf,
                                    const SignaturePrivateKey& signer, const Judge& judge) {
  JoinerPath out;
  out.joiner = PlaceJoiner(next, leaf);
  out.keys = TreePrivate(out.joiner, {});
  const auto sign = [&](LeafNode& ready) {
    return SignLeafNode(*group.suite, signer, LeafPosition{group.context.group_id, out.joiner},
                        ready);
  };
  ASSIGN_OR_RETURN(out.path, StartPath(next.tree, out.keys, std::move(leaf), sign));
  const LeafNode& made = *next.tree.leaf(out.joiner);
  next.adds.back().after = made;
  RETURN_IF_ERROR(CheckJoinerLeaf(group, next, out.joiner, made, judge));
  const Bytes context = PathContext(group, next.tree, next.extensions);
  ASSIGN_OR_RETURN(out.update,
                   SealPath(next.tree, out.path, out.joiner, context, next.added_leaves));
  return out;
}

AuthenticatedContent ContentOf(const PublicGroup& group, const std::vector<CommitProposal>& list,
                               UpdatePath path, Bytes authenticated_data) {
  Commit commit;
  for (const CommitProposal& item : list) commit.proposals.emplace_back(item.proposal);
  commit.path = std::move(path);
  AuthenticatedContent out;
  out.wire_format = WireFormat::kPublicMessage;
  out.content.group_id = group.context.group_id;
  out.content.epoch = group.context.epoch;
  out.content.sender = kJoiner;
  out.content.authenticated_data = std::move(authenticated_data);
  out.content.content = std::move(commit);
  return out;
}

StagedCommit Describe(const Provisional& next, const JoinerPath& made, Bytes authenticated_data) {
  StagedCommit staged;
  staged.committer = made.joiner;
  staged.committer_leaf = made.update.leaf_node;
  staged.own = true;
  staged.external = true;
  staged.adds = next.adds;
  staged.removes = next.removes;
  staged.has_path = true;
  staged.authenticated_data = std::move(authenticated_data);
  return staged;
}

}  // namespace

absl::StatusOr<StagedCommit> Group::JoinExternally(ByteView group_info, ExternalJoinParams params,
                                                   SignatureKeyPair signature_key,
                                                   const AuthenticationService& authentication,
                                                   absl::Time now, const GroupPolicy& policy) {
  const Judge judge{authentication, now};
  RETURN_IF_ERROR(CheckPolicy(policy));
  ASSIGN_OR_RETURN(GroupInfo info, ParseGroupInfoMessage(group_info));
  const Bytes* external_pub = FindExtension(info.extensions, kExtensionExternalPub);
  if (external_pub == nullptr)
    return Invalid("GroupInfo has no external_pub: nobody can join by it");
  ASSIGN_OR_RETURN(const Bytes external_key, ParseExternalPub(*external_pub));
  ASSIGN_OR_RETURN(const PublicGroup group,
                   ReadGroup(std::move(info), params.ratchet_tree, policy, judge));
  ASSIGN_OR_RETURN(ExternalInit init, MakeExternalInit(*group.suite, external_key));
  ASSIGN_OR_RETURN(const std::vector<CommitProposal> list,
                   ProposalsOf(group, std::move(init.kem_output), params, judge));
  ASSIGN_OR_RETURN(Provisional next, ApplyProposals(group, list));
  ASSIGN_OR_RETURN(PskSecret psk, ResolvePsks(nullptr, *group.suite, next.psks, params.psks));

  LeafNode leaf;
  leaf.signature_key = signature_key.public_key;
  leaf.credential = std::move(params.credential);
  leaf.capabilities = std::move(params.capabilities);
  leaf.extensions = std::move(params.leaf_extensions);
  if (params.grease) AddGrease(leaf.capabilities, leaf.extensions);
  ASSIGN_OR_RETURN(JoinerPath made,
                   MakePath(group, next, std::move(leaf), signature_key.private_key, judge));
  StagedCommit staged = Describe(next, made, params.authenticated_data);
  AuthenticatedContent content =
      ContentOf(group, list, std::move(made.update), std::move(params.authenticated_data));
  const Bytes context = Encode(group.context);
  RETURN_IF_ERROR(SignContent(*group.suite, signature_key.private_key, context, content));
  EpochInputs inputs{std::move(next.tree), std::move(next.extensions),
                     std::move(made.keys), std::move(signature_key.private_key),
                     std::move(init.init), CommitSecret{std::move(made.path.path.commit_secret)},
                     std::move(psk),       {}};
  ASSIGN_OR_RETURN(NextEpoch epoch, EnterEpoch(group, std::move(inputs), content));
  content.auth.confirmation_tag = epoch.state.confirmation_tag;
  staged.message = Encode(MlsMessage{ProtectPublic(*group.suite, {}, context, std::move(content))});
  staged.next = GroupAccess::Make<StagedGroup>(std::move(epoch.state), GroupStage::kOwnJoin);
  return staged;
}

}  // namespace plumbline::mls
