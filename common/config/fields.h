// One YAML scalar into one field of a protobuf message, under the field's rule.
#pragma once

#include <google/protobuf/message.h>

#include <string>

#include "absl/strings/string_view.h"
#include "common/status.h"
#include "plumbline/config/v1/options.pb.h"

namespace plumbline::config {

const v1::FieldRule& RuleOf(const google::protobuf::FieldDescriptor& field);
// True for google.protobuf.Duration, which is written as a scalar.
bool IsDuration(const google::protobuf::FieldDescriptor& field);

// Sets `field`, or appends to it if it is repeated. INVALID_ARGUMENT with the cause (no line, no remedy) if `text` is not of
// the field's type or breaks its rule; INTERNAL for a field type that a configuration cannot have.
absl::Status SetScalar(google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field,
                       const std::string& text);

// The rule on the number of elements of a repeated field.
absl::Status CheckCount(const google::protobuf::FieldDescriptor& field, size_t count);

}  // namespace plumbline::config
