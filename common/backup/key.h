// Whom backups are made for: an X25519 key. Its public half is a line of text beside the service; its private half is a sealed
// file (common/crypto/sealed_file.h) that the service's machine need not have until something has to be restored.
//
//   recipient = "plbk1:" 64(hex) ":" 8(hex)      ; the key, and the first 4 bytes of SHA-256("plumbline backup key v1" || key)
#pragma once

#include <string>

#include "common/crypto/sealed_box.h"
#include "common/crypto/sealed_file.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::backup {

std::string RecipientText(const crypto::SealedBoxPublicKey& key);
// INVALID_ARGUMENT recipient_malformed, with the remedy, for any other text: what is encrypted to a key that was mistyped is lost.
absl::StatusOr<crypto::SealedBoxPublicKey> ParseRecipient(absl::string_view text);
// From a file with that one line. Codes of ReadTextFile.
absl::StatusOr<crypto::SealedBoxPublicKey> ReadRecipientFile(const std::string& path);

// Makes a key: `path` with its private half, sealed under `passphrase` (0600), and `path`.pub with its recipient line (0644).
// Returns that line. ALREADY_EXISTS backup_key_exists if one of them is there: whoever replaces a key loses the backups made for it.
absl::StatusOr<std::string> MakeKey(const std::string& path, const Secret& passphrase,
                                    const crypto::SealCost& cost = crypto::SealCost());
// NOT_FOUND; PERMISSION_DENIED passphrase_wrong; DATA_LOSS for a file that is no such key.
absl::StatusOr<crypto::SealedBoxKeyPair> OpenKey(const std::string& path, const Secret& passphrase);

}  // namespace plumbline::backup
