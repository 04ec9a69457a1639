// What the key server does for people and devices, in an organisation of ten thousand: over its real store, without the network. Each is held
// against what cannot be left out of it: its primitives, and one synced row for each thing that has to be durable before the answer.
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "absl/strings/str_cat.h"
#include "common/crypto/p256.h"
#include "common/crypto/vrf.h"
#include "keyserver/views.h"
#include "tests/bench/table.h"
#include "tests/common/certificates.h"
#include "tests/keyserver/locked_store.h"
#include "tests/keyserver/world.h"

namespace plumbline::bench {
namespace {

using keyserver::TestDevice;
using plumbline::testing::ValueOf;

constexpr absl::Duration kBudget = absl::Milliseconds(500);
constexpr int kPeople = 10'000;
constexpr int kBatch = 20;  // tokens drawn at once

std::string Name(int n) { return absl::StrCat("mimi://example.org/u/person", n); }

class AccessBench final {
 public:
  explicit AccessBench(Table& table) : table_(table) {
    database_ = ValueOf(db::Database::Open(scratch_ / "floor.db", db::Key::Random()));
    CHECK(database_->Execute("CREATE TABLE floor (bytes BLOB)").ok());
    Found();
  }

  void Run() {
    Enrolment();
    Tokens();
    Claims();
    Unlocking();
    Revocation();
  }

 private:
  void Add(const std::string& what, const Sample& sample, const std::string& floor, const Sample& floor_sample) {
    table_.Add({.group = "Access", .what = what, .members = kPeople, .sample = sample, .floor = floor, .floor_sample = floor_sample});
  }
  void Found() {
    device_.emplace(world_.Enrol(keyserver::kAlice));
    keyserver::AccountStore& accounts = world_.accounts();
    for (int i = 0; i < kPeople; ++i) {
      keyserver::Account account;
      account.user = Name(i);
      account.display_name = "Some Body";
      account.proofing_level = "in person";
      account.proofing_reference = "file 7";
      account.record = *keyserver::FirstRecord(account, {}, world_.organisation().keys().directory.key);
      keyserver::IntentTrace trace;
      trace.nonce = identity::RandomFixed<16>();
      trace.expires_unix = static_cast<uint64_t>(absl::ToUnixSeconds(world_.clock().Now())) + 600;
      trace.entry.event = audit::Event::kAccountCreated;
      CHECK(accounts.Create(account, trace).ok());
    }
    CHECK(world_.tokens().Prepare().ok());
    world_.publisher().PublishAndWait(absl::Seconds(60));
  }
  void WriteOneRow() {
    db::Statement insert = ValueOf(database_->Prepare("INSERT INTO floor (bytes) VALUES (?)"));
    CHECK(insert.Bind(1, ByteView(row_)).Run().ok());
  }
  void VerifyEd25519(int times) {
    for (int i = 0; i < times; ++i) CHECK(signer_.public_key().Verify("label", row_, signature_).ok());
  }

  void Enrolment() {
    int next = 0;
    const Sample enrol = Measure(kBudget, [&](Stopwatch& watch) {
      keyserver::Applicant applicant;
      const std::string user = Name(next++);
      const auto request = keyserver::Application(applicant, user, world_.IssueCode(user));
      keys::v1::EnrolResponse response;
      watch.Start();
      CHECK(world_.enrolment().Enrol(request, response).ok());
      watch.Stop();
    });
    const crypto::P256PrivateKey issuing = crypto::P256PrivateKey::Generate();
    const crypto::CertificateRequest csr = ValueOf(crypto::CertificateRequest::Parse(crypto::CertificateRequest::Create(issuing)));
    const auto vrf = crypto::VrfKeyPair::Generate();
    const Sample floor = MeasureAll(kBudget, [&] {
      for (int i = 0; i < 2; ++i) crypto::CertificateRequest::Create(issuing);  // a P-256 signature over as much
      VerifyEd25519(3);
      signer_.Sign("label", row_);
      vrf.Evaluate(row_);
      WriteOneRow();
    });
    Add("enrol a device", enrol, "two P-256 and one Ed25519 signatures, three checks, VRF output, one synced row", floor);
  }

