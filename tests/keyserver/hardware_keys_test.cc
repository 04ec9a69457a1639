// The organisation's keys in a token (SoftHSM): made there by the ceremony, worth nothing elsewhere, and nowhere on the disk.
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "common/crypto/openssl.h"
#include "common/crypto/sealed_file.h"
#include "common/identity/reason.h"
#include "common/pkcs11/key_object.h"
#include "keyserver/backup.h"
#include "keyserver/ceremony.h"
#include "keyserver/log_rotation.h"
#include "keyserver/log_succession.h"
#include "keyserver/role_rotation.h"
#include "keyserver/rotation.h"
#include "keyserver/key_ring.h"
#include "tests/common/pkcs11/softhsm.h"
#include "tests/keyserver/world.h"
#include "tests/status_matchers.h"

namespace plumbline::keyserver {
namespace {

namespace fs = std::filesystem;
using identity::ReasonOf;
using plumbline::testing::SoftHsm;
using plumbline::testing::StatusIs;

constexpr crypto::SealCost kCheap{1, 8192};

Bytes SealedContent(const World& world) {
  const auto content = crypto::OpenSealedFile(KeysPath(world.config().data_dir()), TestPassphrase());
  CHECK(content.ok());
  return ToBytes(content->view());
}

// Each value in the database, decrypted, and every file as it is.
Bytes EverythingOnDisk(World& world) {
  Bytes out;
  const auto add = [&out](ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); };
  for (const auto& entry : fs::recursive_directory_iterator(world.config().data_dir())) {
    if (entry.is_regular_file()) add(AsBytes(plumbline::testing::ReadAll(entry.path())));
  }
  add(SealedContent(world));
  const size_t files = out.size();
  MutexLock lock(world.connection().mutex());
  db::Database& database = world.connection().database();
  const auto column = [&database](const std::string& sql, int index) {
    std::vector<std::string> rows;
    auto select = database.Prepare(sql);
    CHECK(select.ok());
    while (*select->Step()) rows.push_back(ToString(select->Blob(index)));
    return rows;
  };
  for (const std::string& table : column("SELECT CAST(name AS BLOB) FROM sqlite_master WHERE type = 'table'", 0)) {
    for (const std::string& name : column(absl::StrCat("PRAGMA table_info(", table, ")"), 1)) {
      for (const std::string& value : column(absl::StrCat("SELECT CAST(", name, " AS BLOB) FROM ", table), 0)) add(AsBytes(value));
    }
  }
  CHECK(out.size() > files + 10'000);
  return out;
}

std::set<Bytes> PublicKeys(const KeyRing& keys) {
  std::set<Bytes> out = {ToBytes(ByteView(keys.issuing_key.spki()).last(65)), keys.transparency->log.public_key().ToBytes()};
  for (const RoleKey* role : {&keys.directory, &keys.grants, &keys.tokens, &*keys.audit}) out.insert(role->key.public_key().ToBytes());
  CHECK(out.size() == 6);
  return out;
}

// No 32 random bytes have one value seven times, but for one case in a hundred thousand million; most of a database has.
bool LooksRandom(ByteView window) {
  std::array<uint8_t, 256> counts = {};
  return std::all_of(window.begin(), window.end(), [&](uint8_t byte) { return ++counts[byte] < 7; });
}

// Which of `wanted` have their private half in `all`: each 32 bytes in a row are tried as an Ed25519 seed and as a P-256 scalar.
std::set<Bytes> FindPrivateKeys(ByteView all, const std::set<Bytes>& wanted) {
  EC_GROUP* const group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
  EC_POINT* const point = EC_POINT_new(group);
  std::set<Bytes> found;
  for (size_t at = 0; at + 32 <= all.size(); ++at) {
    const ByteView window = all.subspan(at, 32);
    if (!LooksRandom(window)) continue;
    Bytes key(32), secret(64);
    crypto_sign_seed_keypair(key.data(), secret.data(), window.data());
    if (wanted.contains(key)) found.insert(key);
    const crypto::Owned<BIGNUM> scalar(BN_bin2bn(window.data(), 32, nullptr));
    Bytes encoded(65);
    CHECK(EC_POINT_mul(group, point, scalar.get(), nullptr, nullptr, nullptr) == 1);
    if (EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, encoded.data(), encoded.size(), nullptr) == 65 &&
        wanted.contains(encoded)) {
      found.insert(encoded);
    }
  }
  EC_POINT_free(point);
  EC_GROUP_free(group);
  return found;
}

bool Contains(ByteView all, ByteView part) {
  CHECK(!part.empty());
  return std::search(all.begin(), all.end(), part.begin(), part.end()) != all.end();
}

TEST(HardwareKeys, AreMadeInTheTokenByTheCeremony) {
  const SoftHsm hsm;
  World world(hsm.Section());
  const KeyRing& keys = world.organisation().keys();
  for (const RoleKey* role : {&keys.directory, &keys.grants, &keys.tokens, &*keys.audit}) {
    EXPECT_TRUE(role->key.in_token());
    EXPECT_TRUE(role->key.seed().empty());
    EXPECT_OK(crypto::VerifyChain(role->certificate, {}, keys.root, world.clock().Now(), crypto::Purpose::kRoleSignature));
  }
  EXPECT_TRUE(keys.transparency->log.in_token());
  EXPECT_TRUE(keys.issuing_key.in_token());
  EXPECT_TRUE(keys.issuing_key.der().empty());
}

// Roles, log, issuing authority and token keys all sign for these.
TEST(HardwareKeys, ServeAsOthersDo) {
  const SoftHsm hsm;
  World world(hsm.Section());
  TestDevice device = world.Enrol(kAlice);
  for (int i = 0; i < 3; ++i) world.Token(device);
  world.Restart();
  world.Token(device);
  world.Suspend(kAlice);
  EXPECT_OK(VerifyAudit(world.config(), TestPassphrase()).status());
}

TEST(HardwareKeys, OfARoleAreReplacedInTheTokenAndDestroyedThere) {
  const SoftHsm hsm;
  World world(hsm.Section());
  TestDevice device = world.Enrol(kAlice);
  world.Token(device);
  testing::ScratchDir scratch;
  for (const identity::Role role : identity::kListedRoles) {
    SCOPED_TRACE(std::string(identity::RoleName(role)));
    const std::string label = absl::StrCat("plumbline ", identity::RoleName(role)), folder = scratch / label;
    const auto names = [&] { return *pkcs11::NamesOf(*world.organisation().keys().bound_to->token(), label); };
    const std::set<pkcs11::KeyName> before = names();
    ASSERT_EQ(before.size(), 1u);
    world.Keep(folder);
    config::v1::KeyserverConfig config = world.config();
    config.set_data_dir(folder);
    ASSERT_OK(RotateRole(config, TestPassphrase(), role, absl::Hours(1), world.clock(), kCheap).status());
    world.GoBack(folder);
    const std::set<pkcs11::KeyName> after = names();
    EXPECT_EQ(after.size(), 1u) << "the former one is destroyed";
    EXPECT_NE(after, before);
  }
  const KeyRing& keys = world.organisation().keys();
  EXPECT_EQ(keys.Statement()->number, 4u);
  for (const RoleKey* role : {&keys.directory, &keys.grants, &keys.tokens, &*keys.audit}) EXPECT_TRUE(role->key.in_token());
  world.Token(device);
  world.Suspend(kAlice);
}

TEST(HardwareKeys, OfTheIssuingAuthorityAreReplacedInTheTokenAndDestroyedThere) {
  const SoftHsm hsm;
  World world(hsm.Section());
  TestDevice device = world.Enrol(kAlice);
  testing::ScratchDir scratch;
  const auto names = [&] { return *pkcs11::NamesOf(*world.organisation().keys().bound_to->token(), "plumbline issuing"); };
  const std::set<pkcs11::KeyName> before = names();
  ASSERT_EQ(before.size(), 1u);
  world.Keep(scratch / "next");
  config::v1::KeyserverConfig config = world.config();
  config.set_data_dir(scratch / "next");
  ASSERT_OK(RotateIssuing(config, TestPassphrase(), absl::Hours(1), world.clock(), kCheap).status());
  world.GoBack(scratch / "next");
  EXPECT_EQ(names().size(), 1u) << "the former one is destroyed";
  EXPECT_NE(names(), before);
  EXPECT_TRUE(world.organisation().keys().issuing_key.in_token());
  world.Token(device);
  EXPECT_EQ(world.Enrol(kBob).issuing, world.organisation().keys().issuing);
}

std::string TokensLabel(World& world) { return absl::StrCat("plumbline tokens ", ToHex(world.organisation().keys().bound_to->name().id)); }

size_t TokenKeysIn(World& world) {
  const auto names = pkcs11::NamesOf(*world.organisation().keys().bound_to->token(), TokensLabel(world));
  CHECK(names.ok());
  return names->size();
}

TEST(HardwareKeys, ForTokensAreDestroyedWhenTheyAreOver) {
  const SoftHsm hsm;
  World world(hsm.Section());
  ASSERT_OK(world.tokens().Prepare());
  EXPECT_EQ(TokenKeysIn(world), 2u);  // one for each purpose
  for (int hour = 0; hour < 3; ++hour) {
    world.clock().Advance(absl::Hours(1) + absl::Minutes(5));
    ASSERT_OK(world.tokens().Prepare());
    EXPECT_EQ(TokenKeysIn(world), 2u);
  }
  // A stop between making a key and storing it leaves one behind, and a start finds it.
  ASSERT_OK(pkcs11::BlindRsaKey::Generate(world.organisation().keys().bound_to->token(), TokensLabel(world)).status());
  EXPECT_EQ(TokenKeysIn(world), 3u);
  world.Restart();
  ASSERT_OK(world.tokens().Prepare());
  EXPECT_EQ(TokenKeysIn(world), 2u);
}

// A restored database names keys that the token has destroyed since.
TEST(HardwareKeys, ForTokensAreMadeAnewAfterARestore) {
  const SoftHsm hsm;
  World world(hsm.Section());
  TestDevice device = world.Enrol(kAlice);
  ASSERT_OK(world.tokens().Prepare());
  const std::vector<Bytes> before = world.tokens().Statements();
  ASSERT_OK(pkcs11::DestroyOthers(*world.organisation().keys().bound_to->token(), TokensLabel(world), {}));
  world.Restart();
  world.clock().Advance(absl::Minutes(2));
  ASSERT_OK(world.tokens().Prepare());
  EXPECT_GT(world.tokens().Statements().size(), before.size());
  world.Token(device);
}

TEST(HardwareKeys, AreNowhereOnTheDisk) {
  const SoftHsm hsm;
  World world(hsm.Section());
  TestDevice device = world.Enrol(kAlice);
  world.Token(device);
  EXPECT_TRUE(FindPrivateKeys(EverythingOnDisk(world), PublicKeys(world.organisation().keys())).empty());
  // Nor in the key ring itself, which opens with token and passphrase together.
  EXPECT_TRUE(FindPrivateKeys(world.organisation().keys().Serialize().view(), PublicKeys(world.organisation().keys())).empty());

  // The search finds what is there: all six in a key ring without a token, and one that is put among the rest.
  World plain;
  const Bytes ring = SealedContent(plain);
  EXPECT_EQ(FindPrivateKeys(ring, PublicKeys(plain.organisation().keys())), PublicKeys(plain.organisation().keys()));
  Bytes planted = Concat({Bytes(1000, 7), plain.organisation().keys().grants.key.seed(), Bytes(1000, 7)});
  EXPECT_EQ(FindPrivateKeys(planted, PublicKeys(plain.organisation().keys())),
            std::set<Bytes>{plain.organisation().keys().grants.key.public_key().ToBytes()});
}

// What a token cannot compute with is in keys.sealed, and of no use without the token, though one has the passphrase.
TEST(HardwareKeys, BindTheOtherSecretsToTheToken) {
  const SoftHsm hsm;
  World world(hsm.Section());
  const auto secrets_of = [](const KeyRing& keys) {
    return std::vector<Bytes>{ToBytes(keys.service_key.der()),         ToBytes(keys.grant_escrow.private_key()), ToBytes(keys.wrapping.view()),
                              ToBytes(keys.transparency->vrf.seed()),  ToBytes(keys.transparency->follow.view()),
                              ToBytes(keys.database_key.view())};
  };
  const Bytes content = SealedContent(world);
  EXPECT_TRUE(IsBound(content));
  for (const Bytes& secret : secrets_of(world.organisation().keys())) EXPECT_FALSE(Contains(content, secret));
  World plain;
  const Bytes control = SealedContent(plain);
  for (const Bytes& secret : secrets_of(plain.organisation().keys())) EXPECT_TRUE(Contains(control, secret));
}

TEST(HardwareKeys, NothingOpensWithoutTheTokenInTheConfiguration) {
  const SoftHsm hsm;
  World world(hsm.Section());
  EXPECT_OK(UnsealKeyRing(world.config(), TestPassphrase()).status());
  config::v1::KeyserverConfig without = world.config();
  without.clear_pkcs11();
  EXPECT_EQ(ReasonOf(UnsealKeyRing(without, TestPassphrase()).status()), "pkcs11_not_configured");
  EXPECT_EQ(ReasonOf(ExportTrust(without, TestPassphrase()).status()), "pkcs11_not_configured");
}

// The configuration of an organisation whose keys are in the token, with nothing open.
config::v1::KeyserverConfig Founded(const SoftHsm& hsm, const std::string& folder) {
  World world(hsm.Section());
  world.Keep(folder);
  config::v1::KeyserverConfig out = world.config();
  out.set_data_dir(folder);
  return out;
}

TEST(HardwareKeys, NoOtherTokenWillDo) {
  const SoftHsm hsm;
  const plumbline::testing::ScratchDir scratch;
  const config::v1::KeyserverConfig config = Founded(hsm, scratch / "copy");
  EXPECT_OK(UnsealKeyRing(config, TestPassphrase()).status());
  hsm.Remove();
  EXPECT_EQ(ReasonOf(UnsealKeyRing(config, TestPassphrase()).status()), "pkcs11_token_missing");
  EXPECT_EQ(ReasonOf(RotateServiceKey(config, TestPassphrase(), SystemClock(), kCheap)), "pkcs11_token_missing");
  hsm.Add(SoftHsm::kLabel);  // of the same label and PIN
  EXPECT_EQ(ReasonOf(UnsealKeyRing(config, TestPassphrase()).status()), "pkcs11_key_missing");
}

TEST(HardwareKeys, WhatIsBesideThemIsReplacedAndStaysBoundToTheToken) {
  const SoftHsm hsm;
  const plumbline::testing::ScratchDir scratch;
  const config::v1::KeyserverConfig config = Founded(hsm, scratch / "copy");
  const FakeClock clock;
  ASSERT_OK_AND_ASSIGN(const KeyRing before, UnsealKeyRing(config, TestPassphrase()));
  ASSERT_OK(RotateWrapping(config, TestPassphrase(), clock, kCheap));
  ASSERT_OK(RotateServiceKey(config, TestPassphrase(), clock, kCheap));
  ASSERT_OK_AND_ASSIGN(const KeyRing after, UnsealKeyRing(config, TestPassphrase()));
  EXPECT_FALSE(after.wrapping == before.wrapping);
  EXPECT_NE(after.service_key.spki(), before.service_key.spki());
  ASSERT_NE(after.bound_to, nullptr);
  EXPECT_TRUE(after.directory.key.in_token());
  EXPECT_EQ(after.directory.key.public_key(), before.directory.key.public_key());
  config::v1::KeyserverConfig without = config;
  without.clear_pkcs11();
  EXPECT_EQ(ReasonOf(UnsealKeyRing(without, TestPassphrase()).status()), "pkcs11_not_configured");
}

// A backup names the keys in the token; who restores it has the token, or a copy of it.
// The log's key, which signs beside the new one until it ends; then it is gone from the token, and the others are not.
TEST(HardwareKeys, AFormerKeyOfTheLogIsDestroyedInTheToken) {
  const SoftHsm hsm;
  World world(hsm.Section());
  plumbline::testing::ScratchDir scratch;
  const std::string folder = scratch / "data";
  world.Keep(folder);
  config::v1::KeyserverConfig config = world.config();
  config.set_data_dir(folder);
  const auto log_keys = [&] { return pkcs11::NamesOf(*world.organisation().keys().bound_to->token(), "plumbline log")->size(); };
  const crypto::Ed25519PublicKey before = world.organisation().keys().transparency->log.public_key();
  EXPECT_EQ(log_keys(), 1u);
  ASSERT_OK(RotateLogKey(config, TestPassphrase(), absl::Hours(1), world.clock(), kCheap));
  EXPECT_EQ(log_keys(), 2u);
  {
    ASSERT_OK_AND_ASSIGN(const KeyRing keys, UnsealKeyRing(config, TestPassphrase()));
    EXPECT_TRUE(keys.transparency->log.in_token());
    ASSERT_TRUE(keys.former_log.has_value());
    EXPECT_TRUE(keys.former_log->key.in_token());
    EXPECT_EQ(keys.former_log->key.public_key(), before);
    ASSERT_OK_AND_ASSIGN(const auto connection, OpenForRotation(config, keys, world.clock()));
    FormerLogKeyEnd end(keys.former_log, folder, *connection);
    world.clock().Advance(absl::Hours(1));
    ASSERT_OK(end.EndIfDue(world.clock().Now()));
  }
  EXPECT_EQ(log_keys(), 1u);
  EXPECT_FALSE(fs::exists(FormerLogKeyPath(folder)));
  ASSERT_OK(RotateLogKey(config, TestPassphrase(), absl::ZeroDuration(), world.clock(), kCheap));
  EXPECT_EQ(log_keys(), 1u) << "a stolen one at once";
  ASSERT_OK_AND_ASSIGN(const KeyRing keys, UnsealKeyRing(config, TestPassphrase()));
  EXPECT_NE(keys.transparency->log.public_key(), before);
  EXPECT_OK(OpenForRotation(config, keys, world.clock()).status());
}

// The key of a log that ended; of one that was broken off, the key that signed nothing.
TEST(HardwareKeys, AnotherLogsKeyIsMadeInTheTokenAndTheFormerOneDestroyed) {
  const SoftHsm hsm;
  World world(hsm.Section());
  plumbline::testing::ScratchDir scratch;
  const std::string folder = scratch / "data";
  world.publisher().PublishAndWait();
  world.Keep(folder);
  config::v1::KeyserverConfig config = world.config();
  config.set_data_dir(folder);
  const std::shared_ptr<pkcs11::Token> token = world.organisation().keys().bound_to->token();
  const auto log_keys = [&] { return pkcs11::NamesOf(*token, "plumbline log")->size(); };
  EXPECT_EQ(log_keys(), 1u);
  {
    ASSERT_OK_AND_ASSIGN(KeyRing next, UnsealKeyRing(config, TestPassphrase()));
    ASSERT_OK_AND_ASSIGN(SigningKey key, SigningKey::Generate(token, "plumbline log"));
    next.transparency = TransparencyKeys::Generate(std::move(key));
    ASSERT_OK(SealNextLogRing(folder, TestPassphrase(), next, kCheap));
    EXPECT_EQ(log_keys(), 2u);
    ASSERT_OK_AND_ASSIGN(KeyRing keys, UnsealKeyRing(config, TestPassphrase()));
    ASSERT_OK(FinishRotation(config, TestPassphrase(), keys, kCheap));
    EXPECT_EQ(log_keys(), 1u) << "it was broken off";
    EXPECT_FALSE(fs::exists(NextLogPath(folder)));
  }
  ASSERT_OK(SucceedLog(config, TestPassphrase(), {}, world.clock(), kCheap));
  EXPECT_EQ(log_keys(), 1u);
  ASSERT_OK_AND_ASSIGN(KeyRing keys, UnsealKeyRing(config, TestPassphrase()));
  EXPECT_TRUE(keys.transparency->log.in_token());
  EXPECT_NE(keys.transparency->log.public_key(), world.organisation().keys().transparency->log.public_key());
  EXPECT_NE(keys.bound_to, nullptr);
  // Broken off behind the last key that was destroyed.
  ASSERT_OK(SealNextLogRing(folder, TestPassphrase(), keys, kCheap));
  ASSERT_OK(FinishRotation(config, TestPassphrase(), keys, kCheap));
  EXPECT_EQ(log_keys(), 1u);
  EXPECT_FALSE(fs::exists(NextLogPath(folder)));
  EXPECT_OK(OpenForRotation(config, keys, world.clock()).status());
}

TEST(HardwareKeys, ABackupOpensWithTheTokenAlone) {
  const SoftHsm hsm;
  const plumbline::testing::ScratchDir scratch;
  const config::v1::KeyserverConfig config = Founded(hsm, scratch / "copy");
  const Secret passphrase = TestPassphrase();
  const auto subject = NewBackupSubject(config, passphrase);
  {
    ASSERT_OK_AND_ASSIGN(const auto keys, subject->OpenKeys(scratch / "copy"));
    ASSERT_OK(keys->AuditKey().status());
    ASSERT_OK_AND_ASSIGN(const auto database, db::Database::Open(DatabasePath(scratch / "copy"), keys->DatabaseKeys()[0]));
    EXPECT_OK(keys->CheckLogs(*database).status());
  }
  hsm.Remove();
  EXPECT_EQ(ReasonOf(subject->OpenKeys(scratch / "copy").status()), "pkcs11_token_missing");
}

TEST(HardwareKeys, AreNotMixedWithOthers) {
  const SoftHsm hsm;
  World plain;
  config::v1::KeyserverConfig config = plain.config();
  World world(hsm.Section());
  *config.mutable_pkcs11() = world.config().pkcs11();
  EXPECT_EQ(ReasonOf(UnsealKeyRing(config, TestPassphrase()).status()), "keys_not_in_token");

  ASSERT_OK_AND_ASSIGN(KeyRing ring, UnsealKeyRing(world.config(), TestPassphrase()));
  ring.directory.key = crypto::Ed25519KeyPair::Generate();
  const Bytes before = SealedContent(world);
  EXPECT_EQ(ReasonOf(SealKeyRing(world.config().data_dir(), TestPassphrase(), ring, kCheap)), "keys_not_in_token");
  EXPECT_EQ(SealedContent(world), before);
}

TEST(HardwareKeys, AWrongPinIsNamed) {
  const SoftHsm hsm;
  const plumbline::testing::ScratchDir scratch;
  const config::v1::KeyserverConfig config = Founded(hsm, scratch / "copy");
  std::ofstream(hsm.pin_file()) << "12345\n";
  EXPECT_EQ(ReasonOf(UnsealKeyRing(config, TestPassphrase()).status()), "pkcs11_pin_wrong");
  CHECK(chmod(hsm.pin_file().c_str(), 0640) == 0);
  EXPECT_EQ(ReasonOf(UnsealKeyRing(config, TestPassphrase()).status()), "pin_file_open");
}

// Whatever is changed in what is bound, nothing comes of it.
TEST(BoundKeyRing, OpensAsItWasMadeOrNotAtAll) {
  const SoftHsm hsm;
  World world(hsm.Section());
  const Bytes content = SealedContent(world);
  const auto& token = world.organisation().keys().bound_to->token();
  ASSERT_OK(Unbind(token, content).status());
  const auto refused = [&](const Bytes& changed) {
    const absl::Status status = Unbind(token, changed).status();
    return absl::IsDataLoss(status) || ReasonOf(status) == "pkcs11_key_missing";  // another key is named
  };
  for (size_t size = 0; size < 200; ++size) EXPECT_TRUE(refused(Bytes(content.begin(), content.begin() + static_cast<long>(size)))) << size;
  for (size_t at = 0; at < 200; ++at) {
    Bytes changed = content;
    changed[at] ^= 1;
    EXPECT_TRUE(refused(changed)) << at;
  }
  EXPECT_TRUE(refused(Concat({content, Bytes(1)})));
  Bytes end = content;
  end.back() ^= 0x80;
  EXPECT_THAT(Unbind(token, end).status(), StatusIs(absl::StatusCode::kDataLoss));
  // Never twice the same, for the same ring.
  ASSERT_OK_AND_ASSIGN(const Bytes again, Bind(*world.organisation().keys().bound_to, world.organisation().keys().Serialize()));
  EXPECT_NE(again, content);
}

}  // namespace
}  // namespace plumbline::keyserver
