// The example files in deploy/ are complete and load: an operator can start from them.
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "plumbline/config/v1/admin.pb.h"
#include "plumbline/config/v1/keyserver.pb.h"
#include "plumbline/config/v1/server.pb.h"
#include "plumbline/config/v1/witness.pb.h"
#include "tests/status_matchers.h"

namespace plumbline::config {
namespace {

std::string FileText(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

template <typename Message>
void ExpectComplete(const std::string& name) {
  const std::string path = absl::StrCat(PLUMBLINE_SOURCE_DIR, "/deploy/", name);
  Message message;
  ASSERT_OK(Load(path, message));
  const std::string text = FileText(path);
  for (int i = 0; i < Message::descriptor()->field_count(); ++i) {
    const std::string key = absl::StrCat("\n", Message::descriptor()->field(i)->name(), ":");
    EXPECT_NE(text.find(key), std::string::npos) << name << " does not show" << key;
  }
}

TEST(Examples, KeyserverLoadsAndShowsEveryField) { ExpectComplete<v1::KeyserverConfig>("keyserver.yaml"); }
TEST(Examples, ServerLoadsAndShowsEveryField) { ExpectComplete<v1::ServerConfig>("server.yaml"); }
TEST(Examples, AdminLoadsAndShowsEveryField) { ExpectComplete<v1::AdminConfig>("admin.yaml"); }
TEST(Examples, WitnessLoadsAndShowsEveryField) { ExpectComplete<v1::WitnessConfig>("witness.yaml"); }

}  // namespace
}  // namespace plumbline::config
