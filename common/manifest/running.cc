#include "common/manifest/running.h"

#include "absl/strings/str_cat.h"
#include "common/codec.h"
#include "common/identity/reason.h"
#include "common/manifest/manifest.h"
#include "common/manifest/setting.h"

namespace plumbline::manifest {

namespace v1 = metadata::v1;

namespace {

absl::Status Invalid(absl::string_view why) {
  return identity::Refuse(absl::StatusCode::kUnauthenticated, "manifest_invalid",
                          absl::StrCat("what the service says of itself does not hold (", why, "); tell your security officer"));
}

// vector(label) || vector(bytes), as all signatures here.
Bytes Signed(ByteView running) {
  Writer out;
  out.Vector(AsBytes(kRunningLabel));
  out.Vector(running);
  return out.TakeBytes();
}

}  // namespace

v1::RunningManifest Describe(const std::string& service, const google::protobuf::Message& config) {
  v1::RunningManifest out;
  out.set_service(service);
  out.set_release(PLUMBLINE_RELEASE);
  *out.mutable_manifest() = Built();
  for (v1::Setting& setting : SettingsOf(config)) *out.add_setting() = std::move(setting);
  return out;
}

std::string ShortDigest(const v1::RunningManifest& running) {
  v1::RunningManifest timeless = running;
  timeless.clear_made_unix();
  return ToHex(Sha256(AsBytes(timeless.SerializeAsString()))).substr(0, 16);
}

absl::StatusOr<v1::GetManifestResponse> Sign(v1::RunningManifest running, absl::Time now, absl::string_view chain_pem, const Secret& key_pem) {
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> chain, crypto::ParsePemChain(chain_pem));
  ASSIGN_OR_RETURN(const crypto::P256PrivateKey key, crypto::P256PrivateKey::FromPem(key_pem));
  if (chain.size() < 2) return absl::InvalidArgumentError("a service's chain has an issuing certificate");
  running.set_made_unix(absl::ToUnixSeconds(now));
  v1::GetManifestResponse out;
  running.SerializeToString(out.mutable_running());
  ASSIGN_OR_RETURN(const Bytes signature, key.Sign(Signed(AsBytes(out.running()))));
  out.set_signature(ToString(signature));
  for (size_t i = 0; i < 2; ++i) out.add_certificates(ToString(chain[i].der()));
  return out;
}

absl::StatusOr<v1::RunningManifest> Verify(const v1::GetManifestResponse& answer, const std::string& uri, const crypto::Certificate& root,
                                           absl::Time now, const crypto::ReplacedIssuers& replaced) {
  if (answer.running().size() > kMaxRunning) return Invalid("it is too large");
  if (answer.certificates_size() != 2) return Invalid("its certificates are missing");
  const absl::StatusOr<crypto::Certificate> leaf = crypto::Certificate::Parse(AsBytes(answer.certificates(0)));
  const absl::StatusOr<crypto::Certificate> issuing = crypto::Certificate::Parse(AsBytes(answer.certificates(1)));
  if (!leaf.ok() || !issuing.ok()) return Invalid("a certificate is malformed");
  const absl::Status chain = crypto::VerifyChain(*leaf, {*issuing}, root, now, crypto::Purpose::kTlsPeer, replaced);
  if (!chain.ok()) return Invalid(absl::StrCat("its certificate: ", chain.message()));
  if (leaf->uris() != std::vector<std::string>{uri}) return Invalid("its certificate is another service's");
  if (!crypto::VerifyP256(leaf->spki(), Signed(AsBytes(answer.running())), AsBytes(answer.signature())).ok()) return Invalid("the signature is wrong");
  v1::RunningManifest running;
  if (!running.ParseFromString(answer.running())) return Invalid("it is malformed");
  if (running.service() != uri) return Invalid("it is another service's");
  const absl::Time made = absl::FromUnixSeconds(running.made_unix());
  if (made < leaf->not_before() || made > leaf->not_after()) return Invalid("it is of another time than its certificate");
  return running;
}

}  // namespace plumbline::manifest
