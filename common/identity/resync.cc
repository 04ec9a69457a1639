#include "common/identity/resync.h"

#include "common/identity/labels.h"
#include "common/identity/version.h"

namespace plumbline::identity {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kMaxGroupId = 64;
constexpr size_t kMaxKeyPackage = 16 * 1024;

Bytes SignedPart(const ResyncRequest& request) {
  Writer out;
  out.U8(kVersion).Vector(request.group_id).U64(request.epoch).U64(request.time_unix).Vector(request.key_package);
  return out.TakeBytes();
}

}  // namespace

ResyncRequest SignResyncRequest(ResyncRequest request, const crypto::Ed25519KeyPair& mls_key) {
  request.signature = *ToFixed<64>(mls_key.Sign(kResyncLabel, SignedPart(request)));
  return request;
}

absl::Status VerifyResyncRequest(const ResyncRequest& request, const crypto::Ed25519PublicKey& mls_key) {
  return mls_key.Verify(kResyncLabel, SignedPart(request), request.signature);
}

Bytes Encode(const ResyncRequest& request) {
  Writer out;
  out.Fixed(SignedPart(request)).Fixed(request.signature);
  return out.TakeBytes();
}

absl::StatusOr<ResyncRequest> ParseResyncRequest(ByteView wire) {
  Reader in(wire);
  RETURN_IF_ERROR(TakeVersion(in, kVersion, "a resync request"));
  ResyncRequest out;
  ASSIGN_OR_RETURN(const ByteView group_id, in.Vector(kMaxGroupId));
  if (group_id.empty()) return absl::InvalidArgumentError("a resync request without a group");
  out.group_id = ToBytes(group_id);
  ASSIGN_OR_RETURN(out.epoch, in.U64());
  ASSIGN_OR_RETURN(out.time_unix, in.U64());
  ASSIGN_OR_RETURN(const ByteView key_package, in.Vector(kMaxKeyPackage));
  out.key_package = ToBytes(key_package);
  ASSIGN_OR_RETURN(out.signature, ReadFixed<64>(in));
  RETURN_IF_ERROR(in.Done());
  return out;
}

}  // namespace plumbline::identity
