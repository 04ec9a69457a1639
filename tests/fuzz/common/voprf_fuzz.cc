// VOPRF keys, elements and answers: what a key answers verifies under it, and what verifies is what
// the key answers.
#include "common/crypto/voprf.h"
#include "tests/fuzz/fuzz.h"
#include "tests/vectors/vectors.h"

namespace plumbline::fuzz {
namespace {

constexpr absl::string_view kText = "mimi://example.org/u/alice";

const crypto::VoprfSecretKey& Key() {
  static const auto* const key = new crypto::VoprfSecretKey(*crypto::VoprfSecretKey::Derive(
      Secret::CopyOf(Bytes(crypto::kVoprfSeedSize, 1)), AsBytes("fuzz")));
  return *key;
}

const crypto::VoprfBlinding& Blinding() {
  static const auto* const blinding =
      new crypto::VoprfBlinding(*crypto::VoprfBlinding::Create(Secret::CopyOf(AsBytes(kText))));
  return *blinding;
}

// What `key` answers to `blinded` verifies, and what else may be answered is that.
void CheckAnswer(const crypto::VoprfSecretKey& key, const crypto::VoprfElement& blinded,
                 const crypto::VoprfEvaluation& evaluation) {
  const crypto::VoprfPair pair{blinded, evaluation.element};
  const bool verifies = key.public_key().Verify({&pair, 1}, evaluation.proof).ok();
  const crypto::VoprfEvaluation own = key.BlindEvaluate(blinded);
  const crypto::VoprfPair honest{blinded, own.element};
  CHECK(key.public_key().Verify({&honest, 1}, own.proof).ok());
  CHECK(!verifies || own.element == evaluation.element);
}

}  // namespace

// struct { opaque scalar[32]; opaque key[32]; opaque blinded[32]; opaque evaluation[96]; }
void Fuzz(ByteView input) {
  if (input.size() != 192) {
    CHECK(!crypto::VoprfEvaluation::Parse(input).ok() || input.size() == 96);
    CHECK(!crypto::VoprfPublicKey::Parse(input).ok() || input.size() == 32);
    CHECK(!crypto::VoprfSecretKey::Parse(Secret::CopyOf(input)).ok() || input.size() == 32);
    return;
  }
  const ByteView scalar = input.first(32), key = input.subspan(32, 32),
                 element = input.subspan(64, 32), wire = input.subspan(96);
  const auto secret = crypto::VoprfSecretKey::Parse(Secret::CopyOf(scalar));
  const auto public_key = crypto::VoprfPublicKey::Parse(key);
  const auto blinded = crypto::VoprfElement::Parse(element);
  const auto evaluation = crypto::VoprfEvaluation::Parse(wire);
  if (secret.ok()) CHECK(Equal(secret->scalar(), scalar));
  if (public_key.ok()) CHECK(Equal(public_key->view(), key));
  if (blinded.ok()) CHECK(Equal(blinded->view(), element));
  if (!evaluation.ok()) return;
  CHECK(Equal(evaluation->Serialize(), wire));
  if (secret.ok() && blinded.ok()) CheckAnswer(*secret, *blinded, *evaluation);
  if (!public_key.ok()) return;
  const auto output = Blinding().Finalize(*evaluation, *public_key);
  if (output.ok() && *public_key == Key().public_key())
    CHECK(*output == *Key().Evaluate(AsBytes(kText)));
}

std::vector<Bytes> Seeds() {
  const crypto::VoprfEvaluation evaluation = Key().BlindEvaluate(Blinding().element());
  CHECK(Blinding().Finalize(evaluation, Key().public_key()).ok());
  return {Concat({Key().scalar(), Key().public_key().view(), Blinding().element().view(),
                  evaluation.Serialize()})};
}

absl::StatusOr<std::vector<Bytes>> PublishedSeeds() {
  std::vector<Bytes> seeds;
  ASSIGN_OR_RETURN(const nlohmann::json suites, testing::ReadVectorJson("oprf/allVectors.json"));
  for (const auto& suite : suites) {
    if (suite["identifier"] != "ristretto255-SHA512" || suite["mode"] != 1) continue;
    for (const auto& test_case : suite["vectors"]) {
      if (test_case["Batch"] != 1) continue;
      seeds.push_back(Concat({testing::FromHex(suite["skSm"]), testing::FromHex(suite["pkSm"]),
                              testing::FromHex(test_case["BlindedElement"]),
                              testing::FromHex(test_case["EvaluationElement"]),
                              testing::FromHex(test_case["Proof"]["proof"])}));
    }
  }
  return seeds;
}

}  // namespace plumbline::fuzz
