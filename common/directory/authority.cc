#include "common/directory/authority.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/crypto/issue.h"
#include "common/identity/directory_index.h"
#include "common/identity/labels.h"
#include "common/identity/uri.h"

namespace plumbline::directory {
namespace {

using identity::DirectoryRecord;
using identity::FindDevice;
using identity::Hash;
using identity::RecordDevice;
using identity::RecordStatus;
using Rule = AuthorityRule;

constexpr uint64_t kDay = 86400;           // seconds
constexpr uint64_t kDecisionSkew = 600;    // between a device's clock and the key server's
constexpr uint64_t kIntentSkew = 120;      // between an administrator's and the key server's
constexpr uint64_t kLatest = uint64_t{1} << 48;  // Unix time; so that no sum is past 2^64

// As keyserver's: struct { opaque user<V>; opaque display_name<V>; uint8 status; uint64 revision; opaque record_hash[32]; }
Hash StateHash(const DirectoryRecord& record, RecordStatus status, uint64_t revision, const Hash& record_hash) {
  Writer out;
  out.Vector(AsBytes(record.user)).Vector(AsBytes(record.display_name)).U8(static_cast<uint8_t>(status) - 1).U64(revision);
  return Sha256(out.Fixed(record_hash).view());
}

bool Signed(ByteView key, absl::string_view label, ByteView message, const identity::Signature& signature) {
  const auto parsed = crypto::Ed25519PublicKey::Parse(key);
  return parsed.ok() && parsed->Verify(label, message, signature).ok();
}

bool DayIsWithin(uint32_t day, uint64_t earliest, uint64_t latest) {
  return day * kDay <= latest && day * kDay + (kDay - 1) >= earliest;
}

}  // namespace

absl::string_view Describe(AuthorityRule rule) {
  switch (rule) {
    case Rule::kOpening:
      return "what is shown for it is not what the log committed to";
    case Rule::kReopened:
      return "it is shown, and one of the same index before it was erased";
    case Rule::kRecord:
      return "its record cannot be read, is not shown, or does not follow the one before";
    case Rule::kPerson:
      return "its record is about a person who does not stand at its index";
    case Rule::kCause:
      return "its cause is not shown, cannot be read, or is not the one that the record names";
    case Rule::kForeignCause:
      return "its cause is about another person";
    case Rule::kAdopted:
      return "its record is said to be older than the log, and stands behind one that is not";
    case Rule::kSigner:
      return "its cause is signed by somebody who had no right to";
    case Rule::kSignature:
      return "a signature of its cause does not verify";
    case Rule::kApprovals:
      return "fewer administrators signed its cause than have to";
    case Rule::kCode:
      return "a device was enrolled with another code than an administrator signed for";
    case Rule::kReplayed:
      return "its cause was used before";
    case Rule::kStale:
      return "its cause was decided on another state than the one that it changed";
    case Rule::kOlder:
      return "its cause was decided before the one of the version before it";
    case Rule::kAction:
      return "its cause cannot change a record that is as this one was";
    case Rule::kName:
      return "the display name changed, which nobody asked for";
    case Rule::kProofing:
      return "the person is said to have been checked in another way than an administrator signed for";
    case Rule::kStatus:
      return "the person's status is another than its cause makes";
    case Rule::kGhostDevice:
      return "a device was added that its person did not approve";
    case Rule::kReturned:
      return "a device was added that was there before, or whose two keys are not two new ones";
    case Rule::kLostDevice:
      return "a device was removed that its cause does not name";
    case Rule::kChangedDevice:
      return "a device that stays was changed";
    case Rule::kCredential:
      return "a new credential is not of its person, its device's id and its key, or not under the root";
    case Rule::kTime:
      return "a device was enrolled, or a credential made, outside of the time that its cause gives";
    case Rule::kNotDone:
      return "what its cause asks for was not done";
  }
  return "unknown rule";
}

std::string AuthorityFinding::ToString() const { return absl::StrCat("entry ", place, ": ", Describe(rule)); }

absl::StatusOr<Authority> Authority::Create(AuthorityTerms terms, const tlog::GenesisLeaf& genesis) {
  RETURN_IF_ERROR(identity::CheckDomain(terms.domain));
  if (terms.issuing.empty()) return absl::InvalidArgumentError("an auditor needs the issuing authority's certificate");
  std::set<crypto::Ed25519PublicKey> administrators;
  for (const Administrator& each : terms.administrators) administrators.insert(each.key);
  if (terms.approvals < 1 || terms.approvals > kMaxIntentSignatures || administrators.size() < terms.approvals)
    return absl::InvalidArgumentError("an intent takes 1 to 8 administrators, and an auditor the keys of as many");
  if (genesis.authority != Sha256(terms.root.der())) return absl::UnauthenticatedError("the log is of another organisation");
  return Authority(std::move(terms), genesis.vrf_key);
}

std::optional<AuthorityFinding> Authority::Take(uint64_t place, const tlog::EntryLeaf& entry, const Opening& opening) {
  Person& person = people_[entry.index];
  if (person.fate == Fate::kBroken) {
    ++counts_.unchecked;
    return std::nullopt;
  }
  const Broken broken = Judge(place, entry, opening, person);
  if (!broken) return std::nullopt;
  ++counts_.violations;
  person = Person{Fate::kBroken};
  return AuthorityFinding{*broken, place};
}

Authority::Broken Authority::Judge(uint64_t place, const tlog::EntryLeaf& entry, const Opening& opening, Person& person) {
  if (opening.place != place || !CheckOpens(opening, entry).ok()) return Rule::kOpening;
  if (!opening.record && !opening.cause) {
    ++counts_.unchecked;
    person = Person{Fate::kErased};
    return std::nullopt;
  }
  if (person.fate == Fate::kErased) return Rule::kReopened;
  if (!opening.record) return Rule::kRecord;
  absl::StatusOr<DirectoryRecord> record = identity::ParseDirectoryRecord(opening.record->record);
  if (!record.ok() || record->version != entry.version || record->version != person.record.version + 1 ||
      record->previous_hash != person.record_hash)
    return Rule::kRecord;
  if (const Broken broken = CheckPerson(*record, entry, opening.record->index_proof)) return broken;
  if (!opening.cause) return Rule::kCause;
  const absl::StatusOr<Cause> cause = ParseCause(opening.cause->cause);
  if (!cause.ok()) return Rule::kCause;
  if (const auto* adopted = std::get_if<Adopted>(&*cause)) {
    if (const Broken broken = Adopt(*adopted, *record, person)) return broken;
    ++counts_.adopted;
  } else {
    begun_ = true;
    Case judged{place, person, *record, {}};
    judged.claim.display_name = person.record.display_name;
    judged.claim.proofing_level = person.record.proofing_level;
    judged.claim.status = person.record.status;
    Broken broken;
    if (const auto* intent = std::get_if<SignedIntent>(&*cause)) broken = Decide(*intent, judged);
    if (const auto* enrolment = std::get_if<Enrolment>(&*cause)) broken = Decide(*enrolment, judged);
    if (const auto* decided = std::get_if<Decided>(&*cause)) broken = Decide(*decided, judged);
    if (const auto* activated = std::get_if<Activated>(&*cause)) broken = Decide(*activated, judged);
    if (const auto* renewed = std::get_if<Renewed>(&*cause)) broken = Decide(*renewed, judged);
    if (!broken) broken = CheckChange(judged);
    if (broken) return broken;
    Settle(judged, person);
    ++counts_.checked;
  }
  Keep(*std::move(record), opening.record->record, person);
  return std::nullopt;
}

// The index is the person's, so no two persons are at one index and no person at two.
Authority::Broken Authority::CheckPerson(const DirectoryRecord& record, const tlog::EntryLeaf& entry,
                                         const crypto::VrfProof& proof) const {
  const absl::StatusOr<identity::UserUri> user = identity::ParseUserUri(record.user);
  if (!user.ok() || user->domain != terms_.domain) return Rule::kPerson;
  const absl::StatusOr<Hash> index = identity::VerifyDirectoryIndex(vrf_key_, *user, proof);
  if (!index.ok() || *index != entry.index.bytes) return Rule::kPerson;
  return std::nullopt;
}

// Signatures, whose it is, and that it is new; not what it asks for.
Authority::Broken Authority::CheckSigned(const SignedIntent& cause, const identity::Intent& intent, Case& entry) const {
  std::set<Hash> signers;
  for (const SignedIntent::Signature& each : cause.signatures) {
    const auto has_right = [&](const Administrator& administrator) {
      return each.key_id == Sha256(administrator.key.view()) && administrator.from <= entry.place &&
             entry.place < administrator.until;
    };
    const auto found = std::find_if(terms_.administrators.begin(), terms_.administrators.end(), has_right);
    if (found == terms_.administrators.end()) return Rule::kSigner;
    if (!found->key.Verify(identity::kIntentLabel, cause.intent, each.signature).ok()) return Rule::kSignature;
    signers.insert(each.key_id);
  }
  if (signers.size() < terms_.approvals || signers.size() != cause.signatures.size()) return Rule::kApprovals;
  if (intent.target != entry.record.user) return Rule::kForeignCause;
  const Hash hash = Sha256(cause.intent);
  if (used_.contains(hash)) return Rule::kReplayed;
  Claim& claim = entry.claim;
  claim.uses.push_back(hash);
  claim.earliest = intent.issued_unix - std::min(intent.issued_unix, kIntentSkew);
  claim.latest = std::min(intent.expires_unix, kLatest) + kIntentSkew;
  return std::nullopt;
}

Authority::Broken Authority::Decide(const SignedIntent& cause, Case& entry) const {
  const absl::StatusOr<identity::Intent> intent = identity::ParseIntent(cause.intent);
  if (!intent.ok() || Sha256(cause.intent) != entry.record.cause) return Rule::kCause;
  if (const Broken broken = CheckSigned(cause, *intent, entry)) return broken;
  const Person& person = entry.person;
  Claim& claim = entry.claim;
  if (intent->action == identity::Action::kCreateAccount) {
    if (person.record.version != 0 || cause.revision != 0) return Rule::kAction;
    const identity::CreateAccountParameters account = *identity::ParseCreateAccountParameters(intent->parameters);
    claim.display_name = account.display_name;
    claim.proofing_level = account.proofing_level;
    return std::nullopt;
  }
  if (person.record.version == 0) return Rule::kAction;
  if (intent->state_hash != StateHash(person.record, claim.status, cause.revision, person.record_hash)) return Rule::kStale;
  const RecordStatus before = claim.status;
  switch (intent->action) {
    case identity::Action::kSuspendAccount:
      claim.status = RecordStatus::kSuspended;
      return before == RecordStatus::kActive ? Broken() : Rule::kAction;
    case identity::Action::kReactivateAccount:
      claim.status = RecordStatus::kActive;
      return before == RecordStatus::kSuspended ? Broken() : Rule::kAction;
    case identity::Action::kRemoveAccount:
      claim.status = RecordStatus::kRemoved;
      return before != RecordStatus::kRemoved ? Broken() : Rule::kAction;
    case identity::Action::kRevokeDevice:
      claim.removed = identity::ParseRevokeDeviceParameters(intent->parameters)->device_id;
      return FindDevice(person.record, *claim.removed) ? Broken() : Rule::kAction;
    default:
      return Rule::kAction;
  }
}

// The administrator made the code and signed for its key. It is for a state that the person had since the last suspension, and the
// newer voids the older.
Authority::Broken Authority::CheckCode(const SignedIntent& cause, Case& entry) const {
  const absl::StatusOr<identity::Intent> intent = identity::ParseIntent(cause.intent);
  if (!intent.ok() || intent->action != identity::Action::kIssueEnrolmentCode) return Rule::kCode;
  if (const Broken broken = CheckSigned(cause, *intent, entry)) return broken;
  const auto issued = *identity::ParseIssueEnrolmentCodeParameters(intent->parameters);
  if (issued.code_key != entry.claim.code) return Rule::kCode;
  const Person& person = entry.person;
  const bool fits = std::any_of(person.states.begin(), person.states.end(), [&](const Hash& state) {
    return intent->state_hash == StateHash(person.record, RecordStatus::kActive, cause.revision, state);
  });
  if (!fits || (person.code_revision && cause.revision <= *person.code_revision)) return Rule::kStale;
  entry.claim.code_revision = cause.revision;
  entry.claim.latest += issued.life_seconds;
  return std::nullopt;
}

Authority::Broken Authority::Decide(const Enrolment& cause, Case& entry) const {
  const absl::StatusOr<identity::EnrolmentProof> proof = identity::ParseEnrolmentProof(cause.proof);
  if (!proof.ok() || Sha256(cause.proof) != entry.record.cause) return Rule::kCause;
  if (!Signed(proof->code_key, identity::kEnrolmentProofLabel, cause.proof, cause.code_signature) ||
      !Signed(proof->working_public_key, identity::kEnrolmentProofLabel, cause.proof, cause.working_signature) ||
      !Signed(proof->mls_signature_public_key, identity::kEnrolmentProofLabel, cause.proof, cause.mls_signature))
    return Rule::kSignature;
  if (proof->user != entry.record.user) return Rule::kForeignCause;
  if (codes_.contains(proof->code_key)) return Rule::kReplayed;  // and so no proof counts twice
  entry.claim.code = proof->code_key;
  const Person& person = entry.person;
  if (person.record.version == 0 || person.record.status != RecordStatus::kActive) return Rule::kAction;
  entry.claim.added = Added{proof->working_public_key, proof->mls_signature_public_key, cause.credential, {}, {}};
  return CheckCode(cause.code, entry);
}

Authority::Broken Authority::CheckByDevice(const identity::DeviceId& signer, absl::string_view label, ByteView message,
                                           const identity::Signature& signature, uint64_t time_unix, Case& entry) const {
  const Person& person = entry.person;
  const auto key = person.working.find(signer);
  if (person.record.status != RecordStatus::kActive || key == person.working.end()) return Rule::kSigner;
  if (!Signed(key->second, label, message, signature)) return Rule::kSignature;
  if (used_.contains(entry.record.cause)) return Rule::kReplayed;
  Claim& claim = entry.claim;
  claim.uses.push_back(entry.record.cause);
  const uint64_t time = std::min(time_unix, kLatest);
  claim.earliest = time - std::min(time, kDecisionSkew);
  claim.latest = time + kDecisionSkew;
  return std::nullopt;
}

Authority::Broken Authority::CheckDecision(const Decided& cause, const identity::DeviceDecision& decision, Case& entry) const {
  if (decision.user != entry.record.user) return Rule::kForeignCause;
  return CheckByDevice(decision.signer_device_id, identity::kDeviceDecisionLabel, cause.decision, cause.signature,
                       decision.time_unix, entry);
}

Authority::Broken Authority::Decide(const Decided& cause, Case& entry) const {
  const absl::StatusOr<identity::DeviceDecision> decision = identity::ParseDeviceDecision(cause.decision);
  if (!decision.ok() || Sha256(cause.decision) != entry.record.cause) return Rule::kCause;
  if (const Broken broken = CheckDecision(cause, *decision, entry)) return broken;
  const Person& person = entry.person;
  if (decision->decision == identity::Decision::kRemove) {
    if (cause.joined) return Rule::kCause;
    if (decision->subject_hash != person.record_hash) return Rule::kStale;
    entry.claim.removed = decision->device_id;
    return FindDevice(person.record, decision->device_id) ? Broken() : Rule::kAction;
  }
  if (decision->decision != identity::Decision::kApprove) return Rule::kAction;
  if (!cause.joined) return Rule::kCause;
  const identity::JoinRequest& request = cause.joined->request;
  if (request.user != entry.record.user) return Rule::kForeignCause;
  if (HashOf(request) != decision->subject_hash) return Rule::kGhostDevice;
  entry.claim.added = Added{request.working_public_key, request.mls_signature_public_key, cause.joined->credential,
                            decision->device_id, decision->label};
  return std::nullopt;
}

Authority::Broken Authority::Decide(const Activated& cause, Case& entry) const {
  const absl::StatusOr<identity::Intent> intent = identity::ParseIntent(cause.intent.intent);
  if (!intent.ok() || Sha256(cause.intent.intent) != entry.record.cause) return Rule::kCause;
  if (const Broken broken = CheckSigned(cause.intent, *intent, entry)) return broken;
  const Person& person = entry.person;
  if (intent->action != identity::Action::kActivateDevice || person.record.version == 0 ||
      person.record.status != RecordStatus::kActive)
    return Rule::kAction;
  if (intent->state_hash != StateHash(person.record, RecordStatus::kActive, cause.intent.revision, person.record_hash))
    return Rule::kStale;
  const identity::JoinRequest& request = cause.joined.request;
  if (request.user != entry.record.user) return Rule::kForeignCause;
  if (HashOf(request) != identity::ParseActivateDeviceParameters(intent->parameters)->request_hash) return Rule::kGhostDevice;
  entry.claim.added = Added{request.working_public_key, request.mls_signature_public_key, cause.joined.credential, {}, {}};
  return std::nullopt;
}

// The device's record with the new credential's hash, and nothing else of it changed. That the key is the same, the device's own
// signature says too: a directory cannot have one renewal mean another key.
Authority::Broken Authority::Decide(const Renewed& cause, Case& entry) const {
  const absl::StatusOr<identity::CredentialRenewal> renewal = identity::ParseCredentialRenewal(cause.renewal);
  if (!renewal.ok() || Sha256(cause.renewal) != entry.record.cause) return Rule::kCause;
  if (renewal->user != entry.record.user) return Rule::kForeignCause;
  if (const Broken broken = CheckByDevice(renewal->device_id, identity::kCredentialRenewalLabel, cause.renewal, cause.signature,
                                          renewal->time_unix, entry))
    return broken;
  const RecordDevice* const before = FindDevice(entry.person.record, renewal->device_id);
  if (before == nullptr || before->mls_signature_public_key != renewal->mls_signature_public_key) return Rule::kAction;
  if (before->credential_hash != renewal->former_credential_hash) return Rule::kStale;
  RecordDevice after = *before;
  after.credential_hash = Sha256(cause.credential);
  if (after == *before) return Rule::kNotDone;
  if (!IsCredentialOf(cause.credential, after, entry.record.user)) return Rule::kCredential;
  const uint64_t begins = static_cast<uint64_t>(std::max<int64_t>(
      0, absl::ToUnixSeconds(crypto::Certificate::Parse(cause.credential)->not_before() + crypto::kBackdate)));
  if (begins < entry.claim.earliest || begins > entry.claim.latest) return Rule::kTime;
  entry.claim.renewed = std::move(after);
  return std::nullopt;
}

// Whether the new record is what the claim makes of the old one, and nothing else.
Authority::Broken Authority::CheckChange(const Case& entry) const {
  const DirectoryRecord& before = entry.person.record;
  const DirectoryRecord& after = entry.record;
  const Claim& claim = entry.claim;
  if (claim.latest < entry.person.changed) return Rule::kOlder;
  if (after.display_name != claim.display_name) return Rule::kName;
  // A record that is older than this field may get it once.
  const bool first = before.version != 0 && before.proofing_level.empty();
  if (after.proofing_level != claim.proofing_level && !first) return Rule::kProofing;
  if (after.status != claim.status) return Rule::kStatus;
  return CheckDevices(entry);
}

Authority::Broken Authority::CheckDevices(const Case& entry) const {
  const DirectoryRecord& before = entry.person.record;
  const DirectoryRecord& after = entry.record;
  const Claim& claim = entry.claim;
  bool added = false;
  for (const RecordDevice& device : after.devices) {
    if (const RecordDevice* const same = FindDevice(before, device.device_id)) {
      const bool renewed = claim.renewed && claim.renewed->device_id == device.device_id;
      if (renewed && *same == device) return Rule::kNotDone;
      if ((renewed ? *claim.renewed : *same) != device) return Rule::kChangedDevice;
      continue;
    }
    if (devices_.contains(device.device_id) || mls_keys_.contains(device.mls_signature_public_key)) return Rule::kReturned;
    if (!claim.added || added) return Rule::kGhostDevice;
    if (const Broken broken = CheckAdded(device, entry)) return broken;
    added = true;
  }
  for (const RecordDevice& device : before.devices) {
    const bool goes = claim.status == RecordStatus::kRemoved || claim.removed == device.device_id;
    if (goes == (FindDevice(after, device.device_id) != nullptr)) return goes ? Rule::kNotDone : Rule::kLostDevice;
  }
  return claim.added && !added ? Rule::kNotDone : Broken();
}

Authority::Broken Authority::CheckAdded(const RecordDevice& device, const Case& entry) const {
  const Added& claim = *entry.claim.added;
  if (device.mls_signature_public_key != claim.mls) return Rule::kGhostDevice;
  if (claim.id && (device.device_id != *claim.id || device.label != claim.label)) return Rule::kGhostDevice;
  if (working_keys_.contains(claim.working) || claim.working == claim.mls) return Rule::kReturned;
  if (!IsCredentialOf(claim.credential, device, entry.record.user)) return Rule::kCredential;
  return DayIsWithin(device.enrolled_day, entry.claim.earliest, entry.claim.latest) ? Broken() : Rule::kTime;
}

bool Authority::IsCredentialOf(ByteView der, const RecordDevice& device, const std::string& user) const {
  if (Sha256(der) != device.credential_hash) return false;
  const absl::StatusOr<crypto::Certificate> leaf = crypto::Certificate::Parse(der);
  if (!leaf.ok() || !leaf->ed25519_key() || !Equal(leaf->ed25519_key()->view(), device.mls_signature_public_key)) return false;
  if (leaf->uris() != std::vector<std::string>{user, identity::DeviceUri{terms_.domain, device.device_id}.ToString()}) return false;
  return std::any_of(terms_.issuing.begin(), terms_.issuing.end(), [&](const crypto::Certificate& issuing) {
    return VerifyChain(*leaf, {issuing}, terms_.root, leaf->not_before(), crypto::Purpose::kMlsCredential).ok();
  });
}

// On trust, but only where nothing else was before it: so the log's beginning is all there is to believe.
Authority::Broken Authority::Adopt(const Adopted& cause, const DirectoryRecord& record, Person& person) {
  if (begun_) return Rule::kAdopted;
  for (const RecordDevice& device : record.devices) {
    devices_.insert(device.device_id);
    mls_keys_.insert(device.mls_signature_public_key);
  }
  for (const Adopted::Device& each : cause.devices) {
    if (!FindDevice(record, each.device_id)) return Rule::kAdopted;
    person.working[each.device_id] = each.working_public_key;
    working_keys_.insert(each.working_public_key);
  }
  return std::nullopt;
}

void Authority::Settle(const Case& entry, Person& person) {
  const Claim& claim = entry.claim;
  used_.insert(claim.uses.begin(), claim.uses.end());
  if (claim.code) codes_.insert(*claim.code);
  person.changed = std::max(person.changed, claim.earliest);
  if (claim.code_revision) person.code_revision = claim.code_revision;
  if (!claim.added) return;
  for (const RecordDevice& device : entry.record.devices) {
    if (device.mls_signature_public_key != claim.added->mls) continue;
    person.working[device.device_id] = claim.added->working;
    devices_.insert(device.device_id);
  }
  mls_keys_.insert(claim.added->mls);
  working_keys_.insert(claim.added->working);
}

void Authority::Keep(DirectoryRecord record, ByteView wire, Person& person) {
  std::erase_if(person.working, [&](const auto& each) { return !FindDevice(record, each.first); });
  person.record_hash = Sha256(wire);
  person.record = std::move(record);
  if (person.record.status == RecordStatus::kActive) {
    person.states.push_back(person.record_hash);
    return;
  }
  person.states.clear();  // a suspension voids every code
}

}  // namespace plumbline::directory
