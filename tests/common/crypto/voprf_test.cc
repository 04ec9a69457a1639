#include "common/crypto/voprf.h"

#include <gtest/gtest.h>

#include <deque>
#include <optional>

#include "absl/strings/str_split.h"
#include "common/check.h"
#include "tests/status_matchers.h"
#include "tests/vectors/vectors.h"

namespace plumbline::crypto {
namespace {

using ::plumbline::testing::FromHex;
using ::plumbline::testing::StatusIs;

// No elements (RFC 9496, appendix A.2): numbers that are not canonical, negative ones, such without
// a point, with a negative product of its coordinates, and with y = 0.
constexpr const char* kNoElements[] = {
    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
    "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f",
    "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};
constexpr char kOrder[] = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

// While it lives, libsodium's random bytes are `answers`, one a call; all have to be asked for.
class FixedRandomness final {
 public:
  explicit FixedRandomness(std::deque<Bytes> answers) {
    answers_ = std::move(answers);
    static randombytes_implementation fixed = {Name, Word, nullptr, nullptr, Fill, nullptr};
    randombytes_set_implementation(&fixed);
  }
  ~FixedRandomness() {
    randombytes_set_implementation(&randombytes_sysrandom_implementation);
    EXPECT_TRUE(answers_.empty());
  }

 private:
  static const char* Name() { return "fixed"; }
  static uint32_t Word() { CHECK(false); }
  static void Fill(void* out, size_t size) {
    CHECK(!answers_.empty() && answers_.front().size() == size);
    std::copy(answers_.front().begin(), answers_.front().end(), static_cast<uint8_t*>(out));
    answers_.pop_front();
  }
  inline static std::deque<Bytes> answers_;
};

VoprfSecretKey Key(uint8_t seed) {
  return *VoprfSecretKey::Derive(Secret::CopyOf(Bytes(kVoprfSeedSize, seed)), AsBytes("test"));
}

VoprfBlinding Blinded(absl::string_view input) {
  return *VoprfBlinding::Create(Secret::CopyOf(AsBytes(input)));
}

VoprfPair Answered(const VoprfSecretKey& key, absl::string_view input) {
  const VoprfElement blinded = Blinded(input).element();
  return {blinded, key.BlindEvaluate(blinded).element};
}

VoprfProof With(VoprfProof proof, size_t at, ByteView part) {
  std::copy(part.begin(), part.end(), proof.begin() + static_cast<ptrdiff_t>(at));
  return proof;
}

Bytes Flipped(ByteView bytes, size_t bit) {
  Bytes out = ToBytes(bytes);
  out[bit / 8] ^= static_cast<uint8_t>(1 << (bit % 8));
  return out;
}

std::vector<Bytes> List(const nlohmann::json& text) {
  std::vector<Bytes> out;
  for (const auto part : absl::StrSplit(absl::string_view(text.get_ref<const std::string&>()), ','))
    out.push_back(FromHex(part));
  return out;
}

// One case of the published vectors: each blind, each answer, one proof over all, each output.
void ExpectCase(const VoprfSecretKey& key, const nlohmann::json& test_case) {
  const std::vector<Bytes> inputs = List(test_case["Input"]), blinds = List(test_case["Blind"]),
                           blinded = List(test_case["BlindedElement"]),
                           evaluated = List(test_case["EvaluationElement"]),
                           outputs = List(test_case["Output"]);
  ASSERT_EQ(inputs.size(), test_case["Batch"].get<size_t>());
  std::vector<VoprfPair> pairs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::optional<VoprfBlinding> blinding;
    {
      const FixedRandomness fixed({blinds[i]});
      ASSERT_OK_AND_ASSIGN(blinding, VoprfBlinding::Create(Secret::CopyOf(inputs[i])));
    }
    EXPECT_EQ(ToHex(blinding->element().view()), ToHex(blinded[i]));
    const VoprfEvaluation evaluation = key.BlindEvaluate(blinding->element());
    EXPECT_EQ(ToHex(evaluation.element.view()), ToHex(evaluated[i]));
    ASSERT_OK_AND_ASSIGN(const Secret output, blinding->Finalize(evaluation, key.public_key()));
    EXPECT_EQ(ToHex(output.view()), ToHex(outputs[i]));
    ASSERT_OK_AND_ASSIGN(const Secret known, key.Evaluate(inputs[i]));
    EXPECT_EQ(ToHex(known.view()), ToHex(outputs[i]));
    pairs.push_back({blinding->element(), evaluation.element});
  }
  const FixedRandomness fixed({FromHex(test_case["Proof"]["r"])});
  const VoprfProof proof = key.Prove(pairs);
  EXPECT_EQ(ToHex(proof), test_case["Proof"]["proof"].get<std::string>());
  EXPECT_OK(key.public_key().Verify(pairs, proof));
}

// RFC 9497, appendix A.1.2.
TEST(VoprfVector, DoesWhatThePublishedVectorsSay) {
  LOAD_VECTORS_OR_SKIP(const nlohmann::json suites, "oprf/allVectors.json");
  size_t cases = 0;
  for (const auto& suite : suites) {
    if (suite["identifier"] != "ristretto255-SHA512" || suite["mode"] != 1) continue;
    ASSERT_OK_AND_ASSIGN(
        const VoprfSecretKey key,
        VoprfSecretKey::Derive(Secret::CopyOf(FromHex(suite["seed"])), FromHex(suite["keyInfo"])));
    EXPECT_EQ(ToHex(key.scalar()), suite["skSm"].get<std::string>());
    EXPECT_EQ(ToHex(key.public_key().view()), suite["pkSm"].get<std::string>());
    for (const auto& test_case : suite["vectors"]) {
      SCOPED_TRACE(++cases);
      ExpectCase(key, test_case);
    }
  }
  EXPECT_EQ(cases, 3U);
}

// BlindEvaluate draws its proof like Prove: the one vector's proof is of one answer.
TEST(VoprfVector, AnswersWithThePublishedProof) {
  LOAD_VECTORS_OR_SKIP(const nlohmann::json suites, "oprf/allVectors.json");
  size_t cases = 0;
  for (const auto& suite : suites) {
    if (suite["identifier"] != "ristretto255-SHA512" || suite["mode"] != 1) continue;
    ASSERT_OK_AND_ASSIGN(const VoprfSecretKey key,
                         VoprfSecretKey::Parse(Secret::CopyOf(FromHex(suite["skSm"]))));
    for (const auto& test_case : suite["vectors"]) {
      if (test_case["Batch"] != 1) continue;
      SCOPED_TRACE(++cases);
      ASSERT_OK_AND_ASSIGN(const VoprfElement blinded,
                           VoprfElement::Parse(FromHex(test_case["BlindedElement"])));
      const FixedRandomness fixed({FromHex(test_case["Proof"]["r"])});
      const VoprfEvaluation evaluation = key.BlindEvaluate(blinded);
      EXPECT_EQ(ToHex(evaluation.Serialize()), test_case["EvaluationElement"].get<std::string>() +
                                                   test_case["Proof"]["proof"].get<std::string>());
    }
  }
  EXPECT_EQ(cases, 2U);
}

TEST(Voprf, HasOneOutputUnderEachBlind) {
  const VoprfSecretKey key = VoprfSecretKey::Generate();
  ASSERT_OK_AND_ASSIGN(const Secret known, key.Evaluate(AsBytes("the input")));
  EXPECT_EQ(known.size(), kVoprfOutputSize);
  const VoprfBlinding one = Blinded("the input"), two = Blinded("the input");
  EXPECT_NE(one.element(), two.element());
  for (const VoprfBlinding* const blinding : {&one, &two}) {
    ASSERT_OK_AND_ASSIGN(
        const Secret output,
        blinding->Finalize(key.BlindEvaluate(blinding->element()), key.public_key()));
    EXPECT_EQ(output, known);
  }
}

TEST(Voprf, KeysAndInputsHaveOutputsOfTheirOwn) {
  const VoprfSecretKey one = Key(1), two = Key(2);
  ASSERT_OK_AND_ASSIGN(const Secret first, one.Evaluate(AsBytes("a")));
  ASSERT_OK_AND_ASSIGN(const Secret other_key, two.Evaluate(AsBytes("a")));
  ASSERT_OK_AND_ASSIGN(const Secret other_input, one.Evaluate(AsBytes("b")));
  EXPECT_FALSE(first == other_key);
  EXPECT_FALSE(first == other_input);
}

TEST(Voprf, SeedsAndPurposesHaveKeysOfTheirOwn) {
  const Secret seed = Secret::CopyOf(Bytes(kVoprfSeedSize, 1));
  ASSERT_OK_AND_ASSIGN(const VoprfSecretKey other, VoprfSecretKey::Derive(seed, AsBytes("rest")));
  EXPECT_EQ(Key(1).public_key(), Key(1).public_key());
  EXPECT_NE(Key(1).public_key(), other.public_key());
  EXPECT_NE(Key(1).public_key(), Key(2).public_key());
  EXPECT_NE(VoprfSecretKey::Generate().public_key(), VoprfSecretKey::Generate().public_key());
}

// Two proofs with one random number would tell the key.
TEST(Voprf, ProvesWithANewRandomNumberEachTime) {
  const VoprfSecretKey key = Key(1);
  const VoprfBlinding blinding = Blinded("the input");
  const VoprfEvaluation one = key.BlindEvaluate(blinding.element()),
                        two = key.BlindEvaluate(blinding.element());
  EXPECT_EQ(one.element, two.element);
  EXPECT_NE(one.proof, two.proof);
}

TEST(Voprf, TakesInputsOfEachLengthUpToTheLimit) {
  const VoprfSecretKey key = Key(1);
  for (const size_t size : {size_t{0}, size_t{1}, size_t{255}, size_t{256}, kMaxVoprfInput}) {
    SCOPED_TRACE(size);
    const Bytes input(size, 7);
    ASSERT_OK_AND_ASSIGN(const VoprfBlinding blinding,
                         VoprfBlinding::Create(Secret::CopyOf(input)));
    ASSERT_OK_AND_ASSIGN(const Secret known, key.Evaluate(input));
    ASSERT_OK_AND_ASSIGN(
        const Secret output,
        blinding.Finalize(key.BlindEvaluate(blinding.element()), key.public_key()));
    EXPECT_EQ(output, known);
  }
  const Bytes longer(kMaxVoprfInput + 1);
  EXPECT_THAT(VoprfBlinding::Create(Secret::CopyOf(longer)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(key.Evaluate(longer), StatusIs(absl::StatusCode::kInvalidArgument));
  const Secret seed(kVoprfSeedSize);
  EXPECT_OK(VoprfSecretKey::Derive(seed, ByteView(longer).first(kMaxVoprfInput)));
  EXPECT_THAT(VoprfSecretKey::Derive(seed, longer), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Voprf, RefusesEveryFlippedBitOfAProof) {
  const VoprfSecretKey key = Key(1);
  const VoprfBlinding blinding = Blinded("the input");
  const VoprfEvaluation evaluation = key.BlindEvaluate(blinding.element());
  for (size_t bit = 0; bit < kVoprfProofSize * 8; ++bit) {
    VoprfEvaluation changed = evaluation;
    changed.proof = With(evaluation.proof, 0, Flipped(evaluation.proof, bit));
    EXPECT_FALSE(blinding.Finalize(changed, key.public_key()).ok()) << bit;
  }
}

TEST(Voprf, RefusesEveryFlippedBitOfAnAnswer) {
  const VoprfSecretKey key = Key(1);
  const VoprfBlinding blinding = Blinded("the input");
  const VoprfEvaluation evaluation = key.BlindEvaluate(blinding.element());
  size_t elements = 0;
  for (size_t bit = 0; bit < kVoprfElementSize * 8; ++bit) {
    const absl::StatusOr<VoprfElement> changed =
        VoprfElement::Parse(Flipped(evaluation.element.view(), bit));
    if (!changed.ok()) continue;
    ++elements;
    EXPECT_THAT(blinding.Finalize({*changed, evaluation.proof}, key.public_key()),
                StatusIs(absl::StatusCode::kUnauthenticated))
        << bit;
  }
  EXPECT_GT(elements, 0U);
}

TEST(Voprf, RefusesEveryFlippedBitOfAKey) {
  const VoprfSecretKey key = Key(1);
  const VoprfBlinding blinding = Blinded("the input");
  const VoprfEvaluation evaluation = key.BlindEvaluate(blinding.element());
  size_t keys = 0;
  for (size_t bit = 0; bit < kVoprfElementSize * 8; ++bit) {
    const absl::StatusOr<VoprfPublicKey> changed =
        VoprfPublicKey::Parse(Flipped(key.public_key().view(), bit));
    if (!changed.ok()) continue;
    ++keys;
    EXPECT_THAT(blinding.Finalize(evaluation, *changed),
                StatusIs(absl::StatusCode::kUnauthenticated))
        << bit;
  }
  EXPECT_GT(keys, 0U);
}

TEST(Voprf, RefusesAnHonestAnswerOfAnotherKey) {
  const VoprfSecretKey expected = Key(1), other = Key(2);
  const VoprfBlinding blinding = Blinded("the input");
  const VoprfEvaluation evaluation = other.BlindEvaluate(blinding.element());
  EXPECT_OK(blinding.Finalize(evaluation, other.public_key()));
  EXPECT_THAT(blinding.Finalize(evaluation, expected.public_key()),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Voprf, RefusesAnHonestAnswerToAnotherQuestion) {
  const VoprfSecretKey key = Key(1);
  const VoprfBlinding asked = Blinded("the input"), other = Blinded("the input");
  EXPECT_THAT(asked.Finalize(key.BlindEvaluate(other.element()), key.public_key()),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Voprf, RefusesOtherLengths) {
  const Bytes element = ToBytes(Key(1).public_key().view());
  for (size_t size = 0; size <= 2 * kVoprfEvaluationSize; ++size) {
    SCOPED_TRACE(size);
    Bytes other = element;
    other.resize(size);
    if (size != kVoprfElementSize) {
      EXPECT_THAT(VoprfElement::Parse(other), StatusIs(absl::StatusCode::kInvalidArgument));
      EXPECT_THAT(VoprfPublicKey::Parse(other), StatusIs(absl::StatusCode::kInvalidArgument));
    }
    if (size != kVoprfEvaluationSize) {
      EXPECT_THAT(VoprfEvaluation::Parse(other), StatusIs(absl::StatusCode::kInvalidArgument));
    }
    if (size != kVoprfScalarSize) {
      EXPECT_THAT(VoprfSecretKey::Parse(Secret::CopyOf(Bytes(size, 1))),
                  StatusIs(absl::StatusCode::kInvalidArgument));
    }
    if (size != kVoprfSeedSize) {
      EXPECT_THAT(VoprfSecretKey::Derive(Secret(size), {}),
                  StatusIs(absl::StatusCode::kInvalidArgument));
    }
  }
}

void ExpectNoElement(ByteView bytes) {
  SCOPED_TRACE(ToHex(bytes));
  EXPECT_THAT(VoprfElement::Parse(bytes), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(VoprfPublicKey::Parse(bytes), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(VoprfEvaluation::Parse(Concat({bytes, VoprfProof{}})),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Voprf, RefusesWhatIsNoCanonicalElement) {
  for (const char* const hex : kNoElements) ExpectNoElement(FromHex(absl::string_view(hex)));
  // What is an element but for its highest bit: libsodium reads the same element from it.
  const Bytes element = ToBytes(Key(1).public_key().view());
  EXPECT_OK(VoprfElement::Parse(element));
  ExpectNoElement(Flipped(element, 255));
}

// libsodium says that both are valid points.
TEST(Voprf, RefusesTheIdentity) {
  const Bytes identity(kVoprfElementSize);
  ExpectNoElement(identity);
  ExpectNoElement(Flipped(identity, 255));
}

TEST(Voprf, RefusesSecretKeysThatAreZeroOrNotReduced) {
  const Bytes order = FromHex(absl::string_view(kOrder));
  Bytes below = order, above = order;
  below[0] -= 1;
  above[0] += 1;
  for (const Bytes& scalar : {Bytes(kVoprfScalarSize), order, above, Bytes(32, 0xff)}) {
    EXPECT_THAT(VoprfSecretKey::Parse(Secret::CopyOf(scalar)),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << ToHex(scalar);
  }
  ASSERT_OK_AND_ASSIGN(const VoprfSecretKey key, VoprfSecretKey::Parse(Secret::CopyOf(below)));
  EXPECT_TRUE(Equal(key.scalar(), below));
  ASSERT_OK_AND_ASSIGN(const VoprfSecretKey again,
                       VoprfSecretKey::Parse(Secret::CopyOf(Key(1).scalar())));
  EXPECT_EQ(again.public_key(), Key(1).public_key());
}

// A number and that number plus the order say the same to whoever does not look.
TEST(Voprf, RefusesProofsWithNumbersThatAreNotReduced) {
  const VoprfSecretKey key = Key(1);
  const VoprfPair pair = Answered(key, "the input");
  const VoprfProof proof = key.Prove({&pair, 1});
  const Bytes order = FromHex(absl::string_view(kOrder));
  for (const size_t at : {0, 32}) {
    Bytes more(proof.begin() + static_cast<ptrdiff_t>(at),
               proof.begin() + static_cast<ptrdiff_t>(at) + 32);
    sodium_add(more.data(), order.data(), more.size());
    for (const Bytes& number : {more, order, Bytes(32, 0xff)}) {
      EXPECT_THAT(key.public_key().Verify({&pair, 1}, With(proof, at, number)),
                  StatusIs(absl::StatusCode::kInvalidArgument))
          << at;
    }
    EXPECT_THAT(key.public_key().Verify({&pair, 1}, With(proof, at, Bytes(32))),
                StatusIs(absl::StatusCode::kUnauthenticated))
        << at;
  }
  EXPECT_OK(key.public_key().Verify({&pair, 1}, proof));
}

TEST(Voprf, AProofIsForItsPairsInTheirOrder) {
  const VoprfSecretKey key = Key(1);
  const VoprfPair a = Answered(key, "a"), b = Answered(key, "b"), c = Answered(key, "c");
  const VoprfPair honest[] = {a, b, c};
  const VoprfProof proof = key.Prove(honest);
  EXPECT_OK(key.public_key().Verify(honest, proof));
  const VoprfPair one_wrong[] = {a, {b.blinded, Answered(Key(2), "b").evaluated}, c};
  const VoprfPair crossed[] = {a, {b.blinded, c.evaluated}, {c.blinded, b.evaluated}};
  const VoprfPair swapped[] = {a, c, b}, fewer[] = {a, b}, more[] = {a, b, c, c};
  for (const std::span<const VoprfPair> pairs : std::initializer_list<std::span<const VoprfPair>>{
           one_wrong, crossed, swapped, fewer, more}) {
    EXPECT_THAT(key.public_key().Verify(pairs, proof),
                StatusIs(absl::StatusCode::kUnauthenticated));
  }
  // Nor has a server that lies about one of them an own proof that is believed.
  EXPECT_THAT(key.public_key().Verify(one_wrong, key.Prove(one_wrong)),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(key.public_key().Verify(crossed, key.Prove(crossed)),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Voprf, RefusesProofsForNothingAndForTooMuch) {
  const VoprfSecretKey key = Key(1);
  const VoprfPair pair = Answered(key, "a");
  const VoprfProof proof = key.Prove({&pair, 1});
  EXPECT_THAT(key.public_key().Verify({}, proof), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(key.public_key().Verify(std::vector<VoprfPair>(kMaxVoprfBatch + 1, pair), proof),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Voprf, AnEvaluationReadsBackAsItWasWritten) {
  const VoprfEvaluation evaluation = Key(1).BlindEvaluate(Blinded("the input").element());
  const Bytes wire = evaluation.Serialize();
  ASSERT_EQ(wire.size(), kVoprfEvaluationSize);
  ASSERT_OK_AND_ASSIGN(const VoprfEvaluation read, VoprfEvaluation::Parse(wire));
  EXPECT_EQ(read.element, evaluation.element);
  EXPECT_EQ(read.proof, evaluation.proof);
}

}  // namespace
}  // namespace plumbline::crypto
