// Credentials from outside: what is read is written back byte for byte, and certificates never do worse than be refused.
#include "mls/credential.h"
#include "mls/key_package.h"
#include "mls/x509_authentication.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mls/published.h"
#include "tests/mls/test_certificates.h"

namespace plumbline::fuzz {
namespace {

// Fixed keys, so that a corpus stays useful from run to run.
struct Pki {
  mls::TestCertificate root = mls::MakeTestCertificate(mls::TestKey::Ed25519From(Bytes(32, 1)), nullptr,
                                                       {.common_name = "root", .ca = true});
  mls::TestCertificate leaf = mls::MakeTestCertificate(
      mls::TestKey::Ed25519From(Bytes(32, 2)), &root,
      {.common_name = "leaf", .uris = {"mimi://example.org/u/alice", "mimi://example.org/d/0"}});
  std::unique_ptr<mls::X509AuthenticationService> service =
      *mls::X509AuthenticationService::Create({.roots = {root.der}});
  Bytes key = *mls::ReadSubject(mls::Credential::X509({leaf.der}))->ed25519_key;
};

const Pki& SharedPki() {
  static const Pki* const kPki = new Pki;
  return *kPki;
}

Bytes Encode(const mls::Credential& credential) {
  Writer out;
  mls::WriteCredential(out, credential);
  return out.TakeBytes();
}

}  // namespace

void Fuzz(ByteView input) {
  Reader in(input);
  const absl::StatusOr<mls::Credential> credential = mls::ReadCredential(in);
  if (!credential.ok()) return;
  CHECK(Equal(Encode(*credential), input.first(input.size() - in.rest().size())));
  const Pki& pki = SharedPki();
  const absl::Status valid = pki.service->Validate(*credential, pki.key, absl::FromUnixSeconds(1'750'000'000));
  if (!valid.ok()) return;
  // Only the genuine leaf can pass, with or without its root.
  CHECK(Equal((*mls::CertificateChain(*credential))[0], pki.leaf.der));
  CHECK(pki.service->SameClient(*credential, *credential));
}

std::vector<Bytes> Seeds() {
  const Pki& pki = SharedPki();
  return {Encode(mls::Credential::Basic(AsBytes("alice"))), Encode(mls::Credential::X509({pki.leaf.der})),
          Encode(mls::Credential::X509({pki.leaf.der, pki.root.der})), Encode({0x0a0a, Bytes(70, 1)})};
}

// Those of the published key packages.
absl::StatusOr<std::vector<Bytes>> PublishedSeeds() {
  ASSIGN_OR_RETURN(const PublishedMls published, ReadPublishedMls());
  std::vector<Bytes> seeds;
  for (const Bytes& wire : published.messages) {
    const auto package = mls::ParseKeyPackageMessage(wire);
    if (package.ok()) seeds.push_back(Encode(package->leaf_node.credential));
  }
  return seeds;
}

}  // namespace plumbline::fuzz
