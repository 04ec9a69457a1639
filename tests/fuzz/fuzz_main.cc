#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/bytes.h"
#include "tests/fuzz/fixed_randomness.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

// Returns whether it is one that was not there.
bool Write(const std::filesystem::path& folder, const char* kind, ByteView seed) {
  if (seed.size() > kMaxInput) return false;
  const std::array<uint8_t, 32> hash = Sha256(seed);
  const std::filesystem::path path =
      folder / absl::StrCat(kind, "-", ToHex(ByteView(hash).first(8)));
  std::error_code error;
  if (std::filesystem::exists(path, error)) return false;
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(seed.data()), static_cast<std::streamsize>(seed.size()));
  return true;
}

// `dev fuzz` reads the line. Nothing to start from is worth no run; vectors that are absent are
// said, and left to it.
size_t WriteSeeds(const std::filesystem::path& folder, const std::vector<Bytes>& own) {
  size_t count = 0, published = 0;
  for (const Bytes& seed : own) count += Write(folder, "seed", seed);
  const absl::StatusOr<std::vector<Bytes>> vectors = PublishedSeeds();
  if (!vectors.ok() && !absl::IsNotFound(vectors.status())) {
    std::fprintf(stderr, "%s\n", vectors.status().ToString().c_str());
    std::exit(1);
  }
  if (vectors.ok()) {
    for (const Bytes& seed : *vectors) published += Write(folder, "vector", seed);
    std::fprintf(stderr, "seeds: %zu of its own, %zu of published vectors\n", count, published);
  } else {
    std::fprintf(stderr, "PUBLISHED VECTORS ABSENT: %s\n",
                 std::string(vectors.status().message()).c_str());
  }
  return count + published;
}

// libFuzzer counts the corpus among the runs that -runs allows.
void AddRuns(int* argc, char*** argv, size_t seeds) {
  const char* const text = std::getenv("PLUMBLINE_FUZZ_RUNS");
  uint64_t runs = 0;
  if (text == nullptr || !absl::SimpleAtoi(text, &runs)) return;
  static std::string option = absl::StrCat("-runs=", seeds + runs);
  static std::vector<char*> arguments(*argv, *argv + *argc);
  arguments.push_back(option.data());
  *argc = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  *argv = arguments.data();
}

}  // namespace
}  // namespace plumbline::fuzz

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  using namespace plumbline::fuzz;  // NOLINT: this is its main
  FixRandomness(1);
  const std::vector<plumbline::Bytes> seeds = Seeds();
  for (int i = 1; i < *argc; ++i) {
    const std::string argument = (*argv)[i];
    std::error_code error;
    if (argument[0] == '-' || !std::filesystem::is_directory(argument, error)) continue;
    AddRuns(argc, argv, WriteSeeds(argument, seeds));
    break;  // libFuzzer's first folder is the one it adds to
  }
  for (const plumbline::Bytes& seed : seeds) Fuzz(seed);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  plumbline::fuzz::Fuzz(plumbline::ByteView(data, size));
  return 0;
}
