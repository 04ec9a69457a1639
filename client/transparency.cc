#include "client/transparency.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/organisation_keys.h"
#include "common/identity/reason.h"
#include "common/tlog/equivocation.h"
#include "common/tlog/fork.h"
#include "common/tlog/sql_nodes.h"

namespace plumbline::client {
namespace {

using identity::Refuse;

constexpr uint32_t kPage = 10'000;  // leaves
constexpr uint64_t kMaxLeaves = 50'000'000;
constexpr char kTellOfficer[] = "Nothing is sent on its word. Tell your organisation's security officer";

absl::Status Invalid(absl::string_view why) {
  return Refuse(absl::StatusCode::kUnauthenticated, "log_invalid",
                absl::StrCat("what the key server shows of the directory's log does not hold (", why, "). ", kTellOfficer));
}

absl::Status Split() {
  return Refuse(absl::StatusCode::kFailedPrecondition, "directory_split",
                absl::StrCat("the directory has shown two different histories, and this device holds the proof: `plumbline "
                             "evidence` writes it to a file that anybody can check. ", kTellOfficer));
}

absl::Status Behind(absl::string_view whom) {
  return Refuse(absl::StatusCode::kUnavailable, "directory_behind",
                absl::StrCat("the key server shows an older state of the directory than ", whom, " has seen; it may have been "
                             "restored from a copy. Try again, and if it stays so tell its operator"));
}

absl::StatusOr<identity::Signature> SignatureOf(const tlog::VerifierKey& log, const std::string& note) {
  ASSIGN_OR_RETURN(const tlog::Note parsed, tlog::ParseNote(note));
  for (const tlog::NoteSignature& each : parsed.signatures) {
    if (each.name == log.name() && each.key_id == log.id() && log.Verify(parsed.text, each.signature).ok())
      return identity::ToFixed<64>(each.signature);
  }
  return absl::UnauthenticatedError("the log's signature is missing");
}

// What the log said, and the key that it signed that with.
struct Said {
  const tlog::VerifierKey& log;
  const identity::SeenCheckpoint& seen;
  // Without anybody else's signature.
  std::string Note() const {
    return tlog::FormatNote({tlog::FormatCheckpoint({log.name(), seen.size, seen.root}), {{log.name(), log.id(), ToBytes(seen.signature)}}});
  }
};

// `nodes` is the tree of `ours`, which is not the smaller one.
absl::StatusOr<std::string> EvidenceOf(tlog::NodeStore& nodes, const Said& theirs, const Said& ours) {
  const uint64_t smaller = theirs.seen.size, larger = ours.seen.size;
  if (smaller == larger) return tlog::FormatEquivocation({theirs.Note(), ours.Note()});
  tlog::Fork fork{theirs.Note(), ours.Note(), {}, {}};
  ASSIGN_OR_RETURN(fork.other, tlog::Root(nodes, smaller));
  ASSIGN_OR_RETURN(fork.proof, tlog::ProveConsistency(nodes, smaller, larger));
  return tlog::FormatFork(fork);
}

absl::StatusOr<directory::VerifiedPolicy> PolicyOf(const Self& self, const directory::SignedWitnessPolicy& policy, absl::Time now) {
  return directory::VerifyWitnessPolicy(policy, self.root(), self.domain(), now);
}

// As it was when it was taken over: its certificate may have ended since, and no newer policy came.
absl::StatusOr<tlog::Policy> StoredPolicy(const Self& self, const KnownLog& log) {
  const absl::StatusOr<directory::WitnessPolicy> statement = directory::ParseWitnessPolicy(log.policy.policy);
  if (!statement.ok()) return absl::DataLossError("the witness policy in the client's store is malformed");
  return directory::ReadPolicyText(statement->text, self.domain());
}

bool IsSigned(const tlog::VerifierKey& log, const identity::SeenCheckpoint& seen) {
  return log.Verify(tlog::FormatCheckpoint({log.name(), seen.size, seen.root}), seen.signature).ok();
}

// True if `seen` is of another log than the stored tree, which is at least as large.
absl::StatusOr<bool> Differs(Stores& stores, const identity::SeenCheckpoint& seen) {
  tlog::SqlNodes nodes(stores.store.db());
  ASSIGN_OR_RETURN(const tlog::Hash root, tlog::Root(nodes, seen.size));
  return root != seen.root;
}

}  // namespace

absl::StatusOr<bool> CompareSeen(Stores& stores, const Self& self, Change& change, const HeardCheckpoint& heard) {
  ASSIGN_OR_RETURN(const std::optional<KnownLog> log, stores.log.Get());
  if (!log || heard.seen.size == 0 || heard.seen.size > tlog::kMaxSize) return false;
  ASSIGN_OR_RETURN(const tlog::Policy policy, StoredPolicy(self, *log));
  const tlog::VerifierKey& key = policy.logs()[0].key;
  if (!IsSigned(key, heard.seen)) return false;
  if (heard.seen.size > log->seen.size) {
    RETURN_IF_ERROR(stores.log.AddHeard(change, heard));
    return false;
  }
  ASSIGN_OR_RETURN(const bool differs, Differs(stores, heard.seen));
  if (!differs) return false;
  tlog::SqlNodes nodes(stores.store.db());
  ASSIGN_OR_RETURN(const std::string file, EvidenceOf(nodes, {key, heard.seen}, {key, log->seen}));
  RETURN_IF_ERROR(stores.log.AddEvidence(change, heard.received, "directory_split", file));
  return true;
}

absl::Status Transparency::CheckTrusted() {
  ASSIGN_OR_RETURN(const std::vector<LogEvidence> evidence, stores_.log.Evidence());
  return evidence.empty() ? absl::OkStatus() : Split();
}

absl::StatusOr<Transparency::Known> Transparency::Load() {
  Known out;
  ASSIGN_OR_RETURN(out.log, stores_.log.Get());
  if (!out.log) return out;
  ASSIGN_OR_RETURN(tlog::Policy policy, StoredPolicy(self_, *out.log));
  ASSIGN_OR_RETURN(directory::WitnessPolicy statement, directory::ParseWitnessPolicy(out.log->policy.policy));
  out.policy = directory::VerifiedPolicy{std::move(statement), std::move(policy)};
  out.signed_by = out.policy->policy.logs()[0].key;
  return out;
}

absl::Status Transparency::TakePolicy(const keys::v1::WitnessPolicy& offered, Known& known) {
  const directory::SignedWitnessPolicy wire{ToBytes(AsBytes(offered.certificate())), ToBytes(AsBytes(offered.policy())),
                                            ToBytes(AsBytes(offered.signature()))};
  absl::StatusOr<directory::VerifiedPolicy> policy = PolicyOf(self_, wire, clock_.Now());
  if (!policy.ok()) return Invalid(policy.status().message());
  if (known.policy && policy->statement.number <= known.policy->statement.number)
    return Invalid("a witness policy that was replaced before");
  if (!known.log) known.log.emplace();
  known.log->policy = wire;
  known.policy = *std::move(policy);
  return absl::OkStatus();
}

absl::Status Transparency::TakeLeaf(const keys::v1::LogLeaf& leaf, uint64_t place,
                                    const std::map<tlog::MapIndex, ContactStore::Followed>& followed, News& news) {
  const ByteView bytes = AsBytes(leaf.leaf());
  news.leaves.push_back(tlog::LeafHash(bytes));
  const absl::StatusOr<tlog::DirectoryLeaf> parsed = tlog::ParseDirectoryLeaf(bytes);
  if (!parsed.ok()) return Invalid(parsed.status().message());
  if (const auto* key = std::get_if<tlog::TokenKeyLeaf>(&*parsed)) {
    // Two keys of one time, or times that few people share, would tell people apart by their tokens.
    const absl::Status taken = tlog::TakeTokenKey(*key, news.token_keys);
    return taken.ok() ? taken : Invalid(taken.message());
  }
  if (place == 0) {
    const auto* genesis = std::get_if<tlog::GenesisLeaf>(&*parsed);
    if (genesis == nullptr || genesis->origin != directory::LogOrigin(self_.domain()) ||
        genesis->authority != Sha256(self_.root().der()))
      return Invalid("it is another organisation's");
  }
  const auto* entry = std::get_if<tlog::EntryLeaf>(&*parsed);
  if (entry == nullptr) return absl::OkStatus();
  const auto person = followed.find(entry->index);
  if (person == followed.end()) return absl::OkStatus();
  // Of others only the newest counts: what an older one named may have ended long ago. The own record is followed version by version.
  const bool own = person->second.user == self_.user();
  if (!own) std::erase_if(news.records, [&](const News::Record& each) { return each.user == person->second.user; });
  News::Record& record = news.records.emplace_back();
  record.user = person->second.user;
  record.version = entry->version;
  record.erased = leaf.sealed().empty();
  if (record.erased && own) return Invalid("a version of your own record is kept back");
  if (record.erased) return absl::OkStatus();
  const absl::StatusOr<directory::Followed> opened = directory::OpenFollowed(AsBytes(leaf.sealed()), person->second.key, bytes);
  if (!opened.ok()) return Invalid(opened.status().message());
  if (identity::CommitToRecord(opened->record, opened->nonce) != entry->commitment)
    return Invalid("a record is not the one that the log committed to");
  record.record.set_record(ToString(opened->record));
  record.record.set_signature(ToString(opened->signature));
  for (const Bytes& credential : opened->credentials) record.record.add_credentials(ToString(credential));
  return absl::OkStatus();
}

absl::StatusOr<Transparency::News> Transparency::Read(Known& known, uint64_t from, bool followed) {
  std::map<tlog::MapIndex, ContactStore::Followed> people;
  if (followed) {
    ASSIGN_OR_RETURN(people, stores_.contacts.AllFollowed());
  }
  News news;
  if (from > 0) {
    ASSIGN_OR_RETURN(news.token_keys, stores_.log.TokenKeys());
  }
  keys::v1::ReadLogRequest request;
  request.set_limit(kPage);
  request.set_followed(!people.empty());
  ASSIGN_OR_RETURN(const identity::TrustedKeys trusted, TrustedKeysOf(stores_, self_));
  request.set_keys_number(trusted.number());
  while (true) {
    request.set_from(from + news.leaves.size());
    request.set_policy_number(known.policy ? known.policy->statement.number : 0);
    ASSIGN_OR_RETURN(const keys::v1::ReadLogResponse response, read_log_(request));
    if (!response.organisation_keys().empty()) {
      const absl::Status taken = TakeOrganisationKeys(stores_, self_, AsBytes(response.organisation_keys()), clock_.Now());
      if (absl::IsUnauthenticated(taken) || absl::IsInvalidArgument(taken)) return Invalid(taken.message());
      RETURN_IF_ERROR(taken);
    }
    if (response.has_witness_policy()) RETURN_IF_ERROR(TakePolicy(response.witness_policy(), known));
    if (!known.policy) return Invalid("there is no word of the organisation's root about its witnesses");
    absl::StatusOr<tlog::WitnessedCheckpoint> checkpoint = known.policy->policy.Open(response.checkpoint());
    if (!checkpoint.ok()) return Invalid(checkpoint.status().message());
    news.checkpoint = *std::move(checkpoint);
    news.note = response.checkpoint();
    for (const keys::v1::LogLeaf& leaf : response.leaves()) {
      RETURN_IF_ERROR(TakeLeaf(leaf, from + news.leaves.size(), people, news));
      if (news.leaves.size() > kMaxLeaves) return Invalid("it has no end");
    }
    const uint64_t size = from + news.leaves.size();
    if (size >= news.checkpoint.checkpoint.size) break;
    if (response.leaves().empty()) return Invalid("leaves are kept back");
  }
  const tlog::VerifierKey& log = known.policy->policy.logs()[0].key;
  ASSIGN_OR_RETURN(news.log_signature, SignatureOf(log, news.note));
  return news;
}

absl::Status Transparency::Sync(const OnRecord& on_record) {
  RETURN_IF_ERROR(CheckTrusted());
  ASSIGN_OR_RETURN(Known known, Load());
  const uint64_t size = known.log ? known.log->seen.size : 0;
  ASSIGN_OR_RETURN(const News news, Read(known, size, /*followed=*/true));
  const tlog::Checkpoint& shown = news.checkpoint.checkpoint;
  if (shown.size < size) {
    ASSIGN_OR_RETURN(const bool differs, Differs(stores_, {shown.size, shown.root, {}}));
    return differs ? Contradicted(known, news.note) : Behind("this device");
  }
  if (shown.size != size + news.leaves.size()) return Invalid("more leaves than it signed for");
  const absl::Status applied = Apply(known, news, on_record);
  if (absl::IsUnauthenticated(applied) && identity::ReasonOf(applied) == "log_other") return Contradicted(known, news.note);
  RETURN_IF_ERROR(applied);
  RETURN_IF_ERROR(CompareHeard());
  return CheckFresh(news.checkpoint);
}

absl::Status Transparency::Apply(const Known& known, const News& news, const OnRecord& on_record) {
  const tlog::Checkpoint& shown = news.checkpoint.checkpoint;
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  tlog::SqlNodes nodes(change.db());
  const uint64_t before = shown.size - news.leaves.size();
  for (size_t i = 0; i < news.leaves.size(); ++i) RETURN_IF_ERROR(tlog::Append(nodes, before + i, news.leaves[i]));
  ASSIGN_OR_RETURN(const tlog::Hash root, tlog::Root(nodes, shown.size));
  if (root != shown.root) return Refuse(absl::StatusCode::kUnauthenticated, "log_other", "another tree");  // see Sync
  for (const News::Record& each : news.records) {
    if (each.erased) {
      RETURN_IF_ERROR(stores_.contacts.SetPlace(change, each.user, std::nullopt));
    } else {
      RETURN_IF_ERROR(on_record(change, each.user, each.record));
    }
  }
  for (const auto& [purpose, key] : news.token_keys) RETURN_IF_ERROR(stores_.log.SetTokenKey(change, key));
  KnownLog log = *known.log;
  log.seen = {shown.size, shown.root, news.log_signature};
  log.checkpoint = news.note;
  RETURN_IF_ERROR(stores_.log.Set(change, log));
  return change.Commit();
}

absl::Status Transparency::Contradicted(Known& known, const std::string& note) {
  const tlog::VerifierKey& log = known.policy->policy.logs()[0].key;
  ASSIGN_OR_RETURN(const tlog::Checkpoint shown, tlog::OpenCheckpoint(note, log));
  const absl::StatusOr<identity::Signature> signature = SignatureOf(log, note);
  if (!signature.ok()) return Invalid(signature.status().message());
  const identity::SeenCheckpoint theirs{shown.size, shown.root, *signature};
  const identity::SeenCheckpoint ours = known.log->seen;
  absl::StatusOr<std::string> file = Invalid("the leaves that it shows are not those that it signed");
  if (ours.size == 0) return file.status();
  if (theirs.size <= ours.size) {
    tlog::SqlNodes nodes(stores_.store.db());
    file = EvidenceOf(nodes, {log, theirs}, {*known.signed_by, ours});
  } else {
    // From its own beginning: where it has another tree of our size, or over as many leaves, that is the proof.
    ASSIGN_OR_RETURN(const News again, Read(known, 0, /*followed=*/false));
    tlog::MemoryNodes nodes;
    for (size_t i = 0; i < again.leaves.size(); ++i) RETURN_IF_ERROR(tlog::Append(nodes, i, again.leaves[i]));
    const tlog::Checkpoint& whole = again.checkpoint.checkpoint;
    if (whole.size < ours.size) return file.status();
    ASSIGN_OR_RETURN(const tlog::Hash root, tlog::Root(nodes, whole.size));
    ASSIGN_OR_RETURN(const tlog::Hash begun, tlog::Root(nodes, ours.size));
    if (root != whole.root || begun == ours.root) return file.status();
    // It may have said so with another key than before.
    file = EvidenceOf(nodes, {*known.signed_by, ours}, {known.policy->policy.logs()[0].key, {whole.size, whole.root, again.log_signature}});
  }
  RETURN_IF_ERROR(file.status());
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.log.AddEvidence(change, clock_.Now(), "directory_split", *file));
  RETURN_IF_ERROR(change.Commit());
  return Split();
}

