#include "common/identity/commitment.h"

#include <gtest/gtest.h>

#include <set>

#include "common/identity/directory_index.h"
#include "tests/status_matchers.h"

namespace plumbline::identity {
namespace {

using ::plumbline::testing::StatusIs;

crypto::VrfKeyPair Key(uint8_t seed) {
  return *crypto::VrfKeyPair::FromSeed(Secret::CopyOf(Bytes(crypto::kVrfSeedSize, seed)));
}
UserUri Person(const char* name) { return *ParseUserName(name, "example.org"); }

// Put together by hand from docs/transparency.md.
TEST(Commitment, HasTheBytesOfItsFormat) {
  const CommitmentNonce nonce{Nonce{1, 2, 3}};
  const Bytes content(100, 7);
  const Bytes length = {0x40, 100};
  EXPECT_EQ(CommitToRecord(content, nonce),
            Sha256(Concat({Bytes{30}, AsBytes("plumbline record commitment v1"), nonce.bytes,
                           length, content})));
  EXPECT_EQ(CommitToCause(content, nonce),
            Sha256(Concat({Bytes{29}, AsBytes("plumbline cause commitment v1"), nonce.bytes, length,
                           content})));
}

TEST(Commitment, IsToOneContentUnderOneNonceForOnePurpose) {
  const CommitmentNonce nonce = CommitmentNonce::Random(), other = CommitmentNonce::Random();
  const Bytes content = RandomBytes(50);
  std::set<Hash> all = {CommitToRecord(content, nonce), CommitToRecord(content, other),
                        CommitToCause(content, nonce)};
  size_t count = 3;
  for (size_t bit = 0; bit < content.size() * 8; ++bit, ++count) {
    Bytes changed = content;
    changed[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
    all.insert(CommitToRecord(changed, nonce));
  }
  for (size_t bit = 0; bit < 256; ++bit, ++count) {
    CommitmentNonce changed = nonce;
    changed.bytes[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
    all.insert(CommitToRecord(content, changed));
  }
  EXPECT_EQ(all.size(), count);
}

TEST(DirectoryIndex, IsProvedToBeAPersonsUnderTheDirectorysKey) {
  const crypto::VrfKeyPair key = Key(1), other = Key(2);
  const DirectoryIndex alice = MakeDirectoryIndex(key, Person("alice"));
  ASSERT_OK_AND_ASSIGN(const Hash index,
                       VerifyDirectoryIndex(key.public_key(), Person("alice"), alice.proof));
  EXPECT_EQ(index, alice.index);
  EXPECT_THAT(VerifyDirectoryIndex(key.public_key(), Person("bob"), alice.proof),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(VerifyDirectoryIndex(other.public_key(), Person("alice"), alice.proof),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(VerifyDirectoryIndex(key.public_key(), Person("alice"), Bytes(10)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_NE(MakeDirectoryIndex(key, Person("bob")).index, alice.index);
  EXPECT_EQ(ComputeDirectoryIndex(key, Person("alice")), alice.index);
  EXPECT_NE(MakeDirectoryIndex(other, Person("alice")).index, alice.index);
}

TEST(DirectoryIndex, IsTheFirstHalfOfTheOutputForItsLabelAndThePersonsName) {
  const crypto::VrfKeyPair key = Key(1);
  const Bytes input = Concat({Bytes{28}, AsBytes("plumbline directory index v1"), Bytes{26},
                              AsBytes("mimi://example.org/u/alice")});
  const crypto::VrfOutput output = key.Evaluate(input);
  EXPECT_EQ(ToHex(MakeDirectoryIndex(key, Person("alice")).index),
            ToHex(ByteView(output).first(32)));
}

}  // namespace
}  // namespace plumbline::identity
