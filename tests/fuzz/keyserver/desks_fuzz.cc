// Requests to the key server, as bytes of their messages, through the whole of its desks and stores: refused with a reason, or
// carried out. Some are signed here, so that what is behind that check is reached.
#include <memory>

#include "common/identity/codes.h"
#include "common/identity/device_decision.h"
#include "common/identity/device_request.h"
#include "common/identity/labels.h"
#include "keyserver/shred_key.h"
#include "tests/fuzz/fuzz.h"
#include "tests/keyserver/world.h"

namespace plumbline::fuzz {
namespace {

using namespace keyserver;  // NOLINT: a list of its types

struct Server {
  Server() : device(world.Enrol(kAlice)) { (void)world.administrator(); }
  World world;
  TestDevice device;
  int runs = 0;
};

std::unique_ptr<Server>& Current() {
  static auto* const server = new std::unique_ptr<Server>(std::make_unique<Server>());
  return *server;
}
Server& TheServer() { return *Current(); }

void Refused(const absl::Status& status) {
  const bool fault = absl::IsInternal(status) || absl::IsDataLoss(status) || absl::IsUnknown(status);
  if (fault) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  CHECK(!fault);
}

template <typename Message>
std::optional<Message> Parsed(ByteView bytes) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  return message;
}

// `body` as it came, under the device's own signature.
template <typename Desk, typename Response>
void AsDevice(Desk& desk, absl::string_view rpc, ByteView body,
              absl::Status (Desk::*method)(const crypto::Certificate*, const keys::v1::SignedRequest&, Response&)) {
  Server& server = TheServer();
  keys::v1::OpenChannelResponse channel;
  CHECK(server.world.devices().OpenChannel(&server.device.tls, channel).ok());
  identity::DeviceRequest request;
  request.rpc = std::string(rpc);
  request.nonce = *identity::ToFixed<32>(AsBytes(channel.nonce()));
  request.counter = 1;
  request.client_certificate_hash = Sha256(server.device.tls.der());
  request.server_certificate_hash = Sha256(server.world.organisation().keys().service_certificate.der());
  request.body = ToBytes(body);
  keys::v1::SignedRequest out;
  out.set_body(ToString(body));
  out.set_nonce(channel.nonce());
  out.set_counter(1);
  out.set_signature(ToString(server.device.keys.working_key.Sign(identity::kDeviceRequestLabel, Encode(request))));
  Response response;
  Refused((desk.*method)(&server.device.tls, out, response));
}

void Anonymous(uint8_t what, ByteView body) {
  World& world = TheServer().world;
  if (what == 0) {
    keys::v1::EnrolResponse response;
    if (const auto request = Parsed<keys::v1::EnrolRequest>(body)) Refused(world.enrolment().Enrol(*request, response));
  } else if (what == 1) {
    keys::v1::LookUpResponse response;
    if (const auto request = Parsed<keys::v1::LookUpRequest>(body)) Refused(world.directory().LookUp(*request, response));
  } else {
    keys::v1::ClaimKeyPackagesResponse response;
    if (const auto request = Parsed<keys::v1::ClaimKeyPackagesRequest>(body)) {
      Refused(world.directory().ClaimKeyPackages(*request, response));
    }
  }
}

void Joining(uint8_t what, ByteView body) {
  JoinDesk& joins = TheServer().world.joins();
  if (what == 12) {
    keys::v1::AskResponse response;
    if (const auto request = Parsed<keys::v1::EnrolRequest>(body)) Refused(joins.Ask(*request, response));
  } else {
    keys::v1::CollectResponse response;
    if (const auto request = Parsed<keys::v1::CollectRequest>(body)) Refused(joins.Collect(*request, response));
  }
}

// A decision about device 1 is about the first one that waits, whose id nobody can guess.
Bytes AboutTheFirst(ByteView body) {
  absl::StatusOr<identity::DeviceDecision> decision = identity::ParseDeviceDecision(body);
  if (!decision.ok() || decision->device_id != identity::DeviceId{1}) return ToBytes(body);
  Server& server = TheServer();
  keys::v1::ListJoinRequestsResponse list;
  CHECK(server.world.joins()
            .ListJoinRequests(&server.device.tls, server.world.Sign(server.device, "ListJoinRequests", keys::v1::ListJoinRequestsRequest()), list)
            .ok());
  if (list.waiting().empty()) return ToBytes(body);
  decision->device_id = *identity::ToFixed<16>(AsBytes(list.waiting(0).device_id()));
  return Encode(*decision);
}

void Administrators(uint8_t what, ByteView body) {
  World& world = TheServer().world;
  keys::v1::IntentResult result;
  if (what == 8) {
    if (const auto request = Parsed<keys::v1::SignedIntent>(body)) Refused(world.admin().Execute(*request, result));
  } else if (what == 9) {
    const TestAdministrator& administrator = world.administrator();
    keys::v1::SignedIntent request;
    request.set_intent(ToString(body));
    keys::v1::IntentSignature& signature = *request.add_signatures();
    signature.set_key_id(ToString(administrator.key_id()));
    signature.set_signature(ToString(administrator.key.Sign(identity::kIntentLabel, body)));
    Refused(world.admin().Execute(request, result));
  } else {
    keys::v1::RegisterFirstAdministratorResponse response;
    if (const auto request = Parsed<keys::v1::RegisterFirstAdministratorRequest>(body)) {
      Refused(world.admin().RegisterFirst(*request, response));
    }
  }
}

// By the device's certificate alone.
void Unlocking(uint8_t what, ByteView body) {
  Server& server = TheServer();
  if (what == 19) {
    keys::v1::EvaluateResponse response;
    if (const auto request = Parsed<keys::v1::EvaluateRequest>(body)) {
      const absl::Status status = server.world.unlock().Evaluate(&server.device.tls, *request, response);
      if (status.ok()) CHECK(response.evaluation().size() == crypto::kVoprfEvaluationSize && response.attempts_left() < kUnlockAttempts);
      Refused(status);
    }
  } else {
    keys::v1::ProveUnlockedResponse response;
    if (const auto request = Parsed<keys::v1::ProveUnlockedRequest>(body)) {
      Refused(server.world.unlock().ProveUnlocked(&server.device.tls, *request, response));
    }
  }
}

}  // namespace

