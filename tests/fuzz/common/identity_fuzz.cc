// Every canonical structure of common/identity: what a parser accepts is written back byte for
// byte.
#include <functional>

#include "common/check.h"
#include "common/crypto/ed25519.h"
#include "common/identity/codes.h"
#include "common/identity/credential_renewal.h"
#include "common/identity/device_decision.h"
#include "common/identity/device_request.h"
#include "common/identity/enrolment_proof.h"
#include "common/identity/envelope.h"
#include "common/identity/frame.h"
#include "common/identity/gate.h"
#include "common/identity/grant.h"
#include "common/identity/group_profile.h"
#include "common/identity/intent.h"
#include "common/identity/invitation.h"
#include "common/identity/labels.h"
#include "common/identity/mailbox_address.h"
#include "common/identity/reason.h"
#include "common/identity/record.h"
#include "common/identity/resync.h"
#include "common/identity/revocation.h"
#include "common/identity/text.h"
#include "common/identity/trust.h"
#include "common/identity/uri.h"
#include "tests/common/codes.h"
#include "tests/common/identity/signed_keys.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using namespace identity;  // NOLINT: a list of its functions

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

absl::string_view Text(ByteView bytes) {
  return absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Bytes Encoded(const Bytes& bytes) { return bytes; }
Bytes Encoded(absl::StatusOr<Bytes> bytes) { return *std::move(bytes); }

template <typename Parse, typename Write>
void RoundTrip(ByteView wire, Parse parse, Write write) {
  const auto value = parse(wire);
  if (value.ok()) CHECK(Equal(Encoded(write(*value)), wire));
}
template <typename Parse>
void RoundTrip(ByteView wire, Parse parse) {
  RoundTrip(wire, parse, [](const auto& value) { return Encode(value); });
}
template <typename Parse>
void RoundTripText(ByteView wire, Parse parse) {
  const auto value = parse(Text(wire));
  if (value.ok()) CHECK(value->ToString() == Text(wire));
}

const crypto::Ed25519KeyPair& Key() {
  static const auto* const key =
      new crypto::Ed25519KeyPair(*crypto::Ed25519KeyPair::FromSeed(Secret(32)));
  return *key;
}

void FuzzInvitation(ByteView input) {
  const absl::StatusOr<Invitation> invitation = ParseInvitation(Text(input));
  if (!invitation.ok()) return;
  const std::string text = FormatInvitation(*invitation);
  CHECK(Text(input).find(text) != absl::string_view::npos);  // white space around it aside
  CHECK(*ParseInvitation(text) == *invitation);
}

// The structure without its text form, so that the fuzzer need not know base64.
void FuzzInvitationFields(ByteView input) {
  Reader in(input);
  const auto domain = in.Vector(300), address = in.Vector(400), user = in.Vector(500),
             code = in.Vector(64);
  if (!domain.ok() || !address.ok() || !user.ok() || !code.ok()) return;
  const Invitation made{ToString(*domain), Hash{1},         ToString(*address),
                        ToString(*user),   ToString(*code), 7};
  const absl::StatusOr<Invitation> parsed = ParseInvitation(FormatInvitation(made));
  if (parsed.ok()) CHECK(*parsed == made);
}

void FuzzCode(ByteView input) {
  const absl::StatusOr<std::string> code = NormaliseCode(Text(input));
  if (!code.ok()) return;
  CHECK(*NormaliseCode(*code) == *code);
  CHECK(*NormaliseCode(FormatCode(*code)) == *code);
}

// Intents carry the parameters of their action.
void FuzzIntent(ByteView input) {
  const absl::StatusOr<Intent> intent = ParseIntent(input);
  if (!intent.ok()) return;
  CHECK(Equal(Encode(*intent), input));
  CHECK(!ActionName(intent->action).empty());
  if (intent->action == Action::kCreateAccount)
    CHECK(ParseCreateAccountParameters(intent->parameters).ok());
  if (intent->action == Action::kIssueEnrolmentCode)
    CHECK(ParseIssueEnrolmentCodeParameters(intent->parameters).ok());
  if (intent->action == Action::kListAuditEvents)
    CHECK(ParseListAuditEventsParameters(intent->parameters).ok());
  if (intent->action == Action::kRevokeDevice)
    CHECK(ParseRevokeDeviceParameters(intent->parameters).ok());
  if (intent->action == Action::kWipeDevice) CHECK(ParseWipeDeviceParameters(intent->parameters).ok());
  if (intent->action == Action::kActivateDevice) CHECK(ParseActivateDeviceParameters(intent->parameters).ok());
}

// Messages that are only ever signed have no parser, but for the one that auditors read. Were two different ones the same bytes, a
// reader of their documented form would see it here: the fields read from the bytes give the bytes.
void FuzzSignedOnly(ByteView input) {
  const auto device_request = [](ByteView wire) -> absl::StatusOr<DeviceRequest> {
    Reader in(wire);
    DeviceRequest out;
    ASSIGN_OR_RETURN(const ByteView rpc, in.Vector(kMaxVarint));
    ASSIGN_OR_RETURN(out.nonce, ReadFixed<32>(in));
    ASSIGN_OR_RETURN(out.counter, in.U64());
    ASSIGN_OR_RETURN(out.client_certificate_hash, ReadFixed<32>(in));
    ASSIGN_OR_RETURN(out.server_certificate_hash, ReadFixed<32>(in));
    ASSIGN_OR_RETURN(const ByteView body, in.Vector(kMaxVarint));
    out.rpc = ToString(rpc);
    out.body = ToBytes(body);
    RETURN_IF_ERROR(in.Done());
    return out;
  };
  const auto administrator_proof = [](ByteView wire) -> absl::StatusOr<AdministratorProof> {
    Reader in(wire);
    AdministratorProof out;
    ASSIGN_OR_RETURN(const ByteView domain, in.Vector(kMaxVarint));
    ASSIGN_OR_RETURN(const ByteView name, in.Vector(kMaxVarint));
    ASSIGN_OR_RETURN(out.public_key, ReadFixed<32>(in));
    out.domain = ToString(domain);
    out.name = ToString(name);
    RETURN_IF_ERROR(in.Done());
    return out;
  };
  RoundTrip(input, device_request);
  RoundTrip(input, ParseEnrolmentProof);
  RoundTrip(input, administrator_proof);
}

void FuzzUris(ByteView input) {
  RoundTripText(input, ParseUserUri);
  RoundTripText(input, ParseDeviceUri);
  RoundTripText(input, ParseUnlockUri);
  RoundTripText(input, ParseServiceUri);
  RoundTripText(input, ParseRoleUri);
  const absl::StatusOr<UserUri> typed = ParseUserName(Text(input), "example.org");
  if (typed.ok()) CHECK(*ParseUserUri(typed->ToString()) == *typed);
}

// What is taken can be printed: no control character is left.
void FuzzText(ByteView input) {
  (void)CheckAddress(Text(input)).ok();
  (void)CheckDomain(Text(input)).ok();
  if (!CheckText(Text(input), 64).ok()) return;
  CHECK(input.size() <= 64);
  for (const uint8_t byte : input) CHECK(byte >= 0x20 && byte != 0x7f);
}

// A grant that the fuzzer has the issuer sign, and one that it does not.
void FuzzSigned(ByteView input) {
  CHECK(!CheckGrant(input, Key().public_key(), kNow).ok() ||
        Equal(Encode(*ParseMailboxGrant(input)), input));
  (void)VerifyDirectoryRecord(input, Bytes(64), Key().public_key()).ok();
  const auto record =
      VerifyDirectoryRecord(input, Key().Sign(kDirectoryRecordLabel, input), Key().public_key());
  if (record.ok()) CHECK(Equal(Encode(*record), input));
}

using Target = std::function<void(ByteView)>;
const std::vector<Target>& Targets() {
  static const auto* const targets = new std::vector<Target>{
      FuzzUris,
      FuzzInvitation,
      FuzzInvitationFields,
      FuzzCode,
      FuzzIntent,
      FuzzSignedOnly,
      FuzzText,
      FuzzSigned,
      [](ByteView in) { RoundTrip(in, ParseDirectoryRecord); },
      [](ByteView in) { RoundTrip(in, ParseCreateAccountParameters); },
      [](ByteView in) { RoundTrip(in, ParseIssueEnrolmentCodeParameters); },
      [](ByteView in) { RoundTrip(in, ParseListAuditEventsParameters); },
      [](ByteView in) { RoundTrip(in, ParseMailboxGrant); },
      [](ByteView in) { RoundTrip(in, ParseMailboxAddress); },
      [](ByteView in) { RoundTrip(in, ParseGroupData); },
      [](ByteView in) { RoundTrip(in, ParseGateRecord); },
      [](ByteView in) { RoundTrip(in, ParseCommitPayload); },
      [](ByteView in) { RoundTrip(in, ParseFrame); },
      [](ByteView in) { RoundTrip(in, ParseEnvelopeContent, EncodePadded); },
      [](ByteView in) { RoundTrip(in, ParsePaddedCommit, EncodePaddedCommit); },
      [](ByteView in) { (void)ParseTrustBundle(Text(in), "example.org", kNow).ok(); },
      [](ByteView in) { RoundTrip(in, ParseRevocation); },
      [](ByteView in) { RoundTrip(in, ParseRevokedItems); },
      [](ByteView in) { RoundTrip(in, ParseDeviceDecision); },
      [](ByteView in) { RoundTrip(in, ParseCredentialRenewal); },
      [](ByteView in) { RoundTrip(in, ParseRevokeDeviceParameters); },
      [](ByteView in) { RoundTrip(in, ParseActivateDeviceParameters); },
      [](ByteView in) { RoundTrip(in, ParseGroupProfile); },
      [](ByteView in) { RoundTrip(in, ParseLeaveRequest); },
      [](ByteView in) { RoundTrip(in, ParseCommitEvidence); },
      [](ByteView in) { RoundTrip(in, ParseResyncRequest); },
      [](ByteView in) { RoundTrip(in, ParseWipeDeviceParameters); },
      [](ByteView in) { RoundTrip(in, ParseOrganisationKeys); },
      [](ByteView in) { RoundTrip(in, ParseSignedOrganisationKeys); },
      [](ByteView in) {
        const auto bundle = ReadTrustBundle(Text(in));
        if (bundle.ok()) CHECK(ReadTrustBundle(ToText(*bundle)).ok());
      },
  };
  return *targets;
}

Intent SampleIntent(Action action) {
  Intent out;
  out.action = action;
  if (NeedsTarget(action)) out.target = "mimi://example.org/u/alice";
  if (NeedsJustification(action)) out.justification = "starts on Monday";
  if (NeedsStateHash(action)) out.state_hash.fill(1);
  if (action == Action::kCreateAccount)
    out.parameters = Encode(CreateAccountParameters{"Alice", "in person", "file 7"});
  if (action == Action::kIssueEnrolmentCode)
    out.parameters = testing::CodeParameters(3600);
  if (action == Action::kListAuditEvents) out.parameters = Encode(ListAuditEventsParameters{0, 10});
  if (action == Action::kRevokeDevice) out.parameters = Encode(RevokeDeviceParameters{DeviceId{1}});
  if (action == Action::kWipeDevice) out.parameters = Encode(WipeDeviceParameters{DeviceId{1}});
  if (action == Action::kActivateDevice) out.parameters = Encode(ActivateDeviceParameters{Hash{1}});
  out.issued_unix = 1'800'000'000;
  out.expires_unix = 1'800'000'600;
  return out;
}

DirectoryRecord SampleRecord() {
  DirectoryRecord record;
  record.user = "mimi://example.org/u/alice";
  record.display_name = "Alice Ünal";
  record.version = 2;
  record.previous_hash.fill(1);
  record.devices = {{DeviceId{1}, "laptop", PublicKey{1}, Hash{1}, 20000},
                    {DeviceId{2}, "telephone", PublicKey{2}, Hash{2}, 20001}};
  return record;
}

}  // namespace

