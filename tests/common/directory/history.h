// A directory's history with real keys and signatures: what an honest key server would have an auditor open, and what another would.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/crypto/issue.h"
#include "common/directory/authority.h"
#include "common/identity/codes.h"
#include "common/identity/directory_index.h"
#include "common/identity/labels.h"
#include "common/identity/uri.h"

namespace plumbline::directory {

inline identity::Signature Sign(const crypto::Ed25519KeyPair& key, absl::string_view label, ByteView message) {
  return *identity::ToFixed<64>(key.Sign(label, message));
}

// A device and its keys.
struct TestDevice {
  identity::DeviceId id = identity::RandomFixed<16>();
  std::shared_ptr<const crypto::Ed25519KeyPair> working = Make(), mls = Make();
  static std::shared_ptr<const crypto::Ed25519KeyPair> Make() {
    return std::make_shared<const crypto::Ed25519KeyPair>(crypto::Ed25519KeyPair::Generate());
  }
  identity::PublicKey working_key() const { return *identity::ToFixed<32>(working->public_key().view()); }
  identity::PublicKey mls_key() const { return *identity::ToFixed<32>(mls->public_key().view()); }
};

class History final {
 public:
  using CredentialRenewal = identity::CredentialRenewal;
  static constexpr char kDomain[] = "example.org";
  struct Person {
    identity::DirectoryRecord record;
    Bytes wire;  // of it; empty for nobody
    tlog::EntryLeaf entry;
    uint64_t revision = 0;
    std::vector<TestDevice> devices;  // all that ever were
  };
  // A version on its way into the log, to be changed by whoever is hostile.
  struct Draft {
    identity::DirectoryRecord record;
    Cause cause;
    std::optional<TestDevice> device;
  };
  struct Item {
    uint64_t place;
    tlog::EntryLeaf entry;
    Opening opening;
  };

  History()
      : root(*crypto::MakeRoot(root_key_, "root", Validity())),
        issuing(*crypto::MakeIssuing(root, root_key_, issuing_key_.spki(), "issuing", Validity())) {
    for (int i = 0; i < 2; ++i) administrators.push_back(crypto::Ed25519KeyPair::Generate());
  }

  static identity::UserUri User(const std::string& name) { return {kDomain, name}; }
  tlog::GenesisLeaf Genesis() const { return {"example.org/directory", Sha256(root.der()), vrf.public_key()}; }
  AuthorityTerms Terms() const {
    AuthorityTerms out{kDomain, root, {issuing}, {}};
    for (const auto& each : administrators) out.administrators.push_back({each.public_key()});
    return out;
  }

