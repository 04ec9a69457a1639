// A store's header: what is parsed is written back byte for byte, and opens under no key that did not make it.
#include "common/unlock/store_header.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

constexpr crypto::SealCost kCheap{1, 8 * 1024};

const Secret& StoreKey() {
  static const auto* const key = new Secret(Secret::CopyOf(Bytes(unlock::kStoreKeySize, 1)));
  return *key;
}

unlock::Slot Slot(uint32_t version) {
  const auto key = crypto::VoprfSecretKey::Derive(Secret::CopyOf(Bytes(crypto::kVoprfSeedSize, 2)), AsBytes("fuzz"));
  return *unlock::Lock(Secret::CopyOf(Bytes(unlock::kDataKeySize, 3)), StoreKey(), {{}, kCheap, version, key->public_key(), {}});
}

}  // namespace

void Fuzz(ByteView input) {
  const absl::StatusOr<unlock::StoreHeader> header = unlock::ParseStoreHeader(input);
  if (!header.ok()) {
    CHECK(absl::IsInvalidArgument(header.status()));
    return;
  }
  CHECK(Equal(unlock::Encode(*header).view(), input));
  for (const unlock::Slot& slot : header->slots) {
    CHECK(header->Find(slot.key_version) == &slot);
    const absl::StatusOr<Secret> opened = unlock::Open(slot, StoreKey());
    if (opened.ok()) CHECK(*opened == Secret::CopyOf(Bytes(unlock::kDataKeySize, 3)));
    CHECK(!unlock::Open(slot, Secret::CopyOf(Bytes(unlock::kStoreKeySize, 9))).ok());
  }
}

std::vector<Bytes> Seeds() {
  unlock::StoreHeader header;
  header.device_id = identity::DeviceId{1};
  header.device_secret = Secret::CopyOf(Bytes(unlock::kDeviceSecretSize, 4));
  header.device_address = "keys.example.org:7442";
  header.root = Bytes(20, 5);
  header.slots.push_back(Slot(1));
  const Bytes one = ToBytes(unlock::Encode(header).view());
  header.slots.push_back(Slot(2));
  return {one, ToBytes(unlock::Encode(header).view())};
}

}  // namespace plumbline::fuzz
