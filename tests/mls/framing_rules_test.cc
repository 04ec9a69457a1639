// What protects messages of a group (RFC 9420 §6): every rule, broken once by a member who can
// sign.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mls/group.h"
#include "mls/message_header.h"
#include "tests/mls/clients.h"
#include "tests/mls/forgery.h"

namespace plumbline::mls {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

class FramingRules : public ::testing::Test {
 protected:
  // Bob takes `message` and must not; his state stays as it was.
  void ExpectRefused(ByteView message, Code code, const std::string& rule) {
    const Secret before = bob().Serialize();
    EXPECT_THAT(bob().Process(message, kTrusting, kNow).status(), StatusIs(code, HasSubstr(rule)));
    EXPECT_TRUE(bob().Serialize() == before);
  }
  Group& alice() { return groups_[0]; }
  Group& bob() { return groups_[1]; }

  Client alice_{"alice"};
  Client bob_{"bob"};
  std::vector<Group> groups_ = MakeGroup(alice_, {&bob_});
  Forger forger_{groups_[0]};
};

TEST_F(FramingRules, RefuseAnotherGroup) {
  for (const WireFormat format : {WireFormat::kPublicMessage, WireFormat::kPrivateMessage}) {
    const auto change = [](AuthenticatedContent& content) { content.content.group_id = {1, 2, 3}; };
    ExpectRefused(forger_.Message(Proposal(RemoveProposal{{1}}), format, change), Code::kNotFound,
                  "another group");
  }
}

TEST_F(FramingRules, RefuseHandshakesOfAnotherEpoch) {
  for (const WireFormat format : {WireFormat::kPublicMessage, WireFormat::kPrivateMessage}) {
    const auto change = [](AuthenticatedContent& content) { content.content.epoch += 1; };
    ExpectRefused(forger_.Message(Proposal(RemoveProposal{{1}}), format, change), Code::kNotFound,
                  "epoch");
  }
}

TEST_F(FramingRules, RefuseSendersWhoAreNotMembers) {
  const auto as_seven = [](AuthenticatedContent& content) { content.content.sender.index = 7; };
  ExpectRefused(
      forger_.Message(Proposal(RemoveProposal{{1}}), WireFormat::kPublicMessage, as_seven),
      Code::kInvalidArgument, "not a member");
}

TEST_F(FramingRules, RefuseSealedMessagesOfNoMember) {
  AuthenticatedContent content =
      NewContent(forger_.state(), WireFormat::kPrivateMessage, {}, ApplicationData{Secret(4)});
  ASSERT_OK(
      SignContent(forger_.suite(), alice_.signature_key.private_key, forger_.context(), content));
  ASSERT_OK_AND_ASSIGN(const MessageKey key,
                       forger_.state().secret_tree.Next({0}, RatchetType::kApplication));
  const PrivateMessage message =
      SealPrivate(forger_.suite(), forger_.state().secrets.sender_data,
                  SenderData{{9}, key.generation, {}}, key.secrets, content, {});
  ExpectRefused(Encode(MlsMessage{message}), Code::kInvalidArgument, "not a member");
}

TEST_F(FramingRules, RefuseLateMessagesOfNoMember) {
  AuthenticatedContent content =
      NewContent(forger_.state(), WireFormat::kPrivateMessage, {}, ApplicationData{Secret(4)});
  ASSERT_OK(
      SignContent(forger_.suite(), alice_.signature_key.private_key, forger_.context(), content));
  ASSERT_OK_AND_ASSIGN(const MessageKey key,
                       forger_.state().secret_tree.Next({0}, RatchetType::kApplication));
  std::vector<Bytes> late;
  for (const uint32_t leaf : {2u, 9u, 0xffffffffu}) {
    late.push_back(Encode(
        MlsMessage{SealPrivate(forger_.suite(), forger_.state().secrets.sender_data,
                               SenderData{{leaf}, key.generation, {}}, key.secrets, content, {})}));
  }
  ASSERT_OK_AND_ASSIGN(const StagedCommit staged, CommitAndAdvance(alice(), {}));
  ASSERT_OK(ProcessAndAdvance(bob(), staged.message));
  for (const Bytes& message : late)
    ExpectRefused(message, Code::kInvalidArgument, "was not a member");
}

TEST_F(FramingRules, RefuseApplicationDataInTheOpen) {
  AuthenticatedContent content =
      NewContent(forger_.state(), WireFormat::kPublicMessage, {}, ApplicationData{Secret(4)});
  ASSERT_OK(
      SignContent(forger_.suite(), alice_.signature_key.private_key, forger_.context(), content));
  PublicMessage message;
  message.content = std::move(content.content);
  message.auth = std::move(content.auth);
  ExpectRefused(Encode(MlsMessage{std::move(message)}), Code::kInvalidArgument, "application data");
}

// The tag's length counts as well as its bytes.
TEST_F(FramingRules, RefuseEveryWrongMembershipTag) {
  MlsMessage parsed = *ParseMlsMessage(forger_.Proposing(RemoveProposal{{0}}));
  PublicMessage& message = std::get<PublicMessage>(parsed.body);
  const Bytes tag = message.membership_tag;
  for (const size_t size : {size_t{0}, size_t{1}, tag.size() - 1}) {
    message.membership_tag = Bytes(tag.begin(), tag.begin() + size);
    ExpectRefused(Encode(parsed), Code::kInvalidArgument, "membership tag");
  }
  message.membership_tag = tag;
  message.membership_tag.push_back(0);
  ExpectRefused(Encode(parsed), Code::kInvalidArgument, "membership tag");
  message.membership_tag = tag;
  message.membership_tag[3] ^= 1;
  ExpectRefused(Encode(parsed), Code::kInvalidArgument, "membership tag");
}

TEST_F(FramingRules, RefuseWrongSignatures) {
  const auto spoil = [](AuthenticatedContent& content) { content.auth.signature[5] ^= 1; };
  for (const WireFormat format : {WireFormat::kPublicMessage, WireFormat::kPrivateMessage}) {
    const Bytes message = forger_.Message(Proposal(RemoveProposal{{1}}), format, nullptr, spoil);
    ExpectRefused(message, Code::kInvalidArgument, "signature");
  }
  // A member cannot speak for another one.
  const auto as_bob = [](AuthenticatedContent& content) { content.content.sender.index = 1; };
  ExpectRefused(forger_.Message(Proposal(RemoveProposal{{0}}), WireFormat::kPublicMessage, as_bob),
                Code::kInvalidArgument, "signature");
}

TEST_F(FramingRules, RefuseEveryWrongConfirmationTag) {
  for (const size_t size : {0, 1, 31, 33}) {
    const Forger::PathHooks hooks{
        .leaf = {}, .path = {}, .tag = [&](Bytes& tag) { tag.resize(size); }, .tree = {}};
    ExpectRefused(forger_.CommittingWithPath({}, hooks), Code::kInvalidArgument,
                  "confirmation tag");
  }
  const Forger::PathHooks hooks{
      .leaf = {}, .path = {}, .tag = [](Bytes& tag) { tag[0] ^= 1; }, .tree = {}};
  ExpectRefused(forger_.CommittingWithPath({}, hooks), Code::kInvalidArgument, "confirmation tag");
}

TEST_F(FramingRules, RefuseBytesAfterTheSenderData) {
  const CipherSuite& suite = forger_.suite();
  MlsMessage parsed = *ParseMlsMessage(*alice().Protect(AsBytes("hello"), {}));
  PrivateMessage& message = std::get<PrivateMessage>(parsed.body);
  const KeyAndNonce outer =
      DeriveSenderDataKeyAndNonce(suite, forger_.state().secrets.sender_data, message.ciphertext);
  Writer aad;
  aad.Vector(message.group_id).U64(message.epoch).U8(1);
  ASSERT_OK_AND_ASSIGN(const Secret sender, suite.Open(outer.key.view(), outer.nonce.view(),
                                                       aad.view(), message.encrypted_sender_data));
  message.encrypted_sender_data = suite.Seal(outer.key.view(), outer.nonce.view(), aad.view(),
                                             Concat({sender.view(), Bytes{0}}));
  EXPECT_THAT(bob().Process(Encode(parsed), kTrusting, kNow).status(),
              StatusIs(Code::kInvalidArgument));
}

TEST_F(FramingRules, RefusePaddingThatIsNotZero) {
  const CipherSuite& suite = forger_.suite();
  AuthenticatedContent content =
      NewContent(forger_.state(), WireFormat::kPrivateMessage, {}, ApplicationData{Secret(4)});
  ASSERT_OK(SignContent(suite, alice_.signature_key.private_key, forger_.context(), content));
  ASSERT_OK_AND_ASSIGN(const MessageKey key,
                       forger_.state().secret_tree.Next({0}, RatchetType::kApplication));
  PrivateMessage message;
  message.group_id = alice().group_id();
  message.epoch = alice().epoch();
  Writer plain;
  plain.Vector(Bytes(4)).Vector(content.auth.signature).Fixed(Bytes{0, 0, 1, 0});
  Writer header;
  header.Vector(message.group_id).U64(message.epoch).U8(1);
  Writer aad;
  aad.Fixed(header.view()).Vector({});
  message.ciphertext =
      suite.Seal(key.secrets.key.view(), key.secrets.nonce.view(), aad.view(), plain.view());
  Writer sender;
  sender.U32(0).U32(key.generation).U32(0);
  const KeyAndNonce outer =
      DeriveSenderDataKeyAndNonce(suite, forger_.state().secrets.sender_data, message.ciphertext);
  message.encrypted_sender_data =
      suite.Seal(outer.key.view(), outer.nonce.view(), header.view(), sender.view());
  ExpectRefused(Encode(MlsMessage{message}), Code::kInvalidArgument, "padding");
}

// Any single changed byte, and any truncation, of any kind of message is refused and leaves no
// trace.
TEST_F(FramingRules, MutatedMessagesLeaveTheStateIdentical) {
  ASSERT_OK_AND_ASSIGN(const Bytes application, alice().Protect(AsBytes("hello"), AsBytes("aad")));
  ASSERT_OK_AND_ASSIGN(const Bytes proposal,
                       alice().ProposeUpdate({}, HandshakeFraming::kPrivateMessage));
  ASSERT_OK_AND_ASSIGN(const StagedCommit sealed, alice().Commit({}, kTrusting, kNow));
  CommitParams open_params;
  open_params.framing = HandshakeFraming::kPublicMessage;
  open_params.include_pending_proposals = false;
  ASSERT_OK_AND_ASSIGN(const StagedCommit open,
                       alice().Commit(std::move(open_params), kTrusting, kNow));
  for (const Bytes* message : {&application, &proposal, &sealed.message, &open.message}) {
    const Secret before = bob().Serialize();
    for (size_t i = 0; i < message->size(); ++i) {
      Bytes mutated = *message;
      mutated[i] ^= 0x41;
      EXPECT_FALSE(bob().Process(mutated, kTrusting, kNow).ok()) << i;
      EXPECT_FALSE(bob().Process(ByteView(*message).first(i), kTrusting, kNow).ok()) << i;
    }
    Bytes longer = *message;
    longer.push_back(0);
    EXPECT_FALSE(bob().Process(longer, kTrusting, kNow).ok());
    EXPECT_TRUE(bob().Serialize() == before);
  }
  // The originals are still good after all that.
  EXPECT_OK(ProcessAs<ApplicationMessage>(bob(), application));
  EXPECT_OK(ProcessAs<ProposalStored>(bob(), proposal));
  EXPECT_OK(ProcessAs<StagedCommit>(bob(), open.message));
}

TEST(Extensions, OfOneTypeTwiceAreRefused) {
  Writer out;
  WriteExtensions(out, {{0xF0A1, {1}}, {0xF0A2, {}}, {0xF0A1, {2}}});
  Reader in(out.view());
  EXPECT_THAT(ReadExtensions(in).status(), StatusIs(Code::kInvalidArgument, HasSubstr("twice")));
}

TEST_F(FramingRules, OwnMessagesAreNamedAndSkipped) {
  ASSERT_OK_AND_ASSIGN(const Bytes application, alice().Protect(AsBytes("hello"), {}));
  ASSERT_OK_AND_ASSIGN(const Bytes proposal,
                       alice().ProposeUpdate({}, HandshakeFraming::kPublicMessage));
  const Secret before = alice().Serialize();
  EXPECT_OK(ProcessAs<OwnMessage>(alice(), application));
  EXPECT_OK(ProcessAs<OwnMessage>(alice(), proposal));
  EXPECT_TRUE(alice().Serialize() == before);
  ASSERT_OK(CommitAndAdvance(alice(), {}));
  ASSERT_OK_AND_ASSIGN(const OwnMessage own, ProcessAs<OwnMessage>(alice(), application));
  EXPECT_EQ(own.epoch, 1u);
}

TEST_F(FramingRules, HeadersTellWhereAMessageBelongs) {
  ASSERT_OK_AND_ASSIGN(const Bytes application, alice().Protect(AsBytes("hello"), {}));
  ASSERT_OK_AND_ASSIGN(const MessageHeader header, ReadMessageHeader(application));
  EXPECT_EQ(header.group_id, alice().group_id());
  EXPECT_EQ(header.epoch, 1u);
  EXPECT_EQ(header.content_type, ContentType::kApplication);
  EXPECT_TRUE(header.encrypted);
  EXPECT_FALSE(ReadMessageHeader(EncodeKeyPackageMessage(bob_.NewKeyPackage().key_package)).ok());
}

TEST_F(FramingRules, PaddingHidesLengths) {
  for (const Padding padding :
       {Padding{Padding::Kind::kBlock, 512}, Padding{Padding::Kind::kPadme, 512}}) {
    ASSERT_OK_AND_ASSIGN(const Bytes shorter, alice().Protect(Bytes(1), {}, padding));
    ASSERT_OK_AND_ASSIGN(const Bytes longer, alice().Protect(Bytes(400), {}, padding));
    EXPECT_EQ(shorter.size(), longer.size());
    ASSERT_OK_AND_ASSIGN(const ApplicationMessage got,
                         ProcessAs<ApplicationMessage>(bob(), longer));
    EXPECT_EQ(got.plaintext.size(), 400u);
  }
}

}  // namespace
}  // namespace plumbline::mls
