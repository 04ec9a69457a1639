#include "common/audit/log_key.h"

#include "absl/strings/str_cat.h"
#include "common/codec.h"

namespace plumbline::audit {
namespace {

constexpr char kRecordLabel[] = "plumbline audit record v1";

Bytes RecordMessage(uint64_t sequence, const tlog::Hash& root) { return Writer().U64(sequence).Fixed(root).TakeBytes(); }

}  // namespace

std::string Origin(absl::string_view domain, absl::string_view service) { return absl::StrCat(domain, "/audit/", service); }

absl::Status VerifyRecordSignature(const tlog::VerifierKey& log, uint64_t sequence, const tlog::Hash& root, ByteView signature) {
  if (log.key().Verify(kRecordLabel, RecordMessage(sequence, root), signature).ok()) return absl::OkStatus();
  return absl::UnauthenticatedError("the record's signature does not verify");
}

absl::StatusOr<LogKey> LogKey::Create(absl::string_view origin, std::shared_ptr<const crypto::Ed25519Signer> key) {
  ASSIGN_OR_RETURN(tlog::NoteSigner signer, tlog::NoteSigner::Create(origin, key));
  return LogKey(std::move(signer), std::move(key));
}

absl::StatusOr<LogKey> LogKey::Create(absl::string_view origin, crypto::Ed25519KeyPair key) {
  return Create(origin, std::make_shared<const crypto::Ed25519KeyPair>(std::move(key)));
}

absl::StatusOr<Bytes> LogKey::SignRecord(uint64_t sequence, const tlog::Hash& root) const {
  return crypto::SignUnder(*key_, kRecordLabel, RecordMessage(sequence, root));
}

}  // namespace plumbline::audit
