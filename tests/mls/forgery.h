// A member that breaks the rules: messages with valid signatures and tags around content no honest
// member makes.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "mls/epoch_change.h"
#include "mls/transcript_hash.h"
#include "tests/mls/clients.h"

namespace plumbline::mls {

class Forger {
 public:
  explicit Forger(Group& group) : group_(group) {}

  GroupState& state() const { return GroupAccess::State(group_); }
  const CipherSuite& suite() const { return *state().suite; }
  Bytes context() const { return Encode(state().context); }

  // Signed content of ours as a message; `change` runs before the signature, `after` between
  // signature and protection.
  using Change = std::function<void(AuthenticatedContent&)>;
  Bytes Message(Content content, WireFormat format = WireFormat::kPublicMessage,
                const Change& change = nullptr, const Change& after = nullptr) {
    AuthenticatedContent out = NewContent(state(), format, {}, std::move(content));
    if (out.content.type() == ContentType::kCommit)
      out.auth.confirmation_tag = Bytes(suite().hash_size());
    if (change) change(out);
    EXPECT_OK(SignContent(suite(), state().signature_key, context(), out));
    if (after) after(out);
    absl::StatusOr<MlsMessage> message = Protect(state(), std::move(out), {});
    EXPECT_OK(message);
    return Encode(*message);
  }

  Bytes Proposing(Proposal proposal) { return Message(std::move(proposal)); }

  // A commit to `proposals` by value without a path; its tag is wrong, so only earlier rules can be
  // seen.
  Bytes Committing(std::vector<Proposal> proposals) {
    Commit commit;
    for (Proposal& proposal : proposals) commit.proposals.emplace_back(std::move(proposal));
    return Message(std::move(commit));
  }

  // A commit with a path, valid but for what the three hooks do to leaf, path and tag.
  struct PathHooks {
    std::function<void(LeafNode&)> leaf;    // before it is signed
    std::function<void(UpdatePath&)> path;  // after encryption
    std::function<void(Bytes&)> tag;
    std::function<void(RatchetTree&)> tree;  // before the path is made
    WireFormat format = WireFormat::kPublicMessage;
    std::function<void(StagedGroup)> next;  // where it leads those who follow
  };
  Bytes CommittingWithPath(std::vector<Proposal> proposals, const PathHooks& hooks) {
    std::vector<CommitProposal> list;
    for (const Proposal& proposal : proposals)
      list.push_back({proposal, state().as_sender(), false, {}});
    absl::StatusOr<Provisional> next = ApplyProposals(state(), list);
    EXPECT_OK(next);
    if (hooks.tree) hooks.tree(next->tree);
    TreePrivate keys = state().keys.Clone();
    LeafNode leaf = *next->tree.leaf(state().own());
    leaf.lifetime = {};
    const auto sign = [&](LeafNode& ready) {
      if (hooks.leaf) hooks.leaf(ready);
      return SignLeafNode(suite(), state().signature_key,
                          LeafPosition{state().context.group_id, state().own()}, ready);
    };
    absl::StatusOr<NewPath> path = StartPath(next->tree, keys, std::move(leaf), sign);
    EXPECT_OK(path);
    Commit commit;
    for (Proposal& proposal : proposals) commit.proposals.emplace_back(std::move(proposal));
    absl::StatusOr<UpdatePath> update =
        SealPath(next->tree, *path, state().own(),
                 PathContext(state(), next->tree, next->extensions), next->added_leaves);
    EXPECT_OK(update);
    if (hooks.path) hooks.path(*update);
    commit.path = *std::move(update);
    EpochInputs inputs{next->tree,
                       next->extensions,
                       std::move(keys),
                       CopyOf(state().signature_key),
                       NextInit(state()),
                       CommitSecret{std::move(path->path.commit_secret)},
                       ZeroPskSecret(suite()),
                       {}};
    return Message(
        std::move(commit), hooks.format, nullptr, [&](AuthenticatedContent& content) {
          absl::StatusOr<NextEpoch> epoch = EnterEpoch(state(), std::move(inputs), content);
          if (!epoch.ok()) return;  // a leaf so wrong that the receiver never comes to the tag
          content.auth.confirmation_tag = epoch->state.confirmation_tag;
          if (hooks.tag) hooks.tag(content.auth.confirmation_tag);
          if (hooks.next)
            hooks.next(GroupAccess::Make<StagedGroup>(std::move(epoch->state), GroupStage::kStaged));
        });
  }

 private:
  Group& group_;
};

// A client outside that breaks the rules of external commits; it sees what a member of the group
// sees.
class JoinForger {
 public:
  JoinForger(const Group& group, const Client& client)
      : state_(GroupAccess::State(group)), client_(client) {}

