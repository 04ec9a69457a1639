// Locked stores of devices that the real client enrolled, over real TLS, with the real key server: what the TLS key alone may do,
// what a kill of the key server and an administrator's wipe do, and what a copied folder is told.
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "client/home.h"
#include "client/net/grpc_unlock.h"
#include "client/net/open_device.h"
#include "client/self.h"
#include "client/stores.h"
#include "client/unlock/check_in.h"
#include "client/unlock/unlock.h"
#include "client/unlock/unlock_certificate.h"
#include "common/config/config.h"
#include "common/crypto/x509.h"
#include "common/file.h"
#include "common/rpc/tls_policy.h"
#include "tests/client_output.h"
#include "tests/e2e/service_fixture.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

namespace fs = std::filesystem;
using plumbline::testing::StatusIs;
using plumbline::testing::ValueOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using State = keys::v1::GetLockStateResponse;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr crypto::SealCost kCheap{1, 8 * 1024};

Secret Words(absl::string_view text) { return Secret::CopyOf(AsBytes(text)); }

rpc::TlsIdentity IdentityIn(const std::string& folder) {
  const Home home(folder);
  return {ValueOf(ReadTextFile(home.tls_certificate_path(), 65536)), ValueOf(ReadSecretFile(home.tls_key_path(), 65536))};
}

// A device as its folder has it: who it is, from its store; and its two ways to the key server.
struct Device {
  Device(const assess::Person& person, const std::string& folder) : home(folder) {
    OpenedDevice opened = ValueOf(OpenDevice(home, ValueOf(config::ReadPassphraseFile(person.passphrase_file)), kCheap, clock));
    data_key = std::move(opened.data_key);
    store = std::move(opened.store);
    self = std::move(opened.self);
    const Account& account = self->account();
    owner = {account.device_id, account.device_address, account.root};
    keys = ValueOf(NewGrpcNetwork(ValueOf(NetworkOptionsOf(home, *self, clock)), clock));
    lock = LockOf(IdentityIn(folder));
  }
  // The same key server with another device's certificate, or with one of nobody's.
  std::unique_ptr<LockNetwork> LockOf(std::optional<rpc::TlsIdentity> identity) const {
    rpc::Endpoint endpoint;
    endpoint.address = self->account().device_address;
    endpoint.root_pem = self->root().ToPem();
    endpoint.identity = std::move(identity);
    return ValueOf(NewGrpcLockNetwork(std::move(endpoint), clock));
  }
  absl::Status Change(absl::string_view passphrase) {
    return ChangePassphrase(header, owner, data_key, Words(passphrase), kCheap, *lock, *keys);
  }
  absl::Status CheckIn() {
    CheckInStore check_ins(*store);
    return CheckInWith(check_ins, *keys);
  }

  const SystemClock clock;
  const Home home;
  const HeaderFile header{home.header_path()};
  Secret data_key;
  std::unique_ptr<Store> store;
  std::unique_ptr<Self> self;
  LockOwner owner;
  std::unique_ptr<GrpcNetwork> keys;
  std::unique_ptr<LockNetwork> lock;
};

testing::ServiceFixture& Services() {
  static auto* const services = [] {
    CHECK(rpc::PinTls13().ok());
    return new testing::ServiceFixture(PLUMBLINE_BIN);
  }();
  return *services;
}

TEST(UnlockOverTls, TheTlsKeyAsksAndTheWorkingKeyChanges) {
  const assess::Person alice = Services().Enrolled("alice");
  Device device(alice, alice.home);
  EXPECT_EQ(ValueOf(device.lock->GetLockState()).state(), State::STATE_OPEN);
  ASSERT_OK(device.Change("the first passphrase"));
  ASSERT_OK_AND_ASSIGN(const Unlocked first, Unlock(device.header, Words("the first passphrase"), *device.lock));
  EXPECT_TRUE(first.data_key == device.data_key);
  ASSERT_OK(device.Change("the second passphrase"));
  EXPECT_THAT(Unlock(device.header, Words("the first passphrase"), *device.lock),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("9 attempts are left")));
  // The key server is killed: it forgets no attempt.
  Services().organisation.Kill(assess::Service::kKeyserver);
  EXPECT_THAT(Unlock(device.header, Words("the second passphrase"), *device.lock), StatusIs(absl::StatusCode::kUnavailable));
  ASSERT_OK(Services().organisation.Start(assess::Service::kKeyserver));
  const auto again = device.LockOf(IdentityIn(alice.home));
  EXPECT_EQ(ValueOf(again->GetLockState()).attempts_left(), 9u);
  ASSERT_OK_AND_ASSIGN(const Unlocked second, Unlock(device.header, Words("the second passphrase"), *again));
  EXPECT_TRUE(second.data_key == device.data_key);
  EXPECT_EQ(second.others, 1u);
  EXPECT_EQ(ValueOf(again->GetLockState()).attempts_left(), 10u);
}