// The first byte says what the rest is.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  if (TheServer().runs == 3000) Current() = std::make_unique<Server>();  // before its device's certificate ends
  Server& server = TheServer();
  if (++server.runs % 500 == 0) server.world.clock().Advance(absl::Hours(24));  // quotas
  const ByteView body = input.subspan(1);
  switch (input[0]) {
    case 0: case 1: case 2: return Anonymous(input[0], body);
    case 3: return AsDevice(server.world.devices(), "PublishKeyPackages", body, &DeviceDesk::PublishKeyPackages);
    case 4: return AsDevice(server.world.devices(), "GetOwnAccount", body, &DeviceDesk::GetOwnAccount);
    case 5: return AsDevice(server.world.devices(), "DrawTokens", body, &DeviceDesk::DrawTokens);
    case 6: return AsDevice(server.world.devices(), "DrawGrants", body, &DeviceDesk::DrawGrants);
    case 7: return AsDevice(server.world.devices(), "RenewCertificate", body, &DeviceDesk::RenewCertificate);
    case 25: return AsDevice(server.world.credentials(), "RenewCredential", body, &CredentialDesk::RenewCredential);
    case 8: case 9: case 10: return Administrators(input[0], body);
    case 11: {
      const auto keys = KeyRing::Parse(body);
      if (keys.ok()) CHECK(keys->Serialize() == Secret::CopyOf(body));
      return;
    }
    case 12: case 13: return Joining(input[0], body);
    case 14: return AsDevice(server.world.joins(), "InviteDevice", body, &JoinDesk::InviteDevice);
    case 15: return AsDevice(server.world.joins(), "ListJoinRequests", body, &JoinDesk::ListJoinRequests);
    case 16: return AsDevice(server.world.joins(), "DecideDevice", body, &JoinDesk::DecideDevice);
    case 17: {  // a decision that the device did sign
      keys::v1::DecideDeviceRequest request;
      const Bytes decision = AboutTheFirst(body);
      request.set_decision(ToString(decision));
      request.set_signature(ToString(server.device.keys.working_key.Sign(identity::kDeviceDecisionLabel, decision)));
      return AsDevice(server.world.joins(), "DecideDevice", AsBytes(request.SerializeAsString()), &JoinDesk::DecideDevice);
    }
    case 18: {
      const auto kept = ParseKeptShredKey(body);
      if (kept.ok()) CHECK(Encode(*kept) == Secret::CopyOf(body));
      return;
    }
    case 19: case 20: return Unlocking(input[0], body);
    case 21: return AsDevice(server.world.unlock(), "BeginUnlockKey", body, &UnlockDesk::BeginUnlockKey);
    case 22: return AsDevice(server.world.unlock(), "ConfirmUnlockKey", body, &UnlockDesk::ConfirmUnlockKey);
    case 24: return AsDevice(server.world.unlock(), "RenewUnlockCertificate", body, &UnlockDesk::RenewUnlockCertificate);
    case 23: return AsDevice(server.world.unlock(), "CheckIn", body, &UnlockDesk::CheckIn);
    default: return;
  }
}

