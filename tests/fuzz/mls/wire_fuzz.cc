// Everything that MLS puts on the wire, alone: what a parser accepts is written back byte for byte.
#include "common/check.h"
#include "mls/external.h"
#include "mls/tree/ratchet_tree.h"
#include "mls/tree/tree_validation.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mls/members.h"
#include "tests/fuzz/mls/published.h"

namespace plumbline::fuzz {
namespace {

using namespace mls;  // NOLINT: a list of its functions

enum Kind : uint8_t {
  kMessage,
  kAuthenticated,
  kLeaf,
  kPackage,
  kTree,
  kInfo,
  kSecrets,
  kProposal,
  kCommit,
  kPath,
  kContext,
  kExtensions,
  kRequired,
  kWelcome,
  kSenders,
  kExternalPub,
  kInfoMessage,
  kKinds
};

// `read` takes a prefix; `write` makes the same bytes of what it gave.
template <typename Read, typename Write>
void RoundTrip(ByteView input, Read read, Write write) {
  Reader in(input);
  const auto value = read(in);
  if (!value.ok()) return;
  Writer out;
  write(out, *value);
  CHECK(Equal(out.view(), input.first(input.size() - in.rest().size())));
}

void FuzzMessage(ByteView input) {
  const absl::StatusOr<MlsMessage> message = ParseMlsMessage(input);
  if (!message.ok()) return;
  CHECK(Equal(Encode(*message), input));
  if (const auto* package = std::get_if<KeyPackage>(&message->body)) {
    CHECK(EncodeKeyPackageMessage(*ParseKeyPackageMessage(input)) == ToBytes(input));
    (void)ValidateKeyPackage(*package, kNow).ok();
  }
}

// Nothing but what was signed verifies.
void CheckLeaf(const LeafNode& leaf) {
  const CipherSuite& suite = **CipherSuite::Get(1);
  (void)CheckLeafNodeAlone(suite, leaf).ok();
  (void)CheckLeafNodeSupports(leaf, leaf.extensions).ok();
  (void)VerifyLeafNodeSignature(suite, leaf, LeafPosition{AsBytes("id"), {3}}).ok();
}

void FuzzTree(ByteView input) {
  const absl::StatusOr<RatchetTree> tree = RatchetTree::Parse(**CipherSuite::Get(1), input, 1000);
  if (!tree.ok()) return;
  CHECK(Equal(tree->Encode(), input));
  (void)tree->RootHash();
  (void)CheckUnmergedLeaves(*tree).ok();
  if (!CheckTreeStructure(*tree).ok()) return;
  for (uint32_t i = 0; i < tree->leaf_count().value; ++i) (void)tree->FilteredDirectPath({i});
  (void)tree->Resolution(tree->root());
  RatchetTree changed = *tree;
  changed.Add(*tree->leaf(LeafIndex{[&] {
    uint32_t i = 0;
    while (tree->leaf({i}) == nullptr) ++i;
    return i;
  }()}));
  for (uint32_t i = 0; i < changed.leaf_count().value && changed.member_count() > 1; ++i) {
    if (changed.leaf({i}) != nullptr) changed.Remove({i});
  }
}

}  // namespace

// The first byte says what the rest is.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  const ByteView wire = input.subspan(1);
  switch (input[0]) {
    case kMessage:
      return FuzzMessage(wire);
    case kAuthenticated:
      if (const auto content = ParseAuthenticatedContent(wire); content.ok())
        CHECK(Equal(Encode(*content), wire));
      return;
    case kLeaf:
      return RoundTrip(wire, ReadLeafNode, [](Writer& out, const LeafNode& leaf) {
        CheckLeaf(leaf);
        WriteLeafNode(out, leaf);
      });
    case kPackage:
      return RoundTrip(wire, ReadKeyPackage, WriteKeyPackage);
    case kTree:
      return FuzzTree(wire);
    case kInfo:
      return RoundTrip(wire, ReadGroupInfo, WriteGroupInfo);
    case kSecrets:
      if (const auto secrets = ParseGroupSecrets(wire); secrets.ok())
        CHECK(Equal(Encode(*secrets).view(), wire));
      return;
    case kProposal:
      return RoundTrip(wire, ReadProposal, WriteProposal);
    case kCommit:
      return RoundTrip(wire, ReadCommit, WriteCommit);
    case kPath:
      return RoundTrip(wire, ReadUpdatePath, WriteUpdatePath);
    case kContext:
      return RoundTrip(wire, ReadGroupContext, WriteGroupContext);
    case kExtensions:
      return RoundTrip(wire, ReadExtensions, WriteExtensions);
    case kRequired:
      if (const auto data = ParseRequiredCapabilities(wire); data.ok())
        CHECK(Equal(Encode(*data), wire));
      return;
    case kWelcome:
      (void)Group::WelcomeKeyPackageRefs(wire).ok();
      return RoundTrip(wire, ReadWelcome, WriteWelcome);
    case kSenders:
      if (const auto senders = ParseExternalSenders(wire); senders.ok())
        CHECK(Equal(EncodeExternalSenders(*senders), wire));
      return;
    case kExternalPub:
      if (const auto key = ParseExternalPub(wire); key.ok())
        CHECK(Equal(EncodeExternalPub(*key), wire));
      return;
    case kInfoMessage:
      (void)ParseGroupInfoMessage(wire).ok();
      return;
    default:
      return;
  }
}

