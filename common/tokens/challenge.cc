#include "common/tokens/challenge.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/codec.h"

namespace plumbline::tokens {
namespace {

constexpr size_t kMaxLabel = 63;
constexpr size_t kMaxPortDigits = 5;

bool IsLabel(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxLabel && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
         });
}

// Without leading zeros; 443 is what no port means (RFC 9577 §2.1.1).
bool IsPort(absl::string_view text) {
  if (text.empty() || text.size() > kMaxPortDigits || text.front() == '0' || text == "443")
    return false;
  uint32_t port = 0;
  for (const unsigned char c : text) {
    if (!absl::ascii_isdigit(c)) return false;
    port = port * 10 + (c - '0');
  }
  return port <= 0xffff;
}

bool IsServerName(absl::string_view text) {
  if (text.size() > kMaxName) return false;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  const std::vector<absl::string_view> labels = absl::StrSplit(parts[0], '.');
  return std::all_of(labels.begin(), labels.end(), IsLabel) &&
         (parts.size() == 1 || IsPort(parts[1]));
}

bool IsOriginInfo(absl::string_view text) {
  if (text.empty()) return true;
  if (text.size() > kMaxOriginInfo) return false;
  std::vector<absl::string_view> names = absl::StrSplit(text, ',');
  if (!std::all_of(names.begin(), names.end(), IsServerName)) return false;
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) == names.end();
}

absl::StatusOr<absl::string_view> ReadText(Reader& in) {
  ASSIGN_OR_RETURN(const uint16_t size, in.U16());
  ASSIGN_OR_RETURN(const ByteView bytes, in.Fixed(size));
  return absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace

absl::StatusOr<TokenChallenge> TokenChallenge::Create(absl::string_view issuer_name,
                                                      absl::string_view origin_info,
                                                      std::optional<RedemptionContext> context) {
  if (!IsServerName(issuer_name))
    return absl::InvalidArgumentError("the issuer of a token challenge is no server name");
  if (!IsOriginInfo(origin_info))
    return absl::InvalidArgumentError("the origins of a token challenge are no server names");
  TokenChallenge out;
  out.issuer_name_ = std::string(issuer_name);
  out.origin_info_ = std::string(origin_info);
  out.context_ = context;
  return out;
}

absl::StatusOr<TokenChallenge> TokenChallenge::Parse(ByteView wire) {
  Reader in(wire);
  ASSIGN_OR_RETURN(const uint16_t type, in.U16());
  if (type != kTokenType) return absl::InvalidArgumentError("a token challenge of another type");
  ASSIGN_OR_RETURN(const absl::string_view issuer_name, ReadText(in));
  ASSIGN_OR_RETURN(const uint8_t context_size, in.U8());
  std::optional<RedemptionContext> context;
  if (context_size != 0) {
    if (context_size != context.emplace().size())
      return absl::InvalidArgumentError("a redemption context has 0 or 32 bytes");
    ASSIGN_OR_RETURN(const ByteView bytes, in.Fixed(context_size));
    std::copy(bytes.begin(), bytes.end(), context->begin());
  }
  ASSIGN_OR_RETURN(const absl::string_view origin_info, ReadText(in));
  RETURN_IF_ERROR(in.Done());
  return Create(issuer_name, origin_info, context);
}

Bytes TokenChallenge::Encode() const {
  Writer out;
  out.U16(kTokenType);
  out.U16(static_cast<uint16_t>(issuer_name_.size())).Fixed(AsBytes(issuer_name_));
  out.U8(context_ ? static_cast<uint8_t>(context_->size()) : 0);
  if (context_) out.Fixed(*context_);
  out.U16(static_cast<uint16_t>(origin_info_.size())).Fixed(AsBytes(origin_info_));
  return out.TakeBytes();
}

Hash TokenChallenge::Digest() const { return Sha256(Encode()); }

}  // namespace plumbline::tokens
