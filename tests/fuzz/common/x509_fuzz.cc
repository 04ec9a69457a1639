// Certificates, requests and keys from strangers: what parses is what was given, and nothing verifies by accident.
#include "absl/time/time.h"
#include "common/crypto/issue.h"
#include "common/crypto/x509.h"
#include "tests/fuzz/fuzz.h"
#include "tests/vectors/vectors.h"

namespace plumbline::fuzz {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

// An organisation that lives as long as the process, and one leaf under it.
struct Organisation {
  crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  crypto::Certificate root = *crypto::MakeRoot(key, "Fuzz root", {kNow - absl::Hours(1), kNow + absl::Hours(1)});
  crypto::Certificate leaf = *crypto::IssueLeaf(key_root(), key, Spec());

  const crypto::Certificate& key_root() const { return root; }
  static crypto::LeafSpec Spec() {
    crypto::LeafSpec spec;
    spec.spki = crypto::Ed25519Spki(crypto::Ed25519KeyPair::Generate().public_key());
    spec.uris = {"mimi://example.org/u/alice"};
    spec.purpose = crypto::Purpose::kMlsCredential;
    spec.validity = {kNow - absl::Hours(1), kNow + absl::Hours(1)};
    return spec;
  }
};

const Organisation& Org() {
  static const Organisation* const org = new Organisation;
  return *org;
}

}  // namespace

void Fuzz(ByteView input) {
  const auto certificate = crypto::Certificate::Parse(input);
  if (certificate.ok()) {
    CHECK(Equal(certificate->der(), input));
    CHECK(*crypto::Certificate::ParsePem(certificate->ToPem()) == *certificate);
    const absl::Status verdict =
        crypto::VerifyChain(*certificate, {}, Org().root, kNow, crypto::Purpose::kMlsCredential);
    CHECK(!verdict.ok() || *certificate == Org().leaf);
  }
  (void)crypto::CertificateRequest::Parse(input).ok();
  (void)crypto::P256PrivateKey::FromDer(input).ok();
  const absl::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  (void)crypto::ParsePemChain(text).ok();
  const auto fingerprint = crypto::Fingerprint::FromText(text);
  if (fingerprint.ok()) CHECK(*crypto::Fingerprint::FromText(fingerprint->ToText()) == *fingerprint);
}

std::vector<Bytes> Seeds() {
  return {Org().leaf.der(), Org().root.der(), crypto::CertificateRequest::Create(Org().key), ToBytes(Org().key.der()),
          ToBytes(AsBytes(Org().root.ToPem())), ToBytes(AsBytes(Org().root.fingerprint().ToText()))};
}

// Certificates for the published keys, by somebody who calls himself the organisation.
absl::StatusOr<std::vector<Bytes>> PublishedSeeds() {
  std::vector<Bytes> seeds;
  const crypto::P256PrivateKey other = crypto::P256PrivateKey::Generate();
  const crypto::Certificate root = *crypto::MakeRoot(other, "Fuzz root", {kNow - absl::Hours(1), kNow + absl::Hours(1)});
  for (const char* path : {"wycheproof/ecdsa_secp256r1_sha256_test.json.gz", "wycheproof/ed25519_test.json.gz"}) {
    ASSIGN_OR_RETURN(const nlohmann::json file, testing::ReadVectorJson(path));
    for (const nlohmann::json& group : file["testGroups"]) {
      crypto::LeafSpec spec = Organisation::Spec();
      spec.spki = testing::FromHex(group["publicKeyDer"]);
      const absl::StatusOr<crypto::Certificate> leaf = crypto::IssueLeaf(root, other, spec);
      if (!leaf.ok()) continue;
      seeds.push_back(leaf->der());
    }
  }
  return seeds;
}

}  // namespace plumbline::fuzz
