#include "assess/tools/database.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <memory>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "assess/tools/child.h"

namespace plumbline::assess {
namespace {

constexpr size_t kSaltSize = 16;
constexpr size_t kIvSize = 16;
constexpr size_t kWalHeader = 32;
constexpr size_t kFrameHeader = 24;

struct Format {
  const EVP_MD* (*digest)();
  size_t reserve;  // bytes at the end of each page
};
constexpr Format kFormats[] = {{EVP_sha1, 48}, {EVP_sha512, 80}};
constexpr size_t kPageSizes[] = {4096, 1024, 512, 2048, 8192, 16384, 32768, 65536};

uint32_t BigEndian32(ByteView bytes, size_t at) {
  return static_cast<uint32_t>(bytes[at]) << 24 | static_cast<uint32_t>(bytes[at + 1]) << 16 |
         static_cast<uint32_t>(bytes[at + 2]) << 8 | bytes[at + 3];
}

class PageCipher {
 public:
  PageCipher(const Format& format, size_t page_size, ByteView key, ByteView salt)
      : format_(format), page_size_(page_size), key_(ToBytes(key)), hmac_key_(32) {
    Bytes hmac_salt = ToBytes(salt);
    for (uint8_t& byte : hmac_salt) byte ^= 0x3a;
    PKCS5_PBKDF2_HMAC(reinterpret_cast<const char*>(key.data()), static_cast<int>(key.size()), hmac_salt.data(),
                      static_cast<int>(hmac_salt.size()), 2, format.digest(), static_cast<int>(hmac_key_.size()),
                      hmac_key_.data());
  }

  size_t page_size() const { return page_size_; }

  // The page's content, or nothing if its HMAC does not verify.
  std::optional<Bytes> Open(ByteView page, uint32_t number) const {
    const size_t start = number == 1 ? kSaltSize : 0;
    const size_t end = page_size_ - format_.reserve;
    const ByteView iv = page.subspan(end, kIvSize);
    Bytes covered = ToBytes(page.subspan(start, end + kIvSize - start));
    for (int shift = 0; shift < 32; shift += 8) covered.push_back(static_cast<uint8_t>(number >> shift));
    Bytes mac(EVP_MAX_MD_SIZE);
    unsigned int mac_size = 0;
    HMAC(format_.digest(), hmac_key_.data(), static_cast<int>(hmac_key_.size()), covered.data(), covered.size(),
         mac.data(), &mac_size);
    mac.resize(mac_size);
    if (!Equal(mac, page.subspan(end + kIvSize, mac_size))) return std::nullopt;
    return Decrypt(page.subspan(start, end - start), iv);
  }

 private:
  Bytes Decrypt(ByteView sealed, ByteView iv) const {
    Bytes plain(sealed.size() + 16);
    int first = 0, last = 0;
    std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
    EVP_DecryptInit_ex(context.get(), EVP_aes_256_cbc(), nullptr, key_.data(), iv.data());
    EVP_CIPHER_CTX_set_padding(context.get(), 0);
    EVP_DecryptUpdate(context.get(), plain.data(), &first, sealed.data(), static_cast<int>(sealed.size()));
    EVP_DecryptFinal_ex(context.get(), plain.data() + first, &last);
    plain.resize(static_cast<size_t>(first + last));
    return plain;
  }

  const Format format_;
  const size_t page_size_;
  const Bytes key_;
  Bytes hmac_key_;
};

// Which format and page size the file has: the one whose HMAC verifies for page 1.
std::optional<PageCipher> FindCipher(ByteView file, ByteView key) {
  for (const size_t page_size : kPageSizes) {
    if (file.size() < page_size) continue;
    for (const Format& format : kFormats) {
      PageCipher cipher(format, page_size, key, file.first(kSaltSize));
      if (cipher.Open(file.first(page_size), 1)) return cipher;
    }
  }
  return std::nullopt;
}

void OpenWal(ByteView wal, const PageCipher& cipher, DecryptedDatabase& database) {
  const size_t frame = kFrameHeader + cipher.page_size();
  for (size_t at = kWalHeader; at + frame <= wal.size(); at += frame) {
    const uint32_t number = BigEndian32(wal, at);
    std::optional<Bytes> content = cipher.Open(wal.subspan(at + kFrameHeader, cipher.page_size()), number);
    if (!content) {
      ++database.unreadable;
      continue;
    }
    database.pages.push_back({number, true, *std::move(content)});
  }
}

}  // namespace

absl::StatusOr<DecryptedDatabase> DecryptDatabase(const std::string& path, ByteView key) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  const ByteView file = AsBytes(text);
  if (absl::StartsWith(text, "SQLite format 3")) return absl::InvalidArgumentError("the database is not encrypted");
  const std::optional<PageCipher> cipher = FindCipher(file, key);
  if (!cipher) return absl::InvalidArgumentError("the key does not open the first page of the database");
  DecryptedDatabase database;
  database.page_size = cipher->page_size();
  for (size_t at = 0; at + database.page_size <= file.size(); at += database.page_size) {
    const uint32_t number = static_cast<uint32_t>(at / database.page_size) + 1;
    std::optional<Bytes> content = cipher->Open(file.subspan(at, database.page_size), number);
    if (!content) {
      ++database.unreadable;
      continue;
    }
    database.pages.push_back({number, false, *std::move(content)});
  }
  // Database header, offset 36: number of free pages. Page 1's content begins at offset 16.
  if (!database.pages.empty() && database.pages[0].number == 1) {
    database.free_pages = BigEndian32(database.pages[0].content, 36 - kSaltSize);
  }
  if (const auto wal = ReadFile(path + "-wal"); wal.ok()) OpenWal(AsBytes(*wal), *cipher, database);
  return database;
}

std::vector<Hit> SearchDatabase(const DecryptedDatabase& database, const std::string& name, const PatternSet& patterns) {
  std::vector<Hit> hits;
  for (const DecryptedPage& page : database.pages) {
    patterns.Search(page.content, [&](const Hit& hit) {
      hits.push_back(hit);
      hits.back().place = absl::StrCat(name, page.from_wal ? "-wal" : "", " page ", page.number);
    });
  }
  return hits;
}

}  // namespace plumbline::assess
