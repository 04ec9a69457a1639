#include "common/config/config.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/message.h>
#include <yaml-cpp/yaml.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/config/rules.h"
#include "common/file.h"

namespace plumbline::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kMaxDepth = 8;

// Fills a message from a YAML tree; `file_` is for messages only.
class Filler {
 public:
  explicit Filler(absl::string_view file) : file_(file) {}

  absl::Status Fill(const YAML::Node& map, Message& message, int depth) {
    if (depth > kMaxDepth) return Fault(map, "it is nested too deeply", "");
    if (!map.IsMap()) return Fault(map, "a list of keys and values is expected here", "write \"key: value\" lines");
    std::set<std::string> seen;
    for (const auto& entry : map) {
      if (!entry.first.IsScalar()) return Fault(entry.first, "a key must be plain text", "");
      const std::string key = entry.first.Scalar();
      if (!seen.insert(key).second) return Fault(entry.first, absl::StrCat("\"", key, "\" stands twice"), "remove one");
      const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(key);
      if (field == nullptr) {
        return Fault(entry.first, absl::StrCat("the key \"", key, "\" is unknown"),
                     absl::StrCat("known keys here: ", KnownKeys(*message.GetDescriptor())));
      }
      RETURN_IF_ERROR(FillField(entry.second, *field, message, depth));
    }
    return FillAbsent(map, seen, message, depth);
  }

  absl::Status Fault(const YAML::Node& where, absl::string_view cause, absl::string_view remedy) const {
    const int line = where.IsDefined() && where.Mark().line >= 0 ? where.Mark().line + 1 : 1;
    return absl::InvalidArgumentError(
        absl::StrCat(file_, ":", line, ": ", cause, remedy.empty() ? "" : "; ", remedy));
  }

 private:
  static std::string KnownKeys(const Descriptor& type) {
    std::string keys;
    for (int i = 0; i < type.field_count(); ++i) absl::StrAppend(&keys, i == 0 ? "" : ", ", type.field(i)->name());
    return keys;
  }

  absl::Status FieldFault(const YAML::Node& where, const FieldDescriptor& field, absl::string_view cause) const {
    return Fault(where, absl::StrCat("\"", field.name(), "\": ", cause), Remedy(field));
  }

  // A group of fields; an absent one still has its defaults.
  static bool IsSection(const FieldDescriptor& field) {
    return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !field.is_repeated() &&
           field.message_type()->full_name() != "google.protobuf.Duration";
  }

  absl::Status FillSection(const YAML::Node& parent, const FieldDescriptor& field, Message& message, int depth) {
    if (depth >= kMaxDepth) return Fault(parent, "it is nested too deeply", "");
    return FillAbsent(parent, {}, *message.GetReflection()->MutableMessage(&message, &field), depth + 1);
  }

