#include "keyserver/former_log_key.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/codec.h"
#include "common/file.h"
#include "common/identity/reason.h"
#include "keyserver/store/sqlcipher_connection.h"

namespace plumbline::keyserver {
namespace {

constexpr uint8_t kFormat = 1;
constexpr size_t kMaxKey = 1024;
constexpr int64_t kLastSecond = 253'402'300'799;  // of the year 9999

}  // namespace

Secret Encode(const FormerLogKey& key) {
  return Writer().U8(kFormat).U64(static_cast<uint64_t>(absl::ToUnixSeconds(key.ends))).Vector(key.key.Serialize().view()).TakeSecret();
}

absl::StatusOr<FormerLogKey> ParseFormerLogKey(ByteView stored, const std::shared_ptr<pkcs11::Token>& token) {
  Reader in(stored);
  ASSIGN_OR_RETURN(const uint8_t format, in.U8());
  ASSIGN_OR_RETURN(const uint64_t ends, in.U64());
  ASSIGN_OR_RETURN(const ByteView key, in.Vector(kMaxKey));
  RETURN_IF_ERROR(in.Done());
  if (format != kFormat || ends > kLastSecond) return absl::InvalidArgumentError("not a former key of the log");
  ASSIGN_OR_RETURN(SigningKey signing, SigningKey::Parse(key, token));
  return FormerLogKey{std::move(signing), absl::FromUnixSeconds(static_cast<int64_t>(ends))};
}

std::string FormerLogKeyPath(const std::string& data_dir) { return absl::StrCat(data_dir, "/log.former"); }

absl::Status SealFormerLogKey(const std::string& data_dir, const Secret& passphrase, const FormerLogKey& key, const crypto::SealCost& cost) {
  return crypto::SealToFile(FormerLogKeyPath(data_dir), passphrase, Encode(key).view(), cost);
}

absl::StatusOr<std::optional<FormerLogKey>> UnsealFormerLogKey(const std::string& data_dir, const Secret& passphrase,
                                                               const std::shared_ptr<pkcs11::Token>& token) {
  const absl::StatusOr<Secret> stored = crypto::OpenSealedFile(FormerLogKeyPath(data_dir), passphrase);
  // Zeros: it was being overwritten, which is the last step.
  if (absl::IsNotFound(stored.status()) || absl::IsDataLoss(stored.status())) return std::optional<FormerLogKey>();
  RETURN_IF_ERROR(stored.status());
  absl::StatusOr<FormerLogKey> key = ParseFormerLogKey(stored->view(), token);
  // It was destroyed in the token, which is the step before.
  if (identity::ReasonOf(key.status()) == "pkcs11_key_missing") return std::optional<FormerLogKey>();
  RETURN_IF_ERROR(key.status());
  return std::optional<FormerLogKey>(*std::move(key));
}

absl::Duration FormerLogKeyEnd::Remaining(absl::Time now) const {
  return key_ ? std::max(key_->ends - now, absl::ZeroDuration()) : absl::InfiniteDuration();
}

absl::Status FormerLogKeyEnd::EndIfDue(absl::Time now) {
  if (!key_ || now < key_->ends) return absl::OkStatus();
  RETURN_IF_ERROR(connection_.EndFormerLogKey());
  RETURN_IF_ERROR(key_->key.DestroyInToken());
  RETURN_IF_ERROR(ShredFile(FormerLogKeyPath(data_dir_)));
  key_.reset();
  return absl::OkStatus();
}

}  // namespace plumbline::keyserver
