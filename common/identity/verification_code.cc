#include "common/identity/verification_code.h"

#include <sodium.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/codec.h"
#include "common/identity/labels.h"

namespace plumbline::identity {
namespace {

constexpr int kIterations = 5200;
constexpr int kGroups = 6;

std::string Half(const VerificationParty& party) {
  std::vector<PublicKey> keys = party.mls_signature_keys;
  std::sort(keys.begin(), keys.end());
  Writer body;
  body.Vector(AsBytes(party.user));
  for (const PublicKey& key : keys) body.Vector(key);

  Fixed<crypto_hash_sha512_BYTES> hash;
  const auto digest = [&hash, &body](ByteView first) {
    crypto_hash_sha512_state state;
    crypto_hash_sha512_init(&state);
    crypto_hash_sha512_update(&state, first.data(), first.size());
    crypto_hash_sha512_update(&state, body.view().data(), body.size());
    crypto_hash_sha512_final(&state, hash.data());
  };
  digest(AsBytes(kVerificationLabel));
  for (int i = 0; i < kIterations; ++i) digest(hash);

  std::string out;
  for (int group = 0; group < kGroups; ++group) {
    uint64_t value = 0;
    for (int i = 0; i < 5; ++i) value = (value << 8) | hash[group * 5 + i];
    absl::StrAppend(&out, out.empty() ? "" : " ", absl::StrFormat("%05d", value % 100000));
  }
  return out;
}

}  // namespace

std::string VerificationCode(const VerificationParty& a, const VerificationParty& b) {
  const bool in_order = a.user < b.user;
  return absl::StrCat(Half(in_order ? a : b), " ", Half(in_order ? b : a));
}

}  // namespace plumbline::identity
