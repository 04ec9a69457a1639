// Official vectors messages, deserialization, message-protection and welcome.
#include <gtest/gtest.h>

#include "mls/framing.h"
#include "mls/transcript_hash.h"
#include "mls/tree/ratchet_tree.h"
#include "tests/mls/suite_vectors.h"
#include "tests/status_matchers.h"
#include "tests/vectors/vectors.h"

namespace plumbline::mls {
namespace {

using nlohmann::json;
using plumbline::testing::FromHex;

TEST(DeserializationVector, ReadsEveryLengthHeader) {
  LOAD_VECTORS_OR_SKIP(const json cases, "mls/deserialization.json.gz");
  for (const json& c : cases) {
    const Bytes wire = FromHex(c["vlbytes_header"]);
    Reader in(wire);
    ASSERT_OK_AND_ASSIGN(const uint32_t length, in.Varint());
    EXPECT_EQ(length, c["length"].get<uint32_t>());
    EXPECT_OK(in.Done());
    Writer out;
    out.Varint(length);
    EXPECT_EQ(out.TakeBytes(), wire);
  }
}

// Parses with `read`, which must take all of it, and gives what `write` makes of the result.
template <typename Read, typename Write>
Bytes Again(const Bytes& wire, Read read, Write write) {
  Reader in(wire);
  auto value = read(in);
  EXPECT_OK(value);
  EXPECT_OK(in.Done());
  if (!value.ok()) return {};
  Writer out;
  write(out, *value);
  return out.TakeBytes();
}

TEST(MessagesVector, EncodesEveryStructureAsItWas) {
  LOAD_VECTORS_OR_SKIP(const json cases, "mls/messages.json.gz");
  ASSERT_OK_AND_ASSIGN(const CipherSuite* suite, CipherSuite::Get(1));
  const std::map<std::string, ProposalKind> proposals = {
      {"add_proposal", ProposalKind::kAdd},
      {"update_proposal", ProposalKind::kUpdate},
      {"remove_proposal", ProposalKind::kRemove},
      {"pre_shared_key_proposal", ProposalKind::kPsk},
      {"re_init_proposal", ProposalKind::kReInit},
      {"external_init_proposal", ProposalKind::kExternalInit},
      {"group_context_extensions_proposal", ProposalKind::kGroupContextExtensions}};
  for (size_t i = 0; i < cases.size(); ++i) {
    for (const auto& [name, value] : cases[i].items()) {
      SCOPED_TRACE(std::to_string(i) + " " + name);
      const Bytes wire = FromHex(value);
      if (name == "ratchet_tree") {
        ASSERT_OK_AND_ASSIGN(const RatchetTree tree, RatchetTree::Parse(*suite, wire, 100'000));
        EXPECT_EQ(tree.Encode(), wire);
      } else if (name == "group_secrets") {
        ASSERT_OK_AND_ASSIGN(const GroupSecrets secrets, ParseGroupSecrets(wire));
        EXPECT_EQ(ToBytes(Encode(secrets).view()), wire);
      } else if (name == "commit") {
        EXPECT_EQ(Again(wire, ReadCommit, WriteCommit), wire);
      } else if (const auto kind = proposals.find(name); kind != proposals.end()) {
        EXPECT_EQ(Again(
                      wire, [&](Reader& in) { return ReadProposalBody(in, kind->second); },
                      WriteProposalBody),
                  wire);
      } else {
        ASSERT_OK_AND_ASSIGN(const MlsMessage message, ParseMlsMessage(wire));
        EXPECT_EQ(Encode(message), wire);
      }
    }
  }
}

GroupContext ContextOf(const CipherSuite& suite, const json& c) {
  return {static_cast<uint16_t>(suite.id()),
          FromHex(c["group_id"]),
          c["epoch"].get<uint64_t>(),
          FromHex(c["tree_hash"]),
          FromHex(c["confirmed_transcript_hash"]),
          {}};
}

Bytes ContentOf(const FramedContent& content) {
  Writer out;
  if (const auto* data = std::get_if<ApplicationData>(&content.content))
    out.Fixed(data->bytes.view());
  if (const auto* proposal = std::get_if<Proposal>(&content.content)) WriteProposal(out, *proposal);
  if (const auto* commit = std::get_if<Commit>(&content.content)) WriteCommit(out, *commit);
  return out.TakeBytes();
}

class Protection {
 public:
  Protection(const CipherSuite& suite, const json& c)
      : suite_(suite),
        case_(c),
        context_(Encode(ContextOf(suite, c))),
        sender_data_{Secret::CopyOf(FromHex(c["sender_data_secret"]))},
        signer_{Secret::CopyOf(FromHex(c["signature_priv"]))} {}

  SecretTree NewSecretTree() const {
    return SecretTree(suite_, LeafCount{2}, {Secret::CopyOf(FromHex(case_["encryption_secret"]))});
  }

  // Removes the protection and checks the signature.
  absl::StatusOr<VerifiedContent> Open(const Bytes& wire) const {
    ASSIGN_OR_RETURN(MlsMessage message, ParseMlsMessage(wire));
    AuthenticatedContent content;
    if (auto* open = std::get_if<PublicMessage>(&message.body)) {
      ASSIGN_OR_RETURN(content, UnprotectPublic(suite_, FromHex(case_["membership_key"]), context_,
                                                std::move(*open)));
    } else {
      const PrivateMessage& sealed = std::get<PrivateMessage>(message.body);
      ASSIGN_OR_RETURN(const SenderData sender, OpenSenderData(suite_, sender_data_, sealed));
      EXPECT_EQ(sender.leaf, LeafIndex{1});
      const SecretTree secret_tree = NewSecretTree();
      const bool application = sealed.content_type == ContentType::kApplication;
      ASSIGN_OR_RETURN(
          const SecretTree::Staged key,
          secret_tree.Stage(sender.leaf,
                            application ? RatchetType::kApplication : RatchetType::kHandshake,
                            sender.generation));
      ASSIGN_OR_RETURN(content, OpenPrivate(suite_, sender, key.key(), sealed));
    }
    return VerifyContent(suite_, FromHex(case_["signature_pub"]), context_, std::move(content));
  }

  // Protects anew what Open gave, as member 1.
  absl::StatusOr<Bytes> Protect(VerifiedContent verified) const {
    AuthenticatedContent content = std::move(verified).Take();
    RETURN_IF_ERROR(SignContent(suite_, signer_, context_, content));
    if (content.wire_format == WireFormat::kPublicMessage) {
      return Encode(MlsMessage{
          ProtectPublic(suite_, FromHex(case_["membership_key"]), context_, std::move(content))});
    }
    SecretTree secret_tree = NewSecretTree();
    const bool application = content.content.type() == ContentType::kApplication;
    ASSIGN_OR_RETURN(
        const MessageKey key,
        secret_tree.Next({1}, application ? RatchetType::kApplication : RatchetType::kHandshake));
    const SenderData sender{{1}, key.generation, {1, 2, 3, 4}};
    return Encode(MlsMessage{SealPrivate(suite_, sender_data_, sender, key.secrets, content,
                                         Padding{Padding::Kind::kBlock, 64})});
  }

 private:
  const CipherSuite& suite_;
  const json& case_;
  Bytes context_;
  SenderDataSecret sender_data_;
  SignaturePrivateKey signer_;
};

TEST(MessageProtectionVector, OpensVerifiesAndProtectsAgain) {
  LOAD_VECTORS_OR_SKIP(const json cases, "mls/message-protection.json.gz");
  ForEachSuite(cases, [](const CipherSuite& suite, const json& c) {
    const Protection protection(suite, c);
    const std::vector<std::pair<std::string, std::string>> messages = {
        {"proposal", "proposal_priv"},
        {"proposal", "proposal_pub"},
        {"commit", "commit_priv"},
        {"commit", "commit_pub"},
        {"application", "application_priv"}};
    for (const auto& [raw, wire] : messages) {
      SCOPED_TRACE(wire);
      ASSERT_OK_AND_ASSIGN(VerifiedContent content, protection.Open(FromHex(c[wire])));
      EXPECT_EQ(ContentOf(content.content()), FromHex(c[raw]));
      ASSERT_OK_AND_ASSIGN(const Bytes ours, protection.Protect(std::move(content)));
      ASSERT_OK_AND_ASSIGN(const VerifiedContent again, protection.Open(ours));
      EXPECT_EQ(ContentOf(again.content()), FromHex(c[raw]));
    }
  });
}

TEST(WelcomeVector, OpensAndConfirms) {
  LOAD_VECTORS_OR_SKIP(const json cases, "mls/welcome.json.gz");
  ForEachSuite(cases, [](const CipherSuite& suite, const json& c) {
    ASSERT_OK_AND_ASSIGN(const KeyPackage key_package,
                         ParseKeyPackageMessage(FromHex(c["key_package"])));
    ASSERT_OK_AND_ASSIGN(MlsMessage message, ParseMlsMessage(FromHex(c["welcome"])));
    const Welcome& welcome = std::get<Welcome>(message.body);
    const Bytes ref = KeyPackageRef(suite, key_package);
    const auto entry =
        std::find_if(welcome.secrets.begin(), welcome.secrets.end(),
                     [&](const EncryptedGroupSecrets& e) { return e.new_member == ref; });
    ASSERT_NE(entry, welcome.secrets.end());
    const HpkePrivateKey init{Secret::CopyOf(FromHex(c["init_priv"]))};
    ASSERT_OK_AND_ASSIGN(
        const Secret plain,
        suite.DecryptWithLabel(init, key_package.init_key, "Welcome", welcome.encrypted_group_info,
                               entry->encrypted_group_secrets));
    ASSERT_OK_AND_ASSIGN(GroupSecrets secrets, ParseGroupSecrets(plain.view()));
    EXPECT_TRUE(secrets.psks.empty());
    JoinerSecret joiner{std::move(secrets.joiner_secret)};
    const WelcomeKey key = DeriveWelcomeKey(suite, joiner, ZeroPskSecret(suite));
    ASSERT_OK_AND_ASSIGN(const Secret info_bytes, suite.Open(key.key.view(), key.nonce.view(), {},
                                                             welcome.encrypted_group_info));
    Reader in(info_bytes.view());
    ASSERT_OK_AND_ASSIGN(const GroupInfo info, ReadGroupInfo(in));
    EXPECT_OK(in.Done());
    EXPECT_OK(VerifyGroupInfo(suite, FromHex(c["signer_pub"]), info));
    const EpochSecrets epoch =
        DeriveEpochSecrets(suite, DeriveEpochSecret(suite, std::move(joiner), ZeroPskSecret(suite),
                                                    Encode(info.group_context)));
    EXPECT_OK(VerifyConfirmationTag(suite, epoch.confirmation,
                                    info.group_context.confirmed_transcript_hash,
                                    info.confirmation_tag));
  });
}

}  // namespace
}  // namespace plumbline::mls
