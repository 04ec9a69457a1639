// Signed notes and verifier keys: what parses formats to the same bytes.
#include "common/tlog/checkpoint.h"
#include "common/tlog/note.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {

void Fuzz(ByteView input) {
  const std::string text = ToString(input);
  const auto note = tlog::ParseNote(text);
  if (note.ok()) CHECK(tlog::FormatNote(*note) == text);
  const auto key = tlog::VerifierKey::Parse(text);
  CHECK(tlog::ParseLogKeys({std::string(text)}).ok() == key.ok());
  if (key.ok()) CHECK(key->ToText() == text);
}

std::vector<Bytes> Seeds() {
  const auto key = *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, 7)));
  const auto a = *tlog::NoteSigner::Create("example.org/log", key), b = *tlog::NoteSigner::Create("witness.example/w", key);
  const tlog::NoteSigner* const signers[] = {&a, &b};
  const std::string note = tlog::FormatNote(*tlog::SignNote("a text\n\nof three lines\n", signers));
  return {ToBytes(AsBytes(note)), ToBytes(AsBytes(a.verifier().ToText()))};
}

}  // namespace plumbline::fuzz
