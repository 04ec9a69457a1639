#include "client/files/file_cipher.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>

#include "common/identity/padme.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using testing::StatusIs;

Bytes TestKey() {
  Bytes key(kFileKeySize);
  for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<uint8_t>(i);
  return key;
}

struct Sealed {
  FileShape shape;
  Bytes content;
  std::vector<Bytes> chunks;
};

ByteView ContentOf(const Bytes& content, const FileShape& shape, uint32_t index) {
  const size_t begin = std::min(content.size(), size_t{index} * kChunkContent);
  return ByteView(content).subspan(begin, shape.file_chunk(index));
}

Sealed Seal(ByteView key, Bytes content) {
  Sealed sealed{FileShape::Of(content.size()), std::move(content), {}};
  const FileCipher cipher(key, sealed.shape);
  for (uint32_t i = 0; i < sealed.shape.chunks(); ++i) {
    sealed.chunks.push_back(cipher.Seal(i, ContentOf(sealed.content, sealed.shape, i)));
  }
  return sealed;
}

// All of `chunks` opened in their order; a failure if any is refused, or their number is not the shape's.
absl::StatusOr<Bytes> Open(ByteView key, const FileShape& shape, const std::vector<Bytes>& chunks) {
  const FileCipher cipher(key, shape);
  if (chunks.size() != shape.chunks()) return absl::UnauthenticatedError("not as many chunks");
  Bytes content;
  for (uint32_t i = 0; i < chunks.size(); ++i) {
    ASSIGN_OR_RETURN(const Bytes part, cipher.Open(i, chunks[i]));
    content.insert(content.end(), part.begin(), part.end());
  }
  return content;
}

const std::vector<size_t>& Sizes() {
  static const auto* const sizes =
      new std::vector<size_t>{0, 1, 1007, 1008, 1009, kChunkContent - 1, kChunkContent, kChunkContent + 1,
                              2 * kChunkContent, 3 * kChunkContent + 17, 1'000'000};
  return *sizes;
}

TEST(FileShape, IsTheLeastPaddedSizeThatHoldsTheFile) {
  for (const size_t size : Sizes()) {
    SCOPED_TRACE(size);
    const FileShape shape = FileShape::Of(size);
    EXPECT_EQ(identity::PadmeFileSize(shape.sealed_size), shape.sealed_size);
    EXPECT_GE(shape.sealed_size, size + shape.chunks() * kChunkTag);
    size_t sum = 0, file = 0;
    for (uint32_t i = 0; i < shape.chunks(); ++i) {
      EXPECT_GT(shape.sealed_chunk(i), kChunkTag);
      sum += shape.sealed_chunk(i);
      file += shape.file_chunk(i);
    }
    EXPECT_EQ(sum, shape.sealed_size);
    EXPECT_EQ(file, size);
    // The next smaller padded size does not hold it.
    uint64_t less = shape.sealed_size - 1;
    while (less > 1024 && identity::PadmeFileSize(less) != less) --less;
    if (less > 1024) {
      const uint64_t chunks = (less + kChunkSize - 1) / kChunkSize;
      EXPECT_LT(less, size + chunks * kChunkTag);
    }
  }
}

TEST(FileShape, NeverLeavesALastChunkWithoutRoomForItsTag) {
  for (uint64_t size = 0; size <= kMaxFile; size += 1'999'993) {
    const FileShape shape = FileShape::Of(size);
    ASSERT_GT(shape.sealed_chunk(shape.chunks() - 1), kChunkTag) << size;
    ASSERT_LE(shape.sealed_size, uint64_t{2112} << 20);  // the most that a server can take
  }
  EXPECT_EQ(FileShape::Of(uint64_t{100} << 20).sealed_size, uint64_t{102} << 20);  // what it takes where nothing is set
  EXPECT_EQ(FileShape::Of(kMaxFile).sealed_size, uint64_t{2112} << 20);
}

TEST(FileCipher, OpensWhatItSealed) {
  for (const size_t size : Sizes()) {
    SCOPED_TRACE(size);
    const Sealed sealed = Seal(TestKey(), RandomBytes(size));
    ASSERT_OK_AND_ASSIGN(const Bytes content, Open(TestKey(), sealed.shape, sealed.chunks));
    EXPECT_EQ(content, sealed.content);
  }
}

// docs/protocols/files.md, "Test vector": key 00 01 .. 1f, the file "abc".
TEST(FileCipher, MakesThePublishedVector) {
  const Sealed sealed = Seal(TestKey(), {'a', 'b', 'c'});
  ASSERT_EQ(sealed.chunks.size(), 1u);
  EXPECT_EQ(sealed.chunks[0].size(), 1024u);
  EXPECT_EQ(ToHex(ByteView(sealed.chunks[0]).first(16)), "083e1fd9310ab87a2d717e2fb3141712");
  EXPECT_EQ(ToHex(ByteView(sealed.chunks[0]).last(16)), "515f338604433b325d1d16d59471557a");
  EXPECT_EQ(ToHex(Sha256(sealed.chunks[0])), "5bc4758af4b7dce9bdafe822bcb339568aff0188bbde33cc3ad623cd67cd7421");
}

