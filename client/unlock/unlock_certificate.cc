#include "client/unlock/unlock_certificate.h"

#include "common/file.h"
#include "common/identity/reason.h"
#include "common/identity/uri.h"

namespace plumbline::client {
namespace {

constexpr size_t kMaxPem = 64 * 1024;

absl::Status Invalid() {
  return identity::Refuse(absl::StatusCode::kUnauthenticated, "answer_invalid",
                          "the key server answered with a certificate that does not unlock this device; tell your administrator");
}

// That `leaf` is for the key of `own` and for unlocking that device alone.
bool Fits(const crypto::Certificate& leaf, const crypto::Certificate& own) {
  if (own.uris().size() != 1 || leaf.spki() != own.spki()) return false;
  const absl::StatusOr<identity::DeviceUri> device = identity::ParseDeviceUri(own.uris()[0]);
  return device.ok() && leaf.uris() == std::vector<std::string>{identity::UnlockUri{device->domain, device->id}.ToString()};
}

}  // namespace

absl::StatusOr<bool> RenewUnlockCertificate(const std::string& path, const std::vector<crypto::Certificate>& own,
                                            const crypto::Certificate& root, UnlockKeyNetwork& network, const Clock& clock) {
  if (own.size() != 2) return absl::InvalidArgumentError("a device's chain has two certificates");
  const absl::StatusOr<std::string> pem = ReadTextFile(path, kMaxPem);
  if (pem.ok()) {
    const absl::StatusOr<crypto::Certificate> held = crypto::Certificate::ParsePem(*pem);
    if (held.ok() && Fits(*held, own[0]) && clock.Now() < held->not_before() + kRenewUnlockEvery) return false;
  }
  ASSIGN_OR_RETURN(const keys::v1::RenewUnlockCertificateResponse response, network.RenewUnlockCertificate());
  const absl::StatusOr<crypto::Certificate> leaf = crypto::Certificate::Parse(AsBytes(response.certificate()));
  const absl::StatusOr<crypto::Certificate> issuing = crypto::Certificate::Parse(AsBytes(response.issuing_certificate()));
  if (!leaf.ok() || !issuing.ok() || !Fits(*leaf, own[0]) ||
      !crypto::VerifyChain(*leaf, {*issuing}, root, clock.Now(), crypto::Purpose::kTlsClient).ok()) {
    return Invalid();
  }
  RETURN_IF_ERROR(WriteFileAtomically(path, AsBytes(crypto::ToPemChain({*leaf, *issuing})), 0600));
  return true;
}

}  // namespace plumbline::client