absl::Status Transparency::CompareHeard() {
  ASSIGN_OR_RETURN(const std::vector<HeardCheckpoint> all, stores_.log.Heard());
  if (all.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::optional<KnownLog> log, stores_.log.Get());
  ASSIGN_OR_RETURN(const tlog::Policy policy, StoredPolicy(self_, *log));
  const tlog::VerifierKey& key = policy.logs()[0].key;
  bool split = false, behind = false;
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  for (const HeardCheckpoint& heard : all) {
    // Of a key that was replaced since it says nothing any more.
    if (heard.seen.size > log->seen.size && IsSigned(key, heard.seen)) {
      behind = behind || clock_.Now() - heard.received > kWithheldPatience;
      continue;
    }
    ASSIGN_OR_RETURN(const bool differs, CompareSeen(stores_, self_, change, heard));
    split = split || differs;
    RETURN_IF_ERROR(stores_.log.RemoveHeard(change, heard.device));
  }
  RETURN_IF_ERROR(change.Commit());
  if (split) return Split();
  return behind ? Behind("somebody who writes to you") : absl::OkStatus();
}

absl::Status Transparency::CheckFresh(const tlog::WitnessedCheckpoint& checkpoint) const {
  if (clock_.Now() - *checkpoint.time <= kOldestCheckpoint) return absl::OkStatus();
  return Refuse(absl::StatusCode::kUnavailable, "directory_stale",
                absl::StrCat("the directory's witnesses last confirmed it on ",
                             absl::FormatTime(absl::RFC3339_sec, *checkpoint.time, absl::UTCTimeZone()),
                             ", more than a day ago by this device's clock: nobody can say that it is still true, so nothing is "
                             "sent. Check the clock; else tell the key server's operator"));
}

