#include "keyserver/views.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/identity/labels.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::keyserver {
namespace {

absl::StatusOr<SignedBytes> Sign(const Account& account, uint64_t version, const identity::Hash& previous, const identity::Hash& cause,
                                 const crypto::Ed25519Signer& directory_key) {
  identity::DirectoryRecord record;
  record.user = account.user;
  record.display_name = account.display_name;
  record.proofing_level = account.proofing_level;
  record.version = version;
  record.previous_hash = previous;
  record.status = account.removed     ? identity::RecordStatus::kRemoved
                  : account.suspended ? identity::RecordStatus::kSuspended
                                      : identity::RecordStatus::kActive;
  record.cause = cause;
  for (const Device& device : account.devices) {
    record.devices.push_back(
        {device.id, device.label, device.mls_key, Sha256(device.credential), device.enrolled_day});
  }
  SignedBytes out;
  out.bytes = Encode(record);
  ASSIGN_OR_RETURN(out.signature, crypto::SignUnder(directory_key, identity::kDirectoryRecordLabel, out.bytes));
  return out;
}

}  // namespace

absl::StatusOr<SignedBytes> FirstRecord(const Account& account, const identity::Hash& cause, const crypto::Ed25519Signer& directory_key) {
  return Sign(account, 1, identity::Hash{}, cause, directory_key);
}

absl::StatusOr<SignedBytes> NextRecord(const Account& account, const identity::Hash& cause,
                                       const crypto::Ed25519Signer& directory_key) {
  const absl::StatusOr<identity::DirectoryRecord> current =
      identity::ParseDirectoryRecord(account.record.bytes);
  if (!current.ok()) return absl::DataLossError("a stored directory record does not parse");
  return Sign(account, current->version + 1, Sha256(account.record.bytes), cause, directory_key);
}

identity::Hash StateHash(const Account& account) {
  Writer out;
  out.Vector(AsBytes(account.user))
      .Vector(AsBytes(account.display_name))
      .U8(account.removed ? 2 : account.suspended ? 1 : 0)
      .U64(account.revision)
      .Fixed(Sha256(account.record.bytes));
  return Sha256(out.view());
}

absl::string_view StatusName(const Account& account) {
  if (account.removed) return "removed";
  if (account.suspended) return "suspended";
  return account.devices.empty() && !account.has_enrolled ? "invited" : "active";
}

void Fill(const Account& account, keys::v1::SignedRecord& out) {
  out.set_record(ToString(account.record.bytes));
  out.set_signature(ToString(account.record.signature));
  for (const Device& device : account.devices) out.add_credentials(ToString(device.credential));
}

void Fill(const DirectoryEntry& entry, keys::v1::SignedRecord& out) {
  out.set_record(ToString(entry.answer.found->record));
  out.set_signature(ToString(entry.signature));
  for (const Bytes& credential : entry.credentials) out.add_credentials(ToString(credential));
}

void Fill(const directory::SignedWitnessPolicy& policy, keys::v1::WitnessPolicy& out) {
  out.set_certificate(ToString(policy.certificate));
  out.set_policy(ToString(policy.policy));
  out.set_signature(ToString(policy.signature));
}

void Fill(const Account& account, keys::v1::AccountView& out) {
  out.set_user(account.user);
  out.set_display_name(account.display_name);
  out.set_status(std::string(StatusName(account)));
  out.set_proofing(account.proofing_reference.empty()
                       ? account.proofing_level
                       : absl::StrCat(account.proofing_level, " (", account.proofing_reference, ")"));
  for (const Device& device : account.devices) {
    keys::v1::DeviceView& view = *out.add_devices();
    view.set_device_id(ToString(device.id));
    view.set_label(device.label);
    const absl::Time day = absl::FromUnixSeconds(int64_t{device.enrolled_day} * 86400);
    view.set_enrolled_day(absl::FormatTime("%Y-%m-%d", day, absl::UTCTimeZone()));
  }
  out.set_state_hash(ToString(StateHash(account)));
}

}  // namespace plumbline::keyserver
