#include "client/directory.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/identity/frame.h"
#include "common/identity/pass.h"
#include "common/identity/reason.h"

namespace plumbline::client {
namespace {

using identity::Refuse;

absl::Status Invalid(absl::string_view why) {
  return Refuse(absl::StatusCode::kUnauthenticated, "record_invalid",
                absl::StrCat("the directory's answer is not to be believed (", why,
                             "); nothing was sent. Tell your organisation's security officer"));
}

absl::Status CheckCredential(const identity::RecordDevice& device, ByteView der, absl::string_view user,
                             const RecordRules& rules) {
  if (Sha256(der) != device.credential_hash) return Invalid("a certificate is not the one that was signed for");
  const absl::StatusOr<crypto::Certificate> leaf = crypto::Certificate::Parse(der);
  const absl::StatusOr<crypto::Certificate> issuing = crypto::Certificate::Parse(rules.issuing);
  if (!leaf.ok() || !issuing.ok()) return Invalid("a certificate is malformed");
  const absl::Status chain =
      crypto::VerifyChain(*leaf, {*issuing}, rules.root, rules.now, crypto::Purpose::kMlsCredential);
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
      AsBytes(offered.record()), AsBytes(offered.signature()), rules.directory_key);
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

absl::StatusOr<Contact> Directory::LookUp(const std::string& user) {
  keys::v1::LookUpRequest request;
  request.set_user(user);
  ASSIGN_OR_RETURN(const keys::v1::LookUpResponse response,
                   supplies_.WithPass(identity::kPurposeDirectory, [&](ByteView pass) {
                     request.set_token(ToString(pass));
                     return network_.LookUp(request);
                   }));
  return book_.Accept(response.record(), user);
}

absl::StatusOr<Contact> Directory::LookUpSelf() {
  ASSIGN_OR_RETURN(const keys::v1::GetOwnAccountResponse response, network_.GetOwnAccount());
  supplies_.SetAvailable(response.available_key_packages());
  return book_.Accept(response.record(), self_.user());
}

absl::StatusOr<Contact> RecordBook::Accept(const keys::v1::SignedRecord& offered, const std::string& user,
                                           const std::optional<identity::DeviceId>& expected) {
  ASSIGN_OR_RETURN(const crypto::Ed25519PublicKey key, crypto::Ed25519PublicKey::Parse(self_.account().directory_key));
  const RecordRules rules{key, self_.root(), self_.account().issuing, clock_.Now()};
  ASSIGN_OR_RETURN(const identity::DirectoryRecord record, VerifyRecord(offered, user, rules));
  ASSIGN_OR_RETURN(const std::optional<Contact> held, stores_.contacts.Find(user));
  if (held.has_value()) {
    const uint64_t version = held->parsed.version;
    if (record.version < version) {
      RETURN_IF_ERROR(KeepEvidence(*held, offered, "directory_rolled_back"));
      return Refuse(absl::StatusCode::kUnauthenticated, "directory_rolled_back",
                    absl::StrCat("the directory showed version ", record.version, " of a person whose version ", version,
                                 " this device has seen; both are kept as evidence and nothing was sent. Tell your "
                                 "organisation's security officer"));
    }
    const bool same = Equal(AsBytes(offered.record()), held->record);
    const bool follows = record.version != version + 1 || record.previous_hash == Sha256(held->record);
    if ((record.version == version && !same) || !follows) {
      RETURN_IF_ERROR(KeepEvidence(*held, offered, "directory_contradicts"));
      return Refuse(absl::StatusCode::kUnauthenticated, "directory_contradicts",
                    "the directory showed something that contradicts what it showed before; both are kept as evidence and "
                    "nothing was sent. Tell your organisation's security officer");
    }
  }
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.contacts.SetRecord(change, record, AsBytes(offered.record()), AsBytes(offered.signature())));
  if (held.has_value() && user == self_.user()) {
    RETURN_IF_ERROR(NoticeOwnDevices(change, held->parsed, record, expected));
  }
  RETURN_IF_ERROR(change.Commit());
  ASSIGN_OR_RETURN(std::optional<Contact> contact, stores_.contacts.Find(user));
  if (!contact.has_value()) return absl::DataLossError("a directory record vanished from the client's store");
  return *std::move(contact);
}

absl::Status RecordBook::NoticeOwnDevices(Change& change, const identity::DirectoryRecord& before,
                                          const identity::DirectoryRecord& after,
                                          const std::optional<identity::DeviceId>& expected) {
  const auto notice = [&](const identity::RecordDevice& device, const char* reason, absl::string_view what) -> absl::Status {
    if (expected == device.device_id) return absl::OkStatus();
    Entry entry;
    entry.time = clock_.Now();
    entry.conversation = self_.user();
    entry.kind = EntryKind::kNotice;
    entry.media_type = identity::kTextMediaType;
    entry.body = ToBytes(AsBytes(absl::StrCat("The device \"", device.label, "\" (", ToHex(device.device_id).substr(0, 8), ") ", what)));
    entry.detail = reason;
    return stores_.history.Add(change, entry).status();
  };
  for (const identity::RecordDevice& device : after.devices) {
    if (identity::FindDevice(before, device.device_id) != nullptr) continue;
    RETURN_IF_ERROR(notice(device, "own_device_added",
                           "was added to your account, and not by this device. If you did not do that on another device or "
                           "with an administrator's invitation, remove it with `plumbline devices remove` and tell your "
                           "security officer."));
  }
  for (const identity::RecordDevice& device : before.devices) {
    if (identity::FindDevice(after, device.device_id) != nullptr) continue;
    RETURN_IF_ERROR(notice(device, "own_device_removed", "was removed from your account, and not by this device."));
  }
  return absl::OkStatus();
}

absl::Status RecordBook::KeepEvidence(const Contact& held, const keys::v1::SignedRecord& offered,
                                      absl::string_view reason) {
  ASSIGN_OR_RETURN(Change change, stores_.store.Begin());
  RETURN_IF_ERROR(stores_.contacts.AddEvidence(change, clock_.Now(), held.user, reason, held.record,
                                               AsBytes(offered.record()), AsBytes(offered.signature())));
  return change.Commit();
}

absl::StatusOr<std::vector<mls::KeyPackage>> Directory::Claim(const std::string& user,
                                                              const std::vector<identity::RecordDevice>& wanted) {
  keys::v1::ClaimKeyPackagesRequest request;
  request.set_user(user);
  request.set_cipher_suite(static_cast<uint32_t>(mls::SuiteId::kX25519Aes128GcmSha256Ed25519));
  ASSIGN_OR_RETURN(const keys::v1::ClaimKeyPackagesResponse response,
                   supplies_.WithPass(identity::kPurposeDirectory, [&](ByteView pass) {
                     request.set_token(ToString(pass));
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
    claimed.push_back(*std::move(key_package));
  }
  return claimed;
}

Verification Directory::StateOf(const Contact& contact) {
  if (!contact.verified_devices.has_value()) return Verification::kNever;
  return Equal(*contact.verified_devices, DevicesHash(contact.parsed)) ? Verification::kVerified : Verification::kChanged;
}

}  // namespace plumbline::client
