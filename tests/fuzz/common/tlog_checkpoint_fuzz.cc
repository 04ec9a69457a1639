// Checkpoints: what parses formats to the same bytes.
#include "common/tlog/checkpoint.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {

void Fuzz(ByteView input) {
  const std::string text = ToString(input);
  const auto checkpoint = tlog::ParseCheckpoint(text);
  if (checkpoint.ok()) CHECK(tlog::FormatCheckpoint(*checkpoint) == text);
}

std::vector<Bytes> Seeds() {
  const auto text = [](uint64_t size) {
    const std::string out = tlog::FormatCheckpoint({"example.org/log", size, tlog::EmptyRoot()});
    return ToBytes(AsBytes(out));
  };
  return {text(0), text(1), text(tlog::kMaxSize)};
}

}  // namespace plumbline::fuzz
