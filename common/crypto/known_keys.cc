#include "common/crypto/known_keys.h"

#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include <set>

#include "absl/strings/escaping.h"
#include "common/check.h"
#include "common/crypto/openssl.h"
#include "common/crypto/p256.h"

namespace plumbline::crypto {
namespace {

constexpr size_t kPoint = 65;  // uncompressed, at the end of a SubjectPublicKeyInfo

Bytes FromHex(absl::string_view hex) { return ToBytes(AsBytes(absl::HexStringToBytes(hex))); }

std::set<Bytes> Ed25519Keys() {
  std::vector<Bytes> seeds;
  for (int byte = 0; byte < 256; ++byte) seeds.emplace_back(kEd25519SeedSize, static_cast<uint8_t>(byte));
  for (const char* hex : {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                          "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                          "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                          "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
                          "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42"}) {
    seeds.push_back(FromHex(hex));
  }
  std::set<Bytes> out;
  for (const Bytes& seed : seeds) {
    const auto key = Ed25519KeyPair::FromSeed(Secret::CopyOf(seed));
    CHECK(key.ok());
    out.insert(ToBytes(key->public_key().view()));
  }
  return out;
}

std::set<Bytes> P256Points() {
  std::vector<Bytes> scalars;
  for (int byte = 1; byte < 256; ++byte) scalars.emplace_back(32, static_cast<uint8_t>(byte));
  for (int n = 1; n <= 256; ++n) {
    Bytes small(32);
    small[30] = static_cast<uint8_t>(n >> 8);
    small[31] = static_cast<uint8_t>(n);
    scalars.push_back(small);
  }
  scalars.push_back(FromHex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"));
  EC_GROUP* const group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
  EC_POINT* const point = EC_POINT_new(group);
  const Owned<BN_CTX> context(BN_CTX_new());
  CHECK(group != nullptr && point != nullptr && context != nullptr);
  std::set<Bytes> out;
  const auto add = [&] {
    Bytes encoded(kPoint);
    CHECK(EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, encoded.data(), encoded.size(), context.get()) == kPoint);
    out.insert(std::move(encoded));
  };
  for (const Bytes& scalar : scalars) {
    const Owned<BIGNUM> number(BN_bin2bn(scalar.data(), static_cast<int>(scalar.size()), nullptr));
    CHECK(EC_POINT_mul(group, point, number.get(), nullptr, nullptr, context.get()) == 1);
    add();
    CHECK(EC_POINT_invert(group, point, context.get()) == 1);
    add();
  }
  EC_POINT_free(point);
  EC_GROUP_free(group);
  return out;
}

}  // namespace

bool IsKnownKey(const Ed25519PublicKey& key) {
  static const auto* const keys = new std::set<Bytes>(Ed25519Keys());
  return keys->contains(ToBytes(key.view()));
}

bool IsKnownP256Key(ByteView spki) {
  static const auto* const points = new std::set<Bytes>(P256Points());
  return spki.size() >= kPoint && points->contains(ToBytes(spki.last(kPoint)));
}

}  // namespace plumbline::crypto
