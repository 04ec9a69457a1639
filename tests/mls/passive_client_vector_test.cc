// Official vectors passive-client-welcome and passive-client-handling-commit: a whole member that
// only listens.
#include <gtest/gtest.h>

#include <map>

#include "mls/group.h"
#include "tests/mls/suite_vectors.h"
#include "tests/status_matchers.h"
#include "tests/vectors/vectors.h"

namespace plumbline::mls {
namespace {

using nlohmann::json;
using plumbline::testing::FromHex;

// The files were made at different times and their key packages have expired: each is judged in its
// own time.
const absl::Time kWelcomeTime = absl::FromUnixSeconds(1'680'000'000);  // 2023-03-28
const absl::Time kCommitTime = absl::FromUnixSeconds(1'720'000'000);   // 2024-07-03

class AcceptsAll final : public AuthenticationService {
 public:
  absl::Status Validate(const Credential&, ByteView, absl::Time) const override {
    return absl::OkStatus();
  }
  bool SameClient(const Credential& a, const Credential& b) const override { return a == b; }
};

class CasePsks final : public PskStore {
 public:
  explicit CasePsks(const json& list) {
    for (const json& psk : list) psks_[FromHex(psk["psk_id"])] = FromHex(psk["psk"]);
  }
  absl::StatusOr<Secret> ExternalPsk(ByteView psk_id) const override {
    const auto found = psks_.find(ToBytes(psk_id));
    if (found == psks_.end()) return absl::NotFoundError("no such PSK");
    return Secret::CopyOf(found->second);
  }

 private:
  std::map<Bytes, Bytes> psks_;
};

absl::StatusOr<Group> JoinCase(const json& c, absl::Time now, const CasePsks& psks) {
  KeyPackageBundle bundle;
  ASSIGN_OR_RETURN(bundle.key_package, ParseKeyPackageMessage(FromHex(c["key_package"])));
  bundle.init_private_key.bytes = Secret::CopyOf(FromHex(c["init_priv"]));
  bundle.encryption_private_key.bytes = Secret::CopyOf(FromHex(c["encryption_priv"]));
  std::optional<Bytes> tree;
  if (!c["ratchet_tree"].is_null()) tree = FromHex(c["ratchet_tree"]);
  GroupPolicy policy;
  policy.max_past_epochs = 16;  // cases use resumption PSKs of older epochs
  policy.check_member_lifetimes = true;
  policy.accept_external_commits = true;
  policy.accept_external_proposals = true;
  policy.accept_reinit = true;
  return Group::Join(FromHex(c["welcome"]), bundle, {Secret::CopyOf(FromHex(c["signature_priv"]))},
                     tree, AcceptsAll(), now, policy, &psks);
}

absl::Status Follow(Group& group, const json& epoch, absl::Time now, const CasePsks& psks) {
  for (const json& proposal : epoch["proposals"]) {
    ASSIGN_OR_RETURN(const Processed stored,
                     group.Process(FromHex(proposal), AcceptsAll(), now, &psks));
    EXPECT_TRUE(std::holds_alternative<ProposalStored>(stored));
  }
  const Bytes before = ToBytes(group.Serialize().view());
  ASSIGN_OR_RETURN(Processed processed,
                   group.Process(FromHex(epoch["commit"]), AcceptsAll(), now, &psks));
  EXPECT_EQ(ToBytes(group.Serialize().view()), before);
  RETURN_IF_ERROR(group.AdvanceTo(*std::move(std::get<StagedCommit>(processed).next)));
  EXPECT_EQ(group.EpochAuthenticator(), FromHex(epoch["epoch_authenticator"]));
  // What is stored and read back goes on where it was.
  const Secret stored = group.Serialize();
  ASSIGN_OR_RETURN(group, Group::Parse(stored.view()));
  EXPECT_TRUE(group.Serialize() == stored);
  return absl::OkStatus();
}

// Every case to its end.
void RunCases(const json& cases, absl::Time now) {
  ForEachSuite(cases, [&](const CipherSuite&, const json& c) {
    const CasePsks psks(c["external_psks"]);
    ASSERT_OK_AND_ASSIGN(Group group, JoinCase(c, now, psks));
    EXPECT_EQ(group.EpochAuthenticator(), FromHex(c["initial_epoch_authenticator"]));
    for (const json& epoch : c["epochs"]) ASSERT_OK(Follow(group, epoch, now, psks));
  });
}

TEST(PassiveClientWelcomeVector, JoinsEveryGroup) {
  LOAD_VECTORS_OR_SKIP(const json cases, "mls/passive-client-welcome.json.gz");
  RunCases(cases, kWelcomeTime);
}

TEST(PassiveClientCommitVector, FollowsEveryCommit) {
  LOAD_VECTORS_OR_SKIP(const json cases, "mls/passive-client-handling-commit.json.gz");
  RunCases(cases, kCommitTime);
}

}  // namespace
}  // namespace plumbline::mls
