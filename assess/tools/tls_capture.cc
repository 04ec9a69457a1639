#include "assess/tools/tls_capture.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <sstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/codec.h"

namespace plumbline::assess {
namespace {

enum ContentType : uint8_t { kChangeCipherSpec = 20, kAlert = 21, kHandshake = 22, kApplicationData = 23 };
enum HandshakeType : uint8_t { kClientHello = 1, kServerHello = 2, kFinished = 20, kKeyUpdate = 24 };
constexpr size_t kMaxRecord = 16384 + 256;  // RFC 8446 §5.2
constexpr size_t kTagSize = 16;

struct Suite {
  uint16_t id;
  const EVP_CIPHER* (*cipher)();
  const EVP_MD* (*digest)();
};
constexpr Suite kSuites[] = {{0x1301, EVP_aes_128_gcm, EVP_sha256},
                             {0x1302, EVP_aes_256_gcm, EVP_sha384},
                             {0x1303, EVP_chacha20_poly1305, EVP_sha256}};

// HKDF-Expand-Label (RFC 8446 §7.1) with an empty context; `size` is at most one digest.
Bytes ExpandLabel(const EVP_MD* digest, ByteView secret, absl::string_view label, size_t size) {
  const std::string full = absl::StrCat("tls13 ", label);
  Writer info;
  info.U16(static_cast<uint16_t>(size)).U8(static_cast<uint8_t>(full.size())).Fixed(AsBytes(full)).U8(0).U8(1);
  Bytes out(EVP_MAX_MD_SIZE);
  unsigned int length = 0;
  HMAC(digest, secret.data(), static_cast<int>(secret.size()), info.view().data(), info.size(), out.data(), &length);
  out.resize(size);
  return out;
}

// The protection of one direction under one traffic secret.
class Protection {
 public:
  Protection(const Suite& suite, Bytes secret) : suite_(&suite), secret_(std::move(secret)) {
    key_ = ExpandLabel(suite.digest(), secret_, "key", static_cast<size_t>(EVP_CIPHER_get_key_length(suite.cipher())));
    iv_ = ExpandLabel(suite.digest(), secret_, "iv", 12);
  }

  Protection Next() const {
    return Protection(*suite_, ExpandLabel(suite_->digest(), secret_, "traffic upd", secret_.size()));
  }

  // TLSInnerPlaintext (RFC 8446 §5.2) with its padding and type still on it.
  absl::StatusOr<Bytes> Open(ByteView header, ByteView body) {
    if (body.size() < kTagSize) return absl::DataLossError("a protected record is shorter than its tag");
    Bytes nonce = iv_;
    for (size_t i = 0; i < 8; ++i) nonce[11 - i] ^= static_cast<uint8_t>(sequence_ >> (8 * i));
    ++sequence_;
    const ByteView sealed = body.first(body.size() - kTagSize);
    Bytes tag = ToBytes(body.last(kTagSize));
    Bytes plain(sealed.size());
    std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
    int written = 0;
    const bool opened =
        EVP_DecryptInit_ex(context.get(), suite_->cipher(), nullptr, key_.data(), nonce.data()) == 1 &&
        EVP_DecryptUpdate(context.get(), nullptr, &written, header.data(), static_cast<int>(header.size())) == 1 &&
        EVP_DecryptUpdate(context.get(), plain.data(), &written, sealed.data(), static_cast<int>(sealed.size())) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()) == 1 &&
        EVP_DecryptFinal_ex(context.get(), plain.data() + written, &written) == 1;
    if (!opened) return absl::DataLossError("a protected record does not open with the session's key");
    return plain;
  }

