// Taking messages (RFC 9420 §6, §12.1). Nothing is changed before everything was checked.
#include <utility>

#include "mls/epoch_change.h"

namespace plumbline::mls {
namespace {

absl::Status Invalid(absl::string_view rule) { return absl::InvalidArgumentError(rule); }

absl::StatusOr<Processed> StoreProposal(GroupState& group, const VerifiedContent& verified,
                                        const Judge& judge) {
  RETURN_IF_ERROR(group.CheckAlive());
  const Sender& sender = verified.content().sender;
  const Proposal& proposal = std::get<Proposal>(verified.content().content);
  RETURN_IF_ERROR(CheckProposal(group, proposal, sender, judge));
  RETURN_IF_ERROR(group.proposals.CheckRoom());
  StoredProposal stored{
      {ProposalReference(*group.suite, verified.authenticated())}, sender, proposal};
  ProposalStored out;
  out.sender = sender;
  out.ref = stored.ref.value;
  out.kind = KindOf(proposal);
  if (const auto* add = std::get_if<AddProposal>(&proposal)) out.add = add->key_package;
  if (const auto* remove = std::get_if<RemoveProposal>(&proposal)) out.remove = remove->removed;
  out.authenticated_data = verified.content().authenticated_data;
  group.proposals.Add(std::move(stored));
  return Processed(std::move(out));
}

// The key that a PublicMessage must be signed with (§6.1), and whether its sender may be one at
// all.
absl::StatusOr<Bytes> SenderKey(const GroupState& group, const FramedContent& content) {
  const Commit* commit = std::get_if<Commit>(&content.content);
  const Proposal* proposal = std::get_if<Proposal>(&content.content);
  switch (content.sender.type) {
    case SenderType::kMember: {
      if (!group.policy.accept_public_handshakes)
        return absl::PermissionDeniedError("the policy has handshakes encrypted only");
      const LeafNode* leaf = group.tree.leaf({content.sender.index});
      if (leaf == nullptr) return Invalid("sender is not a member");
      return leaf->signature_key;
    }
    case SenderType::kExternal:
      if (proposal == nullptr) return Invalid("an external sender may only propose");
      return ExternalSenderKey(group, content.sender.index);
    case SenderType::kNewMemberProposal: {
      const auto* add = proposal == nullptr ? nullptr : std::get_if<AddProposal>(proposal);
      if (add == nullptr) return Invalid("a new member may propose nothing but its Add");
      return add->key_package.leaf_node.signature_key;
    }
    case SenderType::kNewMemberCommit:
      if (!group.policy.accept_external_commits)
        return absl::PermissionDeniedError("the policy takes no external commits");
      if (commit == nullptr || !commit->path) return Invalid("external commit lacks its path");
      return commit->path->leaf_node.signature_key;
  }
  return Invalid("unknown sender type");
}

absl::StatusOr<Processed> AsProcessed(absl::StatusOr<StagedCommit> staged) {
  if (!staged.ok()) return std::move(staged).status();
  return Processed(*std::move(staged));
}

absl::StatusOr<Processed> ProcessPublic(GroupState& group, PublicMessage message,
                                        const Judge& judge, const PskStore* psks) {
  if (message.content.group_id != group.context.group_id)
    return absl::NotFoundError("message of another group");
  if (message.content.epoch != group.context.epoch)
    return absl::NotFoundError("handshake message of another epoch");
  const Bytes context = Encode(group.context);
  ASSIGN_OR_RETURN(AuthenticatedContent content,
                   UnprotectPublic(*group.suite, group.secrets.membership.bytes.view(), context,
                                   std::move(message)));
  ASSIGN_OR_RETURN(const Bytes key, SenderKey(group, content.content));
  ASSIGN_OR_RETURN(const VerifiedContent verified,
                   VerifyContent(*group.suite, key, context, std::move(content)));
  if (verified.content().sender == group.as_sender())
    return Processed(OwnMessage{group.context.epoch});
  if (verified.content().type() == ContentType::kCommit)
    return AsProcessed(TakeCommit(group, verified, judge, psks));
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
  RETURN_IF_ERROR(group.CheckAlive());
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
    return AsProcessed(TakeCommit(group, opened.verified, judge, psks));
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

}  // namespace plumbline::mls
