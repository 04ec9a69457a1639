// A directory with its log for tests of the client: whatever records it is given, truly logged, published with one witness's word,
// and answered as the key server answers. Copied, it is the same log that goes on differently.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/directory/follow.h"
#include "common/directory/witness_policy.h"
#include "common/identity/labels.h"
#include "keyserver/store/directory_log.h"
#include "plumbline/keys/v1/keys.pb.h"
#include "tests/common/certificates.h"
#include "tests/common/scratch.h"
#include "tests/common/test_witness.h"

namespace plumbline::client {

class TestDirectory final {
 public:
  TestDirectory(const testing::TestOrganisation& organisation, const Clock& clock)
      : clock_(clock), witness_(std::make_shared<testing::TestWitness>(clock)), keys_(std::make_shared<keyserver::DirectoryLogKeys>(Keys(organisation))) {
    policy_ = SignPolicy(organisation, 1);
    Open();
    CHECK(Do([&](db::Transaction& t) { return log_->Begin(t); }).ok());
    Publish();
  }
  // From here on two histories.
  explicit TestDirectory(const TestDirectory& other)
      : clock_(other.clock_), witness_(other.witness_), keys_(other.keys_), policy_number_(other.policy_number_),
        policy_(other.policy_), records_(other.records_) {
    for (const char* end : {"", "-wal"}) {
      if (std::filesystem::exists(other.path() + end)) std::filesystem::copy_file(other.path() + end, path() + end);
    }
    Open();
  }

  // The next record of its person.
  void Append(const keys::v1::SignedRecord& record, bool publish = true) {
    const identity::DirectoryRecord parsed = *identity::ParseDirectoryRecord(AsBytes(record.record()));
    const keyserver::RecordChange change{*identity::ParseUserUri(parsed.user), parsed.version, ToBytes(AsBytes(record.record())), {1}};
    CHECK(Do([&](db::Transaction& t) { return log_->Append(t, {change}); }).ok());
    records_[{parsed.user, parsed.version}] = record;
    if (publish) Publish();
  }
  // Of many people at once, in batches, and published.
  void AppendAll(const std::vector<keys::v1::SignedRecord>& records) {
    for (size_t first = 0; first < records.size(); first += 5000) {
      std::vector<keyserver::RecordChange> changes;
      for (size_t i = first; i < std::min(records.size(), first + 5000); ++i) {
        const identity::DirectoryRecord parsed = *identity::ParseDirectoryRecord(AsBytes(records[i].record()));
        changes.push_back({*identity::ParseUserUri(parsed.user), parsed.version, ToBytes(AsBytes(records[i].record())), Bytes(300, 1)});
        records_[{parsed.user, parsed.version}] = records[i];
      }
      CHECK(Do([&](db::Transaction& t) { return log_->Append(t, changes); }).ok());
    }
    Publish();
  }
  // For measurements: the least that a durable change costs here, and what the log's tables take.
  void WriteOneRow(ByteView bytes) {
    CHECK(Do([&](db::Transaction&) -> absl::Status {
            ASSIGN_OR_RETURN(db::Statement make, database_->Prepare("CREATE TABLE IF NOT EXISTS floor (bytes BLOB)"));
            RETURN_IF_ERROR(make.Run());
            ASSIGN_OR_RETURN(db::Statement insert, database_->Prepare("INSERT INTO floor (bytes) VALUES (?)"));
            return insert.Bind(1, bytes).Run();
          }).ok());
  }
  uint64_t BytesAtRest() const {
    const std::string wal = path() + "-wal";
    return std::filesystem::file_size(path()) + (std::filesystem::exists(wal) ? std::filesystem::file_size(wal) : 0);
  }
  std::string policy_text() const { return absl::StrCat("log ", keys_->signer.verifier().ToText(), "\n", witness_->Policy()); }
  // Appends it unless it is the newest already.
  void Offer(const keys::v1::SignedRecord& record) {
    const identity::DirectoryRecord parsed = *identity::ParseDirectoryRecord(AsBytes(record.record()));
    if (!records_.contains({parsed.user, parsed.version})) Append(record);
  }
  // What opens that person's entries is forgotten. They are not to be looked up any more.
  void Erase(const std::string& user) {
    CHECK(Do([&](db::Transaction& t) { return log_->Erase(t, *identity::ParseUserUri(user)); }).ok());
  }
  // Another key for the log, which the next policy names. `both`: the former one signs too.
  void Rotate(const testing::TestOrganisation& organisation, bool both) {
    auto next = std::make_shared<keyserver::DirectoryLogKeys>(Keys(organisation));
    next->vrf = *crypto::VrfKeyPair::FromSeed(Secret::CopyOf(keys_->vrf.seed()));
    next->former.emplace(keys_->signer);
    keys_ = next;
    log_ = std::make_unique<keyserver::DirectoryLog>(*database_, *keys_);
    CHECK(*DoOr([&](db::Transaction& t) { return log_->SignAnew(t); }));
    if (!both) EndFormer();
    policy_ = SignPolicy(organisation, ++policy_number_);
  }
  void EndFormer() {
    keys_->former.reset();
    CHECK(!*DoOr([&](db::Transaction& t) { return log_->SignAnew(t); }));
  }
  // The newest checkpoint, as the witness sees it now.
  void Publish() {
    const keyserver::DirectoryLog::Head head = *log_->Newest();
    CHECK(Do([&](db::Transaction& t) { return log_->Publish(t, head.note + witness_->Cosign(head.note)); }).ok());
  }
  uint64_t size() { return log_->Published()->size; }
  std::string note() { return log_->Published()->note; }