  std::vector<tokens::TokenRequest> Requests(absl::string_view purpose, tokens::TokenKey& key, Bytes& statement,
                                             std::vector<tokens::PendingToken>& pending) {
    for (const Bytes& each : world_.tokens().Statements()) {
      key = ValueOf(tokens::OpenTokenKey(each, world_.organisation().keys().tokens.key.public_key(), keyserver::kDomain));
      statement = each;
      if (key.leaf.purpose == purpose) break;
    }
    std::vector<tokens::TokenRequest> out;
    for (int i = 0; i < kBatch; ++i) {
      pending.push_back(ValueOf(tokens::PendingToken::Begin(tokens::ChallengeFor(keyserver::kDomain, purpose), key.key)));
      out.push_back(pending.back().request());
    }
    return out;
  }

  void Tokens() {
    std::vector<tokens::PendingToken> pending;
    tokens::TokenKey key{keyserver::kDomain, tokens::Mint::Key().public_key(), {}};
    Bytes statement;
    const auto requests = Requests("directory", key, statement, pending);
    keys::v1::DrawTokensRequest body;
    body.set_purpose("directory");
    for (const auto& each : requests) body.add_token_requests(ToString(tokens::Encode(each)));
    const Sample draw = Measure(kBudget, [&](Stopwatch& watch) {
      audit::Entry entry;
      entry.event = audit::Event::kTokensDrawn;
      watch.Start();
      CHECK(world_.ledger().DrawTokens(device_->id, "directory", kBatch, day_++, 2000, entry).ok());
      CHECK(world_.tokens().Issue("directory", requests).ok());
      watch.Stop();
    });
    RawRsa rsa;
    const Sample private_floor = MeasureAll(kBudget, [&] {
      for (int i = 0; i < kBatch; ++i) rsa.Private();
      WriteOneRow();
    });
    Add("issue 20 tokens", draw, "twenty RSA private operations, one synced row", private_floor);

    // What a device does for one, before and after.
    const auto answers = ValueOf(world_.tokens().Issue("directory", requests));
    const Sample client = MeasureAll(kBudget, [&] {
      CHECK(tokens::PendingToken::Begin(tokens::ChallengeFor(keyserver::kDomain, "directory"), key.key).ok());
      CHECK(pending[0].Finish(answers[0]).ok());
    });
    const Sample client_floor = MeasureAll(kBudget, [&] {
      for (int i = 0; i < 2; ++i) rsa.Public();
    });
    Add("blind and finish a token", client, "two RSA public operations", client_floor);

    const tokens::Token token = ValueOf(pending[0].Finish(answers[0]));
    const tokens::Redeemer redeemer(keyserver::kDomain, "directory");
    const Bytes shown = tokens::Encode(token);
    const Sample redeem = MeasureAll(kBudget, [&] {
      tokens::Redeemed redeemed = ValueOf(redeemer.Check(shown, statement, world_.organisation().keys().tokens.key.public_key(), world_.clock().Now()));
      redeemed.nullifier = identity::RandomFixed<32>();  // as of a token that was not shown before
      CHECK(world_.ledger().SpendToken(redeemed).ok());
    });
    const Sample redeem_floor = MeasureAll(kBudget, [&] {
      rsa.Public();
      VerifyEd25519(1);
      WriteOneRow();
    });
    Add("redeem a token", redeem, "an RSA public operation, an Ed25519 check, one synced row", redeem_floor);
  }

