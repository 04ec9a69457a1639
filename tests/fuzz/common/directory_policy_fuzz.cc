// Witness policies, the root's word for the next log, and what the feed sealed: read in one way, whatever is inside.
#include "common/check.h"
#include "common/directory/follow.h"
#include "common/directory/log_succession.h"
#include "common/directory/witness_policy.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

const Secret& Key() {
  static const auto* const key = new Secret(32);
  return *key;
}

}  // namespace

// The first byte says what the rest is.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  const ByteView rest = input.subspan(1);
  if (input[0] == 1) {
    (void)directory::ReadPolicyText(absl::string_view(reinterpret_cast<const char*>(rest.data()), rest.size()), "example.org").ok();
    return;
  }
  if (input[0] == 2) {
    (void)directory::OpenFollowed(rest, Key(), Bytes{1}).ok();
    return;
  }
  if (input[0] == 3) {
    const absl::StatusOr<directory::LogSuccession> succession = directory::ParseLogSuccession(rest);
    if (succession.ok()) CHECK(Equal(directory::Encode(*succession), rest));
    return;
  }
  if (input[0] == 4) {
    const absl::StatusOr<directory::SignedLogSuccession> succession = directory::ParseSignedLogSuccession(rest);
    if (succession.ok()) CHECK(Equal(directory::Encode(*succession), rest));
    return;
  }
  if (input[0] == 5) {
    (void)directory::OpenHandover(rest, Key(), Bytes{1}).ok();
    return;
  }
  const absl::StatusOr<directory::WitnessPolicy> policy = directory::ParseWitnessPolicy(rest);
  if (policy.ok()) CHECK(Equal(directory::Encode(*policy), rest));
}

std::vector<Bytes> Seeds() {
  const directory::Followed followed{{}, Bytes(20, 1), Bytes(64, 2), {Bytes(10, 3)}};
  const auto vrf = *crypto::VrfKeyPair::FromSeed(Secret(32));
  const Bytes succession = directory::Encode(
      directory::LogSuccession{"example.org", 2, directory::SuccessionReason::kRestored, 7, tlog::Hash{1}, vrf.public_key()});
  const Bytes signed_succession = directory::Encode(directory::SignedLogSuccession{Bytes(30, 4), succession, Bytes(64, 5)});
  const Bytes handover = directory::SealHandover({{}, Secret(32)}, Key(), Bytes{1});
  return {Concat({Bytes{3}, succession}), Concat({Bytes{4}, signed_succession}), Concat({Bytes{5}, handover}), Concat({Bytes{0}, directory::Encode(directory::WitnessPolicy{"example.org", 1, "quorum none\n"})}),
          Concat({Bytes{1}, AsBytes("quorum none\n")}), Concat({Bytes{2}, directory::Seal(followed, Key(), Bytes{1})})};
}

}  // namespace plumbline::fuzz
