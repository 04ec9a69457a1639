#include "tests/keyserver/people.h"

#include "common/check.h"
#include "common/identity/codes.h"
#include "common/identity/device_request.h"
#include "common/identity/enrolment_proof.h"
#include "common/identity/labels.h"
#include "common/identity/mailbox_address.h"

namespace plumbline::keyserver {

using identity::ToFixed;

identity::Intent MakeIntent(identity::Action action, absl::string_view target, absl::Time now) {
  identity::Intent out;
  out.action = action;
  out.target = std::string(target);
  if (identity::NeedsJustification(action)) out.justification = "asked for in person";
  out.nonce = identity::RandomFixed<16>();
  out.issued_unix = static_cast<uint64_t>(absl::ToUnixSeconds(now));
  out.expires_unix = out.issued_unix + 600;
  return out;
}

keys::v1::SignedIntent Sign(const identity::Intent& intent, const TestAdministrator& administrator) {
  keys::v1::SignedIntent out;
  const Bytes wire = Encode(intent);
  out.set_intent(ToString(wire));
  keys::v1::IntentSignature& signature = *out.add_signatures();
  signature.set_key_id(ToString(administrator.key_id()));
  signature.set_signature(ToString(administrator.key.Sign(identity::kIntentLabel, wire)));
  return out;
}

keys::v1::EnrolRequest Application(const Applicant& applicant, absl::string_view user,
                                   absl::string_view code) {
  const Bytes csr = crypto::CertificateRequest::Create(applicant.tls_key);
  identity::EnrolmentProof proof;
  proof.user = std::string(user);
  const crypto::Ed25519KeyPair code_key =
      identity::EnrolmentCodeKey(user, identity::NormaliseCode(code).value_or(std::string(code)));
  proof.code_key = *ToFixed<32>(code_key.public_key().view());
  proof.tls_csr_hash = Sha256(csr);
  proof.working_public_key = *ToFixed<32>(applicant.working_key.public_key().view());
  proof.mls_signature_public_key = *ToFixed<32>(applicant.mls_key.public_key().view());
  const Bytes message = Encode(proof);
  keys::v1::EnrolRequest out;
  out.set_user(std::string(user));
  out.set_code_public_key(ToString(proof.code_key));
  out.set_code_proof(ToString(code_key.Sign(identity::kEnrolmentProofLabel, message)));
  out.set_tls_csr(ToString(csr));
  out.set_working_public_key(ToString(applicant.working_key.public_key().view()));
  out.set_mls_signature_public_key(ToString(applicant.mls_key.public_key().view()));
  out.set_working_proof(ToString(applicant.working_key.Sign(identity::kEnrolmentProofLabel, message)));
  out.set_mls_proof(ToString(applicant.mls_key.Sign(identity::kEnrolmentProofLabel, message)));
  out.set_device_label("laptop");
  return out;
}

TestDevice Joined(Applicant&& applicant, const keys::v1::EnrolResponse& response) {
  CHECK(response.tls_certificates_size() == 2 && response.mls_certificates_size() == 2);
  return TestDevice{std::move(applicant), *ToFixed<16>(AsBytes(response.device_id())),
                    *crypto::Certificate::Parse(AsBytes(response.tls_certificates(0))),
                    *crypto::Certificate::Parse(AsBytes(response.mls_certificates(0))),
                    *crypto::Certificate::Parse(AsBytes(response.mls_certificates(1)))};
}

keys::v1::SignedRequest SignRequest(TestDevice& device, absl::string_view rpc,
                                    const google::protobuf::Message& body,
                                    const crypto::Certificate& server) {
  identity::DeviceRequest request;
  request.rpc = std::string(rpc);
  request.nonce = device.nonce;
  request.counter = ++device.counter;
  request.client_certificate_hash = Sha256(device.tls.der());
  request.server_certificate_hash = Sha256(server.der());
  request.body = ToBytes(AsBytes(body.SerializeAsString()));
  keys::v1::SignedRequest out;
  out.set_body(body.SerializeAsString());
  out.set_nonce(ToString(request.nonce));
  out.set_counter(request.counter);
  out.set_signature(ToString(device.keys.working_key.Sign(identity::kDeviceRequestLabel, Encode(request))));
  return out;
}

std::string MakeKeyPackage(const TestDevice& device, absl::Time now, const KeyPackageOptions& options) {
  identity::MailboxAddress address;
  address.server = "delivery.example.org:7444";
  address.mailbox_id = identity::RandomFixed<16>();
  mls::KeyPackageParams params;
  params.suite = options.suite;
  params.credential = mls::Credential::X509({device.credential.der(), device.issuing.der()});
  params.lifetime = mls::Lifetime::From(now - absl::Minutes(5), options.life);
  params.capabilities = mls::Capabilities::Default({identity::kMailboxAddressExtension});
  if (options.address) params.leaf_extensions = {{identity::kMailboxAddressExtension, Encode(address)}};
  params.last_resort = options.last_resort;
  mls::SignatureKeyPair signer;
  signer.private_key.bytes = Secret::CopyOf(device.keys.mls_key.seed());
  signer.public_key = device.keys.mls_key.public_key().ToBytes();
  const auto bundle = mls::GenerateKeyPackage(params, signer);
  CHECK(bundle.ok());
  return ToString(mls::EncodeKeyPackageMessage(bundle->key_package));
}

}  // namespace plumbline::keyserver
