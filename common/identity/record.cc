#include "common/identity/record.h"

#include "common/identity/labels.h"
#include "common/identity/text.h"
#include "common/identity/uri.h"

namespace plumbline::identity {
namespace {

constexpr uint8_t kWithoutProofing = 1, kFormat = 2;

absl::StatusOr<RecordDevice> ReadDevice(Reader& in) {
  RecordDevice out;
  ASSIGN_OR_RETURN(out.device_id, ReadFixed<16>(in));
  ASSIGN_OR_RETURN(out.label, ReadText(in, kMaxDeviceLabel));
  ASSIGN_OR_RETURN(out.mls_signature_public_key, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.credential_hash, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.enrolled_day, in.U32());
  return out;
}

absl::StatusOr<std::vector<RecordDevice>> ReadDevices(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView list, in.Vector(kMaxRecord));
  Reader rest(list);
  std::vector<RecordDevice> out;
  while (!rest.AtEnd()) {
    if (out.size() == kMaxDevices) return absl::InvalidArgumentError("a record has more than 32 devices");
    ASSIGN_OR_RETURN(RecordDevice device, ReadDevice(rest));
    if (!out.empty() && !(out.back().device_id < device.device_id)) {
      return absl::InvalidArgumentError("a record's devices are not in order");
    }
    out.push_back(std::move(device));
  }
  return out;
}

}  // namespace

Bytes Encode(const DirectoryRecord& record) {
  Writer devices;
  for (const RecordDevice& device : record.devices) {
    devices.Fixed(device.device_id)
        .Vector(AsBytes(device.label))
        .Fixed(device.mls_signature_public_key)
        .Fixed(device.credential_hash)
        .U32(device.enrolled_day);
  }
  Writer out;
  out.U8(record.proofing_level.empty() ? kWithoutProofing : kFormat)
      .Vector(AsBytes(record.user))
      .Vector(AsBytes(record.display_name))
      .U64(record.version)
      .Fixed(record.previous_hash)
      .U8(static_cast<uint8_t>(record.status))
      .Fixed(record.cause)
      .Vector(devices.view());
  if (!record.proofing_level.empty()) out.Vector(AsBytes(record.proofing_level));
  return out.TakeBytes();
}

absl::StatusOr<DirectoryRecord> ParseDirectoryRecord(ByteView wire) {
  if (wire.size() > kMaxRecord) return absl::InvalidArgumentError("a record is too long");
  Reader in(wire);
  ASSIGN_OR_RETURN(const uint8_t format, in.U8());
  if (format != kFormat && format != kWithoutProofing) return absl::InvalidArgumentError("a record has an unknown format");
  DirectoryRecord out;
  ASSIGN_OR_RETURN(out.user, ReadUserUri(in));
  ASSIGN_OR_RETURN(out.display_name, ReadText(in, kMaxDisplayName));
  ASSIGN_OR_RETURN(out.version, in.U64());
  ASSIGN_OR_RETURN(out.previous_hash, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(const uint8_t status, in.U8());
  if (status < 1 || status > 3) return absl::InvalidArgumentError("a record has an unknown status");
  out.status = static_cast<RecordStatus>(status);
  ASSIGN_OR_RETURN(out.cause, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.devices, ReadDevices(in));
  if (format == kFormat) {
    ASSIGN_OR_RETURN(out.proofing_level, ReadText(in, kMaxProofing));
    if (out.proofing_level.empty()) return absl::InvalidArgumentError("a record of format 2 has a proofing level");
  }
  RETURN_IF_ERROR(in.Done());
  if (out.status == RecordStatus::kRemoved && !out.devices.empty()) {
    return absl::InvalidArgumentError("a person who was removed has no devices");
  }
  if (out.version == 0 || (out.version == 1) != (out.previous_hash == Hash{})) {
    return absl::InvalidArgumentError("a record's version and previous hash do not fit");
  }
  return out;
}

absl::StatusOr<DirectoryRecord> VerifyDirectoryRecord(ByteView wire, ByteView signature,
                                                      const RoleKeys& directory_keys) {
  RETURN_IF_ERROR(directory_keys.Verify(kDirectoryRecordLabel, wire, signature));
  return ParseDirectoryRecord(wire);
}

const RecordDevice* FindDevice(const DirectoryRecord& record, const DeviceId& id) {
  for (const RecordDevice& device : record.devices) {
    if (device.device_id == id) return &device;
  }
  return nullptr;
}

}  // namespace plumbline::identity
