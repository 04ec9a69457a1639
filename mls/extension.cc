#include "mls/extension.h"

#include <algorithm>

namespace plumbline::mls {
namespace {

constexpr size_t kMaxExtensionsBytes = size_t{1}
                                       << 26;  // a GroupInfo carries the whole tree in one
constexpr size_t kMaxTypesBytes = 4096;

}  // namespace

const Bytes* FindExtension(const Extensions& extensions, uint16_t type) {
  for (const Extension& extension : extensions) {
    if (extension.type == type) return &extension.data;
  }
  return nullptr;
}

bool IsDefaultExtension(uint16_t type) {
  return type >= kExtensionApplicationId && type <= kExtensionExternalSenders;
}

bool IsGrease(uint16_t value) {
  return (value & 0x0f0f) == 0x0a0a && (value >> 8) == (value & 0xff) && value != 0xfafa;
}

absl::StatusOr<Extensions> ReadExtensions(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView list, in.Vector(kMaxExtensionsBytes));
  Extensions extensions;
  for (Reader items(list); !items.AtEnd();) {
    ASSIGN_OR_RETURN(const uint16_t type, items.U16());
    ASSIGN_OR_RETURN(const ByteView data, items.Vector(kMaxExtensionsBytes));
    if (FindExtension(extensions, type) != nullptr) {
      return absl::InvalidArgumentError("an extension type occurs twice");
    }
    if (extensions.size() >= 256) return absl::InvalidArgumentError("too many extensions");
    extensions.push_back({type, ToBytes(data)});
  }
  return extensions;
}

void WriteExtensions(Writer& out, const Extensions& extensions) {
  Writer list;
  for (const Extension& extension : extensions) list.U16(extension.type).Vector(extension.data);
  out.Vector(list.view());
}

absl::StatusOr<std::vector<uint16_t>> ReadUint16s(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView list, in.Vector(kMaxTypesBytes));
  std::vector<uint16_t> values;
  for (Reader items(list); !items.AtEnd();) {
    ASSIGN_OR_RETURN(const uint16_t value, items.U16());
    values.push_back(value);
  }
  return values;
}

void WriteUint16s(Writer& out, const std::vector<uint16_t>& values) {
  Writer list;
  for (const uint16_t value : values) list.U16(value);
  out.Vector(list.view());
}

bool Contains(const std::vector<uint16_t>& values, uint16_t value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

absl::StatusOr<RequiredCapabilities> ParseRequiredCapabilities(ByteView data) {
  Reader in(data);
  RequiredCapabilities required;
  ASSIGN_OR_RETURN(required.extensions, ReadUint16s(in));
  ASSIGN_OR_RETURN(required.proposals, ReadUint16s(in));
  ASSIGN_OR_RETURN(required.credentials, ReadUint16s(in));
  RETURN_IF_ERROR(in.Done());
  return required;
}

Bytes Encode(const RequiredCapabilities& required) {
  Writer out;
  WriteUint16s(out, required.extensions);
  WriteUint16s(out, required.proposals);
  WriteUint16s(out, required.credentials);
  return out.TakeBytes();
}

}  // namespace plumbline::mls