 private:
  const Suite* suite_;
  Bytes secret_;
  Bytes key_;
  Bytes iv_;
  uint64_t sequence_ = 0;
};

struct Record {
  uint8_t type;
  ByteView header;  // 5 bytes
  ByteView body;
};

// Splits a byte stream into records; `cut_off` where it ends within one.
absl::StatusOr<std::vector<Record>> SplitRecords(ByteView stream, bool& cut_off) {
  std::vector<Record> records;
  while (!stream.empty()) {
    if (stream.size() < 5) {
      cut_off = true;
      break;
    }
    const size_t size = static_cast<size_t>(stream[3]) << 8 | stream[4];
    if (stream[0] < kChangeCipherSpec || stream[0] > kApplicationData || stream[1] != 3 || size > kMaxRecord) {
      return absl::InvalidArgumentError("the recorded bytes are not TLS records");
    }
    if (stream.size() < 5 + size) {
      cut_off = true;
      break;
    }
    records.push_back({stream[0], stream.first(5), stream.subspan(5, size)});
    stream = stream.subspan(5 + size);
  }
  return records;
}

// Handshake messages put together from the pieces that records carry.
class HandshakeReader {
 public:
  void Add(ByteView piece) { buffer_.insert(buffer_.end(), piece.begin(), piece.end()); }
  // The next whole message (header included), or nothing yet.
  std::optional<Bytes> Next() {
    if (buffer_.size() < 4) return std::nullopt;
    const size_t size = 4 + (static_cast<size_t>(buffer_[1]) << 16 | buffer_[2] << 8 | buffer_[3]);
    if (buffer_.size() < size) return std::nullopt;
    Bytes message(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(size));
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(size));
    return message;
  }

 private:
  Bytes buffer_;
};

// What both hellos settle.
struct Hello {
  std::string client_random;  // hex
  const Suite* suite = nullptr;
};

std::vector<Bytes> PlaintextHandshake(const std::vector<Record>& records) {
  HandshakeReader reader;
  std::vector<Bytes> messages;
  for (const Record& record : records) {
    if (record.type == kApplicationData) break;
    if (record.type == kHandshake) reader.Add(record.body);
    while (auto message = reader.Next()) messages.push_back(*std::move(message));
  }
  return messages;
}

// Sets the suite. INVALID_ARGUMENT unless supported_versions (RFC 8446 §4.2.1) selects TLS 1.3.
absl::Status ReadServerHello(ByteView message, Hello& hello) {
  Reader in(message.subspan(4));
  RETURN_IF_ERROR(in.Fixed(2 + 32).status());
  ASSIGN_OR_RETURN(const uint8_t session_size, in.U8());
  RETURN_IF_ERROR(in.Fixed(session_size).status());
  ASSIGN_OR_RETURN(const uint16_t suite, in.U16());
  RETURN_IF_ERROR(in.U8().status());
  ASSIGN_OR_RETURN(const uint16_t extensions_size, in.U16());
  ASSIGN_OR_RETURN(const ByteView extensions, in.Fixed(extensions_size));
  Reader each(extensions);
  bool tls13 = false;
  while (!each.AtEnd()) {
    ASSIGN_OR_RETURN(const uint16_t type, each.U16());
    ASSIGN_OR_RETURN(const uint16_t size, each.U16());
    ASSIGN_OR_RETURN(const ByteView value, each.Fixed(size));
    tls13 = tls13 || (type == 43 && size == 2 && value[0] == 3 && value[1] == 4);
  }
  if (!tls13) return absl::InvalidArgumentError("the connection is not TLS 1.3");
  const auto found = std::find_if(std::begin(kSuites), std::end(kSuites), [&](const Suite& s) { return s.id == suite; });
  if (found == std::end(kSuites)) return absl::InvalidArgumentError("a cipher suite that RFC 8446 §B.4 does not name");
  hello.suite = found;
  return absl::OkStatus();
}

absl::StatusOr<Hello> ReadHellos(const std::vector<Record>& client, const std::vector<Record>& server) {
  Hello hello;
  for (const Bytes& message : PlaintextHandshake(client)) {
    if (message[0] != kClientHello || message.size() < 4 + 2 + 32) continue;
    hello.client_random = ToHex(ByteView(message).subspan(6, 32));  // the same in a second hello after a retry
  }
  if (hello.client_random.empty()) return absl::InvalidArgumentError("the recording has no whole ClientHello");
  for (const Bytes& message : PlaintextHandshake(server)) {
    if (message[0] == kServerHello) RETURN_IF_ERROR(ReadServerHello(message, hello));
  }
  return hello;
}

