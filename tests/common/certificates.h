// A small organisation for tests: root, issuing authority, and leaves under them.
#pragma once

#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "common/check.h"
#include "common/crypto/issue.h"

namespace plumbline::testing {

template <typename T>
T ValueOf(absl::StatusOr<T> value) {
  if (!value.ok()) std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  CHECK(value.ok());
  return *std::move(value);
}

struct TestOrganisation {
  explicit TestOrganisation(absl::Time at = absl::Now(), absl::Duration lifetime = absl::Hours(24 * 365))
      : now(at),
        root(ValueOf(crypto::MakeRoot(root_key, "Test root", {now - absl::Hours(24 * 30), now + lifetime}))),
        issuing(ValueOf(crypto::MakeIssuing(root, root_key, issuing_key.spki(), "Test issuing",
                                            {now - absl::Hours(24 * 30), now + lifetime}))) {}

  crypto::LeafSpec Spec(const crypto::P256PrivateKey& key, crypto::Purpose purpose) const {
    crypto::LeafSpec spec;
    spec.spki = key.spki();
    spec.uris = {"mimi://example.org/d/alice/1"};
    spec.dns_names = {"localhost"};
    spec.ip_addresses = {"127.0.0.1"};
    spec.purpose = purpose;
    spec.validity = {now - absl::Hours(1), now + absl::Hours(24)};
    return spec;
  }
  crypto::Certificate Leaf(const crypto::P256PrivateKey& key, crypto::Purpose purpose) const {
    return Leaf(Spec(key, purpose));
  }
  crypto::Certificate Leaf(const crypto::LeafSpec& spec) const {
    return ValueOf(crypto::IssueLeaf(issuing, issuing_key, spec));
  }

  absl::Time now;
  crypto::P256PrivateKey root_key = crypto::P256PrivateKey::Generate();
  crypto::P256PrivateKey issuing_key = crypto::P256PrivateKey::Generate();
  crypto::Certificate root;
  crypto::Certificate issuing;
};

}  // namespace plumbline::testing
