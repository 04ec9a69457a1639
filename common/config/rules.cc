#include "common/config/rules.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "plumbline/config/v1/options.pb.h"

namespace plumbline::config {
namespace {

using google::protobuf::FieldDescriptor;

const v1::FieldRule& RuleOf(const FieldDescriptor& field) { return field.options().GetExtension(v1::rule); }

absl::Status CheckRange(const v1::FieldRule& rule, int64_t value, absl::string_view what) {
  if (rule.has_min() && value < rule.min()) {
    return absl::InvalidArgumentError(absl::StrCat(what, " ", value, " is below the least allowed, ", rule.min()));
  }
  if (rule.has_max() && value > rule.max()) {
    return absl::InvalidArgumentError(absl::StrCat(what, " ", value, " is above the greatest allowed, ", rule.max()));
  }
  return absl::OkStatus();
}

}  // namespace

std::optional<absl::Duration> ParseDuration(absl::string_view text) {
  absl::Duration value;
  if (!absl::ParseDuration(text, &value) || value < absl::ZeroDuration() || value == absl::InfiniteDuration()) {
    return std::nullopt;
  }
  return value;
}

absl::Status CheckNumber(const FieldDescriptor& field, int64_t value) {
  return CheckRange(RuleOf(field), value, "the value");
}

absl::Status CheckText(const FieldDescriptor& field, absl::string_view value) {
  const v1::FieldRule& rule = RuleOf(field);
  if (rule.required() && value.empty()) return absl::InvalidArgumentError("it is empty");
  RETURN_IF_ERROR(CheckRange(rule, static_cast<int64_t>(value.size()), "the length"));
  const auto& allowed = rule.one_of();
  if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), std::string(value)) == allowed.end()) {
    return absl::InvalidArgumentError(absl::StrCat("it is none of: ", absl::StrJoin(allowed, ", ")));
  }
  return absl::OkStatus();
}

absl::Status CheckDuration(const FieldDescriptor& field, absl::Duration value) {
  const v1::FieldRule& rule = RuleOf(field);
  const auto least = ParseDuration(rule.min_duration());
  const auto most = ParseDuration(rule.max_duration());
  if (least.has_value() && value < *least) {
    return absl::InvalidArgumentError(absl::StrCat("it is shorter than the least allowed, ", rule.min_duration()));
  }
  if (most.has_value() && value > *most) {
    return absl::InvalidArgumentError(absl::StrCat("it is longer than the greatest allowed, ", rule.max_duration()));
  }
  return absl::OkStatus();
}

absl::Status CheckCount(const FieldDescriptor& field, size_t count) {
  const v1::FieldRule& rule = RuleOf(field);
  if (rule.required() && count == 0) return absl::InvalidArgumentError("the list is empty");
  return CheckRange(rule, static_cast<int64_t>(count), "the number of entries");
}

bool IsRequired(const FieldDescriptor& field) { return RuleOf(field).required(); }
std::string DefaultText(const FieldDescriptor& field) { return RuleOf(field).default_text(); }
std::string Remedy(const FieldDescriptor& field) { return RuleOf(field).remedy(); }

}  // namespace plumbline::config
