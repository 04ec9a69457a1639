// Bob, a member, says anything: the fuzzer writes a proposal or commit, and signatures, tags and
// parent hashes are made to fit, so that what stands between it and Alice is nothing but the rules
// for its content. She never crashes; what she refuses leaves no trace; what she accepts she can
// store, enter, and commit to herself.
#include <algorithm>
#include <utility>

#include "common/check.h"
#include "mls/epoch_change.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mls/members.h"
#include "tests/fuzz/mls/published.h"

namespace plumbline::fuzz {
namespace {

using namespace mls;  // NOLINT: a member from within

struct Input {
  bool is_private = false;
  Content content;
};

// struct { uint8 private; ContentType type; select (type) { as in FramedContent }; }
absl::StatusOr<Input> ReadInput(ByteView input) {
  Reader in(input);
  Input out;
  ASSIGN_OR_RETURN(out.is_private, in.Present());
  ASSIGN_OR_RETURN(const uint8_t type, in.U8());
  if (type == 1) {
    out.content = ApplicationData{Secret::CopyOf(in.rest())};
    return out;
  }
  if (type == 2) {
    ASSIGN_OR_RETURN(Proposal proposal, ReadProposal(in));
    out.content = std::move(proposal);
  } else if (type == 3) {
    ASSIGN_OR_RETURN(Commit commit, ReadCommit(in));
    out.content = std::move(commit);
  } else {
    return absl::InvalidArgumentError("no such content");
  }
  RETURN_IF_ERROR(in.Done());
  return out;
}

class Liar {
 public:
  explicit Liar(Group bob) : bob_(std::move(bob)) {}

  // The message; none if not even a liar can make it.
  std::optional<Bytes> Say(Input input) {
    if (!input.is_private && std::holds_alternative<ApplicationData>(input.content))
      return std::nullopt;
    if (auto* proposal = std::get_if<Proposal>(&input.content)) SignInner(*proposal);
    std::optional<EpochInputs> next;
    auto* const commit = std::get_if<Commit>(&input.content);
    if (commit != nullptr) next = Prepare(*commit);
    AuthenticatedContent content = NewContent(
        state(), input.is_private ? WireFormat::kPrivateMessage : WireFormat::kPublicMessage,
        AsBytes("data"), std::move(input.content));
    if (content.content.type() == ContentType::kCommit)
      content.auth.confirmation_tag = Bytes(suite().hash_size());
    CHECK(SignContent(suite(), state().signature_key, Encode(state().context), content).ok());
    if (next) {
      const absl::StatusOr<NextEpoch> epoch =
          EnterEpoch(state(), *std::move(next), content);
      if (epoch.ok()) content.auth.confirmation_tag = epoch->state.confirmation_tag;
    }
    absl::StatusOr<MlsMessage> message = Protect(state(), std::move(content), {});
    CHECK(message.ok());
    return Encode(*message);
  }

 private:
  GroupState& state() { return GroupAccess::State(bob_); }
  const CipherSuite& suite() { return *state().suite; }
  const Judge judge_{kTrusting, kNow};

  void SignLeaf(LeafNode& leaf, const SignaturePrivateKey& key,
                const std::optional<LeafPosition>& position) {
    CHECK(SignLeafNode(suite(), key, position, leaf).ok());
  }

  // An added client is Erin, an updated leaf Bob's own: the signatures inside have to be theirs.
  void SignInner(Proposal& proposal) {
    static const SignatureKeyPair* const erin = new SignatureKeyPair(Person("erin").key);
    if (auto* add = std::get_if<AddProposal>(&proposal)) {
      KeyPackage& package = add->key_package;
      package.leaf_node.signature_key = erin->public_key;
      SignLeaf(package.leaf_node, erin->private_key, std::nullopt);
      package.signature.clear();
      Writer unsigned_package;
      WriteKeyPackage(unsigned_package, package);  // ends in the empty signature's length
      package.signature =
          *suite().SignWithLabel(erin->private_key, "KeyPackageTBS",
                                 unsigned_package.view().first(unsigned_package.size() - 1));
    }
    if (auto* update = std::get_if<UpdateProposal>(&proposal)) SignAsBob(update->leaf_node);
  }
  void SignAsBob(LeafNode& leaf) {
    leaf.signature_key = state().tree.leaf(state().own())->signature_key;
    SignLeaf(leaf, state().signature_key, LeafPosition{state().context.group_id, state().own()});
  }

