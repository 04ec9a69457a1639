#include "mls/crypto/nist_curve.h"

#include <openssl/core_names.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <bit>

#include "common/check.h"
#include "mls/crypto/openssl_handles.h"

namespace plumbline::mls {
namespace {

struct Curve {
  const EC_GROUP* group;
  const char* name;    // as providers know it
  const char* digest;  // of ECDSA
  size_t field;        // bytes
};

const Curve& CurveOf(NistCurve curve) {
  static const std::array<Curve, 3> kCurves = {{
      {EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1), "P-256", "SHA256", 32},
      {EC_GROUP_new_by_curve_name(NID_secp384r1), "P-384", "SHA384", 48},
      {EC_GROUP_new_by_curve_name(NID_secp521r1), "P-521", "SHA512", 66},
  }};
  const Curve& out = kCurves.at(static_cast<size_t>(curve));
  CHECK(out.group != nullptr);
  return out;
}

absl::Status BadKey() { return absl::InvalidArgumentError("elliptic curve key is not one of its curve"); }

SecretNumberPtr NumberOf(ByteView scalar) {
  SecretNumberPtr number(BN_secure_new());
  CHECK(number != nullptr);
  BN_set_flags(number.get(), BN_FLG_CONSTTIME);
  CHECK(BN_bin2bn(scalar.data(), static_cast<int>(scalar.size()), number.get()) != nullptr);
  return number;
}

bool IsScalar(const Curve& curve, ByteView scalar) {
  if (scalar.size() > curve.field) return false;
  const SecretNumberPtr number = NumberOf(scalar);
  return BN_is_zero(number.get()) == 0 && BN_ucmp(number.get(), EC_GROUP_get0_order(curve.group)) < 0;
}

KeyPtr MakeKey(const Curve& curve, int selection, OSSL_PARAM key) {
  std::array<OSSL_PARAM, 3> parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, const_cast<char*>(curve.name), 0), key,
      OSSL_PARAM_construct_end()};
  const KeyContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  CHECK(context != nullptr && EVP_PKEY_fromdata_init(context.get()) == 1);
  EVP_PKEY* made = nullptr;
  if (EVP_PKEY_fromdata(context.get(), &made, selection, parameters.data()) != 1) return nullptr;
  return KeyPtr(made);
}

// Null unless the scalar is valid. The public half is not needed for what is done with it.
KeyPtr PrivateKey(const Curve& curve, ByteView scalar) {
  if (!IsScalar(curve, scalar)) return nullptr;
  Secret native = Secret::CopyOf(scalar);  // OSSL_PARAM wants the machine's own byte order
  if constexpr (std::endian::native == std::endian::little) {
    std::reverse(native.span().begin(), native.span().end());
  }
  return MakeKey(curve, EVP_PKEY_KEYPAIR,
                 OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, native.span().data(), native.size()));
}

PointPtr ReadPoint(const Curve& curve, ByteView point) {
  if (point.size() != 1 + 2 * curve.field || point[0] != POINT_CONVERSION_UNCOMPRESSED) return nullptr;
  PointPtr read(EC_POINT_new(curve.group));
  CHECK(read != nullptr);
  if (EC_POINT_oct2point(curve.group, read.get(), point.data(), point.size(), nullptr) != 1) return nullptr;
  return read;
}

// Null unless the point is on the curve, which libcrypto checks as it reads it.
KeyPtr PublicKey(const Curve& curve, ByteView point) {
  if (point.size() != 1 + 2 * curve.field || point[0] != POINT_CONVERSION_UNCOMPRESSED) return nullptr;
  return MakeKey(curve, EVP_PKEY_PUBLIC_KEY,
                 OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, const_cast<uint8_t*>(point.data()),
                                                   point.size()));
}

}  // namespace

size_t FieldSize(NistCurve curve) { return CurveOf(curve).field; }

absl::Status CheckNistScalar(NistCurve curve, ByteView scalar) {
  return IsScalar(CurveOf(curve), scalar) ? absl::OkStatus() : BadKey();
}

absl::Status CheckNistPoint(NistCurve curve, ByteView point) {
  const ErrorQueueScope errors;
  return ReadPoint(CurveOf(curve), point) != nullptr ? absl::OkStatus() : BadKey();
}

absl::StatusOr<Bytes> NistPublicKey(NistCurve id, ByteView scalar) {
  const Curve& curve = CurveOf(id);
  if (!IsScalar(curve, scalar)) return BadKey();
  const SecretNumberPtr number = NumberOf(scalar);
  const PointPtr point(EC_POINT_new(curve.group));
  CHECK(point != nullptr);
  CHECK(EC_POINT_mul(curve.group, point.get(), number.get(), nullptr, nullptr, nullptr) == 1);
  Bytes out(1 + 2 * curve.field);
  CHECK(EC_POINT_point2oct(curve.group, point.get(), POINT_CONVERSION_UNCOMPRESSED, out.data(), out.size(), nullptr) ==
        out.size());
  return out;
}

absl::StatusOr<Secret> NistEcdh(NistCurve id, ByteView scalar, ByteView point) {
  const ErrorQueueScope errors;
  const Curve& curve = CurveOf(id);
  const KeyPtr own = PrivateKey(curve, scalar);
  const KeyPtr peer = PublicKey(curve, point);
  if (own == nullptr || peer == nullptr) return BadKey();
  const KeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(nullptr, own.get(), nullptr));
  CHECK(context != nullptr && EVP_PKEY_derive_init(context.get()) == 1);
  Secret shared(curve.field);
  size_t size = shared.size();
  if (EVP_PKEY_derive_set_peer_ex(context.get(), peer.get(), /*validate_peer=*/0) != 1 ||
      EVP_PKEY_derive(context.get(), shared.span().data(), &size) != 1 || size != shared.size()) {
    return absl::InternalError("libcrypto could not agree on a key");
  }
  return shared;
}

absl::StatusOr<Bytes> EcdsaSign(NistCurve id, ByteView scalar, ByteView message) {
  const ErrorQueueScope errors;
  const Curve& curve = CurveOf(id);
  const KeyPtr key = PrivateKey(curve, scalar);
  if (key == nullptr) return BadKey();
  const DigestContextPtr context(EVP_MD_CTX_new());
  CHECK(context != nullptr);
  CHECK(EVP_DigestSignInit_ex(context.get(), nullptr, curve.digest, nullptr, nullptr, key.get(), nullptr) == 1);
  size_t size = 0;
  CHECK(EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) == 1);
  Bytes signature(size);
  CHECK(EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1);
  signature.resize(size);  // DER: most are a byte or two shorter than the longest
  return signature;
}

absl::Status EcdsaVerify(NistCurve id, ByteView point, ByteView message, ByteView signature) {
  const ErrorQueueScope errors;
  const Curve& curve = CurveOf(id);
  const KeyPtr key = PublicKey(curve, point);
  if (key == nullptr) return BadKey();
  const DigestContextPtr context(EVP_MD_CTX_new());
  CHECK(context != nullptr);
  CHECK(EVP_DigestVerifyInit_ex(context.get(), nullptr, curve.digest, nullptr, nullptr, key.get(), nullptr) == 1);
  if (EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) != 1) {
    return absl::InvalidArgumentError("signature does not verify");
  }
  return absl::OkStatus();
}

}  // namespace plumbline::mls
