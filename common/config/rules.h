// The rules of a configuration field (proto/plumbline/config/v1/options.proto), applied to values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/status.h"

namespace google::protobuf {
class FieldDescriptor;
}  // namespace google::protobuf

namespace plumbline::config {

// Each returns INVALID_ARGUMENT "<cause>" (no place, no remedy) if the value breaks the field's rule.
absl::Status CheckNumber(const google::protobuf::FieldDescriptor& field, int64_t value);
absl::Status CheckText(const google::protobuf::FieldDescriptor& field, absl::string_view value);
absl::Status CheckDuration(const google::protobuf::FieldDescriptor& field, absl::Duration value);
absl::Status CheckCount(const google::protobuf::FieldDescriptor& field, size_t count);

bool IsRequired(const google::protobuf::FieldDescriptor& field);
// What an absent field means, as YAML text; empty if nothing is set.
std::string DefaultText(const google::protobuf::FieldDescriptor& field);
std::string Remedy(const google::protobuf::FieldDescriptor& field);

// "90s", "10m", "24h": a non-negative number with one unit or several. Nothing for other text.
std::optional<absl::Duration> ParseDuration(absl::string_view text);

}  // namespace plumbline::config
