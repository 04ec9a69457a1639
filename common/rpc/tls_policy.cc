#include "common/rpc/tls_policy.h"

#include <grpc/grpc.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <atomic>
#include <memory>

#include "absl/strings/string_view.h"
#include "common/crypto/openssl.h"

namespace plumbline::rpc {
namespace {

// A minimum version set here would have no effect: gRPC sets its own minimum, TLS 1.2, afterwards. Switching a version off
// holds, and so does the number of session tickets: without them there is no resumption, so every connection shows and
// verifies its certificates anew.
constexpr absl::string_view kPolicy =
    "plumbline = start\n"
    "[start]\n"
    "ssl_conf = programs\n"
    "[programs]\n"
    "system_default = policy\n"
    "[policy]\n"
    "Protocol = -TLSv1.2,-TLSv1.1,-TLSv1,-SSLv3\n"
    "NumTickets = 0\n";

std::atomic<bool> pinned = false;

absl::Status Failed(absl::string_view what) {
  ERR_clear_error();
  return absl::InternalError(what);
}

// What a library that asks for TLS 1.2 and newer, as gRPC does, gets now.
absl::Status CheckEffect() {
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_method()), SSL_CTX_free);
  if (context == nullptr) return Failed("tls_policy_failed: OpenSSL makes no TLS context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  const bool old_versions_off = (SSL_CTX_get_options(context.get()) & SSL_OP_NO_TLSv1_2) != 0;
  if (!old_versions_off || SSL_CTX_get_num_tickets(context.get()) != 0) {
    return Failed("tls_policy_failed: OpenSSL did not take the policy; its configuration was loaded by something else first");
  }
  return absl::OkStatus();
}

absl::Status Load() {
  if (grpc_is_initialized() != 0) {
    return absl::FailedPreconditionError(
        "tls_policy_too_late: gRPC runs in this process already; pin the TLS version before its first use");
  }
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  const crypto::Owned<BIO> text = crypto::ReadBio(AsBytes(kPolicy));
  const std::unique_ptr<CONF, void (*)(CONF*)> conf(NCONF_new(nullptr), NCONF_free);
  long line = 0;
  if (conf == nullptr || NCONF_load_bio(conf.get(), text.get(), &line) <= 0 ||
      CONF_modules_load(conf.get(), "plumbline", 0) <= 0) {
    return Failed("tls_policy_failed: OpenSSL refused the policy");
  }
  return CheckEffect();
}

}  // namespace

absl::Status PinTls13() {
  static const absl::Status result = [] {
    absl::Status loaded = Load();
    pinned = loaded.ok();
    return loaded;
  }();
  return result;
}

bool Tls13IsPinned() { return pinned; }

}  // namespace plumbline::rpc
