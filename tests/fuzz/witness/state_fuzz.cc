// The witness's stored state: what is read is what was written, whole. And a line of its configuration.
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "tests/fuzz/fuzz.h"
#include "witness/audited_log.h"
#include "witness/state.h"

namespace plumbline::fuzz {
namespace {

// With the hash that belongs to it, or nothing behind its first lines would ever be reached.
std::string Hashed(absl::string_view text) {
  return absl::StrCat(text, "sha256 ", ToHex(Sha256(AsBytes(text))), "\n");
}

}  // namespace

void Fuzz(ByteView input) {
  const std::string text = ToString(input);
  if (const auto line = witness::ParseLogLine(text); line.ok())
    CHECK(text == line->key.ToText() + (line->audit.empty() ? "" : " audit " + line->audit));
  CHECK(!witness::WitnessState::Parse(text).ok() || text == Hashed(text.substr(0, text.rfind("sha256 "))));
  const auto logs = witness::WitnessState::Parse(Hashed(text));
  if (!logs.ok()) return;
  for (const auto& [origin, cosigned] : *logs) CHECK(origin == cosigned.checkpoint.origin);
}

std::vector<Bytes> Seeds() {
  const auto log = *tlog::NoteSigner::Create("example.org/log", *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, 1))));
  const std::string head = "plumbline witness v1\n", note = *tlog::SignCheckpoint(0, tlog::EmptyRoot(), log);
  return {ToBytes(AsBytes(log.verifier().ToText() + " audit /log")), ToBytes(AsBytes(head)), ToBytes(AsBytes(absl::StrCat(head, "note ", note.size(), "\n", note)))};
}

}  // namespace plumbline::fuzz
