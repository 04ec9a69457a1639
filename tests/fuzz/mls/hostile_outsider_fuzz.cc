// Somebody who is no member says anything: an external sender, a client that asks to be added, or
// one that joins by itself. Signatures, key encapsulation, path and tag are made to fit, so that
// what stands between it and Alice is nothing but the rules for its content. She never crashes;
// what she refuses leaves no trace; what she accepts she can store, enter, and commit to herself.
#include <functional>
#include <utility>

#include "common/check.h"
#include "mls/epoch_change.h"
#include "mls/external.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mls/members.h"
#include "tests/fuzz/mls/published.h"

namespace plumbline::fuzz {
namespace {

using namespace mls;  // NOLINT: as a member from within, for want of an honest interface

// struct { SenderType sender; select (sender) {
//            case external: uint32 sender_index; Proposal proposal;
//            case new_member_proposal: Proposal proposal; case new_member_commit: Commit commit; };
//            }
struct Input {
  Sender sender;
  Content content;
};

absl::StatusOr<Input> ReadInput(ByteView input) {
  Reader in(input);
  Input out;
  ASSIGN_OR_RETURN(const uint8_t type, in.U8());
  out.sender.type = static_cast<SenderType>(type);
  if (out.sender.type == SenderType::kNewMemberCommit) {
    ASSIGN_OR_RETURN(Commit commit, ReadCommit(in));
    out.content = std::move(commit);
  } else if (out.sender.type == SenderType::kExternal ||
             out.sender.type == SenderType::kNewMemberProposal) {
    if (out.sender.type == SenderType::kExternal) {
      ASSIGN_OR_RETURN(out.sender.index, in.U32());
    }
    ASSIGN_OR_RETURN(Proposal proposal, ReadProposal(in));
    out.content = std::move(proposal);
  } else {
    return absl::InvalidArgumentError("no such sender outside");
  }
  RETURN_IF_ERROR(in.Done());
  return out;
}

const Person& Erin() {
  static const Person* const erin = new Person("erin");
  return *erin;
}

class Outsider {
 public:
  // `group`: what an outsider may learn of it, and the key to join by.
  explicit Outsider(const Group& group) : group_(GroupAccess::State(group)) {}

  Bytes Say(Input input) const {
    const Person& speaker = SpeakerOf(input.sender);
    std::optional<EpochInputs> next;
    if (auto* proposal = std::get_if<Proposal>(&input.content)) SignInner(*proposal);
    if (auto* commit = std::get_if<Commit>(&input.content)) next = Prepare(*commit);
    AuthenticatedContent content;
    content.wire_format = WireFormat::kPublicMessage;
    content.content.group_id = group_.context.group_id;
    content.content.epoch = group_.context.epoch;
    content.content.sender = input.sender;
    content.content.content = std::move(input.content);
    if (content.content.type() == ContentType::kCommit)
      content.auth.confirmation_tag = Bytes(suite().hash_size());
    const Bytes context = Encode(group_.context);
    CHECK(SignContent(suite(), speaker.key.private_key, context, content).ok());
    if (next) {
      const absl::StatusOr<NextEpoch> epoch = EnterEpoch(group_, *std::move(next), content);
      if (epoch.ok()) content.auth.confirmation_tag = epoch->state.confirmation_tag;
    }
    return Encode(MlsMessage{ProtectPublic(suite(), {}, context, std::move(content))});
  }

 private:
  const CipherSuite& suite() const { return *group_.suite; }
  static const Person& SpeakerOf(const Sender& sender) {
    if (sender.type == SenderType::kExternal) return TheWorld().service;
    return sender.type == SenderType::kNewMemberProposal ? Erin() : TheWorld().dave;
  }

  // The added client is Erin; the signatures inside have to be hers.
  void SignInner(Proposal& proposal) const {
    auto* const add = std::get_if<AddProposal>(&proposal);
    if (add == nullptr) return;
    KeyPackage& package = add->key_package;
    package.leaf_node.signature_key = Erin().key.public_key;
    CHECK(SignLeafNode(suite(), Erin().key.private_key, std::nullopt, package.leaf_node).ok());
    package.signature.clear();
    Writer unsigned_package;
    WriteKeyPackage(unsigned_package, package);  // ends in the empty signature's length
    package.signature =
        *suite().SignWithLabel(Erin().key.private_key, "KeyPackageTBS",
                               unsigned_package.view().first(unsigned_package.size() - 1));
  }