// The first byte says what the rest is.
void Fuzz(ByteView input) {
  if (!input.empty() && input[0] < Targets().size()) Targets()[input[0]](input.subspan(1));
}

std::vector<Bytes> Seeds() {
  const Invitation invitation{"example.org",           Hash{1},
                              "keys.example.org:7443", "mimi://example.org/u/alice",
                              "0123456789ABCDEF",      1'800'000'000};
  Invitation by_device = invitation;
  by_device.by_device = true;
  Writer fields;
  fields.Vector(AsBytes(invitation.domain)).Vector(AsBytes(invitation.keyserver_address));
  fields.Vector(AsBytes(invitation.user)).Vector(AsBytes(invitation.code));
  const GateRecord gate{GateMove{GroupHandle{1}, 4, Hash{2}, PublicKey{3}, Hash{4}, Hash{}},
                        Signature{5}};
  const Bytes grant = Encode(*IssueGrant(Key(), kNow));
  const KeyAuthority authority("example.org", kNow);
  const OrganisationKeys keys{"example.org",
                              2,
                              {{authority.RoleCertificate(Role::kDirectory, Key()), 0},
                               {authority.RoleCertificate(Role::kGrants, Key()), 0},
                               {authority.RoleCertificate(Role::kGrants, crypto::Ed25519KeyPair::Generate()), 1'800'000'000},
                               {authority.RoleCertificate(Role::kTokens, Key()), 0},
                               {authority.RoleCertificate(Role::kAudit, Key()), 0}}};
  const LeaveRequest leave = SignLeaveRequest({ConversationId{1}, "mimi://example.org/u/a", 3, DeviceId{4}, {}}, Key());
  std::vector<std::pair<uint8_t, Bytes>> list = {
      {0, ToBytes(AsBytes(UserUri{"example.org", "alice.b-c_1"}.ToString()))},
      {0, ToBytes(AsBytes(DeviceUri{"example.org", DeviceId{1}}.ToString()))},
      {0, ToBytes(AsBytes(ServiceUri{"example.org", Service::kDelivery}.ToString()))},
      {0, ToBytes(AsBytes(RoleUri{"example.org", Role::kGrants}.ToString()))},
      {1, ToBytes(AsBytes(FormatInvitation(invitation)))},
      {1, ToBytes(AsBytes(FormatInvitation(by_device)))},
      {2, fields.TakeBytes()},
      {3, ToBytes(AsBytes("abcd-EFGH jkmn-0O1l"))},
      {5, Encode(DeviceRequest{"DrawTokens", Nonce{1}, 1, Hash{1}, Hash{1}, Bytes{1, 2}})},
      {5, Encode(EnrolmentProof{"mimi://example.org/u/a", PublicKey{1}, Hash{1}, PublicKey{1},
                                PublicKey{1}})},
      {5, Encode(AdministratorProof{"example.org", "root", PublicKey{1}})},
      {6, ToBytes(AsBytes("Zoë \xf0\x9f\x98\x80 x"))},
      {6, ToBytes(AsBytes("[2001:db8::1]:7443"))},
      {7, grant},
      {7, Encode(SampleRecord())},
      {8, Encode(SampleRecord())},
      {9, Encode(CreateAccountParameters{"Alice", "in person", "file 7"})},
      {10, testing::CodeParameters(3600)},
      {11, Encode(ListAuditEventsParameters{5, 10})},
      {12, grant},
      {13, Encode(MailboxAddress{"delivery.example.org:7444", MailboxId{1}, PublicKey{2},
                                 Fixed<32>{3}})},
      {14, Encode(GroupData{GroupHandle{5}, GroupKind::kGroup})},
      {15, Encode(gate)},
      {16, Encode(CommitPayload{gate, Bytes(40, 1)})},
      {17, Encode(Frame{3, Hash{1}, kTextMediaType, Bytes{'h', 'i'}})},
      {18, *EncodePadded(EnvelopeContent{EnvelopeKind::kCommit, Bytes(1100, 3)})},
      {19, *EncodePaddedCommit(Bytes(10, 1))},
      {21, Encode(Revocation{3, 1, {{{GrantSerial{1}, 20000}}, {{Hash{2}, 1'800'000'000}}}})},
      {22, Encode(RevokedItems{{{GrantSerial{1}, 20000}}, {}})},
      {23, Encode(DeviceDecision{Decision::kApprove, "mimi://example.org/u/a", DeviceId{1}, Hash{2}, "tablet", DeviceId{3}, 1'800'000'000})},
      {24, Encode(RevokeDeviceParameters{DeviceId{1}})},
      {26, Encode(GroupProfile{ConversationId{1}, "Team", {{"mimi://example.org/u/a", GroupRole::kOwner, 1},
                                                           {"mimi://example.org/u/b", GroupRole::kMember, 2}}, Bytes(32, 3)})},
      {27, Encode(leave)},
      {28, Encode(CommitEvidence{{leave}, {{Encode(SampleRecord()), Signature{1}}}})},
      {29, Encode(SignResyncRequest({Bytes(32, 1), 7, 1'800'000'000, Bytes(300, 2), {}}, Key()))},
      {31, Encode(keys)},
      {32, authority.Sign(keys)},
      {33, ToBytes(AsBytes(ToText({{authority.root(), keys.keys[0].certificate, keys.keys[1].certificate, keys.keys[3].certificate},
                                   authority.Sign(keys)})))},
  };
  for (uint16_t action = 1; action <= 12; ++action)
    list.push_back({4, Encode(SampleIntent(static_cast<Action>(action)))});
  std::vector<Bytes> seeds;
  for (const auto& [target, body] : list) seeds.push_back(Concat({Bytes{target}, body}));
  return seeds;
}

}  // namespace plumbline::fuzz
