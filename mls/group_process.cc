// Taking messages (RFC 9420 §6, §12.4.2). Nothing is changed before everything was checked.
#include <algorithm>
#include <utility>

#include "common/check.h"
#include "mls/group_state.h"
#include "mls/transcript_hash.h"

namespace plumbline::mls {
namespace {

absl::Status Invalid(absl::string_view rule) { return absl::InvalidArgumentError(rule); }

// The proposals a commit means, in its order (§12.4.2).
absl::StatusOr<std::vector<CommitProposal>> Resolve(const GroupState& group, const Commit& commit,
                                                    LeafIndex committer) {
  std::vector<CommitProposal> list;
  for (const ProposalOrRef& item : commit.proposals) {
    if (const Proposal* proposal = std::get_if<Proposal>(&item)) {
      list.push_back({*proposal, committer, false, {}});
      continue;
    }
    const ProposalRef& ref = std::get<ProposalRef>(item);
    const auto found =
        std::find_if(group.proposals.begin(), group.proposals.end(),
                     [&](const StoredProposal& stored) { return stored.ref == ref; });
    if (found == group.proposals.end()) {
      return absl::FailedPreconditionError("commit refers to a proposal that was not received");
    }
    list.push_back({found->proposal, found->sender, true, ref});
  }
  return list;
}

// If the commit contains an Update of ours, its private keys become current.
absl::Status AdoptOwnUpdate(const GroupState& group, const Provisional& next, TreePrivate& keys,
                            SignaturePrivateKey& signature_key) {
  for (const MemberChange& update : next.updates) {
    if (update.index != group.own()) continue;
    const auto pending =
        std::find_if(group.updates.begin(), group.updates.end(), [&](const PendingUpdate& p) {
          return p.encryption_key.public_key == update.after.encryption_key;
        });
    if (pending == group.updates.end())
      return absl::FailedPreconditionError("keys of the own Update are gone");
    keys.Set(NodeOf(group.own()), CopyOf(pending->encryption_key));
    if (pending->signature_key) signature_key = CopyOf(*pending->signature_key);
  }
  return absl::OkStatus();
}

absl::StatusOr<CommitSecret> TakePath(const GroupState& group, Provisional& next, TreePrivate& keys,
                                      LeafIndex committer, const UpdatePath& path,
                                      const Judge& judge) {
  RETURN_IF_ERROR(CheckPathLeaf(group, next, committer, path.leaf_node, judge));
  RETURN_IF_ERROR(ApplyPath(next.tree, committer, path, next.added_leaves));
  const Bytes context = PathContext(group, next.tree, next.extensions);
  ASSIGN_OR_RETURN(Secret secret,
                   OpenPath(next.tree, keys, committer, path, context, next.added_leaves));
  return CommitSecret{std::move(secret)};
}

StagedCommit Describe(const GroupState& group, const FramedContent& content,
                      const Provisional& next, const std::optional<UpdatePath>& path) {
  StagedCommit staged;
  staged.committer = {content.sender.index};
  staged.committer_leaf = *group.tree.leaf(staged.committer);
  staged.adds = next.adds;
  staged.removes = next.removes;
  staged.updates = next.updates;
  staged.has_path = path.has_value();
  if (path)
    staged.updates.push_back(
        {staged.committer, staged.committer_leaf, path->leaf_node, staged.committer});
  staged.removes_us =
      std::any_of(next.removes.begin(), next.removes.end(),
                  [&](const MemberChange& change) { return change.index == group.own(); });
  staged.group_context_changed = next.extensions_changed;
  staged.authenticated_data = content.authenticated_data;
  return staged;
}

absl::StatusOr<Processed> ProcessCommit(const GroupState& group, const VerifiedContent& verified,
                                        const Judge& judge, const PskStore* psks) {
  const LeafIndex committer{verified.content().sender.index};
  const Commit& commit = std::get<Commit>(verified.content().content);
  ASSIGN_OR_RETURN(const std::vector<CommitProposal> list, Resolve(group, commit, committer));
  RETURN_IF_ERROR(CheckProposalList(group, list, committer, judge));
  if (!commit.path && NeedsPath(list)) return Invalid("commit lacks the path it needs");
  ASSIGN_OR_RETURN(Provisional next, ApplyProposals(group, list));
  StagedCommit staged = Describe(group, verified.content(), next, commit.path);
  if (staged.removes_us) return Processed(std::move(staged));

  TreePrivate keys = group.keys.Clone();
  SignaturePrivateKey signature_key = CopyOf(group.signature_key);
  RETURN_IF_ERROR(AdoptOwnUpdate(group, next, keys, signature_key));
  keys.Prune(next.tree);
  CommitSecret commit_secret = ZeroCommitSecret(*group.suite);
  if (commit.path) {
    ASSIGN_OR_RETURN(commit_secret, TakePath(group, next, keys, committer, *commit.path, judge));
  }
  EpochInputs inputs{std::move(next.tree),     std::move(next.extensions), std::move(keys),
                     std::move(signature_key), std::move(commit_secret),   std::move(next.psks)};
  ASSIGN_OR_RETURN(NextEpoch epoch,
                   EnterEpoch(group, std::move(inputs), verified.authenticated(), psks));
  RETURN_IF_ERROR(VerifyConfirmationTag(*group.suite, epoch.state.secrets.confirmation,
                                        epoch.state.context.confirmed_transcript_hash,
                                        verified.auth().confirmation_tag));
  staged.next = GroupAccess::Make(std::move(epoch.state));
  return Processed(std::move(staged));
}

absl::StatusOr<Processed> StoreProposal(GroupState& group, const VerifiedContent& verified,
                                        const Judge& judge) {
  const LeafIndex sender{verified.content().sender.index};
  const Proposal& proposal = std::get<Proposal>(verified.content().content);
  RETURN_IF_ERROR(CheckProposal(group, proposal, sender, judge));
  if (group.proposals.size() >= kMaxPendingProposals)
    return absl::ResourceExhaustedError("too many proposals");
  StoredProposal stored{
      {ProposalReference(*group.suite, verified.authenticated())}, sender, proposal};
  ProposalStored out;
  out.sender = sender;
  out.ref = stored.ref.value;
  out.kind = KindOf(proposal);
  if (const auto* add = std::get_if<AddProposal>(&proposal)) out.add = add->key_package;
  if (const auto* remove = std::get_if<RemoveProposal>(&proposal)) out.remove = remove->removed;
  out.authenticated_data = verified.content().authenticated_data;
  const bool known =
      std::any_of(group.proposals.begin(), group.proposals.end(),
                  [&](const StoredProposal& other) { return other.ref == stored.ref; });
  if (!known) group.proposals.push_back(std::move(stored));
  return Processed(std::move(out));
}

absl::Status CheckSenderIsSupported(const Sender& sender) {
  switch (sender.type) {
    case SenderType::kMember:
      return absl::OkStatus();
    case SenderType::kExternal:
      return absl::UnimplementedError("proposals of external senders are not supported");
    case SenderType::kNewMemberProposal:
      return absl::UnimplementedError("proposals of new members are not supported");
    case SenderType::kNewMemberCommit:
      return absl::UnimplementedError("external commits are not supported");
  }
  return Invalid("unknown sender type");
}

absl::StatusOr<Processed> ProcessPublic(GroupState& group, PublicMessage message,
                                        const Judge& judge, const PskStore* psks) {
  if (message.content.group_id != group.context.group_id)
    return absl::NotFoundError("message of another group");
  if (message.content.epoch != group.context.epoch)
    return absl::NotFoundError("handshake message of another epoch");
  RETURN_IF_ERROR(CheckSenderIsSupported(message.content.sender));
  const Bytes context = Encode(group.context);
  ASSIGN_OR_RETURN(AuthenticatedContent content,
                   UnprotectPublic(*group.suite, group.secrets.membership.bytes.view(), context,
                                   std::move(message)));
  const LeafIndex sender{content.content.sender.index};
  const LeafNode* leaf = group.tree.leaf(sender);
  if (leaf == nullptr) return Invalid("sender is not a member");
  ASSIGN_OR_RETURN(const VerifiedContent verified,
                   VerifyContent(*group.suite, leaf->signature_key, context, std::move(content)));
  if (sender == group.own()) return Processed(OwnMessage{group.context.epoch});
  if (verified.content().type() == ContentType::kCommit)
    return ProcessCommit(group, verified, judge, psks);
  return StoreProposal(group, verified, judge);
}

// What reading a PrivateMessage needs of its epoch, the current one or a past one.
struct EpochView {
  ByteView context;
  const SenderDataSecret& sender_data;
  SecretTree& secret_tree;
  LeafIndex own_leaf;
};

struct Opened {
  VerifiedContent verified;
  SecretTree::Staged key;
  uint32_t generation;
};

absl::StatusOr<Opened> OpenAndVerify(const CipherSuite& suite, const EpochView& epoch,
                                     const SenderData& sender_data, const LeafNode& sender,
                                     const PrivateMessage& message) {
  const bool is_application = message.content_type == ContentType::kApplication;
  ASSIGN_OR_RETURN(
      SecretTree::Staged key,
      epoch.secret_tree.Stage(sender_data.leaf,
                              is_application ? RatchetType::kApplication : RatchetType::kHandshake,
                              sender_data.generation));
  ASSIGN_OR_RETURN(AuthenticatedContent content,
                   OpenPrivate(suite, sender_data, key.key(), message));
  ASSIGN_OR_RETURN(VerifiedContent verified,
                   VerifyContent(suite, sender.signature_key, epoch.context, std::move(content)));
  return Opened{std::move(verified), std::move(key), sender_data.generation};
}

// Application data is given out once: its key goes with it.
Processed Release(SecretTree& secret_tree, Opened opened, const LeafNode& sender) {
  secret_tree.Consume(std::move(opened.key));
  AuthenticatedContent content = std::move(opened.verified).Take();
  ApplicationMessage out;
  out.sender = {content.content.sender.index};
  out.sender_credential = sender.credential;
  out.sender_signature_key = sender.signature_key;
  out.authenticated_data = std::move(content.content.authenticated_data);
  out.plaintext = std::move(std::get<ApplicationData>(content.content.content).bytes);
  out.epoch = content.content.epoch;
  out.generation = opened.generation;
  return out;
}

absl::StatusOr<Processed> ProcessPast(GroupState& group, PastEpoch& past,
                                      const PrivateMessage& message, const Judge& judge) {
  if (message.content_type != ContentType::kApplication) {
    return absl::NotFoundError("handshake message of another epoch");
  }
  ASSIGN_OR_RETURN(const SenderData sender_data,
                   OpenSenderData(*group.suite, past.sender_data, message));
  if (sender_data.leaf == past.own_leaf) return Processed(OwnMessage{past.epoch});
  if (sender_data.leaf.value >= past.leaves.size() ||
      past.leaves[sender_data.leaf.value].node == nullptr) {
    return Invalid("sender was not a member");
  }
  const LeafNode& sender = *past.leaves[sender_data.leaf.value].node;
  const LeafNode* now = group.tree.leaf(sender_data.leaf);
  if (now == nullptr || !judge.SameClient(now->credential, sender.credential)) {
    return absl::PermissionDeniedError("sender has been removed since");
  }
  const EpochView epoch{past.context, past.sender_data, past.secret_tree, past.own_leaf};
  ASSIGN_OR_RETURN(Opened opened, OpenAndVerify(*group.suite, epoch, sender_data, sender, message));
  return Release(past.secret_tree, std::move(opened), sender);
}

absl::StatusOr<Processed> ProcessPrivate(GroupState& group, const PrivateMessage& message,
                                         const Judge& judge, const PskStore* psks) {
  if (message.group_id != group.context.group_id)
    return absl::NotFoundError("message of another group");
  if (message.epoch != group.context.epoch) {
    for (PastEpoch& past : group.past) {
      if (past.epoch == message.epoch) return ProcessPast(group, past, message, judge);
    }
    return absl::NotFoundError("message of an epoch outside the window");
  }
  ASSIGN_OR_RETURN(const SenderData sender_data,
                   OpenSenderData(*group.suite, group.secrets.sender_data, message));
  if (sender_data.leaf == group.own()) return Processed(OwnMessage{group.context.epoch});
  const LeafNode* sender = group.tree.leaf(sender_data.leaf);
  if (sender == nullptr) return Invalid("sender is not a member");
  const Bytes context = Encode(group.context);
  const EpochView epoch{context, group.secrets.sender_data, group.secret_tree, group.own()};
  ASSIGN_OR_RETURN(Opened opened,
                   OpenAndVerify(*group.suite, epoch, sender_data, *sender, message));
  if (message.content_type == ContentType::kApplication) {
    return Release(group.secret_tree, std::move(opened), *sender);
  }
  if (message.content_type == ContentType::kCommit)
    return ProcessCommit(group, opened.verified, judge, psks);
  ASSIGN_OR_RETURN(Processed stored, StoreProposal(group, opened.verified, judge));
  group.secret_tree.Consume(std::move(opened.key));
  return stored;
}

}  // namespace

absl::StatusOr<Processed> Group::Process(ByteView message,
                                         const AuthenticationService& authentication,
                                         absl::Time now, const PskStore* psks) {
  const Judge judge{authentication, now};
  ASSIGN_OR_RETURN(MlsMessage parsed, ParseMlsMessage(message));
  if (auto* open = std::get_if<PublicMessage>(&parsed.body)) {
    return ProcessPublic(*state_, std::move(*open), judge, psks);
  }
  if (const auto* sealed = std::get_if<PrivateMessage>(&parsed.body)) {
    return ProcessPrivate(*state_, *sealed, judge, psks);
  }
  return Invalid("not a message to a group");
}

absl::StatusOr<MessageHeader> ReadMessageHeader(ByteView message) {
  ASSIGN_OR_RETURN(const MlsMessage parsed, ParseMlsMessage(message));
  if (const auto* open = std::get_if<PublicMessage>(&parsed.body)) {
    return MessageHeader{open->content.group_id, open->content.epoch, open->content.type(), false};
  }
  if (const auto* sealed = std::get_if<PrivateMessage>(&parsed.body)) {
    return MessageHeader{sealed->group_id, sealed->epoch, sealed->content_type, true};
  }
  return Invalid("not a message to a group");
}

}  // namespace plumbline::mls
