#include "common/config/config.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <memory>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "common/config/fields.h"
#include "common/file.h"

namespace plumbline::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr int kMaxDepth = 8;  // sections within sections

// Finds what YAML can say and a configuration may not: anchors, aliases (which can form cycles), tags, deep nesting.
class Screen final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { Look(mark, "", anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { Find(mark, "aliases are not allowed"); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string&) override {
    Look(mark, tag, anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor);
  }
  void OnSequenceEnd() override { --depth_; }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor);
  }
  void OnMapEnd() override { --depth_; }

  const std::string& finding() const { return finding_; }
  int line() const { return line_; }

 private:
  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    Look(mark, tag, anchor);
    if (++depth_ > kMaxDepth) Find(mark, "it is nested too deeply");
  }
  void Look(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) Find(mark, "anchors are not allowed");
    if (!tag.empty() && tag != "?" && tag != "!") Find(mark, "tags are not allowed");
  }
  void Find(const YAML::Mark& mark, const char* what) {
    if (!finding_.empty()) return;
    finding_ = what;
    line_ = mark.line + 1;
  }
  int depth_ = 0, line_ = 0;
  std::string finding_;
};

std::string KnownKeys(const Descriptor& type) {
  std::string out;
  for (int i = 0; i < type.field_count(); ++i) absl::StrAppend(&out, i == 0 ? "" : ", ", type.field(i)->name());
  return out;
}

// Fills messages from nodes; every refusal names file and line.
class Filler final {
 public:
  explicit Filler(absl::string_view file_name) : file_name_(file_name) {}

  // `node` is a map, or undefined for a section that was not written: then only defaults apply.
  absl::Status Fill(const YAML::Node& node, int line, Message& message, int depth) const {
    if (depth > kMaxDepth) return Refuse(line, "it is nested too deeply");
    std::set<std::string> seen;
    if (node.IsDefined() && !node.IsNull()) {
      if (!node.IsMap()) return Refuse(line, "this must be keys with values: \"key: value\"");
      for (const auto& entry : node) RETURN_IF_ERROR(FillEntry(entry.first, entry.second, message, depth, seen));
    }
    const Descriptor& type = *message.GetDescriptor();
    for (int i = 0; i < type.field_count(); ++i) {
      if (seen.count(type.field(i)->name()) == 0) RETURN_IF_ERROR(FillAbsent(*type.field(i), line, message, depth));
    }
    return absl::OkStatus();
  }

  absl::Status Refuse(int line, absl::string_view cause, absl::string_view remedy = "") const {
    return absl::InvalidArgumentError(
        absl::StrCat(file_name_, ":", line, ": ", cause, remedy.empty() ? "" : "; ", remedy));
  }

 private:
  absl::Status FillEntry(const YAML::Node& key, const YAML::Node& value, Message& message, int depth,
                         std::set<std::string>& seen) const {
    const int line = key.Mark().line + 1;
    if (!key.IsScalar()) return Refuse(line, "a key is a plain word");
    const std::string& name = key.Scalar();
    const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
    if (field == nullptr) {
      return Refuse(line, absl::StrCat("unknown key \"", name.substr(0, 64), "\""),
                    absl::StrCat("the keys here are: ", KnownKeys(*message.GetDescriptor())));
    }
    if (!seen.insert(name).second) return Refuse(line, absl::StrCat(name, " is written twice"), "keep one");
    if (value.IsNull()) return RefuseField(*field, line, "it has no value");
    if (field->is_repeated()) return FillList(*field, value, line, message, depth);
    return FillValue(*field, value, message, depth);
  }

  absl::Status FillList(const FieldDescriptor& field, const YAML::Node& value, int line, Message& message, int depth) const {
    if (field.is_map()) return absl::InternalError("configurations have no free maps");
    if (!value.IsSequence()) return RefuseField(field, line, "it must be a list: \"- value\"");
    for (const YAML::Node& element : value) RETURN_IF_ERROR(FillValue(field, element, message, depth));
    return Explain(CheckCount(field, value.size()), field, line);
  }

  absl::Status FillValue(const FieldDescriptor& field, const YAML::Node& value, Message& message, int depth) const {
    const int line = value.Mark().line + 1;
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !IsDuration(field)) {
      Message* inner = field.is_repeated() ? message.GetReflection()->AddMessage(&message, &field)
                                           : message.GetReflection()->MutableMessage(&message, &field);
      return Fill(value, line, *inner, depth + 1);
    }
    if (!value.IsScalar()) return RefuseField(field, line, "it must be a single value");
    return Explain(SetScalar(message, field, value.Scalar()), field, line);
  }

  absl::Status FillAbsent(const FieldDescriptor& field, int line, Message& message, int depth) const {
    const v1::FieldRule& rule = RuleOf(field);
    if (rule.required()) {
      return Refuse(line, absl::StrCat(field.name(), " is missing"),
                    rule.remedy().empty() ? absl::StrCat("add \"", field.name(), ": ...\"") : rule.remedy());
    }
    if (!rule.default_text().empty()) {
      const absl::Status set = SetScalar(message, field, rule.default_text());
      return set.ok() ? set : absl::InternalError(absl::StrCat("the default of ", field.name(), " breaks its own rule"));
    }
    if (field.is_repeated() || field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || IsDuration(field)) {
      return absl::OkStatus();
    }
    // An optional section: present with its defaults, unless it cannot be without being written.
    const std::unique_ptr<Message> inner(message.GetReflection()->GetMessage(message, &field).New());
    const absl::Status filled = Fill(YAML::Node(YAML::NodeType::Undefined), line, *inner, depth + 1);
    if (absl::IsInternal(filled)) return filled;
    if (filled.ok()) message.GetReflection()->MutableMessage(&message, &field)->CopyFrom(*inner);
    return absl::OkStatus();
  }

  absl::Status Explain(const absl::Status& status, const FieldDescriptor& field, int line) const {
    if (!absl::IsInvalidArgument(status)) return status;
    return RefuseField(field, line, status.message());
  }
  absl::Status RefuseField(const FieldDescriptor& field, int line, absl::string_view cause) const {
    return Refuse(line, absl::StrCat(field.name(), ": ", cause), RuleOf(field).remedy());
  }

  const absl::string_view file_name_;
};

}  // namespace

absl::Status Parse(absl::string_view text, absl::string_view file_name, Message& message) {
  const Filler filler(file_name);
  if (text.size() > kMaxConfigSize) return filler.Refuse(1, "the file is too long for a configuration");
  if (text.find('\0') != absl::string_view::npos) return filler.Refuse(1, "there is a zero byte in the file");
  try {
    Screen screen;
    std::istringstream first{std::string(text)};
    YAML::Parser parser(first);
    int documents = 0;
    while (documents < 2 && parser.HandleNextDocument(screen)) ++documents;  // some malformed text has no end of documents
    if (!screen.finding().empty()) return filler.Refuse(screen.line(), screen.finding(), "write the values out");
    if (documents > 1) return filler.Refuse(1, "there are several documents in the file", "keep one");
    const YAML::Node root = YAML::Load(std::string(text));
    return filler.Fill(root, 1, message, 1);
  } catch (const YAML::Exception& error) {
    return filler.Refuse(std::max(error.mark.line, 0) + 1, absl::StrCat("this is not YAML: ", error.msg),
                         "check the indentation and the quotes");
  }
}

absl::Status Load(const std::string& path, Message& message) {
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, kMaxConfigSize));
  return Parse(text, path, message);
}

}  // namespace plumbline::config