  // Required fields that were not written, and defaults.
  absl::Status FillAbsent(const YAML::Node& map, const std::set<std::string>& seen, Message& message, int depth) {
    const Descriptor& type = *message.GetDescriptor();
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      if (seen.contains(field.name())) continue;
      if (IsRequired(field)) return FieldFault(map, field, "it is required and missing");
      const std::string text = DefaultText(field);
      if (!text.empty()) RETURN_IF_ERROR(FillField(YAML::Load(text), field, message, depth));
      if (IsSection(field)) RETURN_IF_ERROR(FillSection(map, field, message, depth));
    }
    return absl::OkStatus();
  }

  absl::Status FillField(const YAML::Node& value, const FieldDescriptor& field, Message& message, int depth) {
    if (!field.is_repeated()) return FillOne(value, field, message, depth);
    if (!value.IsSequence()) return FieldFault(value, field, "a list is expected");
    const absl::Status count = CheckCount(field, value.size());
    if (!count.ok()) return FieldFault(value, field, count.message());
    for (const YAML::Node& element : value) RETURN_IF_ERROR(FillOne(element, field, message, depth));
    return absl::OkStatus();
  }

  absl::Status FillOne(const YAML::Node& value, const FieldDescriptor& field, Message& message, int depth) {
    if (!value.Tag().empty() && value.Tag() != "?" && value.Tag() != "!") {
      return FieldFault(value, field, "YAML tags are not understood here");
    }
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const Reflection& reflection = *message.GetReflection();
      Message& child = field.is_repeated() ? *reflection.AddMessage(&message, &field)
                                           : *reflection.MutableMessage(&message, &field);
      if (auto* duration = dynamic_cast<google::protobuf::Duration*>(&child)) return FillDuration(value, field, *duration);
      return Fill(value, child, depth + 1);
    }
    if (!value.IsScalar()) return FieldFault(value, field, "one value is expected");
    const absl::Status status = FillScalar(value.Scalar(), field, message);
    return status.ok() ? status : FieldFault(value, field, status.message());
  }

  absl::Status FillDuration(const YAML::Node& value, const FieldDescriptor& field, google::protobuf::Duration& out) {
    const auto duration = value.IsScalar() ? ParseDuration(value.Scalar()) : std::nullopt;
    if (!duration.has_value()) return FieldFault(value, field, "a time such as 90s, 10m or 24h is expected");
    const absl::Status status = CheckDuration(field, *duration);
    if (!status.ok()) return FieldFault(value, field, status.message());
    const int64_t seconds = absl::ToInt64Seconds(*duration);
    out.set_seconds(seconds);
    out.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(*duration - absl::Seconds(seconds))));
    return absl::OkStatus();
  }

  static absl::Status FillScalar(const std::string& text, const FieldDescriptor& field, Message& message) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        RETURN_IF_ERROR(CheckText(field, text));
        return SetString(text, field, message);
      case FieldDescriptor::CPPTYPE_BOOL:
        if (text != "true" && text != "false") return absl::InvalidArgumentError("true or false is expected");
        return SetNumber(text == "true", field, message);
      case FieldDescriptor::CPPTYPE_ENUM: {
        const auto* value = field.enum_type()->FindValueByName(text);
        if (value == nullptr) return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is not one of its values"));
        message.GetReflection()->SetEnum(&message, &field, value);
        return absl::OkStatus();
      }
      default: break;
    }
    int64_t number = 0;
    if (!absl::SimpleAtoi(text, &number)) return absl::InvalidArgumentError("a whole number is expected");
    RETURN_IF_ERROR(CheckNumber(field, number));
    return SetNumber(number, field, message);
  }

  static absl::Status SetString(const std::string& text, const FieldDescriptor& field, Message& message) {
    const Reflection& reflection = *message.GetReflection();
    field.is_repeated() ? reflection.AddString(&message, &field, text) : reflection.SetString(&message, &field, text);
    return absl::OkStatus();
  }

  // Numbers and booleans; configuration messages have no repeated ones.
  static absl::Status SetNumber(int64_t number, const FieldDescriptor& field, Message& message) {
    const Reflection& reflection = *message.GetReflection();
    const absl::Status out_of_range = absl::InvalidArgumentError("the number is out of range");
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_BOOL: reflection.SetBool(&message, &field, number != 0); break;
      case FieldDescriptor::CPPTYPE_INT64: reflection.SetInt64(&message, &field, number); break;
      case FieldDescriptor::CPPTYPE_UINT64:
        if (number < 0) return out_of_range;
        reflection.SetUInt64(&message, &field, static_cast<uint64_t>(number));
        break;
      case FieldDescriptor::CPPTYPE_INT32:
        if (number < INT32_MIN || number > INT32_MAX) return out_of_range;
        reflection.SetInt32(&message, &field, static_cast<int32_t>(number));
        break;
      case FieldDescriptor::CPPTYPE_UINT32:
        if (number < 0 || number > UINT32_MAX) return out_of_range;
        reflection.SetUInt32(&message, &field, static_cast<uint32_t>(number));
        break;
      default: return absl::InternalError("this type of field is not supported in a configuration");
    }
    return absl::OkStatus();
  }

  const std::string file_;
};

// Anchors and aliases let a small file describe a huge one; nothing here needs them.
bool HasAnchorOrAlias(absl::string_view text) {
  for (absl::string_view marker : {": &", ": *", "- &", "- *", "<<:"}) {
    if (absl::StrContains(text, marker)) return true;
  }
  return false;
}

}  // namespace

absl::Status Parse(absl::string_view text, absl::string_view file_name, Message& message) {
  if (text.size() > kMaxConfigSize) return absl::InvalidArgumentError(absl::StrCat(file_name, ":1: the file is too long"));
  if (HasAnchorOrAlias(text)) {
    return absl::InvalidArgumentError(
        absl::StrCat(file_name, ":1: YAML anchors, aliases and merges are not allowed; write the values out"));
  }
  Filler filler(file_name);
  // yaml-cpp reports by exception; it ends here.
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.size() != 1) {
      return absl::InvalidArgumentError(absl::StrCat(file_name, ":1: exactly one YAML document is expected"));
    }
    return filler.Fill(documents[0], message, 0);
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(file_name, ":", error.mark.line + 1, ": this is not YAML: ", error.msg));
  }
}

absl::Status Load(const std::string& path, Message& message) {
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, kMaxConfigSize));
  return Parse(text, path, message);
}

}  // namespace plumbline::config