  // Makes the commit's inner signatures and its path fit, and returns what its tag comes from: none
  // if Bob's own checks do not let its proposals through, or if the path is the fuzzer's, whose
  // secrets nobody knows.
  std::optional<EpochInputs> Prepare(Commit& commit) {
    std::optional<Provisional> next;
    const std::vector<CommitProposal> list = ListOf(commit);
    if (list.size() == commit.proposals.size() &&
        CheckProposalList(state(), list, state().own(), judge_).ok()) {
      absl::StatusOr<Provisional> applied = ApplyProposals(state(), list);
      if (applied.ok()) next = *std::move(applied);
    }
    TreePrivate keys = state().keys.Clone();
    CommitSecret secret = ZeroCommitSecret(suite());
    if (commit.path && next && commit.path->nodes.empty()) {
      if (!MakePath(*commit.path, *next, keys, secret)) return std::nullopt;
    } else if (commit.path) {
      FixPath(*commit.path, next ? next->tree : state().tree);
      return std::nullopt;
    }
    if (!next) return std::nullopt;
    absl::StatusOr<PskSecret> psk = ResolvePsks(&state(), suite(), next->psks, &kTrusting);
    if (!psk.ok()) return std::nullopt;
    return EpochInputs{std::move(next->tree),
                       std::move(next->extensions),
                       std::move(keys),
                       CopyOf(state().signature_key),
                       NextInit(state()),
                       std::move(secret),
                       *std::move(psk),
                       std::move(next->reinit)};
  }

  // The proposals that the commit means, with the signatures in them; short of those that are not
  // known.
  std::vector<CommitProposal> ListOf(Commit& commit) {
    std::vector<CommitProposal> list;
    const std::vector<StoredProposal>& known = state().proposals.list();
    for (ProposalOrRef& item : commit.proposals) {
      if (auto* proposal = std::get_if<Proposal>(&item)) {
        SignInner(*proposal);
        list.push_back({*proposal, state().as_sender(), false, {}});
        continue;
      }
      ProposalRef& ref = std::get<ProposalRef>(item);
      // A short reference counts the pending proposals.
      if (ref.value.size() == 1 && ref.value[0] < known.size()) ref = known[ref.value[0]].ref;
      const auto found =
          std::find_if(known.begin(), known.end(),
                       [&](const StoredProposal& stored) { return stored.ref == ref; });
      if (found != known.end()) list.push_back({found->proposal, found->sender, true, ref});
    }
    return list;
  }

  // A whole path above the fuzzer's leaf.
  bool MakePath(UpdatePath& path, Provisional& next, TreePrivate& keys, CommitSecret& secret) {
    path.leaf_node.source = LeafNodeSource::kCommit;
    absl::StatusOr<NewPath> made = StartPath(next.tree, keys, path.leaf_node, [&](LeafNode& leaf) {
      SignAsBob(leaf);
      return absl::OkStatus();
    });
    if (!made.ok()) return false;
    absl::StatusOr<UpdatePath> sealed =
        SealPath(next.tree, *made, state().own(), PathContext(state(), next.tree, next.extensions),
                 next.added_leaves);
    if (!sealed.ok()) return false;
    path = *std::move(sealed);
    secret = CommitSecret{std::move(made->path.commit_secret)};
    return true;
  }

