// A small group for fuzz targets, the same in every run, so that a corpus stays useful.
#pragma once

#include <vector>

#include "mls/group.h"
#include "tests/fuzz/fixed_randomness.h"

namespace plumbline::fuzz {

inline const absl::Time kNow = absl::FromUnixSeconds(1'790'000'000);

// Accepts every credential; a client is its credential. Knows one pre-shared key, whatever it is
// called.
class Trusting final : public mls::AuthenticationService, public mls::PskStore {
 public:
  absl::Status Validate(const mls::Credential&, ByteView, absl::Time) const override {
    return absl::OkStatus();
  }
  bool SameClient(const mls::Credential& a, const mls::Credential& b) const override {
    return a == b;
  }
  absl::StatusOr<Secret> ExternalPsk(ByteView) const override {
    return Secret::CopyOf(Bytes(32, 7));
  }
};
inline const Trusting kTrusting;

mls::SignaturePrivateKey CopyKey(const mls::SignatureKeyPair& key);

struct Person {
  explicit Person(absl::string_view name);
  mls::KeyPackageBundle NewKeyPackage() const;

  mls::Credential credential;
  mls::SignatureKeyPair key;
};

// Alice, Bob and Carol at epoch 3. Alice and Bob have two pending proposals: Carol's to add Dave,
// and Alice's Update.
struct World {
  Person alice{"alice"}, bob{"bob"}, carol{"carol"}, dave{"dave"};
  Person service{"service"};  // may propose from outside, at place 0
  mls::KeyPackageBundle dave_bundle = dave.NewKeyPackage();
  mls::Group alice_group, bob_group, carol_group;
  // To Alice, valid on a clone of her group: of each kind in each framing, with one of a past epoch
  // and some from outside among them.
  std::vector<Bytes> messages;
  Bytes own;      // of Alice's, come back
  Bytes welcome;  // Alice's to Dave, with the tree in it
  Bytes info;     // GroupInfo by Alice, to join by, with the tree in it
};
const World& TheWorld();

// An external commit of `person`; `again`: in the place of the leaf they have.
absl::StatusOr<mls::StagedCommit> JoinExternally(ByteView info, const Person& person, bool again);

// What a stored group must always be: bytes that read back as the same bytes.
void CheckStores(const mls::Group& group);
void CheckStores(const mls::StagedGroup& group);
// Gives `message` to `group`. A refusal leaves the group byte for byte as it was; what is staged
// can be entered. Returns whether it was accepted.
bool CheckProcess(mls::Group& group, ByteView message);

}  // namespace plumbline::fuzz