  // Fills in what only a joiner who follows the RFC has: the encapsulation, where the fuzzer left
  // it empty, and the path. Returns what the tag comes from: none if the joiner's own checks do not
  // let the proposals through, or if encapsulation or path are the fuzzer's.
  std::optional<EpochInputs> Prepare(Commit& commit) const {
    std::optional<InitSecret> init;
    std::vector<CommitProposal> list;
    for (ProposalOrRef& item : commit.proposals) {
      auto* const proposal = std::get_if<Proposal>(&item);
      if (proposal == nullptr) return std::nullopt;
      SignInner(*proposal);
      auto* const external = std::get_if<ExternalInitProposal>(proposal);
      if (external != nullptr && external->kem_output.empty()) {
        ExternalInit made = *MakeExternalInit(
            suite(), DeriveExternalKeyPair(suite(), group_.secrets.external).public_key);
        external->kem_output = std::move(made.kem_output);
        init = std::move(made.init);
      }
      list.push_back({*proposal, {SenderType::kNewMemberCommit, 0}, false, {}});
    }
    if (!commit.path || !CheckExternalProposalList(group_, list, judge_).ok()) return std::nullopt;
    absl::StatusOr<Provisional> next = ApplyProposals(group_, list);
    if (!next.ok()) return std::nullopt;
    absl::StatusOr<PskSecret> psk = ResolvePsks(nullptr, suite(), next->psks, &kTrusting);
    const LeafIndex joiner = PlaceJoiner(*next, commit.path->leaf_node);
    TreePrivate keys(joiner, {});
    CommitSecret secret = ZeroCommitSecret(suite());
    if (!commit.path->nodes.empty()) {
      FixPath(*commit.path, joiner, next->tree);
      return std::nullopt;
    }
    if (!MakePath(*commit.path, joiner, *next, keys, secret) || !psk.ok() || !init)
      return std::nullopt;
    return EpochInputs{std::move(next->tree), std::move(next->extensions),
                       std::move(keys),       CopyKey(TheWorld().dave.key),
                       *std::move(init),      std::move(secret),
                       *std::move(psk),       {}};
  }

  void SignAsDave(LeafNode& leaf, LeafIndex joiner) const {
    leaf.signature_key = TheWorld().dave.key.public_key;
    CHECK(SignLeafNode(suite(), TheWorld().dave.key.private_key,
                       LeafPosition{group_.context.group_id, joiner}, leaf)
              .ok());
  }

  bool MakePath(UpdatePath& path, LeafIndex joiner, Provisional& next, TreePrivate& keys,
                CommitSecret& secret) const {
    path.leaf_node.source = LeafNodeSource::kCommit;
    absl::StatusOr<NewPath> made = StartPath(next.tree, keys, path.leaf_node, [&](LeafNode& leaf) {
      SignAsDave(leaf, joiner);
      return absl::OkStatus();
    });
    if (!made.ok()) return false;
    absl::StatusOr<UpdatePath> sealed =
        SealPath(next.tree, *made, joiner, PathContext(group_, next.tree, next.extensions),
                 next.added_leaves);
    if (!sealed.ok()) return false;
    path = *std::move(sealed);
    secret = CommitSecret{std::move(made->path.commit_secret)};
    return true;
  }

  // The leaf carries the parent hash that belongs to the fuzzer's path.
  void FixPath(UpdatePath& path, LeafIndex joiner, RatchetTree tree) const {
    const std::vector<PathStep> steps = tree.FilteredDirectPath(joiner);
    std::vector<Bytes> keys;
    for (const UpdatePathNode& node : path.nodes) keys.push_back(node.encryption_key);
    if (keys.size() == steps.size()) path.leaf_node.parent_hash = tree.SetPath(joiner, steps, keys);
    SignAsDave(path.leaf_node, joiner);
  }

