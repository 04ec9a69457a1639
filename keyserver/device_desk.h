// What enrolled devices do for themselves. Knows no gRPC. Thread-safe; references outlive it.
//
// A certificate proves little: its key lies outside the device's locked store. So it only opens the door;
// every act but OpenChannel needs a signature by the working key inside the store, over the act itself and
// both ends' certificates. The key that it is for has to be the one that the device enrolled with, whoever issued it.
#pragma once

#include "common/clock.h"
#include "common/crypto/x509.h"
#include "common/status.h"
#include "keyserver/channel_nonces.h"
#include "keyserver/organisation.h"
#include "keyserver/refusal_log.h"
#include "keyserver/store/account_store.h"
#include "keyserver/store/directory_store.h"
#include "keyserver/store/key_package_store.h"
#include "keyserver/store/ledger.h"
#include "keyserver/token_issuer.h"

namespace google::protobuf {
class MessageLite;
}

namespace plumbline::keys::v1 {
class DrawGrantsResponse;
class DrawTokensResponse;
class GetOwnAccountResponse;
class OpenChannelResponse;
class PublishKeyPackagesResponse;
class RenewCertificateResponse;
class SignedRequest;
}  // namespace plumbline::keys::v1

namespace plumbline::keyserver {

inline constexpr int kMaxTokensPerDraw = 50;
inline constexpr uint32_t kMaxGrantsPerDraw = 10;
inline constexpr int kMaxKeyPackagesPerCall = 100;

class DeviceDesk final {
 public:
  struct Stores {
    AccountStore& accounts;
    DirectoryStore& directory;
    KeyPackageStore& key_packages;
    Ledger& ledger;
  };
  DeviceDesk(const Organisation& organisation, const Clock& clock, Stores stores, const TokenIssuer& tokens,
             RefusalLog& refusals)
      : organisation_(organisation), clock_(clock), stores_(stores), tokens_(tokens), refusals_(refusals) {}

  // `caller` is the verified client certificate of the connection, null if there is none.
  absl::Status OpenChannel(const crypto::Certificate* caller, keys::v1::OpenChannelResponse& response);
  absl::Status PublishKeyPackages(const crypto::Certificate* caller, const keys::v1::SignedRequest& request,
                                  keys::v1::PublishKeyPackagesResponse& response);
  absl::Status GetOwnAccount(const crypto::Certificate* caller, const keys::v1::SignedRequest& request,
                             keys::v1::GetOwnAccountResponse& response);
  absl::Status DrawTokens(const crypto::Certificate* caller, const keys::v1::SignedRequest& request,
                          keys::v1::DrawTokensResponse& response);
  absl::Status DrawGrants(const crypto::Certificate* caller, const keys::v1::SignedRequest& request,
                          keys::v1::DrawGrantsResponse& response);
  absl::Status RenewCertificate(const crypto::Certificate* caller, const keys::v1::SignedRequest& request,
                                keys::v1::RenewCertificateResponse& response);

  // The device that signed this request of the rpc of that name, and its body. A refusal is recorded. For the other desks
  // whose rpcs take a SignedRequest.
  absl::StatusOr<Device> Admit(const crypto::Certificate* caller, absl::string_view rpc,
                               const keys::v1::SignedRequest& request, google::protobuf::MessageLite& body);
  // The device behind the certificate, if it may call at all; for what needs no signature.
  absl::StatusOr<Device> Identify(const crypto::Certificate* caller);
  // The same for a device that may have no other certificate any more than the one for unlocking alone.
  absl::StatusOr<Device> IdentifyLocked(const crypto::Certificate* caller);
  // Records the refusal, and returns it.
  absl::Status Refused(const crypto::Certificate* caller, const absl::Status& status);

  void Sweep() { nonces_.Sweep(clock_.Now()); }

 private:
  absl::Status CheckTlsClient(const crypto::Certificate* caller) const;
  // A device that is enrolled and may act, with its own TLS key.
  absl::StatusOr<Device> FindActive(const identity::DeviceId& id, const crypto::Certificate& caller);
  // That `device`, which showed this certificate, signed this very request; its counter is then used up.
  absl::Status Verify(const crypto::Certificate& caller, const Device& device, absl::string_view rpc,
                      const keys::v1::SignedRequest& request);
  std::string UriOf(const Device& device) const;

  const Organisation& organisation_;
  const Clock& clock_;
  const Stores stores_;
  const TokenIssuer& tokens_;
  RefusalLog& refusals_;
  ChannelNonces nonces_;
};

}  // namespace plumbline::keyserver
