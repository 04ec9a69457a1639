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
#include "keyserver/store/former_logs.h"
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
        policy_(other.policy_), number_(other.number_), records_(other.records_), former_records_(other.former_records_),
        token_keys_(other.token_keys_) {
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
    auto next = std::make_shared<keyserver::DirectoryLogKeys>(Keys(organisation, number_));
    next->vrf = *crypto::VrfKeyPair::FromSeed(Secret::CopyOf(keys_->vrf.seed()));
    next->former.emplace(keys_->signer);
    keys_ = next;
    log_ = std::make_unique<keyserver::DirectoryLog>(*database_, *keys_);
    CHECK(*DoOr([&](db::Transaction& t) { return log_->SignAnew(t); }));
    if (!both) EndFormer();
    policy_ = SignPolicy(organisation, ++policy_number_);
  }
  // Another log, which follows this one; everything of it is published.
  struct NextLog {
    bool hand_over = true;
    // What a hostile server does: to the root's statement (which no root would sign), to what enters, to what it says of places.
    std::function<void(directory::LogSuccession&)> change_statement = nullptr;
    std::function<void(std::vector<keys::v1::SignedRecord>&)> change_records = nullptr;
    std::function<void(std::string& user)> change_place = nullptr;
    std::function<void(std::vector<tlog::TokenKeyLeaf>&)> change_token_keys = nullptr;
  };
  void Succeed(const testing::TestOrganisation& organisation, const NextLog& choice) {
    const keyserver::DirectoryLog::Head end = *log_->Newest();
    const tlog::Checkpoint last = *log_->OpenOwn(end.note);
    auto next = std::make_shared<keyserver::DirectoryLogKeys>(Keys(organisation, number_ + 1));
    directory::LogSuccession statement{"example.org", number_ + 1, directory::SuccessionReason::kPlanned, last.size, last.root, next->vrf.public_key()};
    if (choice.change_statement) choice.change_statement(statement);
    const directory::SignedLogSuccession said = SignSuccession(organisation, statement);
    std::vector<keys::v1::SignedRecord> records;
    for (const auto& [place, record] : records_) records.push_back(record);
    if (choice.change_records) choice.change_records(records);
    std::vector<tlog::TokenKeyLeaf> token_keys;
    for (const auto& [kind, key] : token_keys_) token_keys.push_back(key);
    if (choice.change_token_keys) choice.change_token_keys(token_keys);
    const std::string published = log_->Published()->note;
    CHECK(Do([&](db::Transaction& t) -> absl::Status {
            keyserver::FormerLogs former(*database_);
            RETURN_IF_ERROR(former.TakeOver(t, {number_, last.size, published, directory::Encode(said), Secret(32), {}}));
            for (const auto& [place, record] : records_) {
              if (place.second != 1 || !choice.hand_over) continue;
              std::string user = place.first;
              if (choice.change_place) choice.change_place(user);
              const identity::DirectoryIndex index = identity::MakeDirectoryIndex(next->vrf, *identity::ParseUserUri(user));
              const directory::Handover handover{index.proof, directory::FollowKey(Secret(32), tlog::MapIndex{index.index})};
              const auto former_index = identity::ComputeDirectoryIndex(keys_->vrf, *identity::ParseUserUri(place.first));
              RETURN_IF_ERROR(former.Add(t, number_, place.first,
                                         {ToBytes(former_index), directory::SealHandover(handover, FollowKey(place.first), said.statement)}));
            }
            return absl::OkStatus();
          }).ok());
    former_records_[number_] = records_;
    records_.clear();
    ++number_;
    keys_ = next;
    log_ = std::make_unique<keyserver::DirectoryLog>(*database_, *keys_);
    CHECK(Do([&](db::Transaction& t) { return log_->Begin(t); }).ok());
    std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return VersionOf(a) < VersionOf(b); });
    for (const keys::v1::SignedRecord& each : records) Append(each, /*publish=*/false);
    for (const tlog::TokenKeyLeaf& each : token_keys) AddTokenKey(each);
    policy_ = SignPolicy(organisation, ++policy_number_);
    Publish();
  }
  void Succeed(const testing::TestOrganisation& organisation) { Succeed(organisation, NextLog{}); }
  directory::SignedLogSuccession SignSuccession(const testing::TestOrganisation& organisation, const directory::LogSuccession& statement,
                                                identity::Role role = identity::Role::kSuccession) const {
    const crypto::Ed25519KeyPair key = crypto::Ed25519KeyPair::Generate();
    const Bytes wire = directory::Encode(statement);
    return {Certify(organisation, key, role).der(), wire, ToBytes(key.Sign(identity::kLogSuccessionLabel, wire))};
  }
  uint64_t number() const { return number_; }
  void AddTokenKey(const tlog::TokenKeyLeaf& key) {
    CHECK(Do([&](db::Transaction& t) { return log_->AppendTokenKeys(t, {key}); }).ok());
    token_keys_[{key.purpose, key.token_class}] = key;
    Publish();
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
    if (request.log() != 0 && request.log() != number_) return ReadFormerLog(request);
    const keyserver::DirectoryLog::Head head = *log_->Published();
    keys::v1::ReadLogResponse out;
    out.set_checkpoint(head.note);
    const std::vector<Bytes> leaves = *log_->ReadLeaves(request.from(), head.size, std::min<uint32_t>(request.limit(), page));
    for (size_t i = 0; i < leaves.size(); ++i) {
      keys::v1::LogLeaf& leaf = *out.add_leaves();
      leaf.set_leaf(ToString(leaves[i]));
      const auto owner = *log_->OwnerOf(request.from() + i);
      if (owner && request.followed()) leaf.set_sealed(Sealed(*owner, records_.at({owner->user, owner->version}), leaves[i]));
    }
    if (request.policy_number() < policy_number_) {
      out.mutable_witness_policy()->set_certificate(ToString(policy_.certificate));
      out.mutable_witness_policy()->set_policy(ToString(policy_.policy));
      out.mutable_witness_policy()->set_signature(ToString(policy_.signature));
    }
    return out;
  }
  absl::StatusOr<keys::v1::ReadLogResponse> ReadFormerLog(const keys::v1::ReadLogRequest& request) {
    keyserver::FormerLogs logs(*database_);
    const std::optional<keyserver::FormerLog> log = *logs.Find(request.log());
    if (!log) return absl::FailedPreconditionError("log_unknown: ");
    keys::v1::ReadLogResponse out;
    out.set_checkpoint(log->checkpoint);
    out.set_succession(ToString(log->succession));
    const std::vector<Bytes> leaves = *logs.ReadLeaves(*log, request.from(), std::min<uint32_t>(request.limit(), page));
    for (size_t i = 0; i < leaves.size(); ++i) {
      keys::v1::LogLeaf& leaf = *out.add_leaves();
      leaf.set_leaf(ToString(leaves[i]));
      const auto owner = *logs.OwnerOf(*log, request.from() + i);
      if (owner && request.followed())
        leaf.set_sealed(Sealed(*owner, former_records_.at(request.log()).at({owner->user, owner->version}), leaves[i]));
    }
    if (request.from() < log->size) return out;
    const std::vector<keyserver::HandedOver> handed_over = *logs.HandedOverAfter(*log, request.handed_over(), std::min<uint32_t>(request.limit(), page));
    for (const keyserver::HandedOver& each : handed_over) {
      keys::v1::HandedOver& item = *out.add_handed_over();
      item.set_former_index(ToString(each.former_index));
      item.set_sealed(ToString(each.sealed));
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
                                            const std::string& other_origin = "") const {
    const crypto::Ed25519KeyPair key = crypto::Ed25519KeyPair::Generate();
    const crypto::Certificate certificate = Certify(organisation, key, identity::Role::kPolicy);
    const std::string origin = other_origin.empty() ? keys_->signer.verifier().name() : other_origin;
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
  static uint64_t VersionOf(const keys::v1::SignedRecord& record) { return identity::ParseDirectoryRecord(AsBytes(record.record()))->version; }
  static std::string Sealed(const keyserver::DirectoryLog::Owner& owner, const keys::v1::SignedRecord& record, ByteView leaf) {
    directory::Followed followed{owner.nonce, ToBytes(AsBytes(record.record())), ToBytes(AsBytes(record.signature())), {}};
    for (const std::string& each : record.credentials()) followed.credentials.push_back(ToBytes(AsBytes(each)));
    const tlog::EntryLeaf entry = std::get<tlog::EntryLeaf>(*tlog::ParseDirectoryLeaf(leaf));
    return ToString(directory::Seal(followed, directory::FollowKey(Secret(32), entry.index), leaf));
  }
  static crypto::Certificate Certify(const testing::TestOrganisation& organisation, const crypto::Ed25519KeyPair& key, identity::Role role) {
    crypto::LeafSpec spec;
    spec.spki = crypto::Ed25519Spki(key.public_key());
    spec.uris = {identity::RoleUri{"example.org", role}.ToString()};
    spec.purpose = crypto::Purpose::kRoleSignature;
    spec.validity = {organisation.now - absl::Hours(1), organisation.now + absl::Hours(24 * 300)};
    return testing::ValueOf(crypto::IssueLeaf(organisation.root, organisation.root_key, spec));
  }
  static keyserver::DirectoryLogKeys Keys(const testing::TestOrganisation& organisation, uint64_t number = 1) {
    return {testing::ValueOf(tlog::NoteSigner::Create(directory::LogOrigin("example.org", number), crypto::Ed25519KeyPair::Generate())),
            crypto::VrfKeyPair::Generate(), Sha256(organisation.root.der())};
  }
  std::string path() const { return scratch_ / "log.db"; }
  void Open() {
    database_ = testing::ValueOf(db::Database::Open(path(), *db::Key::FromSecret(Secret(32))));
    const std::vector<db::Migration> tables = {keyserver::DirectoryLog::Tables(), keyserver::DirectoryLog::TokenKeyTables(),
                                               keyserver::FormerLogs::Tables()};
    CHECK(database_->Migrate(tables).ok());
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
  uint64_t number_ = 1;
  std::map<std::pair<std::string, uint64_t>, keys::v1::SignedRecord> records_;
  std::map<uint64_t, std::map<std::pair<std::string, uint64_t>, keys::v1::SignedRecord>> former_records_;  // by the log's number
  tlog::TokenKeys token_keys_;
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<keyserver::DirectoryLog> log_;
};

}  // namespace plumbline::client