  // As many as a device may publish at once.
  int Publish(keyserver::SqlcipherKeyPackageStore& store) {
    std::vector<keyserver::PublishedKeyPackage> packages(100);
    for (keyserver::PublishedKeyPackage& package : packages) {
      package.message = ToBytes(Secret::Random(600).view());
      package.cipher_suite = 3;
      package.expires_unix = static_cast<uint64_t>(absl::ToUnixSeconds(world_.clock().Now())) + 86400;
    }
    CHECK(store.Publish(device_->id, packages, std::nullopt, world_.clock().Now()).ok());
    return static_cast<int>(packages.size());
  }
  void Claims() {
    keyserver::SqlcipherKeyPackageStore store(world_.connection());
    int left = 0;
    const Sample claim = Measure(kBudget, [&](Stopwatch& watch) {
      if (left == 0) left = Publish(store);
      --left;
      watch.Start();
      CHECK(store.Claim(keyserver::kAlice, 3, world_.clock().Now(), /*spare_single_use=*/false).ok());
      watch.Stop();
    });
    Add("claim a key package", claim, "one synced row", MeasureAll(kBudget, [&] { WriteOneRow(); }));
  }

  void Revocation() {
    int next = 5000;
    const Sample suspend = Measure(kBudget, [&](Stopwatch& watch) {
      const std::string user = Name(next++);
      identity::Intent intent = keyserver::MakeIntent(identity::Action::kSuspendAccount, user, world_.clock().Now());
      intent.state_hash = *identity::ToFixed<32>(AsBytes(world_.View(user).state_hash()));
      const keys::v1::SignedIntent request = keyserver::Sign(intent, world_.administrator());
      keys::v1::IntentResult result;
      watch.Start();
      CHECK(world_.admin().Execute(request, result).ok());
      watch.Stop();
    });
    const auto vrf = crypto::VrfKeyPair::Generate();
    const Sample floor = MeasureAll(kBudget, [&] {
      VerifyEd25519(1);
      signer_.Sign("label", row_);
      vrf.Evaluate(row_);
      WriteOneRow();
    });
    Add("suspend a person, published", suspend, "an Ed25519 check and signature, VRF output, one synced row", floor);
  }

  // The key server's part; what the device does is Argon2id's, on purpose.
  void Unlocking() {
    keyserver::UnlockStore& store = world_.unlock_store();
    for (int i = 0; i < kPeople; ++i) {
      const auto id = identity::RandomFixed<16>();
      AddDevice(id, Name(i));
      audit::Entry entry;
      entry.event = audit::Event::kUnlockKeyBegun;
      const keyserver::UnlockKeyInfo key = ValueOf(store.Begin(id, world_.clock().Now(), entry));
      CHECK(store.Confirm(id, key.version, identity::RandomFixed<32>(), world_.clock().Now(), entry).ok());
    }
    keyserver::LockedStore locked = keyserver::SetUpLock(world_, *device_);
    const Sample unlock = Measure(kBudget, [&](Stopwatch& watch) {
      const crypto::VoprfBlinding blinding = ValueOf(crypto::VoprfBlinding::Create(Secret::Random(32)));
      keys::v1::EvaluateRequest request;
      request.set_key_version(locked.version);
      request.set_blinded_element(ToString(blinding.element().view()));
      keys::v1::EvaluateResponse response;
      watch.Start();
      CHECK(world_.unlock().Evaluate(&device_->tls, request, response).ok());
      watch.Stop();
      CHECK(keyserver::Unlock(world_, *device_, locked).ok());  // gives the attempts back
    });
    const crypto::VoprfSecretKey key = crypto::VoprfSecretKey::Generate();
    const crypto::VoprfElement element = ValueOf(crypto::VoprfElement::Parse(ValueOf(crypto::VoprfBlinding::Create(Secret::Random(32))).element().view()));
    const Sample evaluation = MeasureAll(kBudget, [&] {
      key.BlindEvaluate(element);
      WriteOneRow();
    });
    Add("unlock: evaluate", unlock, "a VOPRF evaluation with its proof, one synced row", evaluation);

    const Sample change = Measure(kBudget, [&](Stopwatch& watch) {
      watch.Start();
      keyserver::SetUpLock(world_, *device_);
      watch.Stop();
      world_.clock().Advance(absl::Minutes(90));  // twenty a day
    });
    const crypto::KeyWrap before = ValueOf(world_.organisation().keys().WrapFor("before")), after = ValueOf(world_.organisation().keys().WrapFor("after"));
    CHECK(database_->Execute("CREATE TABLE wrapped (id INTEGER PRIMARY KEY, bytes BLOB)").ok());
    const Bytes wrapped = ValueOf(before.Wrap(Secret(32), row_));
    FillWrapped(wrapped);
    const Sample rewrap = MeasureAll(kBudget, [&] { WrapAll(before, after, wrapped); });
    Add("replace and destroy an unlock key", change, "10,000 keys decrypted, encrypted and written in one synced transaction", rewrap);
  }
  // Without what its enrolment costs, which is measured above.
  void AddDevice(const identity::DeviceId& id, const std::string& user) {
    MutexLock lock(world_.connection().mutex());
    db::Statement insert = ValueOf(world_.connection().database().Prepare(
        "INSERT INTO device (id, user, label, working_key, mls_key, credential, enrolled_day) VALUES (?, ?, '', randomblob(32), randomblob(32), x'', 0)"));
    CHECK(insert.Bind(1, ByteView(id)).Bind(2, absl::string_view(user)).Run().ok());
  }
  void FillWrapped(const Bytes& wrapped) {
    db::Transaction transaction = ValueOf(db::Transaction::Begin(*database_));
    for (int i = 0; i < kPeople; ++i) {
      db::Statement insert = ValueOf(database_->Prepare("INSERT INTO wrapped (id, bytes) VALUES (?, ?)"));
      CHECK(insert.Bind(1, int64_t{i}).Bind(2, ByteView(wrapped)).Run().ok());
    }
    CHECK(transaction.Commit().ok());
  }
  void WrapAll(const crypto::KeyWrap& before, const crypto::KeyWrap& after, const Bytes& wrapped) {
    db::Transaction transaction = ValueOf(db::Transaction::Begin(*database_));
    for (int i = 0; i < kPeople; ++i) {
      const Bytes anew = ValueOf(after.Wrap(ValueOf(before.Unwrap(wrapped, row_)), row_));
      db::Statement update = ValueOf(database_->Prepare("UPDATE wrapped SET bytes = ? WHERE id = ?"));
      CHECK(update.Bind(1, ByteView(anew)).Bind(2, int64_t{i}).Run().ok());
    }
    CHECK(transaction.Commit().ok());
  }

