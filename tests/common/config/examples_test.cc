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

// Each field of `type` and of the messages in it is a key of its own line, indented by `depth` levels. A list's items and a
// duration are not entered.
void ExpectFields(const google::protobuf::Descriptor& type, const std::string& text, const std::string& name, int depth) {
  using google::protobuf::FieldDescriptor;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const std::string key = absl::StrCat("\n", std::string(2 * depth, ' '), field.name(), ":");
    EXPECT_NE(text.find(key), std::string::npos) << name << " does not show" << key;
    if (field.is_repeated() || field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE ||
        field.message_type()->full_name() == "google.protobuf.Duration") {
      continue;
    }
    ExpectFields(*field.message_type(), text, name, depth + 1);
  }
}

template <typename Message>
void ExpectComplete(const std::string& name) {
  const std::string path = absl::StrCat(PLUMBLINE_SOURCE_DIR, "/deploy/", name);
  Message message;
  ASSERT_OK(Load(path, message));
  ExpectFields(*Message::descriptor(), FileText(path), name, 0);
}

TEST(Examples, KeyserverLoadsAndShowsEveryField) { ExpectComplete<v1::KeyserverConfig>("keyserver.yaml"); }
TEST(Examples, ServerLoadsAndShowsEveryField) { ExpectComplete<v1::ServerConfig>("server.yaml"); }
TEST(Examples, AdminLoadsAndShowsEveryField) { ExpectComplete<v1::AdminConfig>("admin.yaml"); }
TEST(Examples, WitnessLoadsAndShowsEveryField) { ExpectComplete<v1::WitnessConfig>("witness.yaml"); }

}  // namespace
}  // namespace plumbline::config
