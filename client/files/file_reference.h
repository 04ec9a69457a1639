// The message that carries a file: where its sealed bytes are and what opens them (docs/protocols/files.md).
#pragma once

#include <string>

#include "client/files/file_cipher.h"
#include "common/identity/attachment.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::client {

inline constexpr char kFileMediaType[] = "application/vnd.plumbline.file";  // of the frame
inline constexpr size_t kMaxFileName = 255;     // bytes, in a message
inline constexpr size_t kMaxSafeFileName = 200;  // bytes, on disk

// struct { uint8 version = 1; opaque name<V>; opaque media_type<V>; uint64 size; opaque key[32]; opaque read_capability[32];
//          uint64 sealed_size; opaque sealed_hash[32]; opaque server<V>; uint32 expires_day; } FileReference;
struct FileReference {
  std::string name;        // as the sender calls it: not safe to print or to save under
  std::string media_type;  // printable ASCII
  FileShape shape;
  Secret key;
  identity::Capability read_capability{};
  identity::Hash sealed_hash{};  // SHA-256 of all chunks
  std::string server;            // host:port of the delivery server that has it
  uint32_t expires_day = 0;      // the last day it is there
};
Bytes Encode(const FileReference& file);
// INVALID_ARGUMENT file_malformed on anything Encode does not make.
absl::StatusOr<FileReference> ParseFileReference(ByteView wire);

// A name that is safe to save under, made from any bytes: at most kMaxSafeFileName bytes of UTF-8, not empty, no path, no
// control or direction characters, not hidden, not an option.
std::string SafeFileName(absl::string_view name);

// "1.4 MB".
std::string FileSizeText(uint64_t bytes);

}  // namespace plumbline::client
