// Loads published test vectors: data of others that stays outside the project. They are looked for in the folder that
// PLUMBLINE_VECTORS names, by default ../shared/vectors beside the project's folder. Link plumbline_test_vectors.
//
//   TEST(SecretTreeVector, DerivesEveryKey) {
//     LOAD_VECTORS_OR_SKIP(const nlohmann::json cases, "mls/secret-tree.json.gz");
//     for (const auto& test_case : cases) { ... FromHex(test_case["encryption_secret"]) ... }
//   }
//
// Where the file is absent the test is skipped and says so; with CI=true in the environment it fails instead.
// Name such test suites "...Vector", so that one filter finds them.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/string_view.h"
#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::testing {

// The folder of the vectors; it may not exist.
std::string VectorFolder();

// The bytes of `path` inside the folder, decompressed if the name ends in .gz. NOT_FOUND if there is no such file,
// DATA_LOSS if it cannot be read to its end.
absl::StatusOr<std::string> ReadVectorFile(absl::string_view path);

// The same, parsed as JSON. DATA_LOSS also if it is not JSON.
absl::StatusOr<nlohmann::json> ReadVectorJson(absl::string_view path);

// The regular files of a tar archive (ustar) by their names, decompressed if `path` ends in .gz. DATA_LOSS for a broken one.
absl::StatusOr<std::map<std::string, std::string>> ReadVectorTar(absl::string_view path);

// True if absent vectors must fail the test instead of skipping it (CI=true).
bool VectorsAreRequired();

// The bytes of a JSON string of hexadecimal digits. A malformed one is a broken file: the test program ends.
Bytes FromHex(const nlohmann::json& text);
Bytes FromHex(absl::string_view text);

}  // namespace plumbline::testing

#define LOAD_VECTORS_OR_SKIP(target, path) LOAD_VECTORS_OR_SKIP_NAMED_(VECTORS_JOIN_(vectors_, __LINE__), target, path)
#define LOAD_VECTORS_OR_SKIP_NAMED_(name, target, path)                                                        \
  auto name = ::plumbline::testing::ReadVectorJson(path);                                                      \
  if (absl::IsNotFound(name.status()) && !::plumbline::testing::VectorsAreRequired()) {                        \
    GTEST_SKIP() << "published vectors are absent: no " << (path) << " in "                                    \
                 << ::plumbline::testing::VectorFolder() << " (set PLUMBLINE_VECTORS to the folder that has them)"; \
  }                                                                                                            \
  ASSERT_TRUE(name.ok()) << name.status();                                                                     \
  target = *std::move(name)
#define LOAD_VECTOR_TAR_OR_SKIP(target, path)                                                                  \
  auto vectors_tar = ::plumbline::testing::ReadVectorTar(path);                                                \
  if (absl::IsNotFound(vectors_tar.status()) && !::plumbline::testing::VectorsAreRequired()) {                 \
    GTEST_SKIP() << "published vectors are absent: no " << (path) << " in "                                    \
                 << ::plumbline::testing::VectorFolder() << " (set PLUMBLINE_VECTORS to the folder that has them)"; \
  }                                                                                                            \
  ASSERT_TRUE(vectors_tar.ok()) << vectors_tar.status();                                                       \
  target = *std::move(vectors_tar)
#define VECTORS_JOIN_(a, b) VECTORS_JOIN_AGAIN_(a, b)
#define VECTORS_JOIN_AGAIN_(a, b) a##b
