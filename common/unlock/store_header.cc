#include "common/unlock/store_header.h"

#include <algorithm>

#include "common/codec.h"
#include "common/crypto/key_wrap.h"
#include "common/crypto/x509.h"
#include "common/identity/labels.h"
#include "common/identity/uri.h"

namespace plumbline::unlock {
namespace {

constexpr absl::string_view kMagic = "PLUNLK01";
constexpr size_t kMaxAddress = 300;
static_assert(kWrappedDataKeySize == kDataKeySize + crypto::kWrapOverhead);

void WriteFields(Writer& out, const Slot& slot) {
  out.Fixed(slot.salt).U32(slot.cost.passes).U32(slot.cost.memory_kib).U32(slot.key_version).Fixed(slot.public_key.view());
}

Bytes ContextOf(const Slot& slot) {
  Writer out;
  out.Vector(AsBytes(identity::kUnlockDataKeyLabel));
  WriteFields(out, slot);
  return out.TakeBytes();
}

absl::StatusOr<Slot> ReadSlot(Reader& in) {
  ASSIGN_OR_RETURN(const auto salt, identity::ReadFixed<crypto::kStretchSaltSize>(in));
  crypto::SealCost cost;
  ASSIGN_OR_RETURN(cost.passes, in.U32());
  ASSIGN_OR_RETURN(cost.memory_kib, in.U32());
  if (!crypto::InBounds(cost)) return absl::InvalidArgumentError("the cost of the passphrase is out of bounds");
  ASSIGN_OR_RETURN(const uint32_t version, in.U32());
  ASSIGN_OR_RETURN(const ByteView key, in.Fixed(crypto::kVoprfElementSize));
  ASSIGN_OR_RETURN(const crypto::VoprfPublicKey public_key, crypto::VoprfPublicKey::Parse(key));
  ASSIGN_OR_RETURN(const auto wrapped, identity::ReadFixed<kWrappedDataKeySize>(in));
  return Slot{salt, cost, version, public_key, wrapped};
}

}  // namespace

absl::StatusOr<Slot> Lock(const Secret& data_key, const Secret& store_key, Slot slot) {
  if (data_key.size() != kDataKeySize) return absl::InvalidArgumentError("a data key has 32 bytes");
  ASSIGN_OR_RETURN(const crypto::KeyWrap wrap, crypto::KeyWrap::Create(Secret::CopyOf(store_key.view())));
  ASSIGN_OR_RETURN(const Bytes wrapped, wrap.Wrap(data_key, ContextOf(slot)));
  ASSIGN_OR_RETURN(slot.wrapped, identity::ToFixed<kWrappedDataKeySize>(wrapped));
  return slot;
}

absl::StatusOr<Secret> Open(const Slot& slot, const Secret& store_key) {
  ASSIGN_OR_RETURN(const crypto::KeyWrap wrap, crypto::KeyWrap::Create(Secret::CopyOf(store_key.view())));
  return wrap.Unwrap(slot.wrapped, ContextOf(slot));
}

const Slot* StoreHeader::Find(uint32_t key_version) const {
  const auto found = std::find_if(slots.begin(), slots.end(), [&](const Slot& slot) { return slot.key_version == key_version; });
  return found == slots.end() ? nullptr : &*found;
}

Secret Encode(const StoreHeader& header) {
  Writer out;
  out.Fixed(AsBytes(kMagic)).Fixed(header.device_id).Fixed(header.device_secret.view());
  out.Vector(AsBytes(header.device_address)).Vector(header.root).U8(static_cast<uint8_t>(header.slots.size()));
  for (const Slot& slot : header.slots) {
    WriteFields(out, slot);
    out.Fixed(slot.wrapped);
  }
  return out.TakeSecret();
}

absl::StatusOr<StoreHeader> ParseStoreHeader(ByteView wire) {
  Reader in(wire);
  ASSIGN_OR_RETURN(const ByteView magic, in.Fixed(kMagic.size()));
  if (!Equal(magic, AsBytes(kMagic))) return absl::InvalidArgumentError("this does not begin as a store header");
  StoreHeader out;
  ASSIGN_OR_RETURN(out.device_id, identity::ReadFixed<16>(in));
  ASSIGN_OR_RETURN(const ByteView secret, in.Fixed(kDeviceSecretSize));
  out.device_secret = Secret::CopyOf(secret);
  ASSIGN_OR_RETURN(const ByteView address, in.Vector(kMaxAddress));
  out.device_address = ToString(address);
  RETURN_IF_ERROR(identity::CheckAddress(out.device_address));
  ASSIGN_OR_RETURN(const ByteView root, in.Vector(crypto::kMaxCertificateSize));
  out.root = ToBytes(root);
  ASSIGN_OR_RETURN(const uint8_t count, in.U8());
  if (count < 1 || count > 2) return absl::InvalidArgumentError("a store header has one slot or two");
  uint32_t last = 0;
  for (uint8_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(Slot slot, ReadSlot(in));
    if (slot.key_version <= last) return absl::InvalidArgumentError("the slots' versions do not ascend");
    last = slot.key_version;
    out.slots.push_back(slot);
  }
  RETURN_IF_ERROR(in.Done());
  return out;
}

}  // namespace plumbline::unlock
