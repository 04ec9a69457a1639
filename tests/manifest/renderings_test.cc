// What is kept in the tree is what is declared: `./dev manifest` makes it anew.
#include <gmock/gmock.h>

#include "common/file.h"
#include "common/log.h"
#include "common/manifest/manifest.h"
#include "common/manifest/render.h"
#include "tests/common/certificates.h"

namespace plumbline {
namespace {

std::string InTree(const std::string& path) { return testing::ValueOf(ReadTextFile(PLUMBLINE_SOURCE_DIR "/" + path, 1 << 20)); }

TEST(Renderings, TheDocumentIsOfToday) { EXPECT_TRUE(InTree("docs/metadata.md") == manifest::RenderDocument(manifest::Built())) << "run ./dev manifest"; }

TEST(Renderings, TheLogKeysAreOfToday) { EXPECT_EQ(InTree("common/log_keys.h"), manifest::RenderLogKeys(manifest::Built())) << "run ./dev manifest"; }

// The document has every datum, every field and every column.
TEST(Renderings, TheDocumentIsWhole) {
  const std::string document = manifest::RenderDocument(manifest::Built());
  for (const auto& datum : manifest::Built().datum()) EXPECT_THAT(document, ::testing::HasSubstr("| `" + datum.name() + "` | " + datum.is().says()));
  for (const auto& process : manifest::Built().process()) {
    for (const auto& database : process.database()) {
      for (const auto& table : database.table()) {
        for (const auto& column : table.column()) EXPECT_THAT(document, ::testing::HasSubstr("`" + column.name() + "` "));
      }
    }
  }
}

}  // namespace
}  // namespace plumbline
