#include "client/directory.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/organisation_keys.h"
#include "common/identity/frame.h"
#include "common/identity/reason.h"
#include "common/tokens/token_key.h"

namespace plumbline::client {
namespace {

using identity::Refuse;

constexpr int kRaces = 5;  // times the log may grow between reading and asking

absl::Status Invalid(absl::string_view why) {
  return Refuse(absl::StatusCode::kUnauthenticated, "record_invalid",
                absl::StrCat("the directory's answer is not to be believed (", why,
                             "); nothing was sent. Tell your organisation's security officer"));
}

absl::Status CheckCredential(const identity::RecordDevice& device, ByteView der, absl::string_view user,
                             const RecordRules& rules) {
  if (Sha256(der) != device.credential_hash) return Invalid("a certificate is not the one that was signed for");
  const absl::StatusOr<crypto::Certificate> leaf = crypto::Certificate::Parse(der);
  if (!leaf.ok()) return Invalid("a certificate is malformed");
  const auto issuing = std::find_if(rules.authorities.begin(), rules.authorities.end(),
                                    [&](const crypto::Certificate& authority) { return crypto::IsIssuedBy(*leaf, authority); });
  if (issuing == rules.authorities.end()) return Invalid("a certificate is of no issuing authority of this organisation");
  // One that has ended names its device as before: the record says that it may act, and it renews by itself when it comes back.
  const absl::Status chain = crypto::VerifyChain(*leaf, {*issuing}, rules.root, WithinLife(*leaf, rules.now),
                                                 crypto::Purpose::kMlsCredential);
  if (!chain.ok()) return Invalid(chain.message());
  const absl::StatusOr<CredentialNames> names = NamesOf(*leaf);
  if (!names.ok() || names->user != user || names->device != device.device_id) {
    return Invalid("a certificate names another person or device");
  }
  if (!leaf->ed25519_key().has_value() || !Equal(leaf->ed25519_key()->view(), device.mls_signature_public_key)) {
    return Invalid("a certificate is for another key");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<identity::DirectoryRecord> VerifyRecord(const keys::v1::SignedRecord& offered, absl::string_view user,
                                                       const RecordRules& rules) {
  absl::StatusOr<identity::DirectoryRecord> record = identity::VerifyDirectoryRecord(
      AsBytes(offered.record()), AsBytes(offered.signature()), rules.directory_keys);
  if (!record.ok()) return Invalid(record.status().message());
  if (record->user != user) return Invalid("it is about somebody else");
  if (static_cast<size_t>(offered.credentials_size()) != record->devices.size()) {
    return Invalid("there is not one certificate for each device");
  }
  for (size_t i = 0; i < record->devices.size(); ++i) {
    RETURN_IF_ERROR(CheckCredential(record->devices[i], AsBytes(offered.credentials(static_cast<int>(i))), user, rules));
  }
  return record;
}

absl::Status SyncLog(Transparency& log, RecordBook& book) {
  absl::Status status = log.Sync([&book](Change& change, const std::string& user, const keys::v1::SignedRecord& record,
                                         Transparency::Entering entering) {
    return entering == Transparency::Entering::kNo ? book.AcceptFollowed(change, record, user) : book.AcceptEntered(change, record, user);
  });
  RETURN_IF_ERROR(book.KeepPending());
  return status;
}

absl::StatusOr<Contact> AcceptProved(Transparency& log, RecordBook& book, const std::string& user,
                                     const std::function<absl::StatusOr<ProvedAnswer>()>& ask) {
  absl::Status grown;
  for (int i = 0; i < kRaces; ++i) {
    RETURN_IF_ERROR(SyncLog(log, book));
    ASSIGN_OR_RETURN(const ProvedAnswer offered, ask());
    const absl::StatusOr<directory::Verified> verified = log.Check(AsBytes(offered.answer), user);
    if (absl::IsAborted(verified.status())) {
      grown = verified.status();
      continue;
    }
    if (absl::IsUnauthenticated(verified.status())) {
      // Between the two the log's key may have been replaced, or the log, which the next policy says.
      ASSIGN_OR_RETURN(const uint64_t before, log.PolicyNumber());
      ASSIGN_OR_RETURN(const uint64_t log_before, log.LogNumber());
      RETURN_IF_ERROR(SyncLog(log, book));
      ASSIGN_OR_RETURN(const uint64_t after, log.PolicyNumber());
      ASSIGN_OR_RETURN(const uint64_t log_after, log.LogNumber());
      if (after == before && log_after == log_before) return verified.status();
      continue;
    }
    RETURN_IF_ERROR(verified.status());
    // An account that was made and never used has a record, and nobody behind it.
    if (!verified->record || (verified->record->version == 1 && verified->record->devices.empty())) {
      return Refuse(absl::StatusCode::kNotFound, "unknown_user", "nobody of that name has enrolled");
    }
    if (!Equal(Encode(*verified->record), AsBytes(offered.record.record())) || offered.follow_key.size() != directory::kFollowKeySize)
      return Invalid("the record is not the one that was proved");
    ASSIGN_OR_RETURN(const uint64_t keys_number, book.KeysNumber());
    absl::StatusOr<Contact> contact =
        book.Accept(offered.record, user, ContactPlace{verified->index, Secret::CopyOf(AsBytes(offered.follow_key))});
    if (identity::ReasonOf(contact.status()) != "record_invalid") return contact;
    // The key that signs records may have been replaced between reading and asking.
    RETURN_IF_ERROR(SyncLog(log, book));
    ASSIGN_OR_RETURN(const uint64_t now_number, book.KeysNumber());
    if (now_number == keys_number) return contact;
    grown = contact.status();
  }
  return Refuse(absl::StatusCode::kUnavailable, "directory_busy", "the directory changes faster than it can be read; try again");
}

absl::StatusOr<Contact> Directory::LookUp(const std::string& user) {
  RETURN_IF_ERROR(Sync());
  ASSIGN_OR_RETURN(std::optional<Contact> known, stores_.contacts.Find(user));
  if (known && known->proved && known->followed) return *std::move(known);
  return AcceptProved(log_, book_, user, [&]() -> absl::StatusOr<ProvedAnswer> {
    keys::v1::LookUpRequest request;
    request.set_user(user);
    ASSIGN_OR_RETURN(keys::v1::LookUpResponse response, supplies_.WithToken(tokens::kPurposeDirectory, [&](const StoredToken& token) {
                       request.set_token(ToString(token.token));
                       request.set_token_key(ToString(token.token_key));
                       return network_.LookUp(request);
                     }));
    return ProvedAnswer{std::move(*response.mutable_record()), response.answer(), response.follow_key()};
  });
}

absl::StatusOr<Contact> Directory::LookUpSelf() {
  return AcceptProved(log_, book_, self_.user(), [&]() -> absl::StatusOr<ProvedAnswer> {
    ASSIGN_OR_RETURN(keys::v1::GetOwnAccountResponse response, network_.GetOwnAccount());
    supplies_.SetAvailable(response.available_key_packages());
    return ProvedAnswer{std::move(*response.mutable_record()), response.answer(), response.follow_key()};
  });
}

absl::StatusOr<std::optional<absl::Duration>> Directory::Staleness() {
  ASSIGN_OR_RETURN(const std::optional<absl::Duration> age, log_.Age());
  if (!age || *age <= kFreshCheckpoint) return std::optional<absl::Duration>();
  return age;
}

absl::StatusOr<identity::DirectoryRecord> RecordBook::Verified(const keys::v1::SignedRecord& offered, const std::string& user) {
  ASSIGN_OR_RETURN(const identity::TrustedKeys trusted, TrustedKeysOf(stores_, self_));
  const absl::Time now = clock_.Now();
  const identity::RoleKeys keys = trusted.Of(identity::Role::kDirectory, now);
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> authorities, AuthoritiesOf(trusted, self_));
  return VerifyRecord(offered, user, RecordRules{keys, self_.root(), authorities, now});
}

absl::StatusOr<uint64_t> RecordBook::KeysNumber() {
  ASSIGN_OR_RETURN(const identity::TrustedKeys trusted, TrustedKeysOf(stores_, self_));
  return trusted.number();
}

absl::Status RecordBook::Judge(const Contact& held, const identity::DirectoryRecord& record,
                               const keys::v1::SignedRecord& offered, bool proved) {
  const uint64_t version = held.parsed.version;
  const auto against = [&](const char* reason, absl::string_view text) {
    pending_ = Pending{held.user, reason, held.record, offered};
    return Refuse(absl::StatusCode::kUnauthenticated, reason, text);
  };
  if (held.base) return JudgeRestored(held, record, offered);
  if (record.version < version && proved && !held.proved) {
    return Refuse(absl::StatusCode::kUnavailable, "directory_unwitnessed",
                  "the directory's witnesses have not yet confirmed what the key server has just told this device; try again in a "
                  "moment");
  }
  if (record.version < version) {
    return against("directory_rolled_back",
                   absl::StrCat("the directory showed version ", record.version, " of a person whose version ", version,
                                " this device has seen; both are kept as evidence and nothing was sent. Tell your "
                                "organisation's security officer"));
  }
  const bool same = Equal(AsBytes(offered.record()), held.record);
  const bool follows = record.version != version + 1 || record.previous_hash == Sha256(held.record);
  if ((record.version == version && !same) || !follows) {
    return against("directory_contradicts",
                   "the directory showed something that contradicts what it showed before; both are kept as evidence and "
                   "nothing was sent. Tell your organisation's security officer");
  }
  return absl::OkStatus();
}

// What is held above the base was lost. Where the base is not known, the directory says it with the next record.
absl::Status RecordBook::JudgeRestored(const Contact& held, const identity::DirectoryRecord& record, const keys::v1::SignedRecord& offered) {
  if (held.base->empty()) return absl::OkStatus();
  const absl::StatusOr<identity::DirectoryRecord> base = identity::ParseDirectoryRecord(*held.base);
  if (!base.ok()) return absl::DataLossError("a directory record in the client's store is malformed");
  const bool same = record.version != base->version || Equal(AsBytes(offered.record()), *held.base);
  const bool follows = record.version != base->version + 1 || record.previous_hash == Sha256(*held.base);
  if (record.version >= base->version && same && follows) return absl::OkStatus();
  const bool back = record.version < base->version;
  pending_ = Pending{held.user, back ? "directory_rolled_back" : "directory_contradicts", *held.base, offered};
  return Refuse(absl::StatusCode::kUnauthenticated, pending_->reason,
                absl::StrCat("the directory was restored from a copy with version ", base->version, " of a person, and shows version ",
                             record.version, ", which ", back ? "is older" : "contradicts it",
                             "; both are kept as evidence and nothing was sent. Tell your organisation's security officer"));
}

// True if nothing newer was said than what a restored directory begins with: what is held counts on.
bool RecordBook::IsBase(const Contact& held, const identity::DirectoryRecord& record, const keys::v1::SignedRecord& offered) {
  if (!held.base) return false;
  return held.base->empty() ? record.version < held.parsed.version : Equal(AsBytes(offered.record()), *held.base);
}

absl::Status RecordBook::Remember(Change& change, const std::optional<Contact>& held, const identity::DirectoryRecord& record,
                                  const keys::v1::SignedRecord& offered, bool proved,
                                  const std::optional<identity::DeviceId>& expected) {
  if (held && IsBase(*held, record, offered)) return stores_.contacts.SetBase(change, record.user, AsBytes(offered.record()));
  const bool still_proved = proved || (held && held->proved && held->parsed.version == record.version);
  RETURN_IF_ERROR(stores_.contacts.SetRecord(change, record, AsBytes(offered.record()), AsBytes(offered.signature()), still_proved));
  if (record.user != self_.user()) return absl::OkStatus();
  if (!held || proved) RETURN_IF_ERROR(BeginOwn(change, record, AsBytes(offered.record())));
  return held ? NoticeOwnDevices(change, held->parsed, record, expected) : absl::OkStatus();
}

absl::Status RecordBook::FollowOwn(Change& change, const keys::v1::SignedRecord& offered) {
  ASSIGN_OR_RETURN(const identity::TrustedKeys trusted, TrustedKeysOf(stores_, self_));
  const absl::StatusOr<identity::DirectoryRecord> record = identity::VerifyDirectoryRecord(
      AsBytes(offered.record()), AsBytes(offered.signature()), trusted.Of(identity::Role::kDirectory, clock_.Now()));
  if (!record.ok()) return Invalid(record.status().message());
  if (record->user != self_.user()) return Invalid("it is about somebody else");
  ASSIGN_OR_RETURN(const std::optional<Bytes> before, stores_.contacts.OwnRecord());
  if (before) {
    const absl::StatusOr<identity::DirectoryRecord> parsed = identity::ParseDirectoryRecord(*before);
    if (!parsed.ok()) return absl::DataLossError("the own directory record in the client's store is malformed");
    if (record->version != parsed->version + 1 || record->previous_hash != Sha256(*before)) {
      pending_ = Pending{self_.user(), "directory_contradicts", *before, offered};
      return Refuse(absl::StatusCode::kUnauthenticated, "directory_contradicts",
                    absl::StrCat("after version ", parsed->version, " of your own record the directory logged version ", record->version,
                                 ", which does not follow it; both are kept as evidence and nothing was sent. Tell your "
                                 "organisation's security officer"));
    }
    RETURN_IF_ERROR(NoticeOwnDevices(change, *parsed, *record, std::nullopt));
  }
  return stores_.contacts.SetOwnRecord(change, AsBytes(offered.record()));
}

absl::Status RecordBook::BeginOwn(Change& change, const identity::DirectoryRecord& record, ByteView bytes) {
  ASSIGN_OR_RETURN(const std::optional<Bytes> before, stores_.contacts.OwnRecord());
  if (before) {
    const absl::StatusOr<identity::DirectoryRecord> parsed = identity::ParseDirectoryRecord(*before);
    if (!parsed.ok()) return absl::DataLossError("the own directory record in the client's store is malformed");
    if (record.version <= parsed->version) return absl::OkStatus();
    if (record.version > parsed->version + 1) {
      RETURN_IF_ERROR(AddNotice(change, "own_history_unseen",
                                absl::StrCat("Your account was changed ", record.version - parsed->version,
                                             " times before this device first read the directory's log. It has seen the last "
                                             "state only: a device that came and went in between is not shown. Ask your "
                                             "administrator if you did not expect that.")));
    }
  }
  return stores_.contacts.SetOwnRecord(change, bytes);
}

absl::Status RecordBook::AcceptFollowed(Change& change, const keys::v1::SignedRecord& offered, const std::string& user) {
  const bool own = user == self_.user();
  if (own) RETURN_IF_ERROR(FollowOwn(change, offered));
  // Its version first: a record that was passed by long ago may name certificates that have ended.
  const absl::StatusOr<identity::DirectoryRecord> parsed = identity::ParseDirectoryRecord(AsBytes(offered.record()));
  ASSIGN_OR_RETURN(const std::optional<Contact> held, stores_.contacts.Find(user));
  if (parsed.ok() && held && !held->base && parsed->version < held->parsed.version) return absl::OkStatus();
  const absl::StatusOr<identity::DirectoryRecord> record = Verified(offered, user);
  // What is wrong with one person's record is told to whoever asks about that person; the log goes on.
  if (!record.ok()) return own ? absl::OkStatus() : stores_.contacts.SetPlace(change, user, std::nullopt);
  if (held) RETURN_IF_ERROR(Judge(*held, *record, offered, /*proved=*/true));
  return Remember(change, held, *record, offered, /*proved=*/true, std::nullopt);
}

absl::Status RecordBook::EnterOwn(const keys::v1::SignedRecord& offered, const Bytes& known) {
  const absl::StatusOr<identity::DirectoryRecord> record = identity::ParseDirectoryRecord(AsBytes(offered.record()));
  const absl::StatusOr<identity::DirectoryRecord> own = identity::ParseDirectoryRecord(known);
  if (!own.ok()) return absl::DataLossError("the own directory record in the client's store is malformed");
  if (!record.ok() || record->user != self_.user()) return Invalid("a version of your own record is malformed");
  if (record->version == 1) entered_.clear();
  const bool follows = record->version == 1 || (!entered_.empty() && record->previous_hash == Sha256(entered_));
  if (!follows || (record->version == own->version && !Equal(AsBytes(offered.record()), known))) {
    pending_ = Pending{self_.user(), "directory_contradicts", known, offered};
    return Refuse(absl::StatusCode::kUnauthenticated, "directory_contradicts",
                  absl::StrCat("version ", record->version, " of your own record is another one in the directory's new log than before; both are "
                               "kept as evidence and nothing was sent. Tell your organisation's security officer"));
  }
  entered_ = ToBytes(AsBytes(offered.record()));
  return absl::OkStatus();
}

absl::Status RecordBook::AcceptEntered(Change& change, const keys::v1::SignedRecord& offered, const std::string& user) {
  const absl::StatusOr<identity::DirectoryRecord> parsed = identity::ParseDirectoryRecord(AsBytes(offered.record()));
  if (!parsed.ok()) return Invalid(parsed.status().message());
  if (user == self_.user()) {
    ASSIGN_OR_RETURN(const std::optional<Bytes> known, stores_.contacts.OwnRecord());
    const absl::StatusOr<identity::DirectoryRecord> own = identity::ParseDirectoryRecord(known ? ByteView(*known) : ByteView());
    if (own.ok() && parsed->version <= own->version) return EnterOwn(offered, *known);
    return AcceptFollowed(change, offered, user);
  }
  ASSIGN_OR_RETURN(const std::optional<Contact> held, stores_.contacts.Find(user));
  if (!held || held->base || parsed->version > held->parsed.version) return AcceptFollowed(change, offered, user);
  // The bytes alone: that the directory signed them was found when they were taken.
  return Judge(*held, *parsed, offered, /*proved=*/true);
}

absl::StatusOr<Contact> RecordBook::Accept(const keys::v1::SignedRecord& offered, const std::string& user,
                                           const std::optional<ContactPlace>& place,
                                           const std::optional<identity::DeviceId>& expected) {
  ASSIGN_OR_RETURN(const identity::DirectoryRecord record, Verified(offered, user));
  ASSIGN_OR_RETURN(const std::optional<Contact> held, stores_.contacts.Find(user));
  if (held.has_value()) {
    const absl::Status judged = Judge(*held, record, offered, place.has_value());
    RETURN_IF_ERROR(KeepPending());
    RETURN_IF_ERROR(judged);
  }
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(Remember(change, held, record, offered, place.has_value(), expected));
  if (place) RETURN_IF_ERROR(stores_.contacts.SetPlace(change, user, place));
  RETURN_IF_ERROR(change.Commit());
  ASSIGN_OR_RETURN(std::optional<Contact> contact, stores_.contacts.Find(user));
  if (!contact.has_value()) return absl::DataLossError("a directory record vanished from the client's store");
  return *std::move(contact);
}

absl::Status RecordBook::AddNotice(Change& change, const char* reason, absl::string_view text) {
  return AddOwnNotice(stores_, self_, change, clock_.Now(), reason, text);
}

absl::Status RecordBook::NoticeOwnDevices(Change& change, const identity::DirectoryRecord& before,
                                          const identity::DirectoryRecord& after,
                                          const std::optional<identity::DeviceId>& expected) {
  const auto notice = [&](const identity::RecordDevice& device, bool gone, absl::string_view what) -> absl::Status {
    ASSIGN_OR_RETURN(const bool news, stores_.contacts.MarkTold(change, device.device_id, gone));
    if (!news || expected == device.device_id) return absl::OkStatus();
    return AddNotice(change, gone ? "own_device_removed" : "own_device_added",
                     absl::StrCat("The device \"", device.label, "\" (", ToHex(device.device_id).substr(0, 8), ") ", what));
  };
  for (const identity::RecordDevice& device : after.devices) {
    if (identity::FindDevice(before, device.device_id) != nullptr) continue;
    RETURN_IF_ERROR(notice(device, /*gone=*/false,
                           "was added to your account, and not by this device. If you did not do that on another device or "
                           "with an administrator's invitation, remove it with `plumbline devices remove` and tell your "
                           "security officer."));
  }
  for (const identity::RecordDevice& device : before.devices) {
    if (identity::FindDevice(after, device.device_id) != nullptr) continue;
    RETURN_IF_ERROR(notice(device, /*gone=*/true, "was removed from your account, and not by this device."));
  }
  return absl::OkStatus();
}

absl::Status RecordBook::KeepPending() {
  if (!pending_) return absl::OkStatus();
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.contacts.AddEvidence(change, clock_.Now(), pending_->user, pending_->reason, pending_->held,
                                               AsBytes(pending_->offered.record()), AsBytes(pending_->offered.signature())));
  RETURN_IF_ERROR(change.Commit());
  pending_.reset();
  return absl::OkStatus();
}

absl::StatusOr<std::vector<mls::KeyPackage>> Directory::Claim(const std::string& user,
                                                              const std::vector<identity::RecordDevice>& wanted) {
  keys::v1::ClaimKeyPackagesRequest request;
  request.set_user(user);
  request.set_cipher_suite(static_cast<uint32_t>(mls::SuiteId::kX25519Aes128GcmSha256Ed25519));
  ASSIGN_OR_RETURN(const keys::v1::ClaimKeyPackagesResponse response,
                   supplies_.WithToken(tokens::kPurposeDirectory, [&](const StoredToken& token) {
                     request.set_token(ToString(token.token));
                     request.set_token_key(ToString(token.token_key));
                     return network_.ClaimKeyPackages(request);
                   }));
  std::vector<mls::KeyPackage> claimed;
  for (const keys::v1::ClaimedKeyPackage& offered : response.key_packages()) {
    const auto device = std::find_if(wanted.begin(), wanted.end(), [&](const identity::RecordDevice& d) {
      return Equal(d.device_id, AsBytes(offered.device_id()));
    });
    if (device == wanted.end()) continue;
    absl::StatusOr<mls::KeyPackage> key_package = mls::ParseKeyPackageMessage(AsBytes(offered.key_package()));
    if (!key_package.ok() || !mls::ValidateKeyPackage(*key_package, clock_.Now()).ok()) {
      return Invalid("a key package is malformed or out of date");
    }
    const absl::StatusOr<CredentialNames> names = NamesOf(key_package->leaf_node.credential);
    if (!names.ok() || names->user != user || names->device != device->device_id ||
        !Equal(key_package->leaf_node.signature_key, device->mls_signature_public_key)) {
      return Invalid("a key package is not its device's");
    }
    // Its members would refuse it; the device publishes others when it has renewed.
    const absl::StatusOr<crypto::Certificate> leaf = LeafOf(key_package->leaf_node.credential);
    if (!leaf.ok() || leaf->not_after() <= clock_.Now()) continue;
    claimed.push_back(*std::move(key_package));
  }
  return claimed;
}

Verification Directory::StateOf(const Contact& contact) {
  if (!contact.verified_devices.has_value()) return Verification::kNever;
  return Equal(*contact.verified_devices, DevicesHash(contact.parsed)) ? Verification::kVerified : Verification::kChanged;
}

}  // namespace plumbline::client
