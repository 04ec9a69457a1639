#include "common/directory/follow.h"

#include <sodium.h>

#include <algorithm>

#include "common/check.h"
#include "common/codec.h"
#include "common/crypto/hkdf.h"
#include "common/identity/labels.h"
#include "common/identity/record.h"

namespace plumbline::directory {
namespace {

constexpr size_t kNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTag = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kMaxCredential = 8 << 10;

Bytes Encode(const Followed& followed) {
  Writer credentials;
  for (const Bytes& credential : followed.credentials) credentials.Vector(credential);
  Writer out;
  out.Fixed(followed.nonce.bytes).Vector(followed.record).Fixed(followed.signature).Vector(credentials.view());
  return out.TakeBytes();
}

absl::StatusOr<Followed> Parse(ByteView plain) {
  Reader in(plain);
  Followed out;
  ASSIGN_OR_RETURN(const ByteView nonce, in.Fixed(out.nonce.bytes.size()));
  std::copy(nonce.begin(), nonce.end(), out.nonce.bytes.begin());
  ASSIGN_OR_RETURN(const ByteView record, in.Vector(identity::kMaxRecord));
  ASSIGN_OR_RETURN(const ByteView signature, in.Fixed(64));
  ASSIGN_OR_RETURN(const ByteView list, in.Vector(kMaxFollowed));
  RETURN_IF_ERROR(in.Done());
  out.record = ToBytes(record);
  out.signature = ToBytes(signature);
  Reader credentials(list);
  while (!credentials.AtEnd()) {
    ASSIGN_OR_RETURN(const ByteView credential, credentials.Vector(kMaxCredential));
    out.credentials.push_back(ToBytes(credential));
  }
  return out;
}

}  // namespace

Secret FollowKey(const Secret& secret, const tlog::MapIndex& index) {
  Writer message;
  message.Fixed(AsBytes(identity::kFollowLabel)).Fixed(index.bytes);
  return Secret::CopyOf(crypto::HmacSha256(secret.view(), message.view()));
}

Bytes Seal(const Followed& followed, const Secret& key, ByteView leaf) {
  CHECK(key.view().size() == kFollowKeySize && followed.signature.size() == 64);
  const Bytes plain = Encode(followed);
  Writer message;
  message.Fixed(leaf).Fixed(plain);
  const auto mac = crypto::HmacSha256(key.view(), message.view());
  Bytes out(kNonce + plain.size() + kTag);
  std::copy_n(mac.begin(), kNonce, out.begin());
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + kNonce, nullptr, plain.data(), plain.size(), leaf.data(), leaf.size(),
                                             nullptr, out.data(), key.view().data());
  return out;
}

absl::StatusOr<Followed> OpenFollowed(ByteView sealed, const Secret& key, ByteView leaf) {
  CHECK(key.view().size() == kFollowKeySize);
  if (sealed.size() < kNonce + kTag || sealed.size() > kMaxFollowed)
    return absl::UnauthenticatedError("what the feed sealed has a wrong size");
  Bytes plain(sealed.size() - kNonce - kTag);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain.data(), nullptr, nullptr, sealed.data() + kNonce, sealed.size() - kNonce,
                                                 leaf.data(), leaf.size(), sealed.data(), key.view().data()) != 0)
    return absl::UnauthenticatedError("what the feed sealed does not open");
  return Parse(plain);
}

}  // namespace plumbline::directory