  // Causes.
  identity::Intent Intent(const std::string& name, identity::Action action, Bytes parameters = {}) {
    identity::Intent out;
    out.action = action;
    out.target = User(name).ToString();
    out.parameters = std::move(parameters);
    if (identity::NeedsStateHash(action)) {
      const Person& person = people[name];
      out.state_hash = Sha256(Writer()
                                  .Vector(AsBytes(person.record.user))
                                  .Vector(AsBytes(person.record.display_name))
                                  .U8(static_cast<uint8_t>(person.record.status) - 1)
                                  .U64(person.revision)
                                  .Fixed(Sha256(person.wire))
                                  .view());
    }
    out.justification = "asked for";
    out.nonce = identity::RandomFixed<16>();
    out.issued_unix = now;
    out.expires_unix = now + 600;
    return out;
  }
  SignedIntent Signed(const identity::Intent& intent, uint64_t revision, const std::vector<const crypto::Ed25519KeyPair*>& by) const {
    SignedIntent out{identity::Encode(intent), revision, {}};
    for (const auto* key : by)
      out.signatures.push_back({Sha256(key->public_key().view()), Sign(*key, identity::kIntentLabel, out.intent)});
    return out;
  }
  SignedIntent Signed(const identity::Intent& intent, uint64_t revision) const { return Signed(intent, revision, {&administrators[0]}); }
  SignedIntent IssueCode(const std::string& name, uint32_t life = 86400) {
    Person& person = people[name];
    const identity::Intent intent = Intent(name, identity::Action::kIssueEnrolmentCode, NewCode(life));
    return Signed(intent, person.revision++);
  }
  // The parameters of an intent for a new code.
  Bytes NewCode(uint32_t life = 86400) {
    const auto key = TestDevice::Make();
    const identity::PublicKey known = *identity::ToFixed<32>(key->public_key().view());
    codes_[known] = key;
    return identity::Encode(identity::IssueEnrolmentCodeParameters{known, life});
  }
  // The key of the code that `code` issued; of any, if it is no such intent.
  std::shared_ptr<const crypto::Ed25519KeyPair> CodeOf(const SignedIntent& code) const {
    const absl::StatusOr<identity::Intent> intent = identity::ParseIntent(code.intent);
    if (!intent.ok() || intent->action != identity::Action::kIssueEnrolmentCode) return TestDevice::Make();
    return codes_.at(identity::ParseIssueEnrolmentCodeParameters(intent->parameters)->code_key);
  }
  Bytes Credential(const std::string& name, const identity::DeviceId& id, const crypto::Ed25519PublicKey& key) const {
    crypto::LeafSpec spec;
    spec.spki = crypto::Ed25519Spki(key);
    spec.uris = {User(name).ToString(), identity::DeviceUri{kDomain, id}.ToString()};
    spec.purpose = crypto::Purpose::kMlsCredential;
    spec.validity = Validity();
    return Leaf(spec);
  }
  Bytes Leaf(const crypto::LeafSpec& spec) const { return crypto::IssueLeaf(issuing, issuing_key_, spec)->der(); }
  Enrolment Enrol(const std::string& name, const TestDevice& device, const SignedIntent& code) const {
    return Enrol(name, device, code, *CodeOf(code));
  }
  // With another code than the one that was issued.
  Enrolment Enrol(const std::string& name, const TestDevice& device, const SignedIntent& code, const crypto::Ed25519KeyPair& key) const {
    const identity::EnrolmentProof proof{User(name).ToString(), *identity::ToFixed<32>(key.public_key().view()), {}, device.working_key(),
                                         device.mls_key()};
    Enrolment out{identity::Encode(proof), {}, {}, {}, Credential(name, device.id, device.mls->public_key()), code};
    out.code_signature = Sign(key, identity::kEnrolmentProofLabel, out.proof);
    out.working_signature = Sign(*device.working, identity::kEnrolmentProofLabel, out.proof);
    out.mls_signature = Sign(*device.mls, identity::kEnrolmentProofLabel, out.proof);
    return out;
  }
  static Decided Decide(const identity::DeviceDecision& decision, const TestDevice& by, std::optional<Decided::Joined> joined = {}) {
    Decided out{identity::Encode(decision), {}, std::move(joined)};
    out.signature = Sign(*by.working, identity::kDeviceDecisionLabel, out.decision);
    return out;
  }