  struct Hooks {
    std::function<void(LeafNode&)> leaf;  // before it is signed
    std::function<void(UpdatePath&)> path;
    std::function<void(mls::Commit&)> commit;
    std::function<void(AuthenticatedContent&)> content;  // before it is signed
    std::function<void(Bytes&)> tag;
  };
  Bytes Joining(std::vector<Proposal> proposals, const Hooks& hooks = {}, int inits = 1) const {
    const CipherSuite& suite = *state_.suite;
    absl::StatusOr<ExternalInit> init =
        MakeExternalInit(suite, DeriveExternalKeyPair(suite, state_.secrets.external).public_key);
    EXPECT_OK(init);
    for (int i = 0; i < inits; ++i)
      proposals.insert(proposals.begin(), ExternalInitProposal{init->kem_output});
    std::vector<CommitProposal> list;
    mls::Commit commit;
    for (const Proposal& proposal : proposals) {
      list.push_back({proposal, {SenderType::kNewMemberCommit, 0}, false, {}});
      commit.proposals.emplace_back(proposal);
    }
    Provisional next{state_.tree, state_.context.extensions, {}, {}, {}, {}, {}, {}, false, {}, {}};
    if (CheckExternalProposalList(state_, list, Judge{kTrusting, kNow}).ok())
      next = *ApplyProposals(state_, list);  // otherwise the receiver never comes to the path
    LeafNode leaf;
    leaf.signature_key = client_.signature_key.public_key;
    leaf.credential = client_.credential();
    leaf.capabilities = Capabilities::Default();
    const LeafIndex joiner = PlaceJoiner(next, leaf);
    TreePrivate keys(joiner, {});
    const auto sign = [&](LeafNode& ready) {
      if (hooks.leaf) hooks.leaf(ready);
      return SignLeafNode(suite, client_.signature_key.private_key,
                          LeafPosition{state_.context.group_id, joiner}, ready);
    };
    absl::StatusOr<NewPath> path = StartPath(next.tree, keys, std::move(leaf), sign);
    EXPECT_OK(path);
    commit.path =
        *SealPath(next.tree, *path, joiner, PathContext(state_, next.tree, next.extensions), {});
    if (hooks.path) hooks.path(*commit.path);
    if (hooks.commit) hooks.commit(commit);
    AuthenticatedContent content = NewContent(state_, WireFormat::kPublicMessage, {}, commit);
    content.content.sender = {SenderType::kNewMemberCommit, 0};
    if (hooks.content) hooks.content(content);
    const Bytes context = Encode(state_.context);
    EXPECT_OK(SignContent(suite, client_.signature_key.private_key, context, content));
    EpochInputs inputs{next.tree,
                       next.extensions,
                       std::move(keys),
                       CopyKey(client_.signature_key),
                       std::move(init->init),
                       CommitSecret{std::move(path->path.commit_secret)},
                       ZeroPskSecret(suite),
                       {}};
    absl::StatusOr<NextEpoch> epoch = EnterEpoch(state_, std::move(inputs), content);
    content.auth.confirmation_tag =
        epoch.ok() ? epoch->state.confirmation_tag : Bytes(suite.hash_size());
    if (hooks.tag) hooks.tag(content.auth.confirmation_tag);
    return Encode(MlsMessage{ProtectPublic(suite, {}, context, std::move(content))});
  }

 private:
  const GroupState& state_;
  const Client& client_;
};

// Opens a Welcome with its receiver's keys, lets `change` alter what is inside, signs it as
// `signer` and closes it.
struct WelcomeParts {
  GroupInfo info;
  GroupSecrets secrets;
  Bytes extra;  // bytes after the GroupInfo
};
inline Bytes RewriteWelcome(ByteView wire, const KeyPackageBundle& bundle, const Client& signer,
                            const std::function<void(WelcomeParts&)>& change, bool sign = true) {
  MlsMessage message = *ParseMlsMessage(wire);
  Welcome& welcome = std::get<Welcome>(message.body);
  const CipherSuite& suite = **CipherSuite::Get(welcome.cipher_suite);
  const HpkePrivateKey& init = bundle.init_private_key;
  const Secret plain = *suite.DecryptWithLabel(init, bundle.key_package.init_key, "Welcome",
                                               welcome.encrypted_group_info,
                                               welcome.secrets.at(0).encrypted_group_secrets);
  WelcomeParts parts{{}, *ParseGroupSecrets(plain.view()), {}};
  const auto key = [&] {
    return DeriveWelcomeKey(suite, JoinerSecret{Secret::CopyOf(parts.secrets.joiner_secret.view())},
                            ZeroPskSecret(suite));
  };
  const WelcomeKey old_key = key();
  const Secret info =
      *suite.Open(old_key.key.view(), old_key.nonce.view(), {}, welcome.encrypted_group_info);
  Reader in(info.view());
  parts.info = *ReadGroupInfo(in);
  change(parts);
  const absl::Status signed_again =
      sign ? SignGroupInfo(suite, signer.signature_key.private_key, parts.info) : absl::OkStatus();
  EXPECT_OK(signed_again);
  Writer out;
  WriteGroupInfo(out, parts.info);
  out.Fixed(parts.extra);
  const WelcomeKey new_key = key();
  welcome.encrypted_group_info =
      suite.Seal(new_key.key.view(), new_key.nonce.view(), {}, out.view());
  welcome.secrets[0].encrypted_group_secrets =
      *suite.EncryptWithLabel(bundle.key_package.init_key, "Welcome", welcome.encrypted_group_info,
                              Encode(parts.secrets).view());
  return Encode(message);
}

}  // namespace plumbline::mls
