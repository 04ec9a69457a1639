// Configuration: a protobuf message written as YAML. The schema is proto/plumbline/config/v1/*.proto; rules beyond types
// (required, ranges, allowed values) are field options from options.proto.
//
// YAML keys are the proto field names; lists are repeated fields; google.protobuf.Duration is text such as "90s", "10m",
// "24h"; enums are their value names. No anchors, tags, maps with duplicate keys or several documents.
// There is no way to write a secret here: fields hold paths of files with secrets.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/secret.h"
#include "common/status.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace plumbline::config {

inline constexpr size_t kMaxConfigSize = 256 * 1024;  // bytes

// Fills `message`, which must be empty. INVALID_ARGUMENT "<file>:<line>: <cause>; <remedy>" on an unknown or duplicate key, a
// wrong type, a missing required field, a value out of range; NOT_FOUND or PERMISSION_DENIED for the file.
absl::Status Load(const std::string& path, google::protobuf::Message& message);
// The same on text; `file_name` is for messages.
absl::Status Parse(absl::string_view text, absl::string_view file_name, google::protobuf::Message& message);

// The first line of a file that only its owner may read, without the line end. FAILED_PRECONDITION if group or others may
// read or write it, or it belongs to another user; INVALID_ARGUMENT if it is empty, has a second line, or is too weak
// (crypto::CheckPassphrase); NOT_FOUND.
absl::StatusOr<Secret> ReadPassphraseFile(const std::string& path);
// The same for the PIN of a token, whose strength is the token's affair: 1 to 255 bytes.
absl::StatusOr<Secret> ReadPinFile(const std::string& path);

}  // namespace plumbline::config