  absl::StatusOr<keys::v1::ReadLogResponse> ReadLog(const keys::v1::ReadLogRequest& request) {
    ++reads;
    const keyserver::DirectoryLog::Head head = *log_->Published();
    keys::v1::ReadLogResponse out;
    out.set_checkpoint(head.note);
    const std::vector<Bytes> leaves = *log_->ReadLeaves(request.from(), head.size, std::min<uint32_t>(request.limit(), page));
    for (size_t i = 0; i < leaves.size(); ++i) {
      keys::v1::LogLeaf& leaf = *out.add_leaves();
      leaf.set_leaf(ToString(leaves[i]));
      const auto owner = *log_->OwnerOf(request.from() + i);
      if (!owner || !request.followed()) continue;
      const keys::v1::SignedRecord& record = records_.at({owner->user, owner->version});
      directory::Followed followed{owner->nonce, ToBytes(AsBytes(record.record())), ToBytes(AsBytes(record.signature())), {}};
      for (const std::string& each : record.credentials()) followed.credentials.push_back(ToBytes(AsBytes(each)));
      const tlog::EntryLeaf entry = std::get<tlog::EntryLeaf>(*tlog::ParseDirectoryLeaf(leaves[i]));
      leaf.set_sealed(ToString(directory::Seal(followed, directory::FollowKey(Secret(32), entry.index), leaves[i])));
    }
    if (request.policy_number() < policy_number_) {
      out.mutable_witness_policy()->set_certificate(ToString(policy_.certificate));
      out.mutable_witness_policy()->set_policy(ToString(policy_.policy));
      out.mutable_witness_policy()->set_signature(ToString(policy_.signature));
    }
    return out;
  }
  keys::v1::LookUpResponse LookUp(const std::string& user) {
    ++look_ups;
    const identity::UserUri name = *identity::ParseUserUri(user);
    keys::v1::LookUpResponse out;
    const std::optional<uint64_t> version = *log_->PublishedVersion(name);
    if (version) {
      *out.mutable_record() = records_.at({user, *version});
      out.set_follow_key(ToString(FollowKey(user).view()));
    }
    out.set_answer(ToString(directory::Encode(*log_->AnswerFor(name, AsBytes(out.record().record())))));
    return out;
  }
  keys::v1::GetOwnAccountResponse Own(const std::string& user) {
    keys::v1::LookUpResponse response = LookUp(user);
    keys::v1::GetOwnAccountResponse out;
    out.mutable_record()->Swap(response.mutable_record());
    out.set_answer(response.answer());
    out.set_follow_key(response.follow_key());
    return out;
  }

