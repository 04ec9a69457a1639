// A file that opens only with a passphrase: Argon2id (RFC 9106) then XChaCha20-Poly1305.
//
//   struct {
//     opaque magic[8] = "PLSEAL01";
//     uint32 passes;         /* Argon2id t, 1..16 */
//     uint32 memory_kib;     /* Argon2id m, 8 MiB..1 GiB */
//     opaque salt[16];
//     opaque nonce[24];
//     opaque key_check[16];  /* tells a wrong passphrase from a damaged body */
//     opaque ciphertext<V>;  /* the header above is its associated data */
//   } SealedFile;
//
// `key_check` comes from the same Argon2id output through its own HKDF label, so it gives a guesser nothing that
// the ciphertext does not.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/bytes.h"
#include "common/crypto/stretch.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::crypto {

inline constexpr absl::string_view kSealedFileMagic = "PLSEAL01";  // the first bytes
inline constexpr size_t kMaxSealedContent = 1 << 20;

// Replaces `path` atomically (temporary file, fsync, rename, fsync of the directory), mode 0600.
// INVALID_ARGUMENT for a passphrase that CheckPassphrase refuses, content above kMaxSealedContent or a cost out of
// bounds; RESOURCE_EXHAUSTED without the memory; codes of WriteFileAtomically if the file cannot be written: the old one is
// untouched.
absl::Status SealToFile(const std::string& path, const Secret& passphrase, ByteView content,
                        const SealCost& cost = SealCost());

// NOT_FOUND if there is no file; PERMISSION_DENIED for a wrong passphrase (or a damaged header: they cannot be told
// apart, and the message says so); DATA_LOSS for a file that is not a sealed file or whose body was changed.
absl::StatusOr<Secret> OpenSealedFile(const std::string& path, const Secret& passphrase);

// The same on bytes, for tests and other containers.
absl::StatusOr<Bytes> Seal(const Secret& passphrase, ByteView content, const SealCost& cost = SealCost());
absl::StatusOr<Secret> Unseal(const Secret& passphrase, ByteView sealed);

}  // namespace plumbline::crypto