  // Drafts of honest versions.
  Draft Create(const std::string& name) {
    identity::Intent intent = Intent(name, identity::Action::kCreateAccount,
                                     identity::Encode(identity::CreateAccountParameters{name, "checked in person", ""}));
    Draft out{{}, Signed(intent, 0), {}};
    out.record.user = intent.target;
    out.record.display_name = name;
    out.record.proofing_level = "checked in person";
    out.record.version = 1;
    return Named(std::move(out));
  }
  Draft Act(const std::string& name, identity::Action action, const std::optional<identity::DeviceId>& device = {}) {
    const Bytes parameters = device ? identity::Encode(identity::RevokeDeviceParameters{*device}) : Bytes();
    Draft out{Next(name), Signed(Intent(name, action, parameters), people[name].revision), {}};
    if (action == identity::Action::kSuspendAccount) out.record.status = identity::RecordStatus::kSuspended;
    if (action == identity::Action::kReactivateAccount) out.record.status = identity::RecordStatus::kActive;
    if (action == identity::Action::kRemoveAccount) out.record.status = identity::RecordStatus::kRemoved;
    if (action == identity::Action::kRemoveAccount) out.record.devices.clear();
    if (device) Drop(out.record, *device);
    return Named(std::move(out));
  }
  Draft Join(const std::string& name, const SignedIntent& code, const TestDevice& device = {}) {
    const Enrolment cause = Enrol(name, device, code);
    Draft out{Next(name), cause, device};
    Add(out.record, device, Sha256(cause.credential));
    return Named(std::move(out));
  }
  Draft Join(const std::string& name) { return Join(name, IssueCode(name)); }
  Draft Approve(const std::string& name, const TestDevice& by, const TestDevice& device = {}) {
    Decided::Joined joined{{User(name).ToString(), {}, device.working_key(), device.mls_key()},
                           Credential(name, device.id, device.mls->public_key())};
    const identity::DeviceDecision decision{identity::Decision::kApprove, User(name).ToString(), device.id, HashOf(joined.request),
                                            "phone", by.id, now};
    Draft out{Next(name), Decide(decision, by, joined), device};
    Add(out.record, device, Sha256(joined.credential));
    return Named(std::move(out));
  }
  Draft Activate(const std::string& name, const TestDevice& device = {}) {
    Decided::Joined joined{{User(name).ToString(), {}, device.working_key(), device.mls_key()},
                           Credential(name, device.id, device.mls->public_key())};
    const Bytes parameters = identity::Encode(identity::ActivateDeviceParameters{HashOf(joined.request)});
    Draft out{Next(name), Activated{Signed(Intent(name, identity::Action::kActivateDevice, parameters), people[name].revision), joined},
              device};
    Add(out.record, device, Sha256(joined.credential));
    return Named(std::move(out));
  }
  Draft Remove(const std::string& name, const TestDevice& by, const identity::DeviceId& device) {
    const identity::DeviceDecision decision{identity::Decision::kRemove, User(name).ToString(), device, Sha256(people[name].wire), "",
                                            by.id, now};
    Draft out{Next(name), Decide(decision, by), {}};
    Drop(out.record, device);
    return Named(std::move(out));
  }
  // Of `device`, signed by `by`; the new credential begins now.
  CredentialRenewal Renewal(const std::string& name, const TestDevice& device) {
    return {User(name).ToString(), device.id, device.mls_key(), FindDevice(people[name].record, device.id)->credential_hash, now};
  }
  crypto::LeafSpec RenewedSpec(const std::string& name, const TestDevice& device) const {
    crypto::LeafSpec spec;
    spec.spki = crypto::Ed25519Spki(device.mls->public_key());
    spec.uris = {User(name).ToString(), identity::DeviceUri{kDomain, device.id}.ToString()};
    spec.purpose = crypto::Purpose::kMlsCredential;
    const absl::Time at = absl::FromUnixSeconds(static_cast<int64_t>(now));
    spec.validity = {at - crypto::kBackdate, at + absl::Hours(24 * 365)};
    return spec;
  }
  Draft Renew(const std::string& name, const TestDevice& device, const CredentialRenewal& renewal, const TestDevice& by,
              const crypto::LeafSpec& spec) {
    Renewed cause{identity::Encode(renewal), {}, Leaf(spec)};
    cause.signature = Sign(*by.working, identity::kCredentialRenewalLabel, cause.renewal);
    Draft out{Next(name), cause, {}};
    for (identity::RecordDevice& each : out.record.devices)
      if (each.device_id == device.id) each.credential_hash = Sha256(cause.credential);
    return Named(std::move(out));
  }
  Draft Renew(const std::string& name, const TestDevice& device) {
    return Renew(name, device, Renewal(name, device), device, RenewedSpec(name, device));
  }
  // The same record as older than the log.
  static Draft AsAdopted(Draft draft, const std::vector<TestDevice>& devices) {
    Adopted cause;
    for (const TestDevice& each : devices) {
      if (FindDevice(draft.record, each.id)) cause.devices.push_back({each.id, each.working_key()});
    }
    std::sort(cause.devices.begin(), cause.devices.end(), [](const auto& a, const auto& b) { return a.device_id < b.device_id; });
    draft.cause = cause;
    return draft;
  }

  // The record names its cause.
  static Draft Named(Draft draft) {
    if (const auto* intent = std::get_if<SignedIntent>(&draft.cause)) draft.record.cause = Sha256(intent->intent);
    if (const auto* enrolment = std::get_if<Enrolment>(&draft.cause)) draft.record.cause = Sha256(enrolment->proof);
    if (const auto* decided = std::get_if<Decided>(&draft.cause)) draft.record.cause = Sha256(decided->decision);
    if (const auto* renewed = std::get_if<Renewed>(&draft.cause)) draft.record.cause = Sha256(renewed->renewal);
    if (const auto* activated = std::get_if<Activated>(&draft.cause)) draft.record.cause = Sha256(activated->intent.intent);
    return draft;
  }
  identity::DirectoryRecord Next(const std::string& name) {
    identity::DirectoryRecord out = people[name].record;
    out.previous_hash = out.version == 0 ? identity::Hash{} : Sha256(people[name].wire);
    ++out.version;
    return out;
  }
  static void Add(identity::DirectoryRecord& record, const identity::RecordDevice& device) {
    record.devices.push_back(device);
    std::sort(record.devices.begin(), record.devices.end(), [](const auto& a, const auto& b) { return a.device_id < b.device_id; });
  }
  void Add(identity::DirectoryRecord& record, const TestDevice& device, const identity::Hash& credential) const {
    Add(record, identity::RecordDevice{device.id, "phone", device.mls_key(), credential, static_cast<uint32_t>(now / 86400)});
  }
  static void Drop(identity::DirectoryRecord& record, const identity::DeviceId& id) {
    std::erase_if(record.devices, [&](const auto& each) { return each.device_id == id; });
  }

