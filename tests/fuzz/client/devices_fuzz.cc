// A key server that answers anything about a person's own devices and their enrolment: a device is
// shown only by the code of its keys, and an account exists only if every part of the answer
// verified.
#include "client/enrolment.h"
#include "client/own_devices.h"
#include "common/identity/codes.h"
#include "common/identity/labels.h"
#include "tests/client/people.h"
#include "tests/client/test_directory.h"
#include "tests/fuzz/client/liar.h"
#include "tests/fuzz/fixed_randomness.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using namespace client;  // NOLINT: a list of its types

constexpr char kUser[] = "mimi://example.org/u/alice";

enum Kind : uint8_t { kWaiting, kList, kInvite, kRemove, kEnrol, kJoin };

struct Devices {
  FixedClock clock{absl::FromUnixSeconds(1'790'000'000)};
  testing::TestOrganisation organisation{clock.Now()};
  Device alice{organisation, "alice", clock};
  TestDirectory directory{organisation, clock};
  Answers answers;
  Liar liar{answers};
  OwnDevices devices{*alice.stores, *alice.self, liar, clock};
};

Devices& TheDevices() {
  static auto* const devices = new Devices;
  return *devices;
}

void UseDevices(Kind what, ByteView answers) {
  Devices& world = TheDevices();
  world.answers.rest = answers;
  ForgetLog(world.alice);
  if (what == kWaiting) {
    const auto waiting = world.devices.Waiting();
    if (!waiting.ok()) return;
    for (const WaitingDevice& device : *waiting) {
      CHECK(*identity::NormaliseCode(device.code) == device.code);
      (void)world.devices.Approve(device).ok();
    }
  }
  if (what == kList) (void)world.devices.List().ok();
  if (what == kInvite) {
    const auto invitation = world.devices.Invite(absl::Hours(1));
    if (invitation.ok()) CHECK(identity::ParseInvitation(invitation->text).ok());
  }
  if (what == kRemove) {
    const auto device = world.devices.FindOwn("07");
    if (device.ok()) (void)world.devices.Remove(*device).ok();
  }
}

// A newcomer whose keys and code are the same each time, so that an answer to them stays one.
class Newcomer {
 public:
  explicit Newcomer(bool by_device) {
    invitation.domain = "example.org";
    invitation.root_fingerprint = *identity::ToFixed<32>(organisation.root.fingerprint().view());
    invitation.keyserver_address = "127.0.0.1:7441";
    invitation.user = kUser;
    invitation.code = "0123456789ABCDEF";
    invitation.expires_unix =
        static_cast<uint64_t>(absl::ToUnixSeconds(clock.Now() + absl::Hours(24)));
    invitation.by_device = by_device;
  }
  // With what the fuzzer says; or with `honest`, who is asked to let it join.
  absl::Status Enrol(ByteView said, std::unique_ptr<JoinNetwork> honest = nullptr) {
    answers_.rest = said;
    EnrolmentPaths paths;
    paths.fetch_root = [this](const identity::Invitation&) -> absl::StatusOr<std::string> {
      return organisation.root.ToPem();
    };
    paths.connect = [&](const identity::Invitation&,
                        const std::string&) -> absl::StatusOr<std::unique_ptr<Network>> {
      return std::make_unique<Liar>(answers_);
    };
    paths.connect_joining =
        [&](const identity::Invitation&,
            const std::string&) -> absl::StatusOr<std::unique_ptr<JoinNetwork>> {
      if (honest != nullptr) return std::move(honest);
      return std::make_unique<Liar>(answers_);
    };
    paths.show_code = [](const std::string& code, absl::Time) {
      CHECK(*identity::NormaliseCode(code) == code);
    };
    paths.patience = absl::ZeroDuration();
    return client::Enrol(home_, stores_, identity::FormatInvitation(invitation), "laptop", paths,
                         clock);
  }
  bool HasAccount() { return testing::ValueOf(stores_.account.Get()).has_value(); }

  FixedClock clock{absl::FromUnixSeconds(1'790'000'000)};
  testing::TestOrganisation organisation{clock.Now()};
  identity::Invitation invitation;

 private:
  const testing::ScratchDir scratch_;
  const Home home_{scratch_ / "home"};
  const std::unique_ptr<Store> store_ =
      testing::ValueOf(home_.Create(Secret::CopyOf(AsBytes("a good passphrase")), {1, 8192}));
  Stores stores_{*store_};
  Answers answers_;
};

// Another one only after an account was made.
void FuzzEnrolment(bool by_device, ByteView said) {
  static std::unique_ptr<Newcomer> waiting[2];
  std::unique_ptr<Newcomer>& newcomer = waiting[by_device ? 1 : 0];
  if (newcomer == nullptr) {
    FixRandomness(5);
    newcomer = std::make_unique<Newcomer>(by_device);
  }
  const absl::Status status = newcomer->Enrol(said);
  CHECK(status.ok() == newcomer->HasAccount());
  if (status.ok()) newcomer.reset();
}

}  // namespace

// The first byte says what the client wants to do.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  const auto what = static_cast<Kind>(input[0]);
  if (what == kEnrol || what == kJoin) return FuzzEnrolment(what == kJoin, input.subspan(1));
  UseDevices(what, input.subspan(1));
}

namespace {

// A key server that does as it should, and keeps what it answered.
class KeyServer final : public JoinNetwork {
 public:
  KeyServer(const testing::TestOrganisation& organisation, Bytes& said)
      : organisation_(organisation), said_(said) {}
  absl::StatusOr<keys::v1::AskResponse> Ask(const keys::v1::EnrolRequest& request) override {
    response_ = Answer(request);
    keys::v1::AskResponse asked;
    asked.set_expires_unix(absl::ToUnixSeconds(organisation_.now) + 600);
    said_ = Part(asked.SerializeAsString());
    return asked;
  }
  absl::StatusOr<keys::v1::CollectResponse> Collect(const keys::v1::CollectRequest&) override {
    keys::v1::CollectResponse collected;
    *collected.mutable_enrolled() = response_;
    said_ = Concat({said_, Part(collected.SerializeAsString())});
    return collected;
  }

 private:
  Bytes Leaf(const Bytes& spki, const std::vector<std::string>& uris,
             crypto::Purpose purpose) const {
    crypto::LeafSpec spec;
    spec.spki = spki;
    spec.uris = uris;
    spec.purpose = purpose;
    spec.validity = {organisation_.now - absl::Hours(1), organisation_.now + absl::Hours(24)};
    return purpose == crypto::Purpose::kRoleSignature
               ? testing::ValueOf(
                     crypto::IssueLeaf(organisation_.root, organisation_.root_key, spec))
                     .der()
               : organisation_.Leaf(spec).der();
  }
  keys::v1::EnrolResponse Answer(const keys::v1::EnrolRequest& request) const {
    keys::v1::EnrolResponse out;
    const identity::DeviceId device{7};
    const std::string uri = identity::DeviceUri{"example.org", device}.ToString();
    const auto csr =
        testing::ValueOf(crypto::CertificateRequest::Parse(AsBytes(request.tls_csr())));
    const auto mls_key = testing::ValueOf(
        crypto::Ed25519PublicKey::Parse(AsBytes(request.mls_signature_public_key())));
    const Bytes credential =
        Leaf(crypto::Ed25519Spki(mls_key), {kUser, uri}, crypto::Purpose::kMlsCredential);
    out.set_device_id(ToString(device));
    out.add_tls_certificates(ToString(Leaf(csr.spki(), {uri}, crypto::Purpose::kTlsClient)));
    out.add_tls_certificates(ToString(organisation_.issuing.der()));
    out.add_mls_certificates(ToString(credential));
    out.add_mls_certificates(ToString(organisation_.issuing.der()));
    std::vector<crypto::Ed25519KeyPair> roles;
    for (const identity::Role role :
         {identity::Role::kDirectory, identity::Role::kGrants, identity::Role::kTokens}) {
      roles.push_back(crypto::Ed25519KeyPair::Generate());
      out.mutable_organisation()->add_role_certificates(ToString(Leaf(
          crypto::Ed25519Spki(roles.back().public_key()),
          {identity::RoleUri{"example.org", role}.ToString()}, crypto::Purpose::kRoleSignature)));
    }
    identity::DirectoryRecord record;
    record.user = kUser;
    record.display_name = "Alice";
    record.version = 1;
    record.devices = {{device, "laptop", testing::ValueOf(identity::ToFixed<32>(mls_key.view())),
                       Sha256(credential), 20000}};
    out.mutable_record()->set_record(ToString(Encode(record)));
    out.mutable_record()->set_signature(
        ToString(roles[0].Sign(identity::kDirectoryRecordLabel, AsBytes(out.record().record()))));
    out.mutable_record()->add_credentials(ToString(credential));
    out.mutable_organisation()->set_domain("example.org");
    out.mutable_organisation()->set_display_name("Example");
    out.mutable_organisation()->set_issuing_certificate(ToString(organisation_.issuing.der()));
    out.mutable_organisation()->set_device_address("127.0.0.1:7442");
    out.mutable_organisation()->set_delivery_address("127.0.0.1:7444");
    return out;
  }

  const testing::TestOrganisation& organisation_;
  Bytes& said_;
  keys::v1::EnrolResponse response_;
};

// What an honest key server says to the newcomer of FuzzEnrolment.
Bytes HonestJoin() {
  FixRandomness(5);
  Newcomer newcomer(/*by_device=*/true);
  Bytes said;
  CHECK(newcomer.Enrol({}, std::make_unique<KeyServer>(newcomer.organisation, said)).ok());
  FixRandomness(5);
  Newcomer again(/*by_device=*/true);
  CHECK(again.Enrol(said).ok());  // the same keys
  return said;
}

keys::v1::WaitingDevice Tablet() {
  keys::v1::WaitingDevice out;
  out.set_device_id(std::string(16, '\x07'));
  out.set_invited_by(std::string(16, '\x01'));
  out.mutable_request()->set_tls_csr(
      ToString(crypto::CertificateRequest::Create(crypto::P256PrivateKey::Generate())));
  out.mutable_request()->set_working_public_key(
      ToString(crypto::Ed25519KeyPair::Generate().public_key().view()));
  out.mutable_request()->set_mls_signature_public_key(
      ToString(crypto::Ed25519KeyPair::Generate().public_key().view()));
  out.mutable_request()->set_device_label("tablet");
  return out;
}

// The log, and Alice's record in it with this device and device 07.
Bytes OwnAccount() {
  Devices& world = TheDevices();
  const Self& self = *world.alice.self;
  const crypto::Ed25519KeyPair other = crypto::Ed25519KeyPair::Generate();
  crypto::LeafSpec spec;
  spec.spki = crypto::Ed25519Spki(other.public_key());
  spec.uris = {self.user(), identity::DeviceUri{"example.org", identity::DeviceId{7}}.ToString()};
  spec.purpose = crypto::Purpose::kMlsCredential;
  spec.validity = {world.clock.Now() - absl::Hours(1), world.clock.Now() + absl::Hours(24)};
  std::map<identity::DeviceId, std::pair<Bytes, Bytes>> devices;  // key, certificate
  devices[identity::DeviceId{7}] = {ToBytes(other.public_key().view()),
                                    world.organisation.Leaf(spec).der()};
  devices[self.device()] = {self.mls_public_key(), self.account().mls_certificate};
  identity::DirectoryRecord record;
  record.user = self.user();
  record.display_name = "Alice";
  record.version = 1;
  keys::v1::SignedRecord account;
  for (const auto& [id, parts] : devices) {
    record.devices.push_back(
        {id, "device", *identity::ToFixed<32>(parts.first), Sha256(parts.second), 20000});
    account.add_credentials(ToString(parts.second));
  }
  const Bytes wire = Encode(record);
  account.set_record(ToString(wire));
  account.set_signature(ToString(self.working_key().Sign(identity::kDirectoryRecordLabel, wire)));
  world.directory.Offer(account);
  keys::v1::ReadLogRequest from_start;
  from_start.set_limit(1000);
  return Concat({Part(testing::ValueOf(world.directory.ReadLog(from_start)).SerializeAsString()),
                 Part(world.directory.Own(self.user()).SerializeAsString())});
}

}  // namespace

std::vector<Bytes> Seeds() {
  keys::v1::ListJoinRequestsResponse waiting;
  *waiting.add_waiting() = Tablet();
  keys::v1::InviteDeviceResponse invited;
  invited.set_expires_unix(1'790'003'600);
  const Bytes own = OwnAccount(), join = HonestJoin();
  // The same answer without the asking.
  keys::v1::AskResponse asked;
  asked.set_expires_unix(absl::ToUnixSeconds(TheDevices().clock.Now()) + 600);
  Answers answers;
  answers.rest = ByteView(join).subspan(Part(asked.SerializeAsString()).size());
  const keys::v1::CollectResponse collected = *answers.Next<keys::v1::CollectResponse>();
  const Bytes enrol = Part(collected.enrolled().SerializeAsString());
  FixRandomness(5);
  CHECK(Newcomer(/*by_device=*/false).Enrol(enrol).ok());
  return {Concat({Bytes{kWaiting}, Part(waiting.SerializeAsString()), Part("")}),
          Concat({Bytes{kList}, own}),
          Concat({Bytes{kInvite}, Part(invited.SerializeAsString())}),
          Concat({Bytes{kRemove}, own, Part("")}),
          Concat({Bytes{kEnrol}, enrol}),
          Concat({Bytes{kJoin}, join})};
}

}  // namespace plumbline::fuzz