std::vector<Bytes> Seeds() {
  Server& server = TheServer();
  World& world = server.world;
  const auto seed = [](uint8_t what, const google::protobuf::Message& message) {
    return Concat({Bytes{what}, ToBytes(AsBytes(message.SerializeAsString()))});
  };
  keys::v1::LookUpRequest look_up;
  look_up.set_user(kAlice);
  tokens::Show(look_up, world.Token(server.device));
  keys::v1::ClaimKeyPackagesRequest claim;
  tokens::Show(claim, world.Token(server.device));
  claim.set_user(kAlice);
  claim.set_cipher_suite(3);
  keys::v1::PublishKeyPackagesRequest publish;
  publish.add_key_packages(MakeKeyPackage(server.device, world.clock().Now()));
  keys::v1::DrawTokensRequest draw;
  draw.set_purpose("directory");
  const auto key = tokens::OpenTokenKey(world.tokens().Statements().back(), world.organisation().keys().tokens.key.public_key(), kDomain);
  draw.add_token_requests(
      ToString(tokens::Encode(tokens::PendingToken::Begin(tokens::ChallengeFor(kDomain, "directory"), key->key)->request())));
  keys::v1::DrawGrantsRequest grants;
  grants.set_count(1);
  keys::v1::RenewCertificateRequest renew;
  renew.set_tls_csr(ToString(crypto::CertificateRequest::Create(server.device.keys.tls_key)));
  const identity::Intent intent = MakeIntent(identity::Action::kListAccounts, "", world.clock().Now());
  const keys::v1::EnrolRequest joining = Application(Applicant(), kAlice, "0123456789ABCDEF");
  keys::v1::CollectRequest collect;
  collect.set_request_hash(std::string(32, 'h'));
  keys::v1::InviteDeviceRequest invite;
  invite.set_code_public_key(ToString(identity::EnrolmentCodeKey(kAlice, "0123456789ABCDEF").public_key().view()));  // so that `joining` may ask
  invite.set_life_seconds(86400);
  identity::DeviceDecision decision;
  decision.decision = identity::Decision::kApprove;
  decision.user = kAlice;
  decision.device_id = identity::DeviceId{1};
  decision.subject_hash = identity::HashOf(identity::JoinRequest{kAlice, Sha256(crypto::CertificateRequest::Parse(AsBytes(joining.tls_csr()))->spki()),
                                            *identity::ToFixed<32>(AsBytes(joining.working_public_key())),
                                            *identity::ToFixed<32>(AsBytes(joining.mls_signature_public_key()))});
  decision.label = joining.device_label();
  decision.signer_device_id = server.device.id;
  decision.time_unix = static_cast<uint64_t>(absl::ToUnixSeconds(world.clock().Now()));
  keys::v1::DecideDeviceRequest decide;
  decide.set_decision(ToString(Encode(decision)));
  decide.set_signature(std::string(64, 's'));
  keys::v1::EvaluateRequest evaluate;
  evaluate.set_key_version(1);
  evaluate.set_blinded_element(ToString(crypto::VoprfBlinding::Create(Secret(32))->element().view()));
  keys::v1::ProveUnlockedRequest prove;
  prove.set_key_version(1);
  prove.set_nonce(std::string(32, 'n'));
  prove.set_signature(std::string(64, 's'));
  keys::v1::ConfirmUnlockKeyRequest confirm;
  confirm.set_key_version(1);
  confirm.set_proof_key(ToString(server.device.keys.mls_key.public_key().view()));
  confirm.set_proof(std::string(64, 's'));
  keys::v1::CheckInRequest check_in;
  check_in.set_generation(1);
  check_in.set_previous(std::string(16, '\0'));
  check_in.set_next(std::string(16, 'i'));
  return {Bytes{21},
          seed(19, evaluate),
          seed(20, prove),
          seed(22, confirm),
          seed(23, check_in),
          Bytes{24},
          Concat({Bytes{18}, Encode(KeptShredKey{1, Secret(kShredKeySize)}).view()}),
          seed(0, Application(Applicant(), kAlice, "0123456789ABCDEF")),
          seed(1, look_up),
          seed(2, claim),
          seed(3, publish),
          Bytes{4},
          seed(5, draw),
          seed(6, grants),
          seed(7, renew),
          seed(8, Sign(intent, world.administrator())),
          Concat({Bytes{9}, Encode(intent)}),
          seed(10, Registration(world.administrator(), world.first_code())),
          Concat({Bytes{11}, world.organisation().keys().Serialize().view()}),
          seed(14, invite),
          seed(12, joining),
          seed(13, collect),
          Bytes{15},
          seed(25, keys::v1::RenewCredentialRequest()),
          seed(16, decide),
          Concat({Bytes{17}, Encode(decision)})};
}

}  // namespace plumbline::fuzz
