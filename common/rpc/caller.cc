#include "common/rpc/caller.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace plumbline::rpc {

bool IsServiceCertificate(const crypto::Certificate& certificate, absl::string_view uri) {
  const std::vector<std::string>& uris = certificate.uris();
  return certificate.purpose() == crypto::Purpose::kTlsPeer && uris.size() == 1 && uris.front() == uri;
}

bool Caller::Has(absl::string_view uri) const {
  if (!certificate) return false;
  const auto& uris = certificate->uris();
  return std::find(uris.begin(), uris.end(), uri) != uris.end();
}

absl::StatusOr<std::string> Caller::UriWithPrefix(absl::string_view prefix) const {
  std::optional<std::string> found;
  if (certificate) {
    for (const std::string& uri : certificate->uris()) {
      if (!absl::StartsWith(uri, prefix)) continue;
      if (found) {
        found.reset();
        break;
      }
      found = uri;
    }
  }
  if (!found) return absl::PermissionDeniedError("not_authorised: this certificate may not make this request");
  return *found;
}

}  // namespace plumbline::rpc
