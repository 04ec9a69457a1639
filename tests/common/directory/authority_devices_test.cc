// The same auditor on devices: which come, go, come back and change their credentials.
#include "tests/common/directory/authority_fixture.h"

namespace plumbline::directory {
namespace {

TEST_F(AuthorityTest, GhostDevices) {
  for (Draft draft : {h_.Join("alice"), h_.Approve("alice", Device("alice", 0)), h_.Remove("alice", Device("alice", 0), Device("alice", 1).id),
                      h_.Act("alice", Action::kSuspendAccount), h_.Act("alice", Action::kRevokeDevice, Device("alice", 1).id)}) {
    History::Add(draft.record, Ghost());
    ExpectFound(Rule::kGhostDevice, "alice", draft, "one more");
  }
  Draft draft = h_.Create("eve");
  History::Add(draft.record, Ghost());
  ExpectFound(Rule::kGhostDevice, "eve", draft, "from the beginning");
  draft = h_.Act("carol", Action::kReactivateAccount);
  History::Add(draft.record, Ghost());
  ExpectFound(Rule::kGhostDevice, "carol", draft, "when she comes back");

  const auto in_place_of = [&](Draft honest, const std::function<void(identity::RecordDevice&)>& change, const char* what) {
    for (identity::RecordDevice& each : honest.record.devices) {
      if (each.device_id == honest.device->id) change(each);
    }
    std::sort(honest.record.devices.begin(), honest.record.devices.end(),
              [](const auto& a, const auto& b) { return a.device_id < b.device_id; });
    ExpectFound(Rule::kGhostDevice, "alice", honest, what);
  };
  const Draft approved = h_.Approve("alice", Device("alice", 0)), enrolled = h_.Join("alice");
  in_place_of(approved, [](auto& d) { d.mls_signature_public_key = TestDevice().mls_key(); }, "another key than was approved");
  in_place_of(enrolled, [](auto& d) { d.mls_signature_public_key = TestDevice().mls_key(); }, "another key than enrolled");
  in_place_of(approved, [](auto& d) { d.device_id = identity::RandomFixed<16>(); }, "another id than was approved");
  in_place_of(approved, [](auto& d) { d.label = "laptop"; }, "another label than was approved");

  // One proof, one credential, and two devices.
  draft = h_.Join("alice");
  identity::RecordDevice twin = *FindDevice(draft.record, draft.device->id);
  twin.device_id.fill(0xff);
  History::Add(draft.record, twin);
  ExpectFound(Rule::kGhostDevice, "alice", draft, "a twin");

  // The keys in the request are the key server's, not those that the person compared.
  const TestDevice mine = *approved.device, theirs;
  draft = h_.Approve("alice", Device("alice", 0), mine);
  auto& decided = std::get<Decided>(draft.cause);
  History::Drop(draft.record, mine.id);
  TestDevice swapped = theirs;
  swapped.id = mine.id;
  decided.joined->request.working_public_key = swapped.working_key();
  decided.joined->request.mls_signature_public_key = swapped.mls_key();
  decided.joined->credential = h_.Credential("alice", swapped.id, swapped.mls->public_key());
  h_.Add(draft.record, swapped, Sha256(decided.joined->credential));
  ExpectFound(Rule::kGhostDevice, "alice", draft, "other keys than the decision is about");
}

TEST_F(AuthorityTest, DevicesThatComeBack) {
  const TestDevice gone = Device("alice", 3);
  ExpectFound(Rule::kReturned, "alice", h_.Approve("alice", Device("alice", 0), gone), "approved again");
  ExpectFound(Rule::kReturned, "alice", h_.Join("alice", h_.IssueCode("alice"), gone), "enrolled again");
  TestDevice changed = gone;
  changed.id = identity::RandomFixed<16>();
  changed.working = TestDevice::Make();
  ExpectFound(Rule::kReturned, "alice", h_.Approve("alice", Device("alice", 0), changed), "with its MLS key");
  changed = gone;
  changed.working = TestDevice::Make();
  changed.mls = TestDevice::Make();
  ExpectFound(Rule::kReturned, "alice", h_.Approve("alice", Device("alice", 0), changed), "with its id");
  changed = TestDevice();
  changed.working = gone.working;
  ExpectFound(Rule::kReturned, "alice", h_.Approve("alice", Device("alice", 0), changed), "with its working key");
  changed = TestDevice();
  changed.mls = Device("bob", 0).mls;
  ExpectFound(Rule::kReturned, "alice", h_.Approve("alice", Device("alice", 0), changed), "with bob's MLS key");
  changed = TestDevice();
  changed.mls = Device("bob", 0).working;
  changed.working = Device("bob", 0).mls;
  ExpectFine("alice", h_.Approve("alice", Device("alice", 0), changed), "a key that serves for something else, which the key server takes");
  changed = TestDevice();
  changed.mls = changed.working;
  ExpectFound(Rule::kReturned, "alice", h_.Approve("alice", Device("alice", 0), changed), "with one key for both");
  Draft draft = h_.Act("alice", Action::kSuspendAccount);
  const auto before = identity::ParseDirectoryRecord(h_.items[h_.items.size() - 4].opening.record->record);
  History::Add(draft.record, *FindDevice(*before, gone.id));
  ASSERT_EQ(draft.record.devices.size(), 4u);
  ExpectFound(Rule::kReturned, "alice", draft, "just so");
}

TEST_F(AuthorityTest, DevicesThatGoOrChange) {
  const identity::DeviceId other = Device("alice", 2).id;
  for (Draft draft : {h_.Join("alice"), h_.Approve("alice", Device("alice", 0)), h_.Remove("alice", Device("alice", 0), Device("alice", 1).id),
                      h_.Act("alice", Action::kSuspendAccount), h_.Act("alice", Action::kRevokeDevice, Device("alice", 1).id)}) {
    const Draft honest = draft;
    History::Drop(draft.record, other);
    ExpectFound(Rule::kLostDevice, "alice", draft, "one less");
    const auto changed = [&](const std::function<void(identity::RecordDevice&)>& change, const char* what) {
      Draft with = honest;
      for (identity::RecordDevice& each : with.record.devices) {
        if (each.device_id == other) change(each);
      }
      ExpectFound(Rule::kChangedDevice, "alice", with, what);
    };
    changed([](auto& d) { d.mls_signature_public_key = TestDevice().mls_key(); }, "its key");
    changed([](auto& d) { d.credential_hash[0] ^= 1; }, "its credential");
    changed([](auto& d) { d.label = "laptop"; }, "its label");
    changed([](auto& d) { ++d.enrolled_day; }, "its day");
  }
}

TEST_F(AuthorityTest, CausesThatWereNotCarriedOut) {
  Draft draft = h_.Approve("alice", Device("alice", 0));
  History::Drop(draft.record, draft.device->id);
  ExpectFound(Rule::kNotDone, "alice", draft, "an approval");
  draft = h_.Join("alice");
  History::Drop(draft.record, draft.device->id);
  ExpectFound(Rule::kNotDone, "alice", draft, "an enrolment");
  draft = h_.Remove("alice", Device("alice", 0), Device("alice", 1).id);
  draft.record.devices = h_.people["alice"].record.devices;
  ExpectFound(Rule::kNotDone, "alice", draft, "a removal");
  draft = h_.Act("alice", Action::kRevokeDevice, Device("alice", 1).id);
  draft.record.devices = h_.people["alice"].record.devices;
  ExpectFound(Rule::kNotDone, "alice", draft, "a revocation");
  // An approval of a device that is there.
  draft = h_.Approve("alice", Device("alice", 0), Device("alice", 1));
  draft.record.devices = h_.people["alice"].record.devices;
  ExpectFound(Rule::kNotDone, "alice", draft, "a device is approved that is there");
}

TEST_F(AuthorityTest, CredentialsOfSomethingElse) {
  const TestDevice device;
  const auto with = [&](const Bytes& credential, bool enrolled) {
    Draft draft = enrolled ? h_.Join("alice", h_.IssueCode("alice"), device) : h_.Approve("alice", Device("alice", 0), device);
    for (identity::RecordDevice& each : draft.record.devices) {
      if (each.device_id == device.id) each.credential_hash = Sha256(credential);
    }
    if (enrolled) std::get<Enrolment>(draft.cause).credential = credential;
    if (!enrolled) std::get<Decided>(draft.cause).joined->credential = credential;
    return draft;
  };
  const crypto::Ed25519PublicKey& key = device.mls->public_key();
  const History others;
  crypto::LeafSpec tls;
  tls.spki = crypto::Ed25519Spki(key);
  tls.uris = {History::User("alice").ToString(), identity::DeviceUri{History::kDomain, device.id}.ToString()};
  tls.purpose = crypto::Purpose::kTlsClient;
  tls.validity = h_.Validity();
  crypto::LeafSpec p256 = tls;
  p256.spki = crypto::P256PrivateKey::Generate().spki();
  p256.purpose = crypto::Purpose::kMlsCredential;
  for (const bool enrolled : {false, true}) {
    ExpectFine("alice", with(h_.Credential("alice", device.id, key), enrolled), "its own");
    ExpectFound(Rule::kCredential, "alice", with(h_.Credential("bob", device.id, key), enrolled), "of another person");
    ExpectFound(Rule::kCredential, "alice", with(h_.Credential("alice", Device("alice", 0).id, key), enrolled), "of another device");
    ExpectFound(Rule::kCredential, "alice", with(h_.Credential("alice", device.id, TestDevice().mls->public_key()), enrolled), "of another key");
    ExpectFound(Rule::kCredential, "alice", with(others.Credential("alice", device.id, key), enrolled), "under another root");
    ExpectFound(Rule::kCredential, "alice", with(h_.Leaf(tls), enrolled), "a TLS certificate");
    ExpectFound(Rule::kCredential, "alice", with(h_.Leaf(p256), enrolled), "of a key of another kind");
    ExpectFound(Rule::kCredential, "alice", with(Bytes(100, 1), enrolled), "no certificate");
    Draft draft = with(h_.Credential("alice", device.id, key), enrolled);
    for (identity::RecordDevice& each : draft.record.devices) {
      if (each.device_id == device.id) each.credential_hash[0] ^= 1;
    }
    ExpectFound(Rule::kCredential, "alice", draft, "another than the record names");
  }
}

TEST_F(AuthorityTest, DevicesOutOfTime) {
  const auto on_day = [&](Draft draft, int64_t offset) {
    for (identity::RecordDevice& each : draft.record.devices) {
      if (each.device_id == draft.device->id) each.enrolled_day = static_cast<uint32_t>(each.enrolled_day + offset);
    }
    return draft;
  };
  h_.now = (h_.now / 86400 + 1) * 86400 + 43200;  // noon
  Draft draft = h_.Approve("alice", Device("alice", 0));
  ExpectFine("alice", draft, "today");
  ExpectFound(Rule::kTime, "alice", on_day(draft, -1), "approved tomorrow");
  ExpectFound(Rule::kTime, "alice", on_day(draft, 1), "approved yesterday");
  draft = h_.Join("alice");  // with a code that lives a day
  ExpectFine("alice", on_day(draft, 1), "the code's last day");
  ExpectFound(Rule::kTime, "alice", on_day(draft, 2), "after the code's end");
  ExpectFound(Rule::kTime, "alice", on_day(draft, -1), "before the code was issued");
  draft = h_.Join("alice", h_.IssueCode("alice", 60));
  ExpectFound(Rule::kTime, "alice", on_day(draft, 1), "after a short code's end");
  h_.now = h_.now / 86400 * 86400 + 86400 - 300;  // before midnight, within the clocks' difference
  ExpectFine("alice", on_day(h_.Approve("alice", Device("alice", 0)), 1), "over midnight");
  // Times that no clock shows.
  h_.now = std::numeric_limits<uint64_t>::max() - 601;
  draft = h_.Approve("alice", Device("alice", 0));
  ExpectFound(Rule::kTime, "alice", on_day(draft, 0), "at the end of time");
}

TEST_F(AuthorityTest, ARenewalChangesOneCredentialOfItsOwnDeviceAndNothingElse) {
  const TestDevice& device = Device("alice", 0);
  const TestDevice& other = Device("alice", 1);
  const Draft good = h_.Renew("alice", device);
  ExpectFine("alice", good, "a renewal");

  const auto with = [&](const std::function<void(identity::CredentialRenewal&)>& change) {
    identity::CredentialRenewal renewal = h_.Renewal("alice", device);
    change(renewal);
    return h_.Renew("alice", device, renewal, device, h_.RenewedSpec("alice", device));
  };
  Draft draft = good;
  std::get<Renewed>(draft.cause).renewal.push_back(0);
  ExpectFound(Rule::kCause, "alice", History::Named(draft), "no renewal");
  draft = good;
  draft.record.cause[0] ^= 1;
  ExpectFound(Rule::kCause, "alice", draft, "the record names another cause");
  ExpectFound(Rule::kForeignCause, "alice", with([](auto& r) { r.user = History::User("bob").ToString(); }), "of bob's");
  ExpectFound(Rule::kSigner, "alice", with([](auto& r) { r.device_id[0] ^= 1; }), "of a device that there is not");
  ExpectFound(Rule::kSignature, "alice", h_.Renew("alice", device, h_.Renewal("alice", device), other, h_.RenewedSpec("alice", device)),
              "signed by another device of hers");
  ExpectFound(Rule::kAction, "alice", with([&](auto& r) { r.mls_signature_public_key = other.mls_key(); }), "for another key");
  ExpectFound(Rule::kStale, "alice", with([](auto& r) { r.former_credential_hash[0] ^= 1; }), "of another credential than there was");
  ExpectFound(Rule::kStale, "alice", with([&](auto& r) { r.former_credential_hash = h_.Renewal("alice", other).former_credential_hash; }),
              "of the other device's");

  const auto certified = [&](const std::function<void(crypto::LeafSpec&)>& change) {
    crypto::LeafSpec spec = h_.RenewedSpec("alice", device);
    change(spec);
    return h_.Renew("alice", device, h_.Renewal("alice", device), device, spec);
  };
  ExpectFound(Rule::kCredential, "alice", certified([&](auto& s) { s.spki = crypto::Ed25519Spki(other.mls->public_key()); }), "for another key");
  ExpectFound(Rule::kCredential, "alice", certified([](auto& s) { s.uris[0] = History::User("bob").ToString(); }), "in bob's name");
  ExpectFound(Rule::kCredential, "alice", certified([&](auto& s) { s.uris[1] = identity::DeviceUri{"example.org", other.id}.ToString(); }),
              "in the other device's name");
  ExpectFound(Rule::kCredential, "alice", certified([](auto& s) { s.purpose = crypto::Purpose::kTlsClient; }), "for TLS");
  ExpectFound(Rule::kTime, "alice", certified([](auto& s) { s.validity.not_before += absl::Hours(1); }), "that begins in an hour");
  ExpectFound(Rule::kTime, "alice", certified([](auto& s) { s.validity.not_before -= absl::Hours(1); }), "that began an hour ago");
  draft = good;
  draft.record.devices = h_.people["alice"].record.devices;
  ExpectFound(Rule::kNotDone, "alice", draft, "the record is as before");
  const auto changed = [&](const std::function<void(identity::DirectoryRecord&)>& change) {
    Draft out = good;
    change(out.record);
    return out;
  };
  const auto of = [](identity::DirectoryRecord& record, const TestDevice& which) -> identity::RecordDevice& {
    return *const_cast<identity::RecordDevice*>(identity::FindDevice(record, which.id));
  };
  ExpectFound(Rule::kChangedDevice, "alice", changed([&](auto& r) { of(r, device).label = "other"; }), "with another label");
  ExpectFound(Rule::kChangedDevice, "alice", changed([&](auto& r) { of(r, device).mls_signature_public_key = TestDevice().mls_key(); }), "with another key");
  ExpectFound(Rule::kChangedDevice, "alice", changed([&](auto& r) { ++of(r, device).enrolled_day; }), "with another day");
  ExpectFound(Rule::kChangedDevice, "alice", changed([&](auto& r) { of(r, device).credential_hash[0] ^= 1; }), "with another credential");
  ExpectFound(Rule::kChangedDevice, "alice", changed([&](auto& r) { of(r, other).credential_hash = of(r, device).credential_hash; }),
              "and the other device's too");
  ExpectFound(Rule::kLostDevice, "alice", changed([&](auto& r) { History::Drop(r, other.id); }), "and a device less");
  ExpectFound(Rule::kLostDevice, "alice", changed([&](auto& r) { History::Drop(r, device.id); }), "and the device is gone");
  ExpectFound(Rule::kGhostDevice, "alice", changed([&](auto& r) { History::Add(r, Ghost()); }), "and a device more");
  ExpectFound(Rule::kName, "alice", changed([](auto& r) { r.display_name = "Mallory"; }), "and another name");
  ExpectFound(Rule::kStatus, "alice", changed([](auto& r) { r.status = RecordStatus::kSuspended; }), "and a suspension");
  ExpectFound(Rule::kSigner, "carol", h_.Renew("carol", Device("carol", 0)), "of a suspended person");

  // No other kind of cause changes a credential.
  draft = h_.Approve("alice", other);
  of(draft.record, device).credential_hash[0] ^= 1;
  ExpectFound(Rule::kChangedDevice, "alice", draft, "with an approval");

  h_.Append("alice", good);
  Draft again = good;
  again.record = h_.Next("alice");
  ExpectFound(Rule::kReplayed, "alice", History::Named(again), "once more");
  ExpectFine("alice", h_.Renew("alice", device), "the next one");
  ExpectFine("alice", h_.Approve("alice", device), "the same device decides on");
}

}  // namespace
}  // namespace plumbline::directory