absl::StatusOr<directory::Verified> Transparency::Check(ByteView answer, const std::string& user) {
  RETURN_IF_ERROR(CheckTrusted());
  ASSIGN_OR_RETURN(Known known, Load());
  if (!known.log || known.log->seen.size == 0) return absl::AbortedError("the log has not been read");
  const absl::StatusOr<directory::Answer> parsed = directory::ParseAnswer(answer);
  if (!parsed.ok()) return Invalid(parsed.status().message());
  ASSIGN_OR_RETURN(const identity::UserUri name, identity::ParseUserUri(user));
  absl::StatusOr<directory::Verified> verified =
      directory::Verify(*parsed, name, {known.policy->policy, Sha256(self_.root().der())});
  if (!verified.ok()) return Invalid(verified.status().message());
  const tlog::Checkpoint& shown = verified->checkpoint.checkpoint;
  if (shown.size > known.log->seen.size) return absl::AbortedError("the log has grown");
  ASSIGN_OR_RETURN(const bool differs, Differs(stores_, {shown.size, shown.root, {}}));
  if (differs) return Contradicted(known, parsed->checkpoint);
  if (shown.size < known.log->seen.size) return Behind("this device");
  RETURN_IF_ERROR(CheckFresh(verified->checkpoint));
  return verified;
}

absl::StatusOr<uint64_t> Transparency::PolicyNumber() {
  ASSIGN_OR_RETURN(const Known known, Load());
  return known.policy ? known.policy->statement.number : 0;
}

absl::StatusOr<std::optional<absl::Duration>> Transparency::Age() {
  ASSIGN_OR_RETURN(const Known known, Load());
  if (!known.log || known.log->checkpoint.empty()) return std::optional<absl::Duration>();
  const absl::StatusOr<tlog::WitnessedCheckpoint> checkpoint = known.policy->policy.Open(known.log->checkpoint);
  // Under a policy that came later it counts as old.
  return checkpoint.ok() ? clock_.Now() - *checkpoint->time : absl::InfiniteDuration();
}

}  // namespace plumbline::client
