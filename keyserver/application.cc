#include "keyserver/application.h"

#include <algorithm>

#include "common/crypto/known_keys.h"
#include "common/identity/enrolment_proof.h"
#include "common/identity/grant.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/identity/text.h"
#include "keyserver/views.h"
#include "plumbline/keys/v1/keys.pb.h"

namespace plumbline::keyserver {
namespace {

using identity::Refuse;

absl::Status Malformed(absl::string_view text) {
  return Refuse(absl::StatusCode::kInvalidArgument, "enrolment_malformed", text);
}

absl::Status KnownKey() {
  return Refuse(absl::StatusCode::kInvalidArgument, "key_known",
                "the private half of one of these keys is public knowledge (a test vector, or a number that anybody would try); make new keys");
}

}  // namespace

absl::StatusOr<VerifiedApplication> ReadApplication(const keys::v1::EnrolRequest& request,
                                                    absl::string_view domain) {
  const absl::StatusOr<identity::UserUri> user = identity::ParseUserUri(request.user());
  if (!user.ok())
    return Malformed("the name of the person is malformed; use the invitation as it is");
  if (user->domain != domain) {
    return Refuse(absl::StatusCode::kInvalidArgument, "wrong_domain",
                  "the invitation is for another organisation");
  }
  if (!identity::CheckText(request.device_label(), identity::kMaxDeviceLabel).ok()) {
    return Malformed("a device's label has at most 64 bytes and no control characters");
  }
  absl::StatusOr<crypto::CertificateRequest> csr =
      crypto::CertificateRequest::Parse(AsBytes(request.tls_csr()));
  if (!csr.ok())
    return Malformed("the certificate request is not one for a P-256 key with an empty subject");
  const auto working_key = crypto::Ed25519PublicKey::Parse(AsBytes(request.working_public_key()));
  const auto mls_key = crypto::Ed25519PublicKey::Parse(AsBytes(request.mls_signature_public_key()));
  const auto code_key = crypto::Ed25519PublicKey::Parse(AsBytes(request.code_public_key()));
  if (!working_key.ok() || !mls_key.ok() || !code_key.ok()) return Malformed("a public key is not an Ed25519 key");
  if (*working_key == *mls_key)
    return Malformed("the working key and the MLS key must be two keys");
  if (crypto::IsKnownKey(*working_key) || crypto::IsKnownKey(*mls_key) || crypto::IsKnownP256Key(csr->spki())) return KnownKey();

  identity::EnrolmentProof proof;
  proof.user = request.user();
  proof.code_key = *identity::ToFixed<32>(code_key->view());
  proof.tls_csr_hash = Sha256(AsBytes(request.tls_csr()));
  proof.working_public_key = *identity::ToFixed<32>(working_key->view());
  proof.mls_signature_public_key = *identity::ToFixed<32>(mls_key->view());
  const Bytes message = Encode(proof);
  const auto verifies = [&](const crypto::Ed25519PublicKey& key, const std::string& signature) {
    return key.Verify(identity::kEnrolmentProofLabel, message, AsBytes(signature)).ok();
  };
  if (!verifies(*code_key, request.code_proof()) || !verifies(*working_key, request.working_proof()) ||
      !verifies(*mls_key, request.mls_proof())) {
    return Refuse(absl::StatusCode::kInvalidArgument, "proof_invalid",
                  "a key's proof does not verify over this code and these keys");
  }
  directory::Enrolment cause{message,
                             *identity::ToFixed<64>(AsBytes(request.code_proof())),
                             *identity::ToFixed<64>(AsBytes(request.working_proof())),
                             *identity::ToFixed<64>(AsBytes(request.mls_proof())),
                             {},
                             {}};
  return VerifiedApplication{request.user(),  proof.code_key, std::move(cause), Sha256(csr->spki()),
                             *std::move(csr), *working_key,   *mls_key,         request.device_label()};
}

absl::StatusOr<VerifiedApplication> ReadKeptApplication(ByteView kept) {
  keys::v1::EnrolRequest request;
  if (!request.ParseFromString(ToString(kept))) return absl::DataLossError("a stored request does not parse");
  ASSIGN_OR_RETURN(auto csr, crypto::CertificateRequest::Parse(AsBytes(request.tls_csr())));
  ASSIGN_OR_RETURN(const auto working, crypto::Ed25519PublicKey::Parse(AsBytes(request.working_public_key())));
  ASSIGN_OR_RETURN(const auto mls, crypto::Ed25519PublicKey::Parse(AsBytes(request.mls_signature_public_key())));
  const identity::Hash tls_key_hash = Sha256(csr.spki());
  return VerifiedApplication{request.user(), {}, {}, tls_key_hash, std::move(csr), working, mls, request.device_label()};
}

identity::JoinRequest JoinRequestOf(const VerifiedApplication& application) {
  return {application.user, application.tls_key_hash,
          *identity::ToFixed<32>(application.working_key.view()),
          *identity::ToFixed<32>(application.mls_key.view())};
}

absl::StatusOr<NewDevice> Certify(const Organisation& organisation,
                                  const VerifiedApplication& application,
                                  const identity::DeviceId& id, absl::Time now) {
  Device device;
  device.id = id;
  device.user = application.user;
  device.label = application.label;
  device.working_key = *identity::ToFixed<32>(application.working_key.view());
  device.mls_key = *identity::ToFixed<32>(application.mls_key.view());
  device.enrolled_day = identity::DayOf(now);
  device.tls_key_hash = ToBytes(application.tls_key_hash);
  const Issuer& issuer = organisation.issuer();
  ASSIGN_OR_RETURN(crypto::Certificate tls, issuer.DeviceTls(application.csr, device.id, now));
  ASSIGN_OR_RETURN(const crypto::Certificate credential,
                   issuer.Credential(application.mls_key, device.user, device.id, now));
  device.credential = credential.der();
  return NewDevice{std::move(device), std::move(tls)};
}

void AddTo(Account& account, const Device& device) {
  const auto place = std::lower_bound(account.devices.begin(), account.devices.end(), device,
                                      [](const Device& a, const Device& b) { return a.id < b.id; });
  account.devices.insert(place, device);
  account.has_enrolled = true;
}

absl::Status FillEnrolled(const Organisation& organisation, const Account& account, const Device& device,
                          ByteView tls_certificate, keys::v1::EnrolResponse& response) {
  // An answer that is given again later may be of two authorities.
  ASSIGN_OR_RETURN(const Bytes tls_issuer, organisation.IssuerOf(tls_certificate));
  ASSIGN_OR_RETURN(const Bytes mls_issuer, organisation.IssuerOf(device.credential));
  response.set_device_id(ToString(device.id));
  response.add_tls_certificates(ToString(tls_certificate));
  response.add_tls_certificates(ToString(tls_issuer));
  response.add_mls_certificates(ToString(device.credential));
  response.add_mls_certificates(ToString(mls_issuer));
  Fill(account, *response.mutable_record());
  organisation.Fill(*response.mutable_organisation());
  return absl::OkStatus();
}

}  // namespace plumbline::keyserver
