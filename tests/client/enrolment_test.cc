// Enrolment against key servers that lie: whatever part of the answer is wrong, there is no account afterwards, and a right
// answer to the same invitation still makes one.
#include "client/enrolment.h"

#include <gmock/gmock.h>

#include <functional>

#include "common/crypto/issue.h"
#include "common/identity/codes.h"
#include "common/identity/labels.h"
#include "common/identity/uri.h"
#include "tests/client/people.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using plumbline::testing::StatusIs;
using plumbline::testing::ValueOf;
using ::testing::HasSubstr;

constexpr char kUser[] = "mimi://example.org/u/alice";

// A key server that answers Enrol as it should, then lets `lie` change the answer.
class KeyServer final : public Network {
 public:
  using Lie = std::function<void(KeyServer&, keys::v1::EnrolResponse&)>;
  KeyServer(const testing::TestOrganisation& made, Lie tell) : organisation(made), lie(std::move(tell)) {
    for (const identity::Role role : {identity::Role::kDirectory, identity::Role::kGrants, identity::Role::kTokens}) {
      role_keys.push_back(crypto::Ed25519KeyPair::Generate());
      crypto::LeafSpec spec;
      spec.spki = crypto::Ed25519Spki(role_keys.back().public_key());
      spec.uris = {identity::RoleUri{"example.org", role}.ToString()};
      spec.purpose = crypto::Purpose::kRoleSignature;
      spec.validity = {organisation.now - absl::Hours(1), organisation.now + absl::Hours(24)};
      role_certificates.push_back(ValueOf(crypto::IssueLeaf(organisation.root, organisation.root_key, spec)).der());
    }
  }

  absl::StatusOr<keys::v1::EnrolResponse> Enrol(const keys::v1::EnrolRequest& request) override {
    mls_keys.push_back(request.mls_signature_public_key());
    keys::v1::EnrolResponse response;
    const identity::DeviceId device = identity::RandomFixed<16>();
    response.set_device_id(ToString(device));
    const std::string device_uri = identity::DeviceUri{"example.org", device}.ToString();
    const crypto::CertificateRequest csr = ValueOf(crypto::CertificateRequest::Parse(AsBytes(request.tls_csr())));
    AddChain(Leaf(csr.spki(), {device_uri}, crypto::Purpose::kTlsClient), *response.mutable_tls_certificates());
    const auto mls_key = ValueOf(crypto::Ed25519PublicKey::Parse(AsBytes(request.mls_signature_public_key())));
    const Bytes credential = Leaf(crypto::Ed25519Spki(mls_key), {kUser, device_uri}, crypto::Purpose::kMlsCredential);
    AddChain(credential, *response.mutable_mls_certificates());
    identity::DirectoryRecord record;
    record.user = kUser;
    record.display_name = "Alice";
    record.version = 1;
    record.devices = {{device, "laptop", ValueOf(identity::ToFixed<32>(mls_key.view())), Sha256(credential), 20000}};
    SetRecord(record, {credential}, response);
    keys::v1::GetOrganisationResponse& about = *response.mutable_organisation();
    about.set_domain("example.org");
    about.set_display_name("Example");
    for (const Bytes& der : role_certificates) about.add_role_certificates(ToString(der));
    about.set_issuing_certificate(ToString(organisation.issuing.der()));
    about.set_device_address("127.0.0.1:7442");
    about.set_delivery_address("127.0.0.1:7444");
    if (lie) lie(*this, response);
    return response;
  }