  const GroupState& group_;
  const Judge judge_{kTrusting, kNow};
};

// Alice commits to what she was told, and Carol, who was told the same, follows.
void CheckCommit(Group alice, ByteView proposal) {
  Group carol = TheWorld().carol_group.Clone();
  CHECK(CheckProcess(carol, proposal));
  CommitParams params;
  params.psks = &kTrusting;
  const absl::StatusOr<StagedCommit> staged = alice.Commit(std::move(params), kTrusting, kNow);
  if (staged.ok()) CHECK(CheckProcess(carol, staged->message));
}

// Whether Alice took it.
bool Deliver(ByteView input) {
  absl::StatusOr<Input> read = ReadInput(input);
  if (!read.ok()) return false;
  const World& world = TheWorld();
  FixRandomness(2);
  const bool is_proposal = std::holds_alternative<Proposal>(read->content);
  const Bytes message = Outsider(world.alice_group).Say(*std::move(read));
  Group alice = world.alice_group.Clone();
  if (!CheckProcess(alice, message)) return false;
  if (is_proposal) CheckCommit(std::move(alice), message);
  return true;
}

}  // namespace

void Fuzz(ByteView input) { Deliver(input); }

namespace {

Bytes Seed(SenderType type, const std::function<void(Writer&)>& body) {
  Writer out;
  out.U8(static_cast<uint8_t>(type));
  body(out);
  return out.TakeBytes();
}
Bytes ProposalSeed(SenderType type, const Proposal& proposal) {
  return Seed(type, [&](Writer& out) {
    if (type == SenderType::kExternal) out.U32(0);
    WriteProposal(out, proposal);
  });
}

}  // namespace

std::vector<Bytes> Seeds() {
  const KeyPackage erins = Erin().NewKeyPackage().key_package;
  PreSharedKeyId psk;
  psk.psk_id = {1};
  psk.psk_nonce = Bytes(32, 4);
  const std::vector<Proposal> proposals = {
      AddProposal{erins}, RemoveProposal{{2}}, PskProposal{psk}, ReInitProposal{{1}, 1, 1, {}},
      GroupContextExtensionsProposal{TheWorld().alice_group.group_context_extensions()}};
  std::vector<Bytes> seeds;
  for (const Proposal& proposal : proposals)
    seeds.push_back(ProposalSeed(SenderType::kExternal, proposal));
  seeds.push_back(ProposalSeed(SenderType::kNewMemberProposal, AddProposal{erins}));
  for (const Bytes& wire : TheWorld().messages) {
    MlsMessage message = *ParseMlsMessage(wire);
    auto* const open = std::get_if<PublicMessage>(&message.body);
    if (open == nullptr || open->content.sender.type != SenderType::kNewMemberCommit) continue;
    mls::Commit& commit = std::get<mls::Commit>(open->content.content);
    for (ProposalOrRef& item : commit.proposals) {
      auto* const proposal = std::get_if<Proposal>(&item);
      auto* const external =
          proposal == nullptr ? nullptr : std::get_if<ExternalInitProposal>(proposal);
      if (external != nullptr) external->kem_output.clear();
    }
    const bool resync = commit.path->leaf_node.credential != TheWorld().dave.credential;
    for (const bool honest : {false, true}) {
      if (honest) commit.path->nodes.clear();
      seeds.push_back(
          Seed(SenderType::kNewMemberCommit, [&](Writer& out) { WriteCommit(out, commit); }));
      // A join that follows the rules is taken; Bob's place is not Dave's, who signs here.
      if (!resync) CHECK(Deliver(seeds.back()) == honest);
    }
  }
  for (const Bytes& seed : seeds) {
    if (seed[0] != static_cast<uint8_t>(SenderType::kNewMemberCommit)) CHECK(Deliver(seed));
  }
  return seeds;
}

absl::StatusOr<std::vector<Bytes>> PublishedSeeds() {
  ASSIGN_OR_RETURN(const PublishedMls published, ReadPublishedMls());
  std::vector<Bytes> seeds;
  for (const Bytes& wire : published.proposals) {
    seeds.push_back(Seed(SenderType::kExternal, [&](Writer& out) { out.U32(0).Fixed(wire); }));
    seeds.push_back(Seed(SenderType::kNewMemberProposal, [&](Writer& out) { out.Fixed(wire); }));
  }
  for (const Bytes& wire : published.commits)
    seeds.push_back(Seed(SenderType::kNewMemberCommit, [&](Writer& out) { out.Fixed(wire); }));
  return seeds;
}

}  // namespace plumbline::fuzz