  // The leaf carries the parent hash that belongs to the fuzzer's path.
  void FixPath(UpdatePath& path, RatchetTree tree) {
    if (tree.leaf(state().own()) == nullptr) return;
    const std::vector<PathStep> steps = tree.FilteredDirectPath(state().own());
    std::vector<Bytes> keys;
    for (const UpdatePathNode& node : path.nodes) keys.push_back(node.encryption_key);
    if (keys.size() == steps.size())
      path.leaf_node.parent_hash = tree.SetPath(state().own(), steps, keys);
    SignAsBob(path.leaf_node);
  }

  Group bob_;
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
  const std::optional<Bytes> message = Liar(world.bob_group.Clone()).Say(*std::move(read));
  if (!message) return false;
  Group alice = world.alice_group.Clone();
  if (!CheckProcess(alice, *message)) return false;
  if (is_proposal) CheckCommit(std::move(alice), *message);
  return true;
}

}  // namespace

void Fuzz(ByteView input) { Deliver(input); }

namespace {

Bytes Seed(bool is_private, ContentType type, const std::function<void(Writer&)>& body) {
  Writer out;
  out.Present(is_private).U8(static_cast<uint8_t>(type));
  body(out);
  return out.TakeBytes();
}

Proposal Psk() {
  PreSharedKeyId id;
  id.psk_id = {1};
  id.psk_nonce = Bytes(32, 4);
  return PskProposal{id};
}

}  // namespace

std::vector<Bytes> Seeds() {
  std::vector<Bytes> seeds = {
      Seed(true, ContentType::kApplication, [](Writer& out) { out.U8(7); })};
  std::vector<Proposal> proposals = {Psk(),
                                     RemoveProposal{{2}},
                                     RemoveProposal{{0}},
                                     ReInitProposal{{1}, 1, 1, {}},
                                     GroupContextExtensionsProposal{{}},
                                     ExternalInitProposal{Bytes(32, 9)}};
  std::vector<mls::Commit> commits;
  for (const Bytes& wire : TheWorld().messages) {
    MlsMessage message = *ParseMlsMessage(wire);
    auto* open = std::get_if<PublicMessage>(&message.body);
    if (open == nullptr || open->content.sender.type != SenderType::kMember) continue;
    if (auto* proposal = std::get_if<Proposal>(&open->content.content))
      proposals.push_back(*proposal);
    auto* commit = std::get_if<mls::Commit>(&open->content.content);
    if (commit == nullptr) continue;
    commits.push_back(*commit);
    if (commit->path) commit->path->nodes.clear();  // one that Bob makes
    commits.push_back(*commit);
  }
  for (const Proposal& proposal : proposals) {
    seeds.push_back(
        Seed(false, ContentType::kProposal, [&](Writer& out) { WriteProposal(out, proposal); }));
    commits.push_back({{proposal}, std::nullopt});
  }
  commits.push_back({{ProposalRef{{0}}}, std::nullopt});
  commits.push_back({{ProposalRef{{0}}, ProposalRef{{1}}}, commits[1].path});
  for (const mls::Commit& commit : commits) {
    for (const bool is_private : {false, true}) {
      seeds.push_back(
          Seed(is_private, ContentType::kCommit, [&](Writer& out) { WriteCommit(out, commit); }));
      if (commit.path && commit.path->nodes.empty()) CHECK(Deliver(seeds.back()));
    }
  }
  return seeds;
}

absl::StatusOr<std::vector<Bytes>> PublishedSeeds() {
  ASSIGN_OR_RETURN(const PublishedMls published, ReadPublishedMls());
  std::vector<Bytes> seeds;
  for (const Bytes& wire : published.proposals)
    seeds.push_back(Seed(false, ContentType::kProposal, [&](Writer& out) { out.Fixed(wire); }));
  for (const Bytes& wire : published.commits)
    seeds.push_back(Seed(false, ContentType::kCommit, [&](Writer& out) { out.Fixed(wire); }));
  return seeds;
}

}  // namespace plumbline::fuzz