  Bytes Leaf(const Bytes& spki, const std::vector<std::string>& uris, crypto::Purpose purpose) const {
    crypto::LeafSpec spec;
    spec.spki = spki;
    spec.uris = uris;
    spec.purpose = purpose;
    spec.validity = {organisation.now - absl::Hours(1), organisation.now + absl::Hours(24)};
    return organisation.Leaf(spec).der();
  }
  void AddChain(const Bytes& leaf, google::protobuf::RepeatedPtrField<std::string>& chain) const {
    *chain.Add() = ToString(leaf);
    *chain.Add() = ToString(organisation.issuing.der());
  }
  void SetRecord(const identity::DirectoryRecord& record, const std::vector<Bytes>& credentials,
                 keys::v1::EnrolResponse& response) const {
    keys::v1::SignedRecord& out = *response.mutable_record();
    out.set_record(ToString(identity::Encode(record)));
    out.set_signature(ToString(role_keys[0].Sign(identity::kDirectoryRecordLabel, AsBytes(out.record()))));
    out.clear_credentials();
    for (const Bytes& credential : credentials) out.add_credentials(ToString(credential));
  }
  static identity::DirectoryRecord RecordIn(const keys::v1::EnrolResponse& response) {
    return ValueOf(identity::ParseDirectoryRecord(AsBytes(response.record().record())));
  }

  // Not part of enrolment.
  absl::StatusOr<keys::v1::ReadLogResponse> ReadLog(const keys::v1::ReadLogRequest&) override { return Never(); }
  absl::StatusOr<keys::v1::LookUpResponse> LookUp(const keys::v1::LookUpRequest&) override { return Never(); }
  absl::StatusOr<keys::v1::ClaimKeyPackagesResponse> ClaimKeyPackages(const keys::v1::ClaimKeyPackagesRequest&) override {
    return Never();
  }
  absl::StatusOr<keys::v1::PublishKeyPackagesResponse> PublishKeyPackages(
      const keys::v1::PublishKeyPackagesRequest&) override {
    return Never();
  }
  absl::StatusOr<keys::v1::GetOwnAccountResponse> GetOwnAccount() override { return Never(); }
  absl::StatusOr<keys::v1::GetTokenKeysResponse> GetTokenKeys() override { return Never(); }
  absl::StatusOr<keys::v1::DrawTokensResponse> DrawTokens(const keys::v1::DrawTokensRequest&) override { return Never(); }
  absl::StatusOr<keys::v1::DrawGrantsResponse> DrawGrants(const keys::v1::DrawGrantsRequest&) override { return Never(); }
  absl::StatusOr<keys::v1::RenewCertificateResponse> RenewCertificate(const keys::v1::RenewCertificateRequest&) override {
    return Never();
  }
  absl::StatusOr<keys::v1::RenewCredentialResponse> RenewCredential(const keys::v1::RenewCredentialRequest&) override { return Never(); }
  absl::Status OpenMailbox(const delivery::v1::OpenMailboxRequest&) override { return Never(); }
  absl::StatusOr<std::unique_ptr<SendConnection>> Connect() override { return Never(); }
  absl::StatusOr<std::unique_ptr<FileConnection>> ConnectFiles() override { return Never(); }
  absl::StatusOr<std::unique_ptr<MailboxStream>> Receive(const Mailbox&, uint64_t, EventQueue&) override { return Never(); }

  const testing::TestOrganisation& organisation;
  Lie lie;
  std::vector<crypto::Ed25519KeyPair> role_keys;
  std::vector<Bytes> role_certificates;
  std::vector<std::string> mls_keys;  // of every request, in order

 private:
  static absl::Status Never() { return absl::UnimplementedError("enrolment does not call this"); }
};

class Newcomer {
 public:
  Newcomer() : home_(scratch_ / "home"), store_(ValueOf(home_.Create(Secret::CopyOf(AsBytes("a good passphrase")), {1, 8192}))) {
    invitation_.domain = "example.org";
    invitation_.root_fingerprint = *identity::ToFixed<32>(organisation.root.fingerprint().view());
    invitation_.keyserver_address = "127.0.0.1:7441";
    invitation_.user = kUser;
    invitation_.code = identity::GenerateCode();
    invitation_.expires_unix = static_cast<uint64_t>(absl::ToUnixSeconds(clock.Now() + absl::Hours(24)));
  }

