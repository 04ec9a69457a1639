// Text that people choose and other people's terminals show: names, labels, justifications.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "common/bytes.h"
#include "common/codec.h"
#include "common/status.h"

namespace plumbline::identity {

inline constexpr size_t kMaxDisplayName = 128;    // bytes
inline constexpr size_t kMaxDeviceLabel = 64;     // bytes
inline constexpr size_t kMaxJustification = 512;  // bytes
inline constexpr size_t kMaxProofing = 256;       // bytes, of the level and of the reference

// INVALID_ARGUMENT unless `text` is at most `max_size` bytes of well-formed UTF-8 (RFC 3629) without control
// characters (U+0000 to U+001F, U+007F to U+009F), line and paragraph separators (U+2028, U+2029) and the characters that turn
// the direction of what follows (U+202A to U+202E, U+2066 to U+2069, U+200E, U+200F, U+061C), so that it can be printed as it is.
absl::Status CheckText(absl::string_view text, size_t max_size);

// Takes one code point from the front of `text`, which is not empty. INVALID_ARGUMENT if it is malformed.
absl::StatusOr<uint32_t> NextCodePoint(absl::string_view& text);

// opaque text<V> that passes CheckText.
absl::StatusOr<std::string> ReadText(Reader& in, size_t max_size);

}  // namespace plumbline::identity
