// Sealed files at the least cost there is. The programs under test are started hundreds of times, with passphrases nobody guesses;
// what the default cost is and does, common_crypto_test and the demonstration show.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "common/check.h"
#include "common/crypto/sealed_file.h"

namespace plumbline::testing {

inline constexpr crypto::SealCost kCheap{1, 8 * 1024};

// Seals every sealed file in `folder` and below again, cheaply, under the same passphrase (the first line of a file).
inline void SealCheaply(const std::string& folder, const std::string& passphrase_file) {
  std::string line;
  std::ifstream in(passphrase_file);
  CHECK(std::getline(in, line));
  const Secret passphrase = Secret::CopyOf(AsBytes(line));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    char magic[8] = {};
    if (!entry.is_regular_file()) continue;
    std::ifstream(entry.path(), std::ios::binary).read(magic, sizeof(magic));
    if (absl::string_view(magic, sizeof(magic)) != "PLSEAL01") continue;
    const absl::StatusOr<Secret> content = crypto::OpenSealedFile(entry.path(), passphrase);
    CHECK(content.ok());
    CHECK(crypto::SealToFile(entry.path(), passphrase, content->view(), kCheap).ok());
  }
}

}  // namespace plumbline::testing
