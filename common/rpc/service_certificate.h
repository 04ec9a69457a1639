// The certificate of a service that the key server certifies, as it renews: docs/protocols/service-certificates.md. The one of the
// ceremony is a PEM file that its operator brings; those that follow are kept beside the service's other keys.
//
//   struct { opaque magic[8] = "PLTLSID1"; optional<Identity> current; optional<opaque next_key<V>>; } KeptCertificate;
//   struct { opaque key<V>; opaque leaf<V>; opaque issuing<V>; } Identity;    // DER; keys are PKCS#8, each a WrappedKey (key_wrap.h)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/crypto/key_wrap.h"
#include "common/crypto/p256.h"
#include "common/mutex.h"
#include "common/rpc/live_identity.h"

namespace plumbline::rpc {

// What renews a certificate, and what is kept of it.
struct KeptCertificate {
  struct Identity {
    Bytes wrapped_key;
    crypto::Certificate leaf, issuing;
    bool operator==(const Identity&) const = default;
  };
  std::optional<Identity> current;
  Bytes next_key;  // wrapped; empty: none asked for
  bool operator==(const KeptCertificate&) const = default;
};
Bytes Encode(const KeptCertificate& kept);
// INVALID_ARGUMENT for any other input than Encode's.
absl::StatusOr<KeptCertificate> ParseKeptCertificate(ByteView wire);

// Thread-safe. Durable on return.
class ServiceCertificate final {
 public:
  struct Options {
    std::string path;           // of what is kept
    Secret wrapping;            // 32 bytes: what the keys in it are wrapped under
    crypto::Certificate root;   // the organisation's
    std::string uri;            // the service's
  };
  // Which of the two is used from now on: the one that begins later, of those that are good at `now`. A ceremony's is
  // given if it is good; `ceremony` says why not otherwise, and is returned if neither is. `live` outlives it. DATA_LOSS for a
  // file that was changed or is under another key.
  static absl::StatusOr<std::unique_ptr<ServiceCertificate>> Open(Options options, absl::StatusOr<TlsIdentity> ceremony,
                                                                  LiveIdentity& live, absl::Time now);

  crypto::Certificate leaf() const ABSL_LOCKS_EXCLUDED(mutex_);
  TlsIdentity identity() const ABSL_LOCKS_EXCLUDED(mutex_);
  // A certificate request (DER) for the next key, which is made and kept first: the same one until it is answered.
  absl::StatusOr<Bytes> Request() ABSL_LOCKS_EXCLUDED(mutex_);
  // Takes up the answer: kept, then shown. PERMISSION_DENIED certificate_unacceptable unless it is for the key that was asked for,
  // this service's, under the root, good at `now` and for longer than the present one. FAILED_PRECONDITION certificate_unexpected
  // if nothing was asked for. The former key is gone then, but for connections that are open.
  absl::Status Install(ByteView leaf, ByteView issuing, absl::Time now) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  ServiceCertificate(Options options, crypto::KeyWrap wrap, LiveIdentity& live)
      : options_(std::move(options)), wrap_(std::move(wrap)), live_(live) {}
  absl::Status Start(absl::StatusOr<TlsIdentity> ceremony, absl::Time now);
  absl::Status Keep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Check(const crypto::Certificate& leaf, const crypto::Certificate& issuing, absl::Time now) const;
  absl::Status Show(TlsIdentity identity) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<crypto::P256PrivateKey> Unwrap(ByteView wrapped) const;

  const Options options_;
  const crypto::KeyWrap wrap_;
  LiveIdentity& live_;
  mutable Mutex mutex_;
  KeptCertificate kept_ ABSL_GUARDED_BY(mutex_);
  TlsIdentity shown_ ABSL_GUARDED_BY(mutex_);
  std::optional<crypto::Certificate> leaf_ ABSL_GUARDED_BY(mutex_);
};

inline constexpr char kKeptCertificateFile[] = "tls.kept";  // in the data directory

// Whether, and how urgently, `certificate` is to be renewed: half of its life is over; three quarters are.
enum class Wear { kGood, kDue, kOverdue };
Wear WearOf(const crypto::Certificate& certificate, absl::Time now);

}  // namespace plumbline::rpc
