#include <filesystem>
#include <fstream>
#include <string>

#include "common/bytes.h"
#include "tests/fuzz/fuzz.h"

namespace {

void WriteSeeds(const std::filesystem::path& folder) {
  for (const plumbline::Bytes& seed : plumbline::fuzz::Seeds()) {
    const std::array<uint8_t, 32> name = plumbline::Sha256(seed);
    std::ofstream out(folder / ("seed-" + plumbline::ToHex(plumbline::ByteView(name).first(8))), std::ios::binary);
    out.write(reinterpret_cast<const char*>(seed.data()), static_cast<std::streamsize>(seed.size()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  for (int i = 1; i < *argc; ++i) {
    const std::string argument = (*argv)[i];
    std::error_code error;
    if (argument[0] == '-' || !std::filesystem::is_directory(argument, error)) continue;
    WriteSeeds(argument);
    break;  // libFuzzer's first folder is the one it adds to
  }
  for (const plumbline::Bytes& seed : plumbline::fuzz::Seeds()) plumbline::fuzz::Fuzz(seed);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  plumbline::fuzz::Fuzz(plumbline::ByteView(data, size));
  return 0;
}
