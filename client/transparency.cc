#include "client/transparency.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/organisation_keys.h"
#include "common/directory/log_succession.h"
#include "common/identity/reason.h"
#include "common/tlog/equivocation.h"
#include "common/tlog/fork.h"
#include "common/tlog/sql_nodes.h"

namespace plumbline::client {
namespace {

using identity::Refuse;

constexpr uint32_t kPage = 10'000;  // leaves
constexpr uint64_t kMaxLeaves = 50'000'000;
constexpr size_t kMaxNamed = 10;  // people in a notice
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

// As it was when it was taken over: its certificate may have ended since, and no newer policy came. None if it is for the log before
// this one, and the next was not told yet.
absl::StatusOr<std::optional<directory::VerifiedPolicy>> StoredPolicy(const Self& self, const KnownLog& log) {
  absl::StatusOr<directory::WitnessPolicy> statement = directory::ParseWitnessPolicy(log.policy.policy);
  if (!statement.ok()) return absl::DataLossError("the witness policy in the client's store is malformed");
  ASSIGN_OR_RETURN(tlog::Policy policy, directory::ReadPolicyText(statement->text, self.domain()));
  ASSIGN_OR_RETURN(const uint64_t number, directory::LogNumber(policy.logs()[0].key.name(), self.domain()));
  if (number != log.number) return std::optional<directory::VerifiedPolicy>();
  return std::optional<directory::VerifiedPolicy>({*std::move(statement), std::move(policy), number});
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

absl::Status AddOwnNotice(Stores& stores, const Self& self, Change& change, absl::Time now, const char* reason, absl::string_view text) {
  Entry entry;
  entry.time = now;
  entry.conversation = self.user();
  entry.kind = EntryKind::kNotice;
  entry.media_type = identity::kTextMediaType;
  entry.body = ToBytes(AsBytes(text));
  entry.detail = reason;
  return stores.history.Add(change, entry).status();
}

absl::StatusOr<bool> CompareSeen(Stores& stores, const Self& self, Change& change, const HeardCheckpoint& heard) {
  ASSIGN_OR_RETURN(const std::optional<KnownLog> log, stores.log.Get());
  if (!log || heard.seen.size == 0 || heard.seen.size > tlog::kMaxSize) return false;
  ASSIGN_OR_RETURN(const std::optional<directory::VerifiedPolicy> policy, StoredPolicy(self, *log));
  if (!policy) return false;
  const tlog::VerifierKey& key = policy->policy.logs()[0].key;
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
  ASSIGN_OR_RETURN(out.policy, StoredPolicy(self_, *out.log));
  if (out.policy) out.signed_by = out.policy->policy.logs()[0].key;
  return out;
}

absl::Status Transparency::TakePolicy(const keys::v1::WitnessPolicy& offered, Known& known) {
  const directory::SignedWitnessPolicy wire{ToBytes(AsBytes(offered.certificate())), ToBytes(AsBytes(offered.policy())),
                                            ToBytes(AsBytes(offered.signature()))};
  absl::StatusOr<directory::VerifiedPolicy> policy = PolicyOf(self_, wire, clock_.Now());
  if (!policy.ok()) return Invalid(policy.status().message());
  if (known.log && policy->log != known.log->number)
    return Invalid("witnesses of another log, and no word of the organisation's root about what became of this one");
  if (known.policy && policy->statement.number <= known.policy->statement.number)
    return Invalid("a witness policy that was replaced before");
  if (!known.log) known.log.emplace().number = policy->log;
  known.log->policy = wire;
  known.policy = *std::move(policy);
  return absl::OkStatus();
}

absl::Status Transparency::TakeTokenKey(const Known& known, const tlog::TokenKeyLeaf& key, News& news) {
  // Two keys of one time, or times that few people share, would tell people apart by their tokens.
  const absl::Status taken = tlog::TakeTokenKey(key, news.token_keys, known.log->number > 1);
  if (!taken.ok()) return Invalid(taken.message());
  const auto before = news.entered_behind.find({key.purpose, key.token_class});
  if (before == news.entered_behind.end()) return absl::OkStatus();
  // What was in use when the log before ended goes on in this one.
  if (key.epoch == before->second.epoch && key != before->second) return Invalid("another key for tokens in the place of one that is known");
  if (key.epoch == before->second.epoch) news.entered_behind.erase(before);
  return absl::OkStatus();
}

absl::Status Transparency::TakeLeaf(const Known& known, const keys::v1::LogLeaf& leaf, uint64_t place, const People& people, News& news) {
  const ByteView bytes = AsBytes(leaf.leaf());
  news.leaves.push_back(tlog::LeafHash(bytes));
  const absl::StatusOr<tlog::DirectoryLeaf> parsed = tlog::ParseDirectoryLeaf(bytes);
  if (!parsed.ok()) return Invalid(parsed.status().message());
  if (const auto* key = std::get_if<tlog::TokenKeyLeaf>(&*parsed)) return TakeTokenKey(known, *key, news);
  if (place == 0) {
    const auto* genesis = std::get_if<tlog::GenesisLeaf>(&*parsed);
    if (genesis == nullptr || genesis->origin != directory::LogOrigin(self_.domain(), known.log->number) ||
        genesis->authority != Sha256(self_.root().der()))
      return Invalid("it is another organisation's");
    if (!known.log->genesis.empty() && !Equal(bytes, known.log->genesis))
      return Invalid("it does not begin as the organisation's root said when the log before it ended");
  }
  const auto* entry = std::get_if<tlog::EntryLeaf>(&*parsed);
  if (entry == nullptr) return absl::OkStatus();
  const auto person = people.find(entry->index);
  if (person == people.end()) return absl::OkStatus();
  // Of others only the newest counts: what an older one named may have ended long ago. The own record is followed version by version.
  const bool own = person->second.user == self_.user();
  const auto passed = [&](const News::Record& each) {
    return each.user == person->second.user && !(news.entering != Entering::kNo && each.version == person->second.version);
  };
  if (!own) std::erase_if(news.records, passed);
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

absl::StatusOr<keys::v1::ReadLogResponse> Transparency::Ask(const Known& known, const keys::v1::ReadLogRequest& request) {
  ASSIGN_OR_RETURN(const identity::TrustedKeys trusted, TrustedKeysOf(stores_, self_));
  keys::v1::ReadLogRequest whole = request;
  whole.set_limit(kPage);
  whole.set_log(known.log ? known.log->number : 0);
  whole.set_keys_number(trusted.number());
  whole.set_policy_number(known.policy ? known.policy->statement.number : 0);
  ASSIGN_OR_RETURN(keys::v1::ReadLogResponse response, read_log_(whole));
  if (!response.organisation_keys().empty()) {
    const absl::Status taken = TakeOrganisationKeys(stores_, self_, AsBytes(response.organisation_keys()), clock_.Now());
    if (absl::IsUnauthenticated(taken) || absl::IsInvalidArgument(taken)) return Invalid(taken.message());
    RETURN_IF_ERROR(taken);
  }
  return response;
}

absl::Status Transparency::BeginEntering(const Known& known, News& news) {
  news.entering = Entering::kYes;
  if (known.log->restored) return absl::OkStatus();
  ASSIGN_OR_RETURN(news.entered_behind, stores_.log.TokenKeys());
  return absl::OkStatus();
}

absl::StatusOr<Transparency::News> Transparency::Read(Known& known, uint64_t from, const People& people) {
  News news;
  if (from > 0) {
    ASSIGN_OR_RETURN(news.token_keys, stores_.log.TokenKeys());
  } else if (known.log && !known.log->genesis.empty()) {
    RETURN_IF_ERROR(BeginEntering(known, news));
  }
  keys::v1::ReadLogRequest request;
  request.set_followed(!people.empty());
  while (true) {
    request.set_from(from + news.leaves.size());
    ASSIGN_OR_RETURN(const keys::v1::ReadLogResponse response, Ask(known, request));
    if (!response.succession().empty()) {
      news.succession = ToBytes(AsBytes(response.succession()));
      return news;
    }
    if (response.has_witness_policy()) RETURN_IF_ERROR(TakePolicy(response.witness_policy(), known));
    if (!known.policy) return Invalid("there is no word of the organisation's root about its witnesses");
    absl::StatusOr<tlog::WitnessedCheckpoint> checkpoint = known.policy->policy.Open(response.checkpoint());
    if (!checkpoint.ok()) return Invalid(checkpoint.status().message());
    news.checkpoint = *std::move(checkpoint);
    news.note = response.checkpoint();
    for (const keys::v1::LogLeaf& leaf : response.leaves()) {
      RETURN_IF_ERROR(TakeLeaf(known, leaf, from + news.leaves.size(), people, news));
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
  while (true) {
    ASSIGN_OR_RETURN(Known known, Load());
    ASSIGN_OR_RETURN(const People people, stores_.contacts.AllFollowed());
    const uint64_t size = known.log ? known.log->seen.size : 0;
    ASSIGN_OR_RETURN(const News news, Read(known, size, people));
    if (!news.succession.empty()) {  // with each the log's number grows
      RETURN_IF_ERROR(GoOver(known, news.succession, on_record));
      continue;
    }
    const auto again = [&] { return Read(known, 0, {}); };
    const tlog::Checkpoint& shown = news.checkpoint.checkpoint;
    if (shown.size < size) {
      ASSIGN_OR_RETURN(const bool differs, Differs(stores_, {shown.size, shown.root, {}}));
      return differs ? Contradicted(known, news.note, again) : Behind("this device");
    }
    if (shown.size != size + news.leaves.size()) return Invalid("more leaves than it signed for");
    const absl::Status applied = Apply(known, news, people, on_record);
    if (absl::IsUnauthenticated(applied) && identity::ReasonOf(applied) == "log_other") return Contradicted(known, news.note, again);
    RETURN_IF_ERROR(applied);
    RETURN_IF_ERROR(CompareHeard());
    return CheckFresh(news.checkpoint);
  }
}

absl::Status Transparency::CheckEntered(const News& news, const People& people) const {
  if (news.entering == Entering::kNo) return absl::OkStatus();
  for (const auto& [index, person] : people) {
    const bool there = std::any_of(news.records.begin(), news.records.end(), [&, &person = person](const News::Record& each) {
      return each.user == person.user && (each.erased || each.version == person.version);
    });
    if (!there) return Invalid("somebody who is known here is missing from the log that follows");
  }
  return news.entered_behind.empty() ? absl::OkStatus() : Invalid("the keys for tokens are missing from the log that follows");
}

absl::Status Transparency::Apply(const Known& known, const News& news, const People& people, const OnRecord& on_record) {
  const tlog::Checkpoint& shown = news.checkpoint.checkpoint;
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  tlog::SqlNodes nodes(change.db());
  const uint64_t before = shown.size - news.leaves.size();
  for (size_t i = 0; i < news.leaves.size(); ++i) RETURN_IF_ERROR(tlog::Append(nodes, before + i, news.leaves[i]));
  ASSIGN_OR_RETURN(const tlog::Hash root, tlog::Root(nodes, shown.size));
  if (root != shown.root) return Refuse(absl::StatusCode::kUnauthenticated, "log_other", "another tree");  // see Sync
  RETURN_IF_ERROR(TakeRecords(change, news, on_record));
  RETURN_IF_ERROR(CheckEntered(news, people));
  KnownLog log = *known.log;
  log.seen = {shown.size, shown.root, news.log_signature};
  log.checkpoint = news.note;
  RETURN_IF_ERROR(stores_.log.Set(change, log));
  return change.Commit();
}

absl::Status Transparency::TakeRecords(Change& change, const News& news, const OnRecord& on_record) {
  for (const News::Record& each : news.records) {
    if (each.erased) {
      RETURN_IF_ERROR(stores_.contacts.SetPlace(change, each.user, std::nullopt));
    } else {
      RETURN_IF_ERROR(on_record(change, each.user, each.record, news.entering));
    }
  }
  for (const auto& [purpose, key] : news.token_keys) RETURN_IF_ERROR(stores_.log.SetTokenKey(change, key));
  return absl::OkStatus();
}

absl::StatusOr<Transparency::Rest> Transparency::ReadRest(const Known& known, const Bytes& succession, uint64_t from, const People& people) {
  ASSIGN_OR_RETURN(const directory::SignedLogSuccession said, directory::ParseSignedLogSuccession(succession));
  ASSIGN_OR_RETURN(const directory::LogSuccession next, directory::ParseLogSuccession(said.statement));
  Rest rest;
  if (from > 0) {
    ASSIGN_OR_RETURN(rest.news.token_keys, stores_.log.TokenKeys());
  } else if (!known.log->genesis.empty()) {
    RETURN_IF_ERROR(BeginEntering(known, rest.news));
  }
  keys::v1::ReadLogRequest request;
  request.set_followed(!people.empty());
  uint64_t handed_over = 0;
  while (true) {
    const uint64_t size = from + rest.news.leaves.size();
    request.set_from(size);
    request.set_handed_over(handed_over);
    ASSIGN_OR_RETURN(const keys::v1::ReadLogResponse response, Ask(known, request));
    if (!Equal(AsBytes(response.succession()), succession)) return Invalid("two words about the log that follows");
    rest.news.note = response.checkpoint();
    for (const keys::v1::LogLeaf& leaf : response.leaves()) {
      RETURN_IF_ERROR(TakeLeaf(known, leaf, from + rest.news.leaves.size(), people, rest.news));
      if (from + rest.news.leaves.size() > next.former_size) return Invalid("more leaves than the organisation's root says");
    }
    if (size < next.former_size) {
      if (response.leaves().empty()) return Invalid("leaves are kept back");
      continue;
    }
    if (response.handed_over().empty()) break;
    for (const keys::v1::HandedOver& each : response.handed_over()) {
      if (++handed_over > next.former_size) return Invalid("more people than there were");
      const auto index = identity::ToFixed<32>(AsBytes(each.former_index()));
      const auto person = index.ok() ? people.find(tlog::MapIndex{*index}) : people.end();
      if (person == people.end()) continue;
      absl::StatusOr<directory::Handover> opened =
          directory::OpenHandover(AsBytes(each.sealed()), person->second.key, said.statement);
      if (!opened.ok()) return Invalid(opened.status().message());
      ASSIGN_OR_RETURN(const identity::UserUri user, identity::ParseUserUri(person->second.user));
      const absl::StatusOr<identity::Hash> place = identity::VerifyDirectoryIndex(next.vrf_key, user, opened->index_proof);
      if (!place.ok()) return Invalid(place.status().message());
      rest.places.insert_or_assign(person->second.user, ContactPlace{tlog::MapIndex{*place}, std::move(opened->follow_key)});
    }
  }
  rest.news.checkpoint.checkpoint = {directory::LogOrigin(self_.domain(), known.log->number), next.former_size, next.former_root};
  // The log's own word for its end, where this device knows the key that it ended with; the root's is enough.
  if (known.policy) {
    const absl::StatusOr<identity::Signature> signature = SignatureOf(known.policy->policy.logs()[0].key, rest.news.note);
    if (signature.ok()) rest.news.log_signature = *signature;
  }
  return rest;
}

absl::Status Transparency::GoOver(Known& known, const Bytes& succession, const OnRecord& on_record) {
  if (!known.log) return Invalid("an end of a log that nobody asked for");
  const absl::StatusOr<directory::SignedLogSuccession> said = directory::ParseSignedLogSuccession(succession);
  if (!said.ok()) return Invalid(said.status().message());
  const absl::StatusOr<directory::LogSuccession> next = directory::VerifyLogSuccession(*said, self_.root(), self_.domain(), clock_.Now());
  if (!next.ok()) return Invalid(next.status().message());
  if (next->number != known.log->number + 1) return Invalid("the log that follows is not the next");
  const bool restored = next->reason == directory::SuccessionReason::kRestored;
  ASSIGN_OR_RETURN(const People people, stores_.contacts.AllFollowed());
  const uint64_t size = known.log->seen.size;
  const uint64_t from = std::min(size, next->former_size);
  ASSIGN_OR_RETURN(const Rest rest, ReadRest(known, succession, from, people));
  const auto again = [&]() -> absl::StatusOr<News> {
    ASSIGN_OR_RETURN(Rest whole, ReadRest(known, succession, 0, {}));
    return std::move(whole.news);
  };
  Rest whole;  // where more was seen than there is
  if (from < size) {
    ASSIGN_OR_RETURN(const bool differs, Differs(stores_, {next->former_size, next->former_root, {}}));
    if (differs) return Contradicted(known, rest.news.note, again);
    if (!restored) return Behind("this device");
    ASSIGN_OR_RETURN(whole, ReadRest(known, succession, 0, people));
    tlog::MemoryNodes read;
    for (size_t i = 0; i < whole.news.leaves.size(); ++i) RETURN_IF_ERROR(tlog::Append(read, i, whole.news.leaves[i]));
    ASSIGN_OR_RETURN(const tlog::Hash root, tlog::Root(read, next->former_size));
    if (root != next->former_root) return Invalid("the leaves of the log that ended are not those that the organisation's root says");
  }
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  tlog::SqlNodes nodes(change.db());
  for (size_t i = 0; i < rest.news.leaves.size(); ++i) RETURN_IF_ERROR(tlog::Append(nodes, from + i, rest.news.leaves[i]));
  ASSIGN_OR_RETURN(const tlog::Hash root, tlog::Root(nodes, next->former_size));
  if (root != next->former_root) {
    { const Change given_up = std::move(change); }
    return Contradicted(known, rest.news.note, again);
  }
  ASSIGN_OR_RETURN(const std::string evidence, HeardAgainst(known, rest.news));
  if (!evidence.empty()) {
    { const Change given_up = std::move(change); }
    return KeepSplit(evidence);
  }
  if (from < size) {
    RETURN_IF_ERROR(TakeBases(change, whole.news, people));
  } else {
    RETURN_IF_ERROR(TakeRecords(change, rest.news, on_record));
    RETURN_IF_ERROR(CheckEntered(rest.news, people));
  }
  for (const auto& [index, person] : people) {
    const auto place = rest.places.find(person.user);
    RETURN_IF_ERROR(stores_.contacts.SetPlace(
        change, person.user,
        place == rest.places.end() ? std::optional<ContactPlace>() : ContactPlace{place->second.index, Secret::CopyOf(place->second.follow_key.view())}));
  }
  if (restored) RETURN_IF_ERROR(stores_.contacts.SetBasesUnknown(change));
  RETURN_IF_ERROR(stores_.log.ForgetTree(change));
  KnownLog log = *known.log;
  log.number = next->number;
  log.genesis = tlog::Encode(directory::GenesisOf(*next, self_.root()));
  log.restored = restored;
  log.seen = {};
  log.checkpoint.clear();
  RETURN_IF_ERROR(stores_.log.Set(change, log));
  return change.Commit();
}

absl::Status Transparency::TakeBases(Change& change, const News& rest, const People& people) {
  std::vector<std::string> lost;
  for (const auto& [index, person] : people) {
    const News::Record* last = nullptr;
    for (const News::Record& each : rest.records) {
      if (each.user == person.user && (last == nullptr || each.version > last->version)) last = &each;
    }
    const uint64_t version = last == nullptr ? 0 : last->version;
    if (version >= person.version) continue;
    const std::string& record = last == nullptr ? "" : last->record.record();  // empty: erased, or nobody
    const std::string versions = person.version == version + 1 ? absl::StrCat("version ", person.version) : absl::StrCat("versions ", version + 1, " to ", person.version);
    if (person.user == self_.user()) {
      lost.insert(lost.begin(), absl::StrCat("your own account, ", versions));
      if (!record.empty()) RETURN_IF_ERROR(stores_.contacts.SetOwnRecord(change, AsBytes(record)));
    } else {
      lost.push_back(absl::StrCat(person.user, ", ", versions));
    }
    RETURN_IF_ERROR(stores_.contacts.SetBase(change, person.user, AsBytes(record)));
  }
  std::string what = lost.empty() ? "Of the people whom this device follows nothing was lost." : "Lost are: ";
  const size_t named = std::min(lost.size(), kMaxNamed);
  absl::StrAppend(&what, absl::StrJoin(lost.begin(), lost.begin() + static_cast<std::ptrdiff_t>(named), "; "));
  if (named < lost.size()) absl::StrAppend(&what, "; and ", lost.size() - named, " more people");
  return AddOwnNotice(stores_, self_, change, clock_.Now(), "directory_restored",
                      absl::StrCat("The organisation's directory was restored from an older copy, by the word of its root: this device has seen more "
                                   "than that copy has. ", what,
                                   lost.empty() ? "" : ". What this device knows goes on to count here until the directory says something newer. A "
                                                       "device that was removed in what was lost has to be removed again."));
}

absl::StatusOr<std::string> Transparency::HeardAgainst(const Known& known, const News& end) {
  ASSIGN_OR_RETURN(const std::vector<HeardCheckpoint> all, stores_.log.Heard());
  const tlog::Checkpoint& last = end.checkpoint.checkpoint;
  const identity::SeenCheckpoint ours{last.size, last.root, end.log_signature};
  if (!known.policy || !IsSigned(known.policy->policy.logs()[0].key, ours)) return std::string();
  const tlog::VerifierKey& key = known.policy->policy.logs()[0].key;
  for (const HeardCheckpoint& heard : all) {
    if (heard.seen.size > last.size || !IsSigned(key, heard.seen)) continue;
    ASSIGN_OR_RETURN(const bool differs, Differs(stores_, heard.seen));
    if (!differs) continue;
    tlog::SqlNodes nodes(stores_.store.db());
    return EvidenceOf(nodes, {key, heard.seen}, {key, ours});
  }
  return std::string();
}

absl::Status Transparency::KeepSplit(const std::string& evidence) {
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.log.AddEvidence(change, clock_.Now(), "directory_split", evidence));
  RETURN_IF_ERROR(change.Commit());
  return Split();
}

absl::Status Transparency::Contradicted(Known& known, const std::string& note, const std::function<absl::StatusOr<News>()>& read_again) {
  const absl::Status unproved = Invalid("the leaves that it shows are not those that it signed");
  if (!known.policy) return unproved;
  const tlog::VerifierKey& log = known.policy->policy.logs()[0].key;
  const absl::StatusOr<tlog::Checkpoint> shown = tlog::OpenCheckpoint(note, log);
  if (!shown.ok()) return Invalid(shown.status().message());
  const absl::StatusOr<identity::Signature> signature = SignatureOf(log, note);
  if (!signature.ok()) return Invalid(signature.status().message());
  const identity::SeenCheckpoint theirs{shown->size, shown->root, *signature};
  const identity::SeenCheckpoint ours = known.log->seen;
  if (ours.size == 0) return unproved;
  std::string file;
  if (theirs.size <= ours.size) {
    tlog::SqlNodes nodes(stores_.store.db());
    ASSIGN_OR_RETURN(file, EvidenceOf(nodes, {log, theirs}, {*known.signed_by, ours}));
  } else {
    // From its own beginning: where it has another tree of our size, or over as many leaves, that is the proof.
    ASSIGN_OR_RETURN(const News again, read_again());
    tlog::MemoryNodes nodes;
    for (size_t i = 0; i < again.leaves.size(); ++i) RETURN_IF_ERROR(tlog::Append(nodes, i, again.leaves[i]));
    const tlog::Checkpoint& whole = again.checkpoint.checkpoint;
    if (whole.size < ours.size) return unproved;
    ASSIGN_OR_RETURN(const tlog::Hash root, tlog::Root(nodes, whole.size));
    ASSIGN_OR_RETURN(const tlog::Hash begun, tlog::Root(nodes, ours.size));
    if (root != whole.root || begun == ours.root) return unproved;
    // It may have said so with another key than before.
    ASSIGN_OR_RETURN(file, EvidenceOf(nodes, {*known.signed_by, ours},
                                      {known.policy->policy.logs()[0].key, {whole.size, whole.root, again.log_signature}}));
  }
  return KeepSplit(file);
}

absl::Status Transparency::CompareHeard() {
  ASSIGN_OR_RETURN(const std::vector<HeardCheckpoint> all, stores_.log.Heard());
  if (all.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::optional<KnownLog> log, stores_.log.Get());
  ASSIGN_OR_RETURN(const std::optional<directory::VerifiedPolicy> policy, StoredPolicy(self_, *log));
  if (!policy) return absl::DataLossError("the witness policy in the client's store is for another log");
  const tlog::VerifierKey& key = policy->policy.logs()[0].key;
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
  if (differs) return Contradicted(known, parsed->checkpoint, [&] { return Read(known, 0, {}); });
  if (shown.size < known.log->seen.size) return Behind("this device");
  RETURN_IF_ERROR(CheckFresh(verified->checkpoint));
  return verified;
}

absl::StatusOr<uint64_t> Transparency::PolicyNumber() {
  ASSIGN_OR_RETURN(const Known known, Load());
  return known.policy ? known.policy->statement.number : 0;
}

absl::StatusOr<uint64_t> Transparency::LogNumber() {
  ASSIGN_OR_RETURN(const Known known, Load());
  return known.log ? known.log->number : 0;
}

absl::StatusOr<std::optional<absl::Duration>> Transparency::Age() {
  ASSIGN_OR_RETURN(const Known known, Load());
  if (!known.policy || known.log->checkpoint.empty()) return std::optional<absl::Duration>();
  const absl::StatusOr<tlog::WitnessedCheckpoint> checkpoint = known.policy->policy.Open(known.log->checkpoint);
  // Under a policy that came later it counts as old.
  return checkpoint.ok() ? clock_.Now() - *checkpoint->time : absl::InfiniteDuration();
}

}  // namespace plumbline::client