  absl::Status Enrol(KeyServer::Lie lie = nullptr) {
    EnrolmentPaths paths;
    paths.fetch_root = [this](const identity::Invitation&) -> absl::StatusOr<std::string> { return root_shown.ToPem(); };
    paths.connect = [&](const identity::Invitation&, const std::string&) -> absl::StatusOr<std::unique_ptr<Network>> {
      auto server = std::make_unique<KeyServer>(organisation, [this, lie](KeyServer& s, keys::v1::EnrolResponse& response) {
        mls_keys.push_back(s.mls_keys.back());
        if (lie) lie(s, response);
      });
      return std::unique_ptr<Network>(std::move(server));
    };
    return client::Enrol(home_, stores, identity::FormatInvitation(invitation_), "laptop", paths, clock);
  }
  bool HasAccount() { return ValueOf(stores.account.Get()).has_value(); }

  FixedClock clock{absl::FromUnixSeconds(1'790'000'000)};
  testing::TestOrganisation organisation{clock.Now()};
  crypto::Certificate root_shown = organisation.root;
  std::vector<std::string> mls_keys;

 private:
  const testing::ScratchDir scratch_;
  const Home home_;
  const std::unique_ptr<Store> store_;

 public:
  Stores stores{*store_};
  identity::Invitation invitation_;
};

void ExpectRefused(const std::string& what, KeyServer::Lie lie) {
  SCOPED_TRACE(what);
  Newcomer newcomer;
  const absl::Status refused = newcomer.Enrol(std::move(lie));
  EXPECT_FALSE(refused.ok());
  EXPECT_FALSE(newcomer.HasAccount());
  EXPECT_OK(newcomer.Enrol());
  EXPECT_TRUE(newcomer.HasAccount());
  ASSERT_EQ(newcomer.mls_keys.size(), 2u);
  EXPECT_EQ(newcomer.mls_keys[0], newcomer.mls_keys[1]);  // the keys of the first attempt
}

TEST(Enrolment, MakesAnAccountFromAGoodAnswer) {
  Newcomer newcomer;
  ASSERT_OK(newcomer.Enrol());
  EXPECT_TRUE(newcomer.HasAccount());
  // From here on the own record is followed in the log.
  EXPECT_TRUE(ValueOf(newcomer.stores.contacts.OwnRecord()).has_value());
  EXPECT_THAT(newcomer.Enrol(), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("already_enrolled: ")));
}

TEST(Enrolment, RefusesOtherPeoplesCertificates) {
  using Response = keys::v1::EnrolResponse;
  const auto other_key = crypto::P256PrivateKey::Generate();
  const auto other_mls = crypto::Ed25519KeyPair::Generate();
  const auto device = [](const Response& r) {
    return identity::DeviceUri{"example.org", *identity::ToFixed<16>(AsBytes(r.device_id()))}.ToString();
  };
  ExpectRefused("TLS certificate for another key", [&](KeyServer& s, Response& r) {
    r.set_tls_certificates(0, ToString(s.Leaf(other_key.spki(), {device(r)}, crypto::Purpose::kTlsClient)));
  });
  ExpectRefused("TLS certificate that names a service", [&](KeyServer& s, Response& r) {
    const auto own = ValueOf(crypto::Certificate::Parse(AsBytes(r.tls_certificates(0))));
    r.set_tls_certificates(0, ToString(s.Leaf(own.spki(), {"plumbline://example.org/service/admin"}, crypto::Purpose::kTlsClient)));
  });
  ExpectRefused("credential for another key", [&](KeyServer& s, Response& r) {
    r.set_mls_certificates(0, ToString(s.Leaf(crypto::Ed25519Spki(other_mls.public_key()), {kUser, device(r)},
                                              crypto::Purpose::kMlsCredential)));
  });
  ExpectRefused("credential that names somebody else", [&](KeyServer& s, Response& r) {
    const auto own = ValueOf(crypto::Certificate::Parse(AsBytes(r.mls_certificates(0))));
    r.set_mls_certificates(0, ToString(s.Leaf(own.spki(), {"mimi://example.org/u/bob", device(r)},
                                              crypto::Purpose::kMlsCredential)));
  });
  ExpectRefused("credential of another purpose", [&](KeyServer& s, Response& r) {
    const auto own = ValueOf(crypto::Certificate::Parse(AsBytes(r.mls_certificates(0))));
    r.set_mls_certificates(0, ToString(s.Leaf(own.spki(), {kUser, device(r)}, crypto::Purpose::kRoleSignature)));
  });
  ExpectRefused("another device id", [](KeyServer&, Response& r) { r.set_device_id(ToString(RandomBytes(16))); });
  ExpectRefused("a device id that is too short", [](KeyServer&, Response& r) { r.set_device_id("short"); });
}

TEST(Enrolment, RefusesAnotherOrganisationsSignatures) {
  using Response = keys::v1::EnrolResponse;
  testing::TestOrganisation elsewhere(absl::FromUnixSeconds(1'790'000'000));
  KeyServer stranger(elsewhere, nullptr);
  ExpectRefused("role certificates under another root", [&](KeyServer&, Response& r) {
    for (int i = 0; i < 3; ++i) r.mutable_organisation()->set_role_certificates(i, ToString(stranger.role_certificates[static_cast<size_t>(i)]));
  });
  ExpectRefused("a role is missing", [](KeyServer&, Response& r) { r.mutable_organisation()->mutable_role_certificates()->RemoveLast(); });
  ExpectRefused("another domain", [](KeyServer&, Response& r) { r.mutable_organisation()->set_domain("elsewhere.org"); });
  ExpectRefused("another issuer at the end of a chain", [&](KeyServer&, Response& r) {
    r.set_mls_certificates(1, ToString(elsewhere.issuing.der()));
  });
  ExpectRefused("chains that are too short", [](KeyServer&, Response& r) { r.mutable_tls_certificates()->RemoveLast(); });
  ExpectRefused("a certificate that is none", [](KeyServer&, Response& r) { r.set_mls_certificates(0, "certificate"); });
  ExpectRefused("an address that is none", [](KeyServer&, Response& r) { r.mutable_organisation()->set_delivery_address("somewhere"); });
}

TEST(Enrolment, RefusesARecordWithoutThisDevice) {
  using Response = keys::v1::EnrolResponse;
  ExpectRefused("no devices", [](KeyServer& s, Response& r) {
    identity::DirectoryRecord record = KeyServer::RecordIn(r);
    record.devices.clear();
    s.SetRecord(record, {}, r);
  });
  ExpectRefused("somebody else's record", [](KeyServer& s, Response& r) {
    identity::DirectoryRecord record = KeyServer::RecordIn(r);
    record.user = "mimi://example.org/u/bob";
    s.SetRecord(record, {ToBytes(AsBytes(r.mls_certificates(0)))}, r);
  });
  ExpectRefused("a signature that does not verify", [](KeyServer&, Response& r) { (*r.mutable_record()->mutable_signature())[0] ^= 1; });
  ExpectRefused("an empty answer", [](KeyServer&, Response& r) { r.Clear(); });
}

TEST(Enrolment, RefusesAnotherRootThanTheInvitations) {
  Newcomer newcomer;
  newcomer.root_shown = testing::TestOrganisation(newcomer.clock.Now()).root;
  EXPECT_THAT(newcomer.Enrol(), StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("root_mismatch: ")));
  EXPECT_TRUE(newcomer.mls_keys.empty());  // nothing was asked of that server
}

TEST(Enrolment, RefusesAnInvitationAfterItsTimeAndNamesTheClock) {
  Newcomer newcomer;
  newcomer.clock.Advance(absl::Hours(25));
  EXPECT_THAT(newcomer.Enrol(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("set the clock")));
}

}  // namespace
}  // namespace plumbline::client
