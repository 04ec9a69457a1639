// VerifyChain: the one place that decides whether a certificate counts.
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/openssl.h"
#include "common/crypto/x509.h"

namespace plumbline::crypto {
namespace {

// OpenSSL's scale: 3 demands 128 bits of security of every key and digest.
constexpr int kSecurityLevel = 3;

Owned<X509> Decode(const Certificate& certificate) {
  const unsigned char* cursor = certificate.der().data();
  Owned<X509> out(d2i_X509(nullptr, &cursor, static_cast<long>(certificate.der().size())));
  CHECK(out != nullptr);
  return out;
}

absl::Status Explain(const X509_STORE_CTX* context, absl::Time at) {
  const int error = X509_STORE_CTX_get_error(context);
  ForgetOpensslErrors();
  const std::string now = absl::FormatTime("%Y-%m-%d %H:%M UTC", at, absl::UTCTimeZone());
  if (error == X509_V_ERR_CERT_HAS_EXPIRED) {
    return absl::FailedPreconditionError(
        absl::StrCat("certificate_expired: a certificate in the chain ended before ", now,
                     "; renew it, or correct this machine's clock"));
  }
  if (error == X509_V_ERR_CERT_NOT_YET_VALID) {
    return absl::FailedPreconditionError(
        absl::StrCat("certificate_not_yet_valid: a certificate in the chain begins after ", now,
                     "; correct this machine's clock"));
  }
  return absl::UnauthenticatedError(absl::StrCat("certificate_untrusted: not a certificate of this organisation (",
                                                 X509_verify_cert_error_string(error), ")"));
}

bool Serves(const std::optional<Purpose>& has, Purpose wanted) {
  if (has == wanted) return true;
  return has == Purpose::kTlsPeer && (wanted == Purpose::kTlsClient || wanted == Purpose::kTlsServer);
}

// Whether there is a chain to the root, whatever it is for.
absl::Status Build(X509* leaf, const std::vector<Certificate>& intermediates, const Certificate& root, absl::Time at) {
  if (intermediates.size() > kMaxChain) return absl::InvalidArgumentError("more certificates than a chain has");
  const Owned<X509_STORE> store(X509_STORE_new());
  const Owned<STACK_OF(X509)> untrusted(sk_X509_new_null());
  const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
  CHECK(store != nullptr && untrusted != nullptr && context != nullptr);
  CHECK(X509_STORE_add_cert(store.get(), Decode(root).get()) == 1);
  for (const Certificate& certificate : intermediates) {
    CHECK(sk_X509_push(untrusted.get(), Decode(certificate).release()) > 0);
  }
  CHECK(X509_STORE_CTX_init(context.get(), store.get(), leaf, untrusted.get()) == 1);
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(param, absl::ToTimeT(at));
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_auth_level(param, kSecurityLevel);
  X509_VERIFY_PARAM_set_depth(param, static_cast<int>(kMaxChain));
  return X509_verify_cert(context.get()) == 1 ? absl::OkStatus() : Explain(context.get(), at);
}

}  // namespace

absl::Time ReplacedIssuers::EndOf(const Certificate& issuing) const {
  absl::Time end = absl::InfiniteFuture();
  for (const auto& [key, ends] : ends_) {
    if (key == issuing.spki()) end = std::min(end, ends);
  }
  return end;
}

absl::Status CheckIssuer(const Certificate& leaf, const std::vector<Certificate>& intermediates, const ReplacedIssuers& replaced, absl::Time at) {
  if (replaced.empty()) return absl::OkStatus();
  for (const Certificate& issuing : intermediates) {
    if (at < replaced.EndOf(issuing) || !IsIssuedBy(leaf, issuing)) continue;
    return absl::FailedPreconditionError(
        "authority_replaced: the issuing authority of this certificate was replaced and has ended; have the certificate renewed");
  }
  return absl::OkStatus();
}

absl::Status VerifyChain(const Certificate& leaf, const std::vector<Certificate>& intermediates, const Certificate& root,
                         absl::Time at, Purpose purpose, const ReplacedIssuers& replaced) {
  RETURN_IF_ERROR(Build(Decode(leaf).get(), intermediates, root, at));
  if (leaf.is_ca() || !Serves(leaf.purpose(), purpose)) {
    return absl::PermissionDeniedError("certificate_purpose: the certificate was issued for another purpose");
  }
  return CheckIssuer(leaf, intermediates, replaced, at);
}

absl::Status VerifyIssuing(const Certificate& issuing, const Certificate& root, absl::Time at) {
  const Owned<X509> x509 = Decode(issuing);
  RETURN_IF_ERROR(Build(x509.get(), {}, root, at));
  if (!issuing.is_ca() || issuing == root || X509_get_pathlen(x509.get()) != 0) {
    return absl::PermissionDeniedError("certificate_purpose: the certificate is not an issuing authority's");
  }
  return absl::OkStatus();
}

bool IsIssuedBy(const Certificate& certificate, const Certificate& issuing) {
  const Owned<X509> leaf = Decode(certificate), authority = Decode(issuing);
  const bool signed_by = X509_verify(leaf.get(), X509_get0_pubkey(authority.get())) == 1;
  ForgetOpensslErrors();
  return signed_by;
}

}  // namespace plumbline::crypto
