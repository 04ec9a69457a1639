// Decrypts every page of a SQLCipher database file and of its write-ahead log: live pages, free pages, and frames that
// a checkpoint left behind. No SQL is involved, so nothing that is still in the file is hidden.
//
// Page (SQLCipher 3 and 4): ciphertext (AES-256-CBC) || IV (16) || HMAC || zeros, the last three in the reserved area;
// page 1 begins with the 16-byte salt in the clear. HMAC key = PBKDF2(key, salt xor 0x3a.., 2 rounds); the HMAC covers
// ciphertext, IV and the page number (little-endian). SHA-1 and a reserve of 48 in version 3, SHA-512 and 80 in 4.
#pragma once

#include <string>
#include <vector>

#include "assess/tools/canary.h"
#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::assess {

struct DecryptedPage {
  uint32_t number = 0;   // from 1
  bool from_wal = false;
  Bytes content;         // without the reserved area; page 1 without its salt
};

struct DecryptedDatabase {
  size_t page_size = 0;
  std::vector<DecryptedPage> pages;
  size_t free_pages = 0;      // on the free list of the main file
  size_t unreadable = 0;      // pages or frames whose HMAC does not verify
};

// `path` and, where it is there, `path`-wal. `key` is the raw 32-byte key. INVALID_ARGUMENT if the key does not open
// page 1 (or, where the main file is still empty, no frame), or if the file is plaintext SQLite.
absl::StatusOr<DecryptedDatabase> DecryptDatabase(const std::string& path, ByteView key);

// Hits with place "<file name> page N" or "<file name>-wal page N".
std::vector<Hit> SearchDatabase(const DecryptedDatabase& database, const std::string& name, const PatternSet& patterns);

}  // namespace plumbline::assess
