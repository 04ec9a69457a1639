#include "common/crypto/key_wrap.h"

#include <sodium.h>

#include "common/check.h"

namespace plumbline::crypto {
namespace {

constexpr size_t kNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
static_assert(kNonce + crypto_aead_xchacha20poly1305_ietf_ABYTES == kWrapOverhead);
static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == kWrappingKeySize);

}  // namespace

absl::StatusOr<KeyWrap> KeyWrap::Create(Secret&& key) {
  if (key.size() != kWrappingKeySize) return absl::InvalidArgumentError("a wrapping key has 32 bytes");
  return KeyWrap(std::move(key));
}

absl::StatusOr<Bytes> KeyWrap::Wrap(const Secret& secret, ByteView context) const {
  if (secret.empty() || secret.size() > kMaxWrapped - kWrapOverhead) return absl::InvalidArgumentError("a secret of this size is not wrapped");
  Bytes out(kWrapOverhead + secret.size());
  randombytes_buf(out.data(), kNonce);
  CHECK(crypto_aead_xchacha20poly1305_ietf_encrypt(out.data() + kNonce, nullptr, secret.view().data(), secret.size(), context.data(),
                                                   context.size(), nullptr, out.data(), key_.view().data()) == 0);
  return out;
}

absl::StatusOr<Secret> KeyWrap::Unwrap(ByteView wrapped, ByteView context) const {
  const absl::Status wrong = absl::UnauthenticatedError("the wrapped key is not this one's, or was changed");
  if (wrapped.size() <= kWrapOverhead || wrapped.size() > kMaxWrapped) return wrong;
  Secret out(wrapped.size() - kWrapOverhead);
  const ByteView box = wrapped.subspan(kNonce);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(out.span().data(), nullptr, nullptr, box.data(), box.size(), context.data(),
                                                 context.size(), wrapped.data(), key_.view().data()) != 0) {
    return wrong;
  }
  return out;
}

}  // namespace plumbline::crypto
