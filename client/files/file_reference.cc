#include "client/files/file_reference.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "client/terminal_text.h"
#include "common/codec.h"
#include "common/identity/frame.h"
#include "common/identity/reason.h"

namespace plumbline::client {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kMaxServer = 255;  // bytes
constexpr size_t kMaxExtension = 16;

absl::StatusOr<FileReference> Parse(ByteView wire) {
  Reader in(wire);
  FileReference out;
  ASSIGN_OR_RETURN(const uint8_t version, in.U8());
  if (version != kVersion) return absl::InvalidArgumentError("unknown version");
  ASSIGN_OR_RETURN(const ByteView name, in.Vector(kMaxFileName));
  ASSIGN_OR_RETURN(const ByteView media_type, in.Vector(identity::kMaxMediaType));
  ASSIGN_OR_RETURN(const uint64_t size, in.U64());
  ASSIGN_OR_RETURN(const ByteView key, in.Fixed(kFileKeySize));
  ASSIGN_OR_RETURN(out.read_capability, identity::ReadFixed<32>(in));
  ASSIGN_OR_RETURN(const uint64_t sealed_size, in.U64());
  ASSIGN_OR_RETURN(out.sealed_hash, identity::ReadFixed<32>(in));
  ASSIGN_OR_RETURN(const ByteView server, in.Vector(kMaxServer));
  ASSIGN_OR_RETURN(out.expires_day, in.U32());
  RETURN_IF_ERROR(in.Done());
  if (size > kMaxFile) return absl::InvalidArgumentError("the file is larger than any may be");
  out.shape = FileShape::Of(size);
  if (out.shape.sealed_size != sealed_size) return absl::InvalidArgumentError("the sizes do not fit");
  for (const ByteView text : {media_type, server}) {
    for (const uint8_t c : text) {
      if (c < 0x20 || c > 0x7e) return absl::InvalidArgumentError("not printable ASCII");
    }
  }
  out.name = ToString(name);
  out.media_type = ToString(media_type);
  out.server = ToString(server);
  out.key = Secret::CopyOf(key);
  return out;
}

}  // namespace

Bytes Encode(const FileReference& file) {
  Writer out;
  out.U8(kVersion)
      .Vector(AsBytes(file.name))
      .Vector(AsBytes(file.media_type))
      .U64(file.shape.size)
      .Fixed(file.key.view())
      .Fixed(file.read_capability)
      .U64(file.shape.sealed_size)
      .Fixed(file.sealed_hash)
      .Vector(AsBytes(file.server))
      .U32(file.expires_day);
  return out.TakeBytes();
}

absl::StatusOr<FileReference> ParseFileReference(ByteView wire) {
  absl::StatusOr<FileReference> file = Parse(wire);
  if (file.ok()) return file;
  return identity::Refuse(absl::StatusCode::kInvalidArgument, "file_malformed",
                          absl::StrCat("the message does not describe a file in a form this version knows (",
                                       file.status().message(), "); update this program, or ask for it again"));
}

std::string SafeFileName(absl::string_view name) {
  std::string safe = absl::StrReplaceAll(ForTerminal(name, /*multiline=*/false),
                                         {{"\xef\xbf\xbd", "_"}, {"/", "_"}, {"\\", "_"}});
  while (!safe.empty() && safe.back() == ' ') safe.pop_back();
  if (safe.empty()) return "file";
  if (safe[0] == '.' || safe[0] == '-' || safe[0] == ' ') safe[0] = '_';
  if (safe.size() <= kMaxSafeFileName) return safe;
  // The end tells what kind of file it is.
  const size_t dot = safe.rfind('.');
  const std::string extension = dot != std::string::npos && safe.size() - dot <= kMaxExtension ? safe.substr(dot) : "";
  size_t end = kMaxSafeFileName - extension.size();
  while (end > 0 && (static_cast<uint8_t>(safe[end]) & 0xC0) == 0x80) --end;  // not within a character
  return safe.substr(0, end) + extension;
}

std::string FileSizeText(uint64_t bytes) {
  if (bytes < 1000) return absl::StrCat(bytes, " bytes");
  if (bytes < 1000 * 1000) return absl::StrFormat("%.1f kB", static_cast<double>(bytes) / 1e3);
  return absl::StrFormat("%.1f MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace plumbline::client