  // OpenSSL's own operations of 2048 bits, without anything of ours.
  class RawRsa {
   public:
    RawRsa() {
      EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nullptr);
      CHECK(EVP_PKEY_keygen_init(context) > 0 && EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048) > 0);
      CHECK(EVP_PKEY_keygen(context, &key_) > 0);
      EVP_PKEY_CTX_free(context);
    }
    ~RawRsa() { EVP_PKEY_free(key_); }
    RawRsa(const RawRsa&) = delete;
    RawRsa& operator=(const RawRsa&) = delete;
    void Private() { Do(EVP_PKEY_decrypt_init, EVP_PKEY_decrypt); }
    void Public() { Do(EVP_PKEY_encrypt_init, EVP_PKEY_encrypt); }

   private:
    template <typename Init, typename Work>
    void Do(Init init, Work work) {
      EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key_, nullptr);
      CHECK(init(context) > 0 && EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING) > 0);
      Bytes in(256), out(256);
      in[255] = 7;
      size_t size = out.size();
      CHECK(work(context, out.data(), &size, in.data(), in.size()) > 0);
      EVP_PKEY_CTX_free(context);
    }
    EVP_PKEY* key_ = nullptr;
  };

  Table& table_;
  testing::ScratchDir scratch_;
  std::unique_ptr<db::Database> database_;
  const Bytes row_ = Bytes(300, 1);
  const crypto::Ed25519KeyPair signer_ = crypto::Ed25519KeyPair::Generate();
  const Bytes signature_ = ToBytes(signer_.Sign("label", row_));
  keyserver::World world_;
  std::optional<TestDevice> device_;
  uint32_t day_ = 1;
};

}  // namespace

void MeasureAccess(Table& table) { AccessBench(table).Run(); }

}  // namespace plumbline::bench
