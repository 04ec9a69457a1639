// Files of the admin service and of an administrator's tool that are not what they wrote: read, or
// refused with a reason.
#include "absl/strings/str_cat.h"
#include "admin/console/profile.h"
#include "admin/console/seen_log.h"
#include "admin/service_keys.h"
#include "common/codec.h"
#include "common/crypto/sealed_file.h"
#include "common/file.h"
#include "tests/common/certificates.h"
#include "tests/common/scratch.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using namespace admin;  // NOLINT: a list of its functions

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
constexpr crypto::SealCost kCheapest{1, 8 * 1024};

enum Kind : uint8_t { kProfile, kRoot, kSeen, kKeys, kCertificate };

struct World {
  World() {
    config.set_organisation_domain("example.org");
    config.set_root_fingerprint(organisation.root.fingerprint().ToText());
    config.set_data_dir(scratch.path());
    config.set_certificate_file(scratch / "admin.pem");
  }
  void Put(const std::string& name, ByteView bytes) {
    CHECK(WriteFileAtomically(scratch / name, bytes, 0600).ok());
  }
  Profile profile() const {
    return {"admin.example.org:7446", "", "example.org", organisation.root.fingerprint(),
            organisation.root.ToPem()};
  }

  const testing::ScratchDir scratch;
  const testing::TestOrganisation organisation{kNow};
  const Secret passphrase = Secret::CopyOf(AsBytes("correct horse battery"));
  const ServiceKeys keys{db::Key::Random(), crypto::P256PrivateKey::Generate(),
                         crypto::Ed25519KeyPair::Generate()};
  config::v1::AdminConfig config;
};

World& TheWorld() {
  static auto* const world = new World;
  return *world;
}

// A status names what is wrong in words of its own: INTERNAL and what a parser said to itself are
// no answer to an operator.
void CheckRefusal(const absl::Status& status) {
  const bool fine = status.ok() || absl::IsFailedPrecondition(status) || absl::IsDataLoss(status) ||
                    absl::IsPermissionDenied(status) || absl::IsInvalidArgument(status);
  if (!fine) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  CHECK(fine);
}

}  // namespace

// The first byte says which file the rest is.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  World& world = TheWorld();
  const ByteView body = input.subspan(1);
  const std::string home = world.scratch.path();
  switch (input[0]) {
    case kProfile:
    case kRoot: {
      CHECK(SaveProfile(home, world.profile()).ok());
      world.Put(input[0] == kProfile ? "profile.yaml" : "root.pem", body);
      const absl::StatusOr<Profile> profile = LoadProfile(home);
      CheckRefusal(profile.status());
      if (profile.ok()) CHECK(SaveProfile(home, *profile).ok());
      return;
    }
    case kSeen: {
      world.Put("audit.seen", body);
      const absl::StatusOr<std::optional<SeenLog>> seen = LoadSeenLog(home);
      CHECK(seen.ok() || absl::IsDataLoss(seen.status()));
      if (seen.ok()) CHECK((*seen)->log.ToText() + "\n" + (*seen)->checkpoint == ToString(body));
      return;
    }
    case kKeys: {
      CHECK(crypto::SealToFile(SealedPath(world.config), world.passphrase, body, kCheapest).ok());
      const absl::StatusOr<ServiceKeys> keys = OpenServiceKeys(world.config, world.passphrase);
      CHECK(keys.ok() || absl::IsDataLoss(keys.status()));
      return;
    }
    case kCertificate:
      world.Put("admin.pem", body);
      CheckRefusal(LoadIdentity(world.config, world.keys, kNow).status());
      return;
    default:
      return;
  }
}

std::vector<Bytes> Seeds() {
  World& world = TheWorld();
  const auto seed = [](Kind kind, absl::string_view text) {
    return Concat({Bytes{kind}, AsBytes(text)});
  };
  CHECK(SaveProfile(world.scratch.path(), world.profile()).ok());
  const std::string yaml = *ReadTextFile(world.scratch / "profile.yaml", 1 << 16);
  const auto log_key = *tlog::NoteSigner::Create("example.org/audit/keyserver",
                                                 *crypto::Ed25519KeyPair::FromSeed(Secret(32)));
  const std::string seen = absl::StrCat(log_key.verifier().ToText(), "\n",
                                        *tlog::SignCheckpoint(0, tlog::EmptyRoot(), log_key));
  Writer keys;
  keys.U8(kKeys)
      .Fixed(world.keys.database_key.view())
      .Vector(world.keys.tls_key.der())
      .Fixed(world.keys.audit->seed());
  crypto::LeafSpec spec;
  spec.spki = world.keys.tls_key.spki();
  spec.uris = {"plumbline://example.org/service/admin"};
  spec.dns_names = {"localhost"};
  spec.purpose = crypto::Purpose::kTlsPeer;
  spec.validity = {kNow - absl::Hours(1), kNow + absl::Hours(24)};
  const std::string chain = crypto::ToPemChain(
      {world.organisation.Leaf(spec), world.organisation.issuing, world.organisation.root});
  world.Put("admin.pem", AsBytes(chain));
  CHECK(LoadIdentity(world.config, world.keys, kNow).ok());
  return {seed(kProfile, yaml), seed(kRoot, world.organisation.root.ToPem()), seed(kSeen, seen),
          keys.TakeBytes(), seed(kCertificate, chain)};
}

}  // namespace plumbline::fuzz
