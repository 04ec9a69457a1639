// What the delivery server's attachment store and its clients agree on (docs/protocols/files.md).
#pragma once

#include "common/identity/fixed.h"

namespace plumbline::identity {

inline constexpr size_t kPieceSize = 256 * 1024;               // bytes moved and stored at a time; the last piece may be shorter
inline constexpr uint64_t kMaxAttachment = uint64_t{2112} << 20;  // bytes: a file of 2 GiB, encrypted and padded

using AttachmentId = Hash;        // SHA-256 of the read capability
using Capability = Fixed<32>;     // random; whoever shows it may read, or append and delete

// The database of attachments has a key of its own: HKDF of the server's database key with this info.
inline constexpr char kAttachmentsKeyLabel[] = "plumbline attachments database v1";

}  // namespace plumbline::identity