  Secret FollowKey(const std::string& user) const {
    const auto index = identity::ComputeDirectoryIndex(keys_->vrf, *identity::ParseUserUri(user));
    return directory::FollowKey(Secret(32), tlog::MapIndex{index});
  }
  // `origin`: that of the log which it names.
  directory::SignedWitnessPolicy SignPolicy(const testing::TestOrganisation& organisation, uint64_t number,
                                            const std::string& origin = "example.org/directory") const {
    const crypto::Ed25519KeyPair key = crypto::Ed25519KeyPair::Generate();
    crypto::LeafSpec spec;
    spec.spki = crypto::Ed25519Spki(key.public_key());
    spec.uris = {identity::RoleUri{"example.org", identity::Role::kPolicy}.ToString()};
    spec.purpose = crypto::Purpose::kRoleSignature;
    spec.validity = {organisation.now - absl::Hours(1), organisation.now + absl::Hours(24 * 300)};
    const crypto::Certificate certificate = testing::ValueOf(crypto::IssueLeaf(organisation.root, organisation.root_key, spec));
    const Bytes policy = directory::Encode(directory::WitnessPolicy{
        "example.org", number,
        absl::StrCat("log ", tlog::VerifierKey::Create(origin, keys_->signer.verifier().key())->ToText(), "\n", witness_->Policy())});
    return {certificate.der(), policy, ToBytes(key.Sign(identity::kWitnessPolicyLabel, policy))};
  }
  const tlog::VerifierKey& log_key() const { return keys_->signer.verifier(); }
  const keyserver::DirectoryLogKeys& keys() const { return *keys_; }
  const testing::TestWitness& witness() const { return *witness_; }

  uint32_t page = 10'000;
  int reads = 0, look_ups = 0;

 private:
  static keyserver::DirectoryLogKeys Keys(const testing::TestOrganisation& organisation) {
    return {testing::ValueOf(tlog::NoteSigner::Create("example.org/directory", crypto::Ed25519KeyPair::Generate())),
            crypto::VrfKeyPair::Generate(), Sha256(organisation.root.der())};
  }
  std::string path() const { return scratch_ / "log.db"; }
  void Open() {
    database_ = testing::ValueOf(db::Database::Open(path(), *db::Key::FromSecret(Secret(32))));
    CHECK(database_->Migrate({&keyserver::DirectoryLog::Tables(), 1}).ok());
    log_ = std::make_unique<keyserver::DirectoryLog>(*database_, *keys_);
  }
  template <typename Work>
  absl::Status Do(const Work& work) {
    ASSIGN_OR_RETURN(db::Transaction transaction, db::Transaction::Begin(*database_));
    RETURN_IF_ERROR(work(transaction));
    return transaction.Commit();
  }

  absl::StatusOr<bool> DoOr(const std::function<absl::StatusOr<bool>(db::Transaction&)>& work) {
    absl::StatusOr<bool> out;
    RETURN_IF_ERROR(Do([&](db::Transaction& t) {
      out = work(t);
      return out.status();
    }));
    return out;
  }

  const testing::ScratchDir scratch_;
  const Clock& clock_;
  const std::shared_ptr<testing::TestWitness> witness_;
  std::shared_ptr<keyserver::DirectoryLogKeys> keys_;
  uint64_t policy_number_ = 1;
  directory::SignedWitnessPolicy policy_;
  std::map<std::pair<std::string, uint64_t>, keys::v1::SignedRecord> records_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<keyserver::DirectoryLog> log_;
};

}  // namespace plumbline::client