namespace {

class SeedList {
 public:
  template <typename T>
  void Add(Kind kind, void (*write)(Writer&, const T&), const T& value) {
    Writer out;
    out.U8(kind);
    write(out, value);
    seeds.push_back(out.TakeBytes());
  }
  void Add(Kind kind, ByteView wire) { seeds.push_back(Concat({Bytes{kind}, wire})); }
  std::vector<Bytes> seeds;
};

void AddPublic(SeedList& out, const PublicMessage& message) {
  out.Add(kAuthenticated, Encode(AuthenticatedContent{WireFormat::kPublicMessage,
                                                      {message.content.group_id,
                                                       message.content.epoch,
                                                       message.content.sender,
                                                       {},
                                                       std::get<1>(message.content.content)},
                                                      message.auth}));
}

void AddContents(SeedList& out, ByteView wire) {
  MlsMessage message = *ParseMlsMessage(wire);
  const auto* open = std::get_if<PublicMessage>(&message.body);
  if (open == nullptr) return;
  if (const auto* proposal = std::get_if<Proposal>(&open->content.content)) {
    out.Add(kProposal, WriteProposal, *proposal);
    AddPublic(out, *open);
  }
  if (const auto* commit = std::get_if<Commit>(&open->content.content)) {
    out.Add(kCommit, WriteCommit, *commit);
    if (commit->path) out.Add(kPath, WriteUpdatePath, *commit->path);
  }
}

GroupInfo SampleInfo(const World& world) {
  GroupInfo info;
  info.group_context = {1,
                        world.alice_group.group_id(),
                        3,
                        world.alice_group.TreeHash(),
                        Bytes(32, 2),
                        {{0xF0A2, {1}}}};
  info.extensions = {{kExtensionRatchetTree, world.alice_group.EncodedTree()}};
  info.confirmation_tag = Bytes(32, 3);
  CHECK(SignGroupInfo(**CipherSuite::Get(1), world.alice.key.private_key, info).ok());
  return info;
}

PreSharedKeyId ResumptionId() {
  PreSharedKeyId id;
  id.type = PskType::kResumption;
  id.psk_group_id = {1};
  id.psk_nonce = Bytes(32, 1);
  return id;
}

}  // namespace

std::vector<Bytes> Seeds() {
  const World& world = TheWorld();
  SeedList out;
  for (const Bytes& message : world.messages) {
    out.Add(kMessage, message);
    AddContents(out, message);
  }
  const KeyPackage& package = world.dave_bundle.key_package;
  const GroupInfo info = SampleInfo(world);
  out.Add(kMessage, world.welcome);
  out.Add(kMessage, EncodeKeyPackageMessage(package));
  out.Add(kMessage, Encode(MlsMessage{info}));
  out.Add(kLeaf, WriteLeafNode, package.leaf_node);
  out.Add(kLeaf, WriteLeafNode, world.alice_group.own_leaf_node());
  out.Add(kPackage, WriteKeyPackage, package);
  out.Add(kTree, world.alice_group.EncodedTree());
  out.Add(kInfo, WriteGroupInfo, info);
  out.Add(kSecrets, Encode(GroupSecrets{Secret(32), Secret(32), {ResumptionId()}}).view());
  out.Add<Proposal>(kProposal, WriteProposal, PskProposal{ResumptionId()});
  out.Add<Proposal>(kProposal, WriteProposal, ReInitProposal{{1, 2}, 1, 1, {{0xF0A2, {1}}}});
  out.Add<Proposal>(kProposal, WriteProposal, ExternalInitProposal{Bytes(32, 1)});
  out.Add<Proposal>(kProposal, WriteProposal, GroupContextExtensionsProposal{{{0xF0A2, {1}}}});
  out.Add(kContext, WriteGroupContext, info.group_context);
  out.Add(kExtensions, WriteExtensions, info.extensions);
  out.Add(kRequired, Encode(RequiredCapabilities{{0xF0A1, 0xF0A2}, {8}, {1, 2}}));
  out.Add(kWelcome, WriteWelcome, std::get<Welcome>(ParseMlsMessage(world.welcome)->body));
  return out.seeds;
}

namespace {

// A published message, and each structure in it alone.
void AddPublished(SeedList& out, ByteView wire) {
  out.Add(kMessage, wire);
  const absl::StatusOr<MlsMessage> message = ParseMlsMessage(wire);
  if (!message.ok()) return;
  AddContents(out, wire);
  if (const auto* package = std::get_if<KeyPackage>(&message->body)) {
    out.Add(kPackage, WriteKeyPackage, *package);
    out.Add(kLeaf, WriteLeafNode, package->leaf_node);
  }
  if (const auto* welcome = std::get_if<Welcome>(&message->body))
    out.Add(kWelcome, WriteWelcome, *welcome);
  if (const auto* info = std::get_if<GroupInfo>(&message->body)) {
    out.Add(kInfo, WriteGroupInfo, *info);
    out.Add(kContext, WriteGroupContext, info->group_context);
    out.Add(kExtensions, WriteExtensions, info->extensions);
  }
}

}  // namespace

absl::StatusOr<std::vector<Bytes>> PublishedSeeds() {
  ASSIGN_OR_RETURN(const PublishedMls published, ReadPublishedMls());
  SeedList out;
  for (const Bytes& wire : published.messages) AddPublished(out, wire);
  for (const Bytes& wire : published.authenticated) out.Add(kAuthenticated, wire);
  for (const Bytes& wire : published.trees) out.Add(kTree, wire);
  for (const Bytes& wire : published.secrets) out.Add(kSecrets, wire);
  for (const Bytes& wire : published.proposals) out.Add(kProposal, wire);
  for (const Bytes& wire : published.commits) out.Add(kCommit, wire);
  for (const Bytes& wire : published.paths) out.Add(kPath, wire);
  return std::move(out.seeds);
}

}  // namespace plumbline::fuzz
