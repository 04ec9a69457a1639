#include "keyserver/backup.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/backup/restore.h"
#include "common/file.h"
#include "common/identity/reason.h"
#include "common/tlog/directory_replay.h"
#include "common/tlog/witness_request.h"
#include "keyserver/key_ring.h"
#include "keyserver/shred_key.h"
#include "keyserver/store/directory_log.h"
#include "keyserver/store/sqlcipher_unlock_store.h"
#include "plumbline/config/v1/keyserver.pb.h"

namespace plumbline::keyserver {
namespace {

using config::v1::KeyserverConfig;
using identity::Refuse;

constexpr size_t kPage = 4096;        // leaves
constexpr size_t kMaxShredFile = 64;  // bytes

absl::Status Broken(const absl::Status& why) {
  if (!absl::IsInvalidArgument(why) && !absl::IsUnauthenticated(why) && !absl::IsFailedPrecondition(why)) return why;
  return Refuse(absl::StatusCode::kDataLoss, "directory_log_broken",
                absl::StrCat("the directory's log is not what it signed: ", why.message()));
}

class RingOpened final : public backup::OpenedKeys {
 public:
  explicit RingOpened(KeyRing ring) : ring_(std::move(ring)) {}
  const KeyRing& ring() const { return ring_; }

  std::vector<db::Key> DatabaseKeys() const override {
    std::vector<db::Key> out;
    out.push_back(db::Key::CopyOf(ring_.database_key));
    return out;
  }
  absl::StatusOr<audit::LogKey> AuditKey() const override { return ring_.AuditKey(); }

  absl::StatusOr<std::vector<backup::LogState>> CheckLogs(db::Database& main) const override {
    ASSIGN_OR_RETURN(const DirectoryLogKeys keys, ring_.LogKeys());
    DirectoryLog log(main, keys);
    ASSIGN_OR_RETURN(const DirectoryLog::Head newest, log.Newest());
    ASSIGN_OR_RETURN(const DirectoryLog::Head published, log.Published());
    tlog::MemoryMap map;
    tlog::DirectoryReplay replay(keys.signer.verifier().name(), map);
    while (replay.size() < newest.size) {
      ASSIGN_OR_RETURN(const std::vector<Bytes> leaves, log.ReadLeaves(replay.size(), newest.size, kPage));
      if (leaves.empty()) return Broken(absl::InvalidArgumentError(absl::StrCat("leaf ", replay.size(), " is missing")));
      for (const Bytes& leaf : leaves) {
        if (const absl::Status taken = replay.Take(leaf); !taken.ok()) return Broken(taken);
      }
    }
    backup::LogState out;
    for (const std::string& note : {published.note, newest.note}) {
      if (note.empty()) continue;  // nothing is published yet
      const absl::StatusOr<tlog::Checkpoint> checkpoint = log.OpenOwn(note);
      const absl::Status checked = checkpoint.ok() ? replay.Check(*checkpoint) : checkpoint.status();
      if (!checked.ok()) return Broken(checked);
      out = {checkpoint->origin, checkpoint->size, checkpoint->root};
    }
    return std::vector<backup::LogState>{out};
  }

 private:
  const KeyRing ring_;
};

class KeyserverSubject final : public backup::Subject {
 public:
  KeyserverSubject(const KeyserverConfig& config, const Secret& passphrase) : config_(config), passphrase_(passphrase) {}
  identity::Service service() const override { return identity::Service::kKeyserver; }
  std::string domain() const override { return config_.organisation_domain(); }
  std::string data_dir() const override { return config_.data_dir(); }
  std::string keys_file() const override { return "keys.sealed"; }
  std::vector<std::string> other_files() const override { return {"shred.key", "log.former"}; }  // the root's key rests elsewhere, in no backup
  std::vector<std::string> databases() const override { return {"keyserver.db"}; }
  absl::StatusOr<std::unique_ptr<backup::OpenedKeys>> OpenKeys(const std::string& folder) const override {
    ASSIGN_OR_RETURN(const std::shared_ptr<pkcs11::Token> token, OpenToken(config_));
    ASSIGN_OR_RETURN(KeyRing ring, UnsealKeyRing(folder, passphrase_, token));
    if (ring.domain != domain()) {
      return Refuse(absl::StatusCode::kFailedPrecondition, "wrong_domain",
                    absl::StrCat("the keys are of ", ring.domain, ", and the configuration of ", domain()));
    }
    return std::make_unique<RingOpened>(std::move(ring));
  }
  // A destruction replaces the shred key and wraps the keys in the database anew.
  absl::Status CheckMoment(const std::string& folder, db::Database& main) const override {
    ASSIGN_OR_RETURN(const uint64_t generation, SqlcipherUnlockStore::GenerationOf(main));
    const absl::StatusOr<Secret> file = ReadSecretFile(absl::StrCat(folder, "/shred.key"), kMaxShredFile);
    if (absl::IsNotFound(file.status())) return generation == 0 ? absl::OkStatus() : absl::AbortedError("the shred key was not there yet");
    RETURN_IF_ERROR(file.status());
    const absl::StatusOr<KeptShredKey> shred = ParseKeptShredKey(file->view());
    return shred.ok() && shred->generation == generation ? absl::OkStatus() : absl::AbortedError("the shred key was replaced meanwhile");
  }

