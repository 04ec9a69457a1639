#include "mls/psk.h"

namespace plumbline::mls {

absl::StatusOr<PreSharedKeyId> ReadPreSharedKeyId(Reader& in) {
  PreSharedKeyId id;
  ASSIGN_OR_RETURN(const uint8_t type, in.U8());
  if (type == static_cast<uint8_t>(PskType::kExternal)) {
    ASSIGN_OR_RETURN(const ByteView psk_id, in.Vector(kMaxPskId));
    id.psk_id = ToBytes(psk_id);
  } else if (type == static_cast<uint8_t>(PskType::kResumption)) {
    ASSIGN_OR_RETURN(const uint8_t usage, in.U8());
    if (usage < static_cast<uint8_t>(ResumptionPskUsage::kApplication) ||
        usage > static_cast<uint8_t>(ResumptionPskUsage::kBranch)) {
      return absl::InvalidArgumentError("unknown usage of a resumption PSK");
    }
    id.usage = static_cast<ResumptionPskUsage>(usage);
    ASSIGN_OR_RETURN(const ByteView group_id, in.Vector(kMaxPskGroupId));
    id.psk_group_id = ToBytes(group_id);
    ASSIGN_OR_RETURN(id.psk_epoch, in.U64());
  } else {
    return absl::InvalidArgumentError("unknown type of PSK");
  }
  id.type = static_cast<PskType>(type);
  ASSIGN_OR_RETURN(const ByteView nonce, in.Vector(kMaxPskNonce));
  id.psk_nonce = ToBytes(nonce);
  return id;
}

void WritePreSharedKeyId(Writer& out, const PreSharedKeyId& id) {
  out.U8(static_cast<uint8_t>(id.type));
  if (id.type == PskType::kExternal) {
    out.Vector(id.psk_id);
  } else {
    out.U8(static_cast<uint8_t>(id.usage)).Vector(id.psk_group_id).U64(id.psk_epoch);
  }
  out.Vector(id.psk_nonce);
}

}  // namespace plumbline::mls
