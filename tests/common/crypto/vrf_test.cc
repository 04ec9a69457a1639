#include "common/crypto/vrf.h"

#include <gtest/gtest.h>

#include "tests/status_matchers.h"

namespace plumbline::crypto {
namespace {

using ::plumbline::testing::StatusIs;

Bytes FromHex(absl::string_view hex) {
  Bytes out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

struct Example {
  const char *seed, *public_key, *input, *proof, *output;
};

// RFC 9381, appendix B.3: examples 16, 17 and 18.
constexpr Example kExamples[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f26f8a57ccaed74ee1b190bed1f47"
     "9d9727d2d0f9b005a6e456a35d4fb0daab1268a1b0db10836d9826a528ca76567805",
     "90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff66b71dda49d2de59d03450451af0"
     "26798e8f81cd2e333de5cdf4f3e140fdd8ae"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed5933bf0864a62558b3ed7f2fea45c92"
     "a465301b3bbf5e3e54ddf2d935be3b67926da3ef39226bbc355bdc9850112c8f4b02",
     "eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb5e33821bc613efb94db5e5b54c70"
     "a848a0bef4553a41befc57663b56373a5031"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf8096bb474e53895c362d8628ee9f9e"
     "a3c0e52c7a5c691b6c18c9979866568add7a2d41b00b05081ed0f58ee5e31b3a970e",
     "645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c452118fec1219202a0edcf038bb637"
     "3241578be7217ba85a2687f7a0310b2df19f"},
};

// Each encoding of a point of small order, also the non-canonical ones (libsodium's list; the first
// byte of the last six is that of y plus p).
constexpr const char* kSmallOrder[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};
// Of order 8.
constexpr const char* kTorsion = kSmallOrder[4];
// The base point.
constexpr char kBase[] = "5866666666666666666666666666666666666666666666666666666666666666";
constexpr char kOrder[] = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

const Bytes kInput = ToBytes(AsBytes("the input"));

VrfKeyPair Key(uint8_t seed) {
  return *VrfKeyPair::FromSeed(Secret::CopyOf(Bytes(kVrfSeedSize, seed)));
}

Bytes With(const VrfProof& proof, size_t at, ByteView part) {
  Bytes out(proof.begin(), proof.end());
  std::copy(part.begin(), part.end(), out.begin() + static_cast<ptrdiff_t>(at));
  return out;
}

TEST(Vrf, DoesWhatTheExamplesOfTheRfcSay) {
  for (const Example& example : kExamples) {
    SCOPED_TRACE(example.input);
    ASSERT_OK_AND_ASSIGN(const VrfKeyPair key,
                         VrfKeyPair::FromSeed(Secret::CopyOf(FromHex(example.seed))));
    EXPECT_EQ(ToHex(key.public_key().view()), example.public_key);
    const Bytes input = FromHex(example.input);
    const VrfProof proof = key.Prove(input);
    EXPECT_EQ(ToHex(proof), example.proof);
    ASSERT_OK_AND_ASSIGN(const VrfPublicKey public_key,
                         VrfPublicKey::Parse(FromHex(example.public_key)));
    ASSERT_OK_AND_ASSIGN(const VrfOutput verified, public_key.Verify(input, proof));
    EXPECT_EQ(ToHex(verified), example.output);
    ASSERT_OK_AND_ASSIGN(const VrfOutput stated, VrfProofToHash(proof));
    EXPECT_EQ(ToHex(stated), example.output);
    EXPECT_EQ(ToHex(key.Evaluate(input)), example.output);
  }
}

// Inputs of every length to beyond two of the hash's blocks: each with as many tries as it takes.
TEST(Vrf, VerifiesWhatItProved) {
  const VrfKeyPair key = VrfKeyPair::Generate();
  for (size_t size = 0; size < 300; size += 7) {
    const Bytes input = RandomBytes(size);
    ASSERT_OK_AND_ASSIGN(const VrfOutput output, key.public_key().Verify(input, key.Prove(input)));
    EXPECT_EQ(output, key.Evaluate(input));
  }
}

TEST(Vrf, RefusesEveryFlippedBitOfAProof) {
  const VrfKeyPair key = Key(1);
  const VrfProof proof = key.Prove(kInput);
  for (size_t bit = 0; bit < proof.size() * 8; ++bit) {
    VrfProof changed = proof;
    changed[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
    EXPECT_FALSE(key.public_key().Verify(kInput, changed).ok()) << bit;
  }
}

TEST(Vrf, RefusesEveryFlippedBitOfAnInput) {
  const VrfKeyPair key = Key(1);
  const VrfProof proof = key.Prove(kInput);
  for (size_t bit = 0; bit < kInput.size() * 8; ++bit) {
    Bytes changed = kInput;
    changed[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
    EXPECT_THAT(key.public_key().Verify(changed, proof),
                StatusIs(absl::StatusCode::kUnauthenticated))
        << bit;
  }
  EXPECT_THAT(key.public_key().Verify({}, proof), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Vrf, RefusesEveryFlippedBitOfAKey) {
  const VrfKeyPair key = Key(1);
  const VrfProof proof = key.Prove(kInput);
  for (size_t bit = 0; bit < kVrfKeySize * 8; ++bit) {
    Bytes changed = ToBytes(key.public_key().view());
    changed[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
    const absl::StatusOr<VrfPublicKey> other = VrfPublicKey::Parse(changed);
    if (!other.ok()) continue;

    EXPECT_THAT(other->Verify(kInput, proof), StatusIs(absl::StatusCode::kUnauthenticated)) << bit;
  }
}

TEST(Vrf, RefusesOtherLengths) {
  const VrfKeyPair key = Key(1);
  const VrfProof proof = key.Prove(kInput);
  for (size_t size = 0; size <= 2 * kVrfProofSize; ++size) {
    if (size == kVrfProofSize) continue;
    Bytes other(proof.begin(), proof.end());
    other.resize(size);
    EXPECT_THAT(key.public_key().Verify(kInput, other),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << size;
    EXPECT_THAT(VrfProofToHash(other), StatusIs(absl::StatusCode::kInvalidArgument)) << size;
  }
  for (const size_t size : {0, 1, 31, 33, 64}) {
    EXPECT_THAT(VrfPublicKey::Parse(Bytes(size, 1)), StatusIs(absl::StatusCode::kInvalidArgument))
        << size;
    EXPECT_THAT(VrfKeyPair::FromSeed(Secret(size)), StatusIs(absl::StatusCode::kInvalidArgument))
        << size;
  }
}

TEST(Vrf, RefusesPointsOfSmallOrderAndNonCanonicalOnes) {
  const VrfKeyPair key = Key(1);
  const VrfProof proof = key.Prove(kInput);
  for (const char* point : kSmallOrder) {
    SCOPED_TRACE(point);
    EXPECT_THAT(VrfPublicKey::Parse(FromHex(point)), StatusIs(absl::StatusCode::kInvalidArgument));
    const Bytes changed = With(proof, 0, FromHex(point));
    EXPECT_THAT(VrfProofToHash(changed), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(key.public_key().Verify(kInput, changed),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

// A point of the main subgroup with one of small order added: eight of them have one output under
// the RFC, and none has here.
TEST(Vrf, RefusesPointsOutsideTheMainSubgroup) {
  const VrfKeyPair key = Key(1);
  const VrfProof proof = key.Prove(kInput);
  const Bytes torsion = FromHex(kTorsion), base = FromHex(kBase);
  Bytes mixed_key(32), mixed_gamma(32);
  ASSERT_EQ(crypto_core_ed25519_add(mixed_key.data(), base.data(), torsion.data()), 0);
  ASSERT_EQ(crypto_core_ed25519_add(mixed_gamma.data(), proof.data(), torsion.data()), 0);
  EXPECT_OK(VrfPublicKey::Parse(base));
  EXPECT_THAT(VrfPublicKey::Parse(mixed_key), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(VrfProofToHash(With(proof, 0, mixed_gamma)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

// s and s plus the order say the same to whoever does not look.
TEST(Vrf, RefusesNumbersThatAreNotReduced) {
  const VrfKeyPair key = Key(1);
  const VrfProof proof = key.Prove(kInput);
  Bytes s(proof.begin() + 48, proof.end());
  const Bytes order = FromHex(kOrder);
  sodium_add(s.data(), order.data(), s.size());
  Bytes below = order;
  below[0] -= 1;
  for (const Bytes& number : {s, order, Bytes(32, 0xff)}) {
    EXPECT_THAT(VrfProofToHash(With(proof, 48, number)),
                StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(key.public_key().Verify(kInput, With(proof, 48, number)),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_OK(VrfProofToHash(With(proof, 48, below)));  // well-formed, and no proof
  EXPECT_THAT(key.public_key().Verify(kInput, With(proof, 48, below)),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Vrf, RefusesZeros) {
  const VrfKeyPair key = Key(1);
  const VrfProof proof = key.Prove(kInput);
  EXPECT_THAT(key.public_key().Verify(kInput, With(proof, 32, Bytes(16))),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(key.public_key().Verify(kInput, With(proof, 48, Bytes(32))),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Vrf, KeysAndInputsHaveOutputsOfTheirOwn) {
  const VrfKeyPair one = Key(1), two = Key(2);
  EXPECT_NE(one.Evaluate(kInput), two.Evaluate(kInput));
  EXPECT_NE(one.Evaluate(kInput), one.Evaluate({}));
  EXPECT_THAT(two.public_key().Verify(kInput, one.Prove(kInput)),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

}  // namespace
}  // namespace plumbline::crypto