// One direction, record by record.
class Direction {
 public:
  Direction(const Suite& suite, Bytes handshake_secret, Bytes application_secret)
      : suite_(suite), protection_(suite, std::move(handshake_secret)), application_(std::move(application_secret)) {}

  absl::Status Open(const Record& record, Bytes& application_data, DecryptedConnection& totals) {
    if (record.type != kApplicationData) return absl::OkStatus();
    ASSIGN_OR_RETURN(Bytes inner, protection_.Open(record.header, record.body));
    ++totals.records;
    while (!inner.empty() && inner.back() == 0) inner.pop_back();
    if (inner.empty()) return absl::DataLossError("a record of padding only");
    const uint8_t type = inner.back();
    inner.pop_back();
    if (type == kApplicationData) application_data.insert(application_data.end(), inner.begin(), inner.end());
    if (type == kHandshake) FollowHandshake(inner, totals);
    return absl::OkStatus();
  }

 private:
  void FollowHandshake(ByteView piece, DecryptedConnection& totals) {
    handshake_.Add(piece);
    while (const auto message = handshake_.Next()) {
      if ((*message)[0] == kFinished) protection_ = Protection(suite_, application_);
      if ((*message)[0] == kKeyUpdate) {
        protection_ = protection_.Next();
        ++totals.key_updates;
      }
    }
  }

  const Suite& suite_;
  Protection protection_;
  Bytes application_;
  HandshakeReader handshake_;
};

absl::StatusOr<Bytes> TrafficSecret(const std::map<std::string, Bytes>& secrets, const char* label) {
  const auto found = secrets.find(label);
  if (found == secrets.end()) return absl::NotFoundError(absl::StrCat("the key log has no ", label, " for it"));
  return found->second;
}

absl::Status OpenDirection(const std::vector<Record>& records, const Suite& suite,
                           const std::map<std::string, Bytes>& secrets, const char* handshake_label,
                           const char* application_label, Bytes& plain, DecryptedConnection& totals) {
  const bool has_protected = std::any_of(records.begin(), records.end(),
                                         [](const Record& record) { return record.type == kApplicationData; });
  if (!has_protected) return absl::OkStatus();
  ASSIGN_OR_RETURN(Bytes handshake, TrafficSecret(secrets, handshake_label));
  ASSIGN_OR_RETURN(Bytes application, TrafficSecret(secrets, application_label));
  Direction direction(suite, std::move(handshake), std::move(application));
  for (const Record& record : records) RETURN_IF_ERROR(direction.Open(record, plain, totals));
  return absl::OkStatus();
}

}  // namespace

KeyLog ParseKeyLog(const std::string& text) {
  KeyLog keys;
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string label, random, secret;
    if (!(words >> label >> random >> secret) || label[0] == '#') continue;
    if (random.size() != 64 || secret.size() % 2 != 0) continue;
    keys[random][label] = ToBytes(AsBytes(absl::HexStringToBytes(secret)));
  }
  return keys;
}

absl::StatusOr<DecryptedConnection> Decrypt(const RecordedConnection& recorded, const KeyLog& keys) {
  DecryptedConnection result;
  ASSIGN_OR_RETURN(const std::vector<Record> client, SplitRecords(recorded.from_client, result.cut_off));
  ASSIGN_OR_RETURN(const std::vector<Record> server, SplitRecords(recorded.from_server, result.cut_off));
  ASSIGN_OR_RETURN(const Hello hello, ReadHellos(client, server));
  if (hello.suite == nullptr) return result;  // the server never answered: nothing was protected, nothing was said
  result.cipher_suite = hello.suite->id;
  const auto secrets = keys.find(hello.client_random);
  if (secrets == keys.end()) return absl::NotFoundError("the key log has no secrets for this connection");
  RETURN_IF_ERROR(OpenDirection(client, *hello.suite, secrets->second, "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
                                "CLIENT_TRAFFIC_SECRET_0", result.from_client, result));
  RETURN_IF_ERROR(OpenDirection(server, *hello.suite, secrets->second, "SERVER_HANDSHAKE_TRAFFIC_SECRET",
                                "SERVER_TRAFFIC_SECRET_0", result.from_server, result));
  return result;
}

}  // namespace plumbline::assess