 private:
  const KeyserverConfig& config_;
  const Secret& passphrase_;
};

// The size that a witness names where another one was claimed.
std::optional<uint64_t> SizeIn(const WitnessSender::Answer& answer) {
  uint64_t size = 0;
  if (answer.status != 409 || !absl::SimpleAtoi(absl::StripSuffix(answer.body, "\n"), &size)) return std::nullopt;
  return size;
}

// What the service would ask it at its start. That a witness cosigns is no harm: the log signed this checkpoint before.
WitnessWord Ask(const tlog::PolicyWitness& witness, const DirectoryLog::Head& head, DirectoryLog& log, WitnessSender& sender) {
  WitnessWord word{witness.name, std::nullopt, false};
  const absl::StatusOr<WitnessSender::Answer> first =
      sender.AddCheckpoint(witness, tlog::FormatWitnessRequest(0, {}, head.note));
  if (!first.ok()) return word;
  if (first->status == 200) word.size = head.size;  // it had seen nothing
  if (const std::optional<uint64_t> size = SizeIn(*first)) {
    word.size = size;
    word.another = *size > head.size;
    if (word.another || *size == 0) return word;
    const absl::StatusOr<std::vector<tlog::Hash>> proof =
        *size == head.size ? std::vector<tlog::Hash>() : log.ProveConsistency(*size, head.size);
    if (!proof.ok()) return word;
    const absl::StatusOr<WitnessSender::Answer> second =
        sender.AddCheckpoint(witness, tlog::FormatWitnessRequest(*size, *proof, head.note));
    // 409 again: of this size it has another root; 422: it does not follow.
    word.another = second.ok() && (second->status == 409 || second->status == 422);
  }
  return word;
}

absl::StatusOr<std::vector<WitnessWord>> AskWitnesses(const KeyRing& ring, db::Database& main, WitnessSender& sender, const Clock& clock) {
  std::vector<WitnessWord> out;
  const absl::StatusOr<directory::VerifiedPolicy> witnesses = ring.Witnesses(clock.Now());
  if (!witnesses.ok()) return out;  // none are named, or not any more: the service says so when it starts
  ASSIGN_OR_RETURN(const DirectoryLogKeys keys, ring.LogKeys());
  DirectoryLog log(main, keys);
  ASSIGN_OR_RETURN(const DirectoryLog::Head newest, log.Newest());
  for (const tlog::PolicyWitness& witness : witnesses->policy.witnesses()) {
    if (!witness.url.empty()) out.push_back(Ask(witness, newest, log, sender));
  }
  return out;
}

absl::Status RefuseBehind(const RestoreResult& result) {
  for (const WitnessWord& word : result.witnesses) {
    if (!word.another) continue;
    return Refuse(absl::StatusCode::kFailedPrecondition, "backup_behind",
                  absl::StrCat("the witness ", word.name, " has cosigned ", *word.size, " leaves of the directory's log, and this backup has ",
                               result.directory_size, ": a key server that is restored from it can publish nothing, and clients refuse it; "
                               "restore a newer backup (--accept-behind restores this one nevertheless; then only rotate vrf --restored lets it go on)"));
  }
  return absl::OkStatus();
}

}  // namespace

std::unique_ptr<backup::Subject> NewBackupSubject(const KeyserverConfig& config, const Secret& passphrase) {
  return std::make_unique<KeyserverSubject>(config, passphrase);
}

absl::StatusOr<RestoreResult> RestoreBackup(const KeyserverConfig& config, const Secret& passphrase, const backup::Options& options,
                                            bool accept_behind, const UnlockKeyChoice& unlock_keys, WitnessSender& sender,
                                            const Clock& clock) {
  const KeyserverSubject subject(config, passphrase);
  ASSIGN_OR_RETURN(const crypto::SealedBoxKeyPair key, backup::OpenKeyFor(options));
  ASSIGN_OR_RETURN(backup::WorkFolder folder, options.check ? backup::PrepareScratch() : backup::PrepareDataFolder(subject));
  ASSIGN_OR_RETURN(backup::Unpacked unpacked, backup::Unpack(subject, options.from, key, std::move(folder)));
  RestoreResult result{.manifest = unpacked.manifest(), .directory_size = unpacked.manifest().logs.back().size};
  const KeyRing& ring = static_cast<const RingOpened&>(unpacked.keys()).ring();
  {
    ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> main, unpacked.OpenMain());
    ASSIGN_OR_RETURN(result.unlock_keys, CountUnlockKeys(*main));
    ASSIGN_OR_RETURN(result.witnesses, AskWitnesses(ring, *main, sender, clock));
  }
  if (options.check) return result;
  if (!accept_behind) RETURN_IF_ERROR(RefuseBehind(result));
  ASSIGN_OR_RETURN(result.restored_unlock_keys,
                   RestoreUnlockKeys(unpacked.folder(), ring, unpacked.manifest().logs.front(), unlock_keys, clock));
  RETURN_IF_ERROR(backup::Install(subject, std::move(unpacked), clock));
  return result;
}

}  // namespace plumbline::keyserver
