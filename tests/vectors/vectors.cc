#include "tests/vectors/vectors.h"

#include <zlib.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace plumbline::testing {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = absl::ascii_tolower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::string VectorFolder() {
  const char* const named = std::getenv("PLUMBLINE_VECTORS");
  return named != nullptr && *named != '\0' ? named : PLUMBLINE_SOURCE_DIR "/../shared/vectors";
}

absl::StatusOr<std::string> ReadVectorFile(absl::string_view path) {
  const std::string file = absl::StrCat(VectorFolder(), "/", path);
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return absl::NotFoundError(absl::StrCat("no file ", file));
  const gzFile in = gzopen(file.c_str(), "rb");  // reads plain files as they are
  if (in == nullptr) return absl::DataLossError(absl::StrCat("cannot open ", file));
  std::string text;
  std::array<char, 1 << 16> chunk;
  int got = 0;
  while ((got = gzread(in, chunk.data(), chunk.size())) > 0) text.append(chunk.data(), got);
  if (gzclose(in) != Z_OK || got < 0) return absl::DataLossError(absl::StrCat("broken file ", file));
  return text;
}

absl::StatusOr<nlohmann::json> ReadVectorJson(absl::string_view path) {
  ASSIGN_OR_RETURN(const std::string text, ReadVectorFile(path));
  nlohmann::json parsed = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) return absl::DataLossError(absl::StrCat("not JSON: ", path));
  return parsed;
}

absl::StatusOr<std::map<std::string, std::string>> ReadVectorTar(absl::string_view path) {
  constexpr size_t kBlock = 512;
  ASSIGN_OR_RETURN(const std::string archive, ReadVectorFile(path));
  std::map<std::string, std::string> files;
  for (size_t at = 0; at + kBlock <= archive.size() && archive[at] != '\0';) {
    const std::string header = archive.substr(at, kBlock);
    const std::string name(header.c_str(), strnlen(header.c_str(), 100));
    const size_t size = std::strtoull(header.substr(124, 12).c_str(), nullptr, 8);
    if (size > archive.size() - at - kBlock) return absl::DataLossError(absl::StrCat("broken archive ", path));
    if (header[156] == '0' || header[156] == '\0') files[name] = archive.substr(at + kBlock, size);
    at += kBlock + (size + kBlock - 1) / kBlock * kBlock;
  }
  return files;
}

bool VectorsAreRequired() {
  const char* const ci = std::getenv("CI");
  return ci != nullptr && std::string(ci) == "true";
}

Bytes FromHex(absl::string_view text) {
  CHECK(text.size() % 2 == 0);
  Bytes out;
  out.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = HexDigit(text[i]);
    const int low = HexDigit(text[i + 1]);
    CHECK(high >= 0 && low >= 0);
    out.push_back(static_cast<uint8_t>(high << 4 | low));
  }
  return out;
}

Bytes FromHex(const nlohmann::json& text) {
  CHECK(text.is_string());
  return FromHex(absl::string_view(text.get_ref<const std::string&>()));
}

}  // namespace plumbline::testing
