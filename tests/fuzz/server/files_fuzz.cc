// Files of the delivery server that are not what it or the key server wrote: read, or refused with
// a reason.
#include "common/codec.h"
#include "common/crypto/sealed_file.h"
#include "common/rpc/service_certificate.h"
#include "server/keys.h"
#include "server/trust.h"
#include "tests/common/scratch.h"
#include "tests/fuzz/fuzz.h"
#include "tests/server/organisation.h"

namespace plumbline::fuzz {
namespace {

using namespace server;  // NOLINT: a list of its functions

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
constexpr crypto::SealCost kCheapest{1, 8 * 1024};

enum Kind : uint8_t { kKeys, kTrust, kCertificate, kKeptCertificate };

struct World {
  const testing::ScratchDir scratch;
  const TestOrganisation organisation{kNow};
  const Secret passphrase = Secret::CopyOf(AsBytes("correct horse battery"));
  const ServerKeys keys{db::Key::Random(), crypto::P256PrivateKey::Generate(),
                        crypto::Ed25519KeyPair::Generate()};
  const Trust trust =
      *ReadTrust(organisation.TrustPem(), organisation.root().fingerprint(), kDomain, kNow);
};

const World& TheWorld() {
  static const auto* const world = new World;
  return *world;
}

}  // namespace

// The first byte says which file the rest is.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  const World& world = TheWorld();
  const ByteView body = input.subspan(1);
  const absl::string_view text(reinterpret_cast<const char*>(body.data()), body.size());
  if (input[0] == kKeys) {
    CHECK(crypto::SealToFile(world.scratch / kKeysFile, world.passphrase, body, kCheapest).ok());
    const absl::StatusOr<ServerKeys> keys = OpenKeys(world.scratch.path(), world.passphrase);
    CHECK(keys.ok() || absl::IsDataLoss(keys.status()));
  } else if (input[0] == kTrust) {
    const absl::StatusOr<Trust> trust =
        ReadTrust(text, world.organisation.root().fingerprint(), kDomain, kNow);
    if (!trust.ok()) {
      CHECK(absl::IsFailedPrecondition(trust.status()) || absl::IsUnauthenticated(trust.status()));
      return;
    }
    // Whatever is around them, the keys are the organisation's own.
    CHECK(trust->keys.keys.Of(identity::Role::kGrants, kNow).keys() == world.trust.keys.keys.Of(identity::Role::kGrants, kNow).keys() &&
          trust->keys.keys.Of(identity::Role::kTokens, kNow).keys() == world.trust.keys.keys.Of(identity::Role::kTokens, kNow).keys());
  } else if (input[0] == kKeptCertificate) {
    const absl::StatusOr<rpc::KeptCertificate> kept = rpc::ParseKeptCertificate(body);
    CHECK(kept.ok() ? Equal(rpc::Encode(*kept), body) : absl::IsInvalidArgument(kept.status()));
  } else if (input[0] == kCertificate) {
    const absl::Status status =
        CheckCertificate(text, world.keys.tls, world.trust, kDomain, kNow).status();
    CHECK(status.ok() || absl::IsFailedPrecondition(status));
  }
}

std::vector<Bytes> Seeds() {
  const World& world = TheWorld();
  const auto seed = [](Kind kind, absl::string_view text) {
    return Concat({Bytes{kind}, AsBytes(text)});
  };
  Writer keys, old;
  keys.U8(kKeys)
      .U8(2)
      .Fixed(world.keys.database.view())
      .Vector(world.keys.tls.der())
      .Fixed(world.keys.audit->seed());
  old.U8(kKeys).U8(1).Fixed(world.keys.database.view()).Vector(world.keys.tls.der());
  const std::string chain =
      world.organisation.SignService(crypto::CertificateRequest::Create(world.keys.tls));
  CHECK(CheckCertificate(chain, world.keys.tls, world.trust, kDomain, kNow).ok());
  const std::vector<crypto::Certificate> signed_chain = *crypto::ParsePemChain(chain);
  const rpc::KeptCertificate kept{rpc::KeptCertificate::Identity{Bytes(60, 1), signed_chain[0], signed_chain[1]}, Bytes(60, 2)};
  return {keys.TakeBytes(), old.TakeBytes(), Concat({Bytes{kKeptCertificate}, rpc::Encode(kept)}), seed(kTrust, world.organisation.TrustPem()),
          seed(kCertificate, chain)};
}

}  // namespace plumbline::fuzz
