// The other side: administrators and devices with their own keys, as their programs would act.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "common/crypto/ed25519.h"
#include "common/crypto/p256.h"
#include "common/crypto/sealed_box.h"
#include "common/crypto/x509.h"
#include "common/identity/intent.h"
#include "mls/key_package.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::keyserver {

struct TestAdministrator {
  crypto::Ed25519KeyPair key = crypto::Ed25519KeyPair::Generate();
  std::string name = "Ada";
  identity::Hash key_id() const { return Sha256(key.public_key().view()); }
};

// An intent with everything that its action needs, but a state hash and parameters.
identity::Intent MakeIntent(identity::Action action, absl::string_view target, absl::Time now);
keys::v1::SignedIntent Sign(const identity::Intent& intent, const TestAdministrator& administrator);

// A device that is about to join.
struct Applicant {
  crypto::P256PrivateKey tls_key = crypto::P256PrivateKey::Generate();
  crypto::Ed25519KeyPair working_key = crypto::Ed25519KeyPair::Generate();
  crypto::Ed25519KeyPair mls_key = crypto::Ed25519KeyPair::Generate();
};
// `code` as typed; the proof is made over its normal form.
keys::v1::EnrolRequest Application(const Applicant& applicant, absl::string_view user,
                                   absl::string_view code);

// A device that has joined.
struct TestDevice {
  Applicant keys;
  identity::DeviceId id{};
  crypto::Certificate tls;
  crypto::Certificate credential;
  crypto::Certificate issuing;
  identity::Nonce nonce{};
  uint64_t counter = 0;
};
TestDevice Joined(Applicant&& applicant, const keys::v1::EnrolResponse& response);

// Signs `body` for `rpc` with the device's nonce and its next counter.
keys::v1::SignedRequest SignRequest(TestDevice& device, absl::string_view rpc,
                                    const google::protobuf::Message& body, const crypto::Certificate& server);

struct KeyPackageOptions {
  mls::SuiteId suite = mls::SuiteId::kX25519ChaCha20Poly1305Sha256Ed25519;
  bool last_resort = false;
  bool address = true;
  absl::Duration life = absl::Hours(24 * 90);
};
// MLSMessage of a key package as the device would publish it.
std::string MakeKeyPackage(const TestDevice& device, absl::Time now, const KeyPackageOptions& options = {});

}  // namespace plumbline::keyserver