TEST(UnlockOverTls, AnotherDevicesCertificateReachesItsOwnKeyOnly) {
  const assess::Person carol = Services().Enrolled("carol"), mallory = Services().Enrolled("mallory");
  Device hers(carol, carol.home);
  ASSERT_OK(hers.Change("carols passphrase"));
  const auto with_his = hers.LockOf(IdentityIn(mallory.home));
  // He is told of his own key, of which there is one version; what he spends is his own.
  EXPECT_THAT(Unlock(hers.header, Words("carols passphrase"), *with_his), StatusIs(kPrecondition, StartsWith("unlock_key_unknown")));
  int evaluated = 0;
  for (int i = 0; i < 12; ++i) {
    keys::v1::EvaluateRequest request;
    request.set_key_version(1);
    request.set_blinded_element(ToString(crypto::VoprfBlinding::Create(Secret(32))->element().view()));
    evaluated += with_his->Evaluate(request).ok();
  }
  EXPECT_EQ(ValueOf(with_his->GetLockState()).attempts_left(), 10u - static_cast<uint32_t>(evaluated));
  // A key without the organisation's certificate does not come through the handshake.
  const auto key = crypto::P256PrivateKey::Generate();
  const auto self_made = ValueOf(crypto::MakeRoot(key, "nobody", {absl::Now() - absl::Hours(1), absl::Now() + absl::Hours(1)}));
  const auto with_none = hers.LockOf(rpc::TlsIdentity{self_made.ToPem(), key.ToPem()});
  EXPECT_FALSE(with_none->GetLockState().ok());
  EXPECT_EQ(ValueOf(hers.lock->GetLockState()).attempts_left(), 10u);
  EXPECT_OK(Unlock(hers.header, Words("carols passphrase"), *hers.lock));
}

TEST(UnlockOverTls, TheCertificateForUnlockingComesThroughTheHandshakeAndDoesNothingElse) {
  const assess::Person frank = Services().Enrolled("frank");
  Device device(frank, frank.home);
  ASSERT_OK(device.Change("franks passphrase"));
  const rpc::TlsIdentity own = IdentityIn(frank.home);
  const std::string path = frank.home + "/unlock-again.crt";
  EXPECT_EQ(*RenewUnlockCertificate(path, *crypto::ParsePemChain(own.chain_pem), device.self->root(), *device.keys, device.clock), true);
  const rpc::TlsIdentity locked{*ReadTextFile(path, 65536), Secret::CopyOf(own.key_pem.view())};
  EXPECT_OK(Unlock(device.header, Words("franks passphrase"), *device.LockOf(locked.Copy())));
  NetworkOptions options = ValueOf(NetworkOptionsOf(device.home, *device.self, device.clock));
  options.identity = locked.Copy();
  ASSERT_OK_AND_ASSIGN(const auto keys, NewGrpcNetwork(std::move(options), device.clock));
  EXPECT_THAT(keys->BeginUnlockKey(), StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("not_authorised")));
  EXPECT_THAT(keys->GetOwnAccount(), StatusIs(absl::StatusCode::kPermissionDenied, StartsWith("not_authorised")));
}

TEST(UnlockOverTls, AnAdministratorsWipeEndsIt) {
  const assess::Person dave = Services().Enrolled("dave");
  Device device(dave, dave.home);
  ASSERT_OK(device.Change("daves passphrase"));
  ASSERT_OK(Unlock(device.header, Words("daves passphrase"), *device.lock));
  const std::string id = ToHex(device.owner.device_id);
  const auto wiped = ValueOf(Services().organisation.Administer({"device", "wipe", "dave", id.substr(0, 12), "--reason", "stolen"}));
  EXPECT_EQ(wiped.exit_code, 0) << wiped.out << wiped.err;
  EXPECT_THAT(Unlock(device.header, Words("daves passphrase"), *device.lock),
              StatusIs(kPrecondition, HasSubstr("destroyed by an administrator")));
  const auto events = ValueOf(Services().organisation.Administer({"--json", "audit", "list"}));
  EXPECT_THAT(events.out, HasSubstr("unlock.destroyed"));
  EXPECT_THAT(events.out, HasSubstr("wipe_device"));
}

TEST(UnlockOverTls, ACopiedFolderIsFoundOut) {
  const assess::Person erin = Services().Enrolled("erin");
  {
    Device device(erin, erin.home);
    ASSERT_OK(device.CheckIn());
  }
  const std::string copy = absl::StrCat(erin.home, "-copy");
  EXPECT_EQ(Services().Run(erin, {"lock"}).exit_code, 0);  // nobody copies a socket
  fs::copy(erin.home, copy, fs::copy_options::recursive);
  Device original(erin, erin.home);
  ASSERT_OK(original.CheckIn());
  EXPECT_THAT(Device(erin, copy).CheckIn(), StatusIs(kPrecondition, StartsWith("store_copied")));
  ASSERT_OK(original.CheckIn());
  EXPECT_THAT(Device(erin, copy).CheckIn(), StatusIs(kPrecondition, StartsWith("store_rolled_back")));
}

}  // namespace
}  // namespace plumbline::client
