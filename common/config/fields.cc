#include "common/config/fields.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"

namespace plumbline::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

absl::Status Refuse(absl::string_view cause) { return absl::InvalidArgumentError(cause); }

absl::Status CheckRange(const v1::FieldRule& rule, int64_t value, absl::string_view of_what) {
  if (rule.has_min() && value < rule.min()) {
    return Refuse(absl::StrCat("its ", of_what, " is below ", rule.min()));
  }
  if (rule.has_max() && value > rule.max()) {
    return Refuse(absl::StrCat("its ", of_what, " is above ", rule.max()));
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> ReadInteger(const FieldDescriptor& field, const std::string& text, int64_t least, uint64_t most) {
  int64_t number = 0;
  // Fields above the largest int64 have no use in a configuration.
  const uint64_t cap = std::min(most, static_cast<uint64_t>(std::numeric_limits<int64_t>::max()));
  const bool digits = !text.empty() && text.find_first_not_of("0123456789", text[0] == '-' ? 1 : 0) == std::string::npos;
  if (!digits || !absl::SimpleAtoi(text, &number)) return Refuse("it is not a whole number");
  if (number < least || (number > 0 && static_cast<uint64_t>(number) > cap)) return Refuse("the number is out of range");
  RETURN_IF_ERROR(CheckRange(RuleOf(field), number, "value"));
  return number;
}

template <typename T>
using Setter = void (Reflection::*)(Message*, const FieldDescriptor*, T) const;

template <typename T>
absl::Status SetInteger(Message& message, const FieldDescriptor& field, const std::string& text, Setter<T> set, Setter<T> add) {
  ASSIGN_OR_RETURN(const int64_t number, ReadInteger(field, text, static_cast<int64_t>(std::numeric_limits<T>::min()),
                                                     static_cast<uint64_t>(std::numeric_limits<T>::max())));
  (message.GetReflection()->*(field.is_repeated() ? add : set))(&message, &field, static_cast<T>(number));
  return absl::OkStatus();
}

absl::Status SetText(Message& message, const FieldDescriptor& field, const std::string& text) {
  const v1::FieldRule& rule = RuleOf(field);
  if (text.empty() && rule.required()) return Refuse("it is empty");
  if (!field.is_repeated()) RETURN_IF_ERROR(CheckRange(rule, static_cast<int64_t>(text.size()), "length"));
  const bool allowed = rule.one_of().empty() || std::find(rule.one_of().begin(), rule.one_of().end(), text) != rule.one_of().end();
  if (!allowed) return Refuse(absl::StrCat("it is none of: ", absl::StrJoin(rule.one_of(), ", ")));
  if (text.find('\0') != std::string::npos) return Refuse("it holds a zero byte");
  const Reflection& reflection = *message.GetReflection();
  if (field.is_repeated()) {
    reflection.AddString(&message, &field, text);
  } else {
    reflection.SetString(&message, &field, text);
  }
  return absl::OkStatus();
}

absl::Status SetBool(Message& message, const FieldDescriptor& field, const std::string& text) {
  if (text != "true" && text != "false") return Refuse("it is neither true nor false");
  const Reflection& reflection = *message.GetReflection();
  if (field.is_repeated()) {
    reflection.AddBool(&message, &field, text == "true");
  } else {
    reflection.SetBool(&message, &field, text == "true");
  }
  return absl::OkStatus();
}

absl::Status SetEnum(Message& message, const FieldDescriptor& field, const std::string& text) {
  const auto* value = field.enum_type()->FindValueByName(text);
  if (value == nullptr || value->number() == 0) {
    std::string names;
    for (int i = 0; i < field.enum_type()->value_count(); ++i) {
      if (field.enum_type()->value(i)->number() == 0) continue;
      absl::StrAppend(&names, names.empty() ? "" : ", ", field.enum_type()->value(i)->name());
    }
    return Refuse(absl::StrCat("it is none of: ", names));
  }
  const Reflection& reflection = *message.GetReflection();
  if (field.is_repeated()) {
    reflection.AddEnum(&message, &field, value);
  } else {
    reflection.SetEnum(&message, &field, value);
  }
  return absl::OkStatus();
}

absl::Status CheckDurationRule(const v1::FieldRule& rule, absl::Duration value) {
  absl::Duration limit;
  if (!rule.min_duration().empty() && absl::ParseDuration(rule.min_duration(), &limit) && value < limit) {
    return Refuse(absl::StrCat("it is shorter than ", rule.min_duration()));
  }
  if (!rule.max_duration().empty() && absl::ParseDuration(rule.max_duration(), &limit) && value > limit) {
    return Refuse(absl::StrCat("it is longer than ", rule.max_duration()));
  }
  return absl::OkStatus();
}

absl::Status SetDuration(Message& message, const FieldDescriptor& field, const std::string& text) {
  absl::Duration value;
  if (!absl::ParseDuration(text, &value) || value < absl::ZeroDuration() || value > absl::Hours(24 * 365 * 100)) {
    return Refuse("it is not a duration such as 90s, 10m or 24h");
  }
  RETURN_IF_ERROR(CheckDurationRule(RuleOf(field), value));
  const Reflection& reflection = *message.GetReflection();
  Message* out = field.is_repeated() ? reflection.AddMessage(&message, &field) : reflection.MutableMessage(&message, &field);
  const int64_t seconds = absl::ToInt64Seconds(value);
  const auto* type = out->GetDescriptor();
  out->GetReflection()->SetInt64(out, type->FindFieldByName("seconds"), seconds);
  out->GetReflection()->SetInt32(out, type->FindFieldByName("nanos"),
                                 static_cast<int32_t>(absl::ToInt64Nanoseconds(value - absl::Seconds(seconds))));
  return absl::OkStatus();
}

absl::Status SetDouble(Message& message, const FieldDescriptor& field, const std::string& text) {
  double number = 0;
  if (!absl::SimpleAtod(text, &number) || !std::isfinite(number)) return Refuse("it is not a number");
  const v1::FieldRule& rule = RuleOf(field);
  if ((rule.has_min() && number < static_cast<double>(rule.min())) ||
      (rule.has_max() && number > static_cast<double>(rule.max()))) {
    return Refuse(absl::StrCat("its value is not within ", rule.min(), " and ", rule.max()));
  }
  if (field.is_repeated()) return absl::InternalError("configurations have no lists of fractions");
  message.GetReflection()->SetDouble(&message, &field, number);
  return absl::OkStatus();
}

}  // namespace

const v1::FieldRule& RuleOf(const FieldDescriptor& field) { return field.options().GetExtension(v1::rule); }

bool IsDuration(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         field.message_type()->full_name() == "google.protobuf.Duration";
}

absl::Status CheckCount(const FieldDescriptor& field, size_t count) {
  if (count == 0 && RuleOf(field).required()) return Refuse("the list is empty");
  return CheckRange(RuleOf(field), static_cast<int64_t>(count), "number of entries");
}

absl::Status SetScalar(Message& message, const FieldDescriptor& field, const std::string& text) {
  if (IsDuration(field)) return SetDuration(message, field, text);
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return SetInteger<int32_t>(message, field, text, &Reflection::SetInt32, &Reflection::AddInt32);
    case FieldDescriptor::CPPTYPE_INT64:
      return SetInteger<int64_t>(message, field, text, &Reflection::SetInt64, &Reflection::AddInt64);
    case FieldDescriptor::CPPTYPE_UINT32:
      return SetInteger<uint32_t>(message, field, text, &Reflection::SetUInt32, &Reflection::AddUInt32);
    case FieldDescriptor::CPPTYPE_UINT64:
      return SetInteger<uint64_t>(message, field, text, &Reflection::SetUInt64, &Reflection::AddUInt64);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return SetDouble(message, field, text);
    case FieldDescriptor::CPPTYPE_BOOL:
      return SetBool(message, field, text);
    case FieldDescriptor::CPPTYPE_ENUM:
      return SetEnum(message, field, text);
    case FieldDescriptor::CPPTYPE_STRING:
      if (field.type() == FieldDescriptor::TYPE_BYTES) return absl::InternalError("configurations have no binary fields");
      return SetText(message, field, text);
    default:
      return absl::InternalError("configurations have no fields of this type");
  }
}

}  // namespace plumbline::config
