// Groups in the state that costs most to work with honestly: every parent node filled, as after everyone has committed.
#pragma once

#include <vector>

#include "mls/group.h"

namespace plumbline::bench {

class Trusting final : public mls::AuthenticationService {
 public:
  absl::Status Validate(const mls::Credential&, ByteView, absl::Time) const override { return absl::OkStatus(); }
  bool SameClient(const mls::Credential& a, const mls::Credential& b) const override { return a == b; }
};

inline const absl::Time kMlsNow = absl::FromUnixSeconds(1'790'000'000);

struct Newcomer {
  mls::SignatureKeyPair signer;
  mls::KeyPackageBundle bundle;
};
Newcomer MakeNewcomer(mls::SuiteId suite, const std::string& name);

// Two neighbours, leaves 0 and 1, of a group of `members` (>= 2, a power of two or not). Neighbours, so that what one commits the other
// has to derive from the bottom up.
struct Neighbours {
  mls::Group first, second;
};
Neighbours WarmGroup(mls::SuiteId suite, int members);

}  // namespace plumbline::bench
