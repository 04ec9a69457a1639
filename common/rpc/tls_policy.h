// TLS 1.3 and nothing older, for every connection this process makes or takes.
#pragma once

#include "common/status.h"

namespace plumbline::rpc {

// Call once, before anything of gRPC or OpenSSL's TLS is used; later calls return the first answer. Loads a built-in
// OpenSSL configuration (TLS 1.2 off, no session tickets) in place of any file or OPENSSL_CONF, then checks that it took.
// FAILED_PRECONDITION "tls_policy_too_late" if gRPC runs already; INTERNAL if OpenSSL does not obey: do not serve then.
absl::Status PinTls13();

// True once PinTls13() has succeeded. Credentials and listeners refuse to be made before.
bool Tls13IsPinned();

}  // namespace plumbline::rpc
