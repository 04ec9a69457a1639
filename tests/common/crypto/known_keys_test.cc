#include "common/crypto/known_keys.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "common/crypto/p256.h"

namespace plumbline::crypto {
namespace {

Bytes FromHex(absl::string_view hex) { return ToBytes(AsBytes(absl::HexStringToBytes(hex))); }

bool IsKnown(absl::string_view public_key) { return IsKnownKey(*Ed25519PublicKey::Parse(FromHex(public_key))); }
Bytes Spki(absl::string_view x, absl::string_view y) {
  Bytes out = P256PrivateKey::Generate().spki();
  const Bytes point = Concat({FromHex(x), FromHex(y)});
  std::copy(point.begin(), point.end(), out.end() - 64);
  return out;
}

// Public keys as the RFCs print them.
TEST(KnownKeys, AreThoseOfPublishedVectors) {
  EXPECT_TRUE(IsKnown("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"));
  EXPECT_TRUE(IsKnown("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"));
  EXPECT_TRUE(IsKnown("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"));
  EXPECT_TRUE(IsKnown("278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e"));
  EXPECT_TRUE(IsKnown("ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf"));
  EXPECT_TRUE(IsKnownP256Key(Spki("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
                                  "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299")));
  // The curve's generator: the private key is one.
  EXPECT_TRUE(IsKnownP256Key(Spki("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
                                  "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")));
}

TEST(KnownKeys, AreThoseOfOneByte) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto key = Ed25519KeyPair::FromSeed(Secret::Take(Bytes(32, static_cast<uint8_t>(byte))));
    EXPECT_TRUE(IsKnownKey(key->public_key())) << byte;
  }
}

TEST(KnownKeys, AreNoOthers) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(IsKnownKey(Ed25519KeyPair::Generate().public_key()));
    EXPECT_FALSE(IsKnownP256Key(P256PrivateKey::Generate().spki()));
  }
}

}  // namespace
}  // namespace plumbline::crypto
