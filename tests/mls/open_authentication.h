// Accepts every credential: for tests that are about something else, and for published vectors.
#pragma once

#include "mls/credential.h"

namespace plumbline::mls {

class OpenAuthentication final : public AuthenticationService {
 public:
  absl::Status Validate(const Credential&, ByteView, absl::Time) const override { return absl::OkStatus(); }
  bool SameClient(const Credential& a, const Credential& b) const override { return a == b; }
};

}  // namespace plumbline::mls