  // The item that a draft becomes, as an entry of `name`.
  Item Commit(const std::string& name, const Draft& draft) const {
    const identity::DirectoryIndex index = identity::MakeDirectoryIndex(vrf, User(name));
    const auto before = people.find(name);
    Item out{place, {}, {place, OpenedRecord{{}, identity::Encode(draft.record), index.proof}, OpenedCause{{}, Encode(draft.cause)}}};
    out.opening.record->nonce = out.opening.cause->nonce = identity::CommitmentNonce::Random();
    out.entry.index.bytes = index.index;
    out.entry.version = before == people.end() ? 1 : before->second.entry.version + 1;
    Recommit(out);
    return out;
  }
  static void Recommit(Item& item) {
    if (item.opening.record) item.entry.commitment = identity::CommitToRecord(item.opening.record->record, item.opening.record->nonce);
    if (item.opening.cause) item.entry.cause = identity::CommitToCause(item.opening.cause->cause, item.opening.cause->nonce);
  }
  void Append(const std::string& name, const Draft& draft) {
    items.push_back(Commit(name, draft));
    Person& person = people[name];
    before_ = person;
    person.record = draft.record;
    person.wire = items.back().opening.record->record;
    person.entry = items.back().entry;
    ++person.revision;
    if (draft.device) person.devices.push_back(*draft.device);
    ++place;
    now += 3600;
  }
  // The newest version of a person, which was the log's newest entry, was never made.
  void TakeBack(const std::string& name) {
    items.pop_back();
    --place;
    people[name] = before_;
  }
  // Devices that the record lists.
  std::vector<TestDevice> DevicesOf(const std::string& name) {
    std::vector<TestDevice> out;
    for (const TestDevice& each : people[name].devices) {
      if (FindDevice(people[name].record, each.id)) out.push_back(each);
    }
    return out;
  }

  crypto::Validity Validity() const { return {absl::FromUnixSeconds(1'790'000'000), absl::FromUnixSeconds(1'890'000'000)}; }

 private:
  Person before_;
  std::map<identity::PublicKey, std::shared_ptr<const crypto::Ed25519KeyPair>> codes_;
  const crypto::P256PrivateKey root_key_ = crypto::P256PrivateKey::Generate(), issuing_key_ = crypto::P256PrivateKey::Generate();

 public:
  const crypto::Certificate root, issuing;
  const crypto::VrfKeyPair vrf = *crypto::VrfKeyPair::FromSeed(Secret::CopyOf(Bytes(32, 2)));
  std::vector<crypto::Ed25519KeyPair> administrators;
  std::map<std::string, Person> people;
  std::vector<Item> items;
  uint64_t place = 1;
  uint64_t now = 1'800'000'000;
};

// One honest step of a person's history, as `random` says: each kind of change.
inline void Step(History& history, std::mt19937& random, const std::string& name) {
  const History::Person& person = history.people[name];
  if (person.wire.empty()) return history.Append(name, history.Create(name));
  const std::vector<TestDevice> devices = history.DevicesOf(name);
  const auto any = [&]() -> const TestDevice& { return devices[random() % devices.size()]; };
  using identity::Action;
  if (person.record.status == identity::RecordStatus::kRemoved) return;
  if (person.record.status == identity::RecordStatus::kSuspended) {
    if (!devices.empty() && random() % 4 == 0) return history.Append(name, history.Act(name, Action::kRevokeDevice, any().id));
    return history.Append(name, history.Act(name, random() % 8 ? Action::kReactivateAccount : Action::kRemoveAccount));
  }
  const uint32_t what = random() % 16;
  if (what == 0) return history.Append(name, history.Act(name, Action::kSuspendAccount));
  if (what == 1 && random() % 4 == 0) return history.Append(name, history.Act(name, Action::kRemoveAccount));
  if (what == 2) (void)history.IssueCode(name);  // is never used
  if (devices.empty() || what < 6) {
    if (devices.size() + 1 >= identity::kMaxDevices) return;
    const SignedIntent code = history.IssueCode(name);
    if (!devices.empty() && random() % 2) history.Append(name, history.Approve(name, any()));  // the code stays good
    return history.Append(name, history.Join(name, code));
  }
  if (what < 8 && devices.size() < identity::kMaxDevices) return history.Append(name, history.Activate(name));
  if (what < 11 && devices.size() < identity::kMaxDevices) return history.Append(name, history.Approve(name, any()));
  if (what == 15) return history.Append(name, history.Renew(name, any()));
  if (what < 13) return history.Append(name, history.Act(name, Action::kRevokeDevice, any().id));
  if (devices.size() > 1) history.Append(name, history.Remove(name, devices[0], devices[1 + random() % (devices.size() - 1)].id));
}

// Of any of a few people.
inline void Step(History& history, std::mt19937& random) {
  const std::string name = absl::StrCat("person", random() % 8);
  Step(history, random, name);
}

}  // namespace plumbline::directory
