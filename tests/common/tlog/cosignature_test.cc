#include "common/tlog/cosignature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/tlog/base64.h"
#include "common/tlog/checkpoint.h"
#include "tests/status_matchers.h"

namespace plumbline::tlog {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;

constexpr char kDash[] = "\xE2\x80\x94 ";
const absl::Time kTime = absl::FromUnixSeconds(1'790'000'000);

crypto::Ed25519KeyPair Pair(uint8_t seed) { return *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, seed))); }
Cosigner Witness(uint8_t seed) { return *Cosigner::Create(absl::StrCat("w.example/w", seed), Pair(seed)); }

Note Checkpointed() {
  const NoteSigner log = *NoteSigner::Create("example.org/log", Pair(1));
  return *ParseNote(*SignCheckpoint(0, EmptyRoot(), log));
}

TEST(Cosignature, IsOverExactlyTheBytesThatTheFormatSays) {
  const Cosigner cosigner = Witness(2);
  const NoteSignature line = cosigner.Cosign("example.com/behind-the-sofa\n20852163\nroot\n", absl::FromUnixSeconds(1679315147));
  ASSERT_EQ(line.signature.size(), kCosignatureSize);
  EXPECT_EQ(ToHex(ByteView(line.signature).first(8)), "00000000641850cb");
  // As a signer of bare notes would sign this text with the same key: a second way to the same bytes.
  const NoteSigner bare = *NoteSigner::Create("x", Pair(2));
  EXPECT_EQ(ToHex(ByteView(line.signature).subspan(8)),
            ToHex(*bare.Sign("cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\nroot\n")));
  EXPECT_EQ(line.key_id, cosigner.verifier().id());
  EXPECT_EQ(line.name, "w.example/w2");
}

TEST(Cosignature, ItsKeyIsNotThatOfANote) {
  const CosignerKey key = Witness(2).verifier();
  ASSERT_OK_AND_ASSIGN(const CosignerKey back, CosignerKey::Parse(key.ToText()));
  EXPECT_EQ(back, key);
  EXPECT_THAT(VerifierKey::Parse(key.ToText()), StatusIs(absl::StatusCode::kInvalidArgument));
  const NoteSigner note = *NoteSigner::Create(key.name(), Pair(2));
  EXPECT_THAT(CosignerKey::Parse(note.verifier().ToText()), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_NE(note.verifier().id(), key.id());
  std::string other = key.ToText();
  other[other.find('+') + 1] = other[other.find('+') + 1] == '0' ? '1' : '0';
  EXPECT_THAT(CosignerKey::Parse(other), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(CosignerKey::Create("a b", key.key()), StatusIs(absl::StatusCode::kInvalidArgument));
}

// The published example of a cosigned checkpoint: the id of its key is over another key than ours, so it is skipped.
TEST(Cosignature, TheExampleOfTheFormatIsANoteOfStrangers) {
  const std::string example = absl::StrCat(
      "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n", kDash,
      "witness.example.com/w1 "
      "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n");
  ASSERT_OK_AND_ASSIGN(const Note note, ParseNote(example));
  ASSERT_EQ(note.signatures[0].signature.size(), kCosignatureSize);
  EXPECT_EQ(ToHex(ByteView(note.signatures[0].signature).first(8)), "00000000641850cb");  // 1679315147
  const Cosigner namesake = *Cosigner::Create("witness.example.com/w1", Pair(3));
  EXPECT_THAT(namesake.verifier().Find(note), StatusIs(absl::StatusCode::kNotFound));
}

TEST(Cosignature, VerifiesForItsTextKeyAndTimeAlone) {
  const Cosigner cosigner = Witness(2);
  Note note = Checkpointed();
  note.signatures.push_back(cosigner.Cosign(note.text, kTime));
  ASSERT_OK_AND_ASSIGN(const absl::Time time, cosigner.verifier().Find(note));
  EXPECT_EQ(time, kTime);
  for (size_t i = 0; i < kCosignatureSize; ++i) {
    Note changed = note;
    changed.signatures.back().signature[i] ^= 1;
    EXPECT_THAT(cosigner.verifier().Find(changed), StatusIs(absl::StatusCode::kUnauthenticated)) << i;
  }
  Note other_text = note;
  other_text.text = "example.org/other\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
  EXPECT_THAT(cosigner.verifier().Find(other_text), StatusIs(absl::StatusCode::kUnauthenticated));
  for (const size_t size : {size_t{0}, kCosignatureSize - 1, kCosignatureSize + 1}) {
    Bytes signature = note.signatures.back().signature;
    signature.resize(size);
    EXPECT_THAT(cosigner.verifier().Verify(note.text, signature), StatusIs(absl::StatusCode::kUnauthenticated)) << size;
  }
  EXPECT_THAT(Witness(3).verifier().Find(note), StatusIs(absl::StatusCode::kNotFound));
}

TEST(Cosignature, ATimeThatNoClockHasIsRefusedThoughItIsSigned) {
  const NoteSigner bare = *NoteSigner::Create("x", Pair(2));
  const Bytes signature = Concat({Bytes{0x80, 0, 0, 0, 0, 0, 0, 0}, *bare.Sign("cosignature/v1\ntime 9223372036854775808\ntext\n")});
  EXPECT_THAT(Witness(2).verifier().Verify("text\n", signature), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Cosignature, TheLatestOfOneWitnessCounts) {
  const Cosigner cosigner = Witness(2);
  Note note = Checkpointed();
  for (const int minutes : {0, 7, 3}) note.signatures.push_back(cosigner.Cosign(note.text, kTime + absl::Minutes(minutes)));
  ASSERT_OK_AND_ASSIGN(const Note read, ParseNote(FormatNote(note)));
  ASSERT_OK_AND_ASSIGN(const absl::Time time, cosigner.verifier().Find(read));
  EXPECT_EQ(time, kTime + absl::Minutes(7));
}

}  // namespace
}  // namespace plumbline::tlog
