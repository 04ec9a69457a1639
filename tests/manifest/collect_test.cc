// What fails the build: each rule of Collect broken once, in what the tree really declares.
#include <gmock/gmock.h>

#include "tests/manifest/declared.h"

namespace plumbline {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace v1 = metadata::v1;

constexpr char kDelivery[] = "plumbline/delivery/v1/delivery.proto";
constexpr char kServer[] = "server/manifest.textproto";

google::protobuf::FieldDescriptorProto& AddField(google::protobuf::DescriptorProto& message, const std::string& name) {
  auto& field = *message.add_field();
  field.set_name(name);
  field.set_number(999);
  field.set_type(google::protobuf::FieldDescriptorProto::TYPE_BYTES);
  field.set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
  return field;
}

TEST(Collect, TakesWhatTheTreeDeclares) { EXPECT_THAT(testing::Declared().Refusal(), IsEmpty()); }

TEST(Collect, RefusesANewFieldWithoutADatum) {
  testing::Declared declared;
  AddField(declared.Message(kDelivery, "Envelope"), "remark");
  EXPECT_THAT(declared.Refusal(), HasSubstr("plumbline.delivery.v1.Envelope.remark: is not declared"));
}

TEST(Collect, RefusesAFieldWhoseDatumWasTakenAway) {
  testing::Declared declared;
  declared.Field(kDelivery, "Envelope", "mailbox_id").clear_options();
  EXPECT_THAT(declared.Refusal(), HasSubstr("plumbline.delivery.v1.Envelope.mailbox_id: is not declared"));
}

// Each field there is, one after another: none is let through for any other reason.
TEST(Collect, RefusesEveryFieldThatIsUndeclared) {
  const testing::Declared whole;
  size_t fields = 0;
  for (const auto& file : whole.protos.file()) {
    for (const auto& message : file.message_type()) {
      for (const auto& field : message.field()) {
        if (!field.options().HasExtension(v1::datum)) continue;
        testing::Declared declared;
        declared.Field(file.name(), message.name(), field.name()).mutable_options()->ClearExtension(v1::datum);
        EXPECT_THAT(declared.Refusal(), HasSubstr("." + message.name() + "." + field.name() + ": is not declared"));
        ++fields;
      }
    }
  }
  EXPECT_GT(fields, 200u);
}

// What ARCHITECTURE says of the delivery server: it knows no person.
TEST(Collect, RefusesAPersonAtTheDeliveryServer) {
  testing::Declared declared;
  AddField(declared.Message(kDelivery, "Envelope"), "sender").mutable_options()->SetExtension(v1::datum, v1::USER_NAME);
  EXPECT_THAT(declared.Refusal(), HasSubstr("plumbline.delivery.v1.Envelope.sender: calls carry USER_NAME to the delivery server, which is not declared to see it"));
}

// Bodies that another message carries are followed.
TEST(Collect, RefusesAMailboxInADevicesRequest) {
  testing::Declared declared;
  AddField(declared.Message("plumbline/keys/v1/keys.proto", "DrawGrantsRequest"), "mailbox").mutable_options()->SetExtension(v1::datum, v1::MAILBOX_ID);
  EXPECT_THAT(declared.Refusal(), HasSubstr("DrawGrantsRequest.mailbox: calls carry MAILBOX_ID to the key server"));
}

TEST(Collect, RefusesAMessageThatNoRpcCarries) {
  testing::Declared declared;
  declared.Message("plumbline/keys/v1/keys.proto", "DrawGrantsRequest").clear_options();
  EXPECT_THAT(declared.Refusal(), HasSubstr("plumbline.keys.v1.DrawGrantsRequest: no rpc carries it"));
}

TEST(Collect, RefusesAnUnknownCarrier) {
  testing::Declared declared;
  declared.Message("plumbline/keys/v1/keys.proto", "DrawGrantsRequest").mutable_options()->SetExtension(v1::inside, 0, "plumbline.keys.v1.Letter");
  EXPECT_THAT(declared.Refusal(), HasSubstr("said to be sent inside plumbline.keys.v1.Letter, which no rpc carries"));
}

TEST(Collect, RefusesDeclaringAWireMessageAtOnce) {
  testing::Declared declared;
  declared.Message(kDelivery, "Envelope").mutable_options()->SetExtension(v1::every_field, v1::SETTING);
  EXPECT_THAT(declared.Refusal(), HasSubstr("plumbline.delivery.v1.Envelope: every_field is for files"));
}

TEST(Collect, RefusesADatumOnAMessageOfOurs) {
  testing::Declared declared;
  declared.Field(kDelivery, "SubmitRequest", "envelopes").mutable_options()->SetExtension(v1::datum, v1::SEALED_ENVELOPE);
  EXPECT_THAT(declared.Refusal(), HasSubstr("SubmitRequest.envelopes: is a message of ours"));
}

TEST(Collect, RefusesAServiceThatDoesNotSayWhoSeesIt) {
  testing::Declared declared;
  declared.Proto(kDelivery).mutable_service(0)->clear_options();
  EXPECT_THAT(declared.Refusal(), HasSubstr("plumbline.delivery.v1.Delivery: say which services see its calls"));
}

TEST(Collect, RefusesAServiceThatNoListenerHas) {
  testing::Declared declared;
  declared.Replace(kServer, "service: \"plumbline.delivery.v1.Attachments\"", "");
  EXPECT_THAT(declared.Refusal(), HasSubstr("plumbline.delivery.v1.Attachments: no listener of a manifest.textproto has it"));
}

TEST(Collect, RefusesAServiceAtTheWrongProcess) {
  testing::Declared declared;
  declared.Replace(kServer, "\"plumbline.delivery.v1.Attachments\"", "\"plumbline.keys.v1.Unlock\"");
  EXPECT_THAT(declared.Refusal(), HasSubstr("plumbline.keys.v1.Unlock does not say that the delivery server sees its calls"));
}

TEST(Collect, RefusesAListenerOfNoSetting) {
  testing::Declared declared;
  declared.Replace(kServer, "setting: \"keyserver_listen\"", "setting: \"side_door\"");
  EXPECT_THAT(declared.Refusal(), HasSubstr("plumbline-server side_door: is no setting of ServerConfig"));
}

TEST(Collect, RefusesAColumnWithoutADatum) {
  testing::Declared declared;
  declared.Replace(kServer, "{ name: \"content\" is: SEALED_ENVELOPE }", "{ name: \"content\" }");
  EXPECT_THAT(declared.Refusal(), HasSubstr("plumbline-server server.db: envelopes.content: is not declared"));
}

TEST(Collect, RefusesAColumnOfWhatIsNotKept) {
  testing::Declared declared;
  declared.Replace(kServer, "{ name: \"content\" is: SEALED_ENVELOPE }", "{ name: \"content\" is: SEALED_ENVELOPE } column { name: \"session\" is: SEND_SESSION }");
  EXPECT_THAT(declared.Refusal(), HasSubstr("envelopes.session: SEND_SESSION is not to be kept, and this keeps it"));
}

TEST(Collect, RefusesAColumnInMemory) {
  testing::Declared declared;
  declared.Replace(kServer, "name: \"envelopes\" kept: KEPT_ENVELOPE", "name: \"envelopes\" kept: KEPT_SESSION");
  EXPECT_THAT(declared.Refusal(), HasSubstr("envelopes.content: SEALED_ENVELOPE is declared to be in memory alone"));
}

TEST(Collect, RefusesAColumnOfWhatTheServiceDoesNotSee) {
  testing::Declared declared;
  declared.Replace(kServer, "{ name: \"mailbox\" is: MAILBOX_ID }", "{ name: \"mailbox\" is: USER_NAME }");
  EXPECT_THAT(declared.Refusal(), HasSubstr("mailboxes.mailbox: the delivery server keeps USER_NAME and is not declared to see it"));
}

TEST(Collect, RefusesWhatIsDeclaredTwice) {
  testing::Declared declared;
  declared.Replace(kServer, "{ name: \"mailbox\" is: MAILBOX_ID }", "{ name: \"mailbox\" is: MAILBOX_ID } column { name: \"mailbox\" is: MAILBOX_ID }");
  EXPECT_THAT(declared.Refusal(), HasSubstr("mailboxes.mailbox: is declared twice"));
}

TEST(Collect, RefusesADatumThatNothingUses) {
  testing::Declared declared;
  declared.Replace("client/manifest.textproto", "is: SEEN_DAY", "is: ENVELOPE_ID");
  EXPECT_THAT(declared.Refusal(), HasSubstr("SEEN_DAY: no field, column, file or log key is this datum"));
}

TEST(Collect, RefusesALogKeyForAPerson) {
  testing::Declared declared;
  declared.Replace("common/manifest.textproto", "name: \"count\" key: \"kCount\" is: OPERATION_FIGURE", "name: \"user\" key: \"kUser\" is: USER_NAME");
  EXPECT_THAT(declared.Refusal(), HasSubstr("log key user: USER_NAME may not be logged"));
}

TEST(Collect, NamesTheLineOfATextThatDoesNotParse) {
  testing::Declared declared;
  declared.Replace(kServer, "is: SEALED_ENVELOPE", "is: SEALED_ENVELOP");
  EXPECT_THAT(declared.Refusal(), AllOf(HasSubstr("server/manifest.textproto:"), HasSubstr("SEALED_ENVELOP")));
}

TEST(Collect, TellsAllFaultsAtOnce) {
  testing::Declared declared;
  AddField(declared.Message(kDelivery, "Envelope"), "remark");
  declared.Replace(kServer, "setting: \"keyserver_listen\"", "setting: \"side_door\"");
  EXPECT_THAT(declared.Refusal(), AllOf(HasSubstr("remark"), HasSubstr("side_door")));
}

}  // namespace
}  // namespace plumbline