// The construction, written out once more from the document with the primitive alone.
TEST(FileCipher, IsTheDocumentedConstruction) {
  const Sealed sealed = Seal(TestKey(), RandomBytes(2 * kChunkContent + 5));
  Bytes header = {17};
  for (const char c : std::string("plumbline file v1")) header.push_back(static_cast<uint8_t>(c));
  header.push_back(1);
  const auto append = [&](uint64_t value, int size) {
    for (int i = size - 1; i >= 0; --i) header.push_back(static_cast<uint8_t>(value >> (8 * i)));
  };
  append(65536, 4);
  append(sealed.content.size(), 8);
  append(sealed.shape.sealed_size, 8);
  Bytes padded = sealed.content;
  padded.resize(sealed.shape.sealed_size - 16 * sealed.chunks.size());
  for (size_t i = 0; i < sealed.chunks.size(); ++i) {
    const uint8_t nonce[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(i),
                               static_cast<uint8_t>(i + 1 == sealed.chunks.size())};
    const ByteView part = ByteView(padded).subspan(i * 65520, std::min<size_t>(65520, padded.size() - i * 65520));
    Bytes expected(part.size() + 16);
    crypto_aead_chacha20poly1305_ietf_encrypt(expected.data(), nullptr, part.data(), part.size(), header.data(), header.size(),
                                              nullptr, nonce, TestKey().data());
    EXPECT_EQ(sealed.chunks[i], expected);
  }
}

class Attacks : public ::testing::Test {
 protected:
  void ExpectRefused(const std::vector<Bytes>& chunks) { ExpectRefused(sealed_.shape, chunks); }
  void ExpectRefused(const FileShape& shape, const std::vector<Bytes>& chunks) {
    EXPECT_THAT(Open(TestKey(), shape, chunks), StatusIs(absl::StatusCode::kUnauthenticated));
  }
  const Sealed sealed_ = Seal(TestKey(), RandomBytes(4 * kChunkContent + 100));
};

TEST_F(Attacks, EveryBitCounts) {
  for (size_t chunk = 0; chunk < sealed_.chunks.size(); ++chunk) {
    for (const size_t at : {size_t{0}, sealed_.chunks[chunk].size() / 2, sealed_.chunks[chunk].size() - 1}) {
      std::vector<Bytes> chunks = sealed_.chunks;
      chunks[chunk][at] ^= 1;
      ExpectRefused(chunks);
    }
  }
}

TEST_F(Attacks, Truncation) {
  std::vector<Bytes> fewer = sealed_.chunks;
  fewer.pop_back();
  ExpectRefused(fewer);
  std::vector<Bytes> shorter = sealed_.chunks;
  shorter.back().pop_back();
  ExpectRefused(shorter);
  // Also where whoever cut it says the shorter size: sizes are authenticated, and so is which chunk is the last.
  const FileShape smaller = FileShape::Of(2 * kChunkContent);
  ExpectRefused(smaller, {sealed_.chunks.begin(), sealed_.chunks.begin() + smaller.chunks()});
}

TEST_F(Attacks, AShorterFileOfTheSamePaddedSize) {
  FileShape less = sealed_.shape;
  less.size -= 1;
  ExpectRefused(less, sealed_.chunks);
}

TEST_F(Attacks, Extension) {
  std::vector<Bytes> more = sealed_.chunks;
  more.push_back(more.back());
  ExpectRefused(more);
  std::vector<Bytes> longer = sealed_.chunks;
  longer.back().push_back(0);
  ExpectRefused(longer);
}

TEST_F(Attacks, ExchangeReorderingAndRepetition) {
  std::vector<Bytes> exchanged = sealed_.chunks;
  std::swap(exchanged[1], exchanged[2]);
  ExpectRefused(exchanged);
  std::vector<Bytes> repeated = sealed_.chunks;
  repeated[2] = repeated[1];
  ExpectRefused(repeated);
}

TEST_F(Attacks, AChunkOfAnotherFile) {
  const Bytes other_key = RandomBytes(kFileKeySize);
  std::vector<Bytes> chunks = sealed_.chunks;
  chunks[1] = Seal(other_key, sealed_.content).chunks[1];
  ExpectRefused(chunks);
  // Even of one that was sealed, against the rule, under the same key.
  chunks[1] = Seal(TestKey(), RandomBytes(9 * kChunkContent)).chunks[1];
  ExpectRefused(chunks);
}

TEST_F(Attacks, AnotherKey) {
  EXPECT_THAT(Open(RandomBytes(kFileKeySize), sealed_.shape, sealed_.chunks), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(Attacks, PaddingThatIsNotZeros) {
  // Made with the key: what a sender could hide behind a file.
  const FileShape shape = FileShape::Of(3);
  Bytes sealed(1024);
  Bytes content(1008);
  content[0] = 'a', content[1] = 'b', content[2] = 'c', content[3] = 'd';
  Bytes header = {17};
  for (const char c : std::string("plumbline file v1")) header.push_back(static_cast<uint8_t>(c));
  for (const uint8_t b : {1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 4, 0}) header.push_back(b);
  const uint8_t nonce[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  crypto_aead_chacha20poly1305_ietf_encrypt(sealed.data(), nullptr, content.data(), content.size(), header.data(),
                                            header.size(), nullptr, nonce, TestKey().data());
  ExpectRefused(shape, {sealed});
  content[3] = 0;
  crypto_aead_chacha20poly1305_ietf_encrypt(sealed.data(), nullptr, content.data(), content.size(), header.data(),
                                            header.size(), nullptr, nonce, TestKey().data());
  EXPECT_OK(Open(TestKey(), shape, {sealed}));
}

}  // namespace
}  // namespace plumbline::client
