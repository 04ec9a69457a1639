// Clients for group tests: they hold keys and a group, and judge credentials by name.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "mls/group.h"
#include "tests/status_matchers.h"

namespace plumbline::mls {

inline const absl::Time kNow = absl::FromUnixSeconds(1'790'000'000);

// Accepts every credential but those it was told to refuse; a client is its credential.
class TestAuthentication final : public AuthenticationService {
 public:
  absl::Status Validate(const Credential& credential, ByteView, absl::Time) const override {
    if (refused && credential.content == *refused) return absl::UnauthenticatedError("refused");
    return absl::OkStatus();
  }
  bool SameClient(const Credential& a, const Credential& b) const override { return a == b; }

  std::optional<Bytes> refused;
};

inline const TestAuthentication kTrusting;

inline SignaturePrivateKey CopyKey(const SignatureKeyPair& key) {
  return {Secret::CopyOf(key.private_key.bytes.view())};
}

// Accepts whatever the RFC lets a policy refuse.
inline GroupPolicy OpenPolicy() {
  GroupPolicy policy;
  policy.accept_external_commits = true;
  policy.accept_external_proposals = true;
  policy.accept_reinit = true;
  return policy;
}

struct Client {
  explicit Client(std::string client_name,
                  SuiteId suite_id = SuiteId::kX25519Aes128GcmSha256Ed25519)
      : name(std::move(client_name)), suite(suite_id) {
    const CipherSuite& algorithms = **CipherSuite::Get(static_cast<uint16_t>(suite));
    signature_key = algorithms.GenerateSignatureKeyPair();
  }

  Credential credential() const { return Credential::Basic(AsBytes(name)); }
  static Lifetime lifetime() { return Lifetime::From(kNow - absl::Hours(1), absl::Hours(24 * 90)); }

  KeyPackageParams key_package_params() const {
    KeyPackageParams params;
    params.suite = suite;
    params.credential = credential();
    params.lifetime = lifetime();
    return params;
  }
  KeyPackageBundle NewKeyPackage() const {
    return *GenerateKeyPackage(key_package_params(), signature_key);
  }

  CreateGroupParams group_params() const {
    CreateGroupParams params;
    params.suite = suite;
    params.group_id = ToBytes(AsBytes("a group"));
    params.credential = credential();
    params.lifetime = lifetime();
    params.policy = policy;
    return params;
  }
  SignatureKeyPair KeyPair() const { return {CopyKey(signature_key), signature_key.public_key}; }
  Group NewGroup() const { return *Group::Create(group_params(), KeyPair()); }
  absl::StatusOr<Group> Join(ByteView welcome, const KeyPackageBundle& bundle,
                             const std::optional<Bytes>& tree = std::nullopt) const {
    return Join(welcome, bundle, tree, policy);
  }
  absl::StatusOr<Group> Join(ByteView welcome, const KeyPackageBundle& bundle,
                             const std::optional<Bytes>& tree, const GroupPolicy& under) const {
    return Group::Join(welcome, bundle, CopyKey(signature_key), tree, kTrusting, kNow, under);
  }
  ExternalJoinParams external_params() const {
    ExternalJoinParams params;
    params.credential = credential();
    return params;
  }
  absl::StatusOr<StagedCommit> JoinExternally(ByteView group_info,
                                              ExternalJoinParams params) const {
    return Group::JoinExternally(group_info, std::move(params), KeyPair(), kTrusting, kNow, policy);
  }

  std::string name;
  SuiteId suite;
  GroupPolicy policy;  // of groups it creates or joins
  SignatureKeyPair signature_key;
};

// What Process made of it, as the alternative the test expects.
template <typename T>
absl::StatusOr<T> ProcessAs(Group& group, ByteView message) {
  absl::StatusOr<Processed> processed = group.Process(message, kTrusting, kNow);
  if (!processed.ok()) return processed.status();
  T* value = std::get_if<T>(&*processed);
  if (value == nullptr)
    return absl::InternalError("message is of another kind than the test expects");
  return std::move(*value);
}

// Commits and advances; the message and the Welcome are left in what is returned.
inline absl::StatusOr<StagedCommit> CommitAndAdvance(Group& group, CommitParams params) {
  absl::StatusOr<StagedCommit> staged = group.Commit(std::move(params), kTrusting, kNow);
  if (!staged.ok()) return staged;
  const absl::Status advanced = group.AdvanceTo(*std::move(staged->next));
  staged->next.reset();
  if (!advanced.ok()) return advanced;
  return staged;
}

inline absl::Status ProcessAndAdvance(Group& group, ByteView commit) {
  absl::StatusOr<StagedCommit> staged = ProcessAs<StagedCommit>(group, commit);
  if (!staged.ok()) return staged.status();
  if (!staged->next) return absl::CancelledError("removed");
  return group.AdvanceTo(*std::move(staged->next));
}

class MapPsks final : public PskStore {
 public:
  absl::StatusOr<Secret> ExternalPsk(ByteView psk_id) const override {
    const auto found = external.find(ToBytes(psk_id));
    if (found == external.end()) return absl::NotFoundError("no such PSK");
    return Secret::CopyOf(found->second);
  }
  absl::StatusOr<Secret> ResumptionPsk(ByteView, uint64_t epoch) const override {
    const auto found = resumption.find(epoch);
    if (found == resumption.end()) return absl::NotFoundError("no such resumption PSK");
    return Secret::CopyOf(found->second);
  }
  std::map<Bytes, Bytes> external;
  std::map<uint64_t, Bytes> resumption;
};

// All hold one secret and read each other.
inline void ExpectInStep(std::vector<Group*> groups) {
  for (Group* const sender : groups) {
    EXPECT_EQ(sender->EpochAuthenticator(), groups[0]->EpochAuthenticator());
    const Bytes message = *sender->Protect(AsBytes("in step"), {});
    for (Group* const receiver : groups) {
      if (receiver == sender) continue;
      const absl::StatusOr<ApplicationMessage> got =
          ProcessAs<ApplicationMessage>(*receiver, message);
      EXPECT_OK(got);
      EXPECT_TRUE(got.ok() && got->sender == sender->own_leaf());
    }
  }
}

// `creator` in a new group with `others`, all added by one commit. In the order given, creator
// first.
inline std::vector<Group> MakeGroup(const Client& creator, const std::vector<const Client*>& others,
                                    CommitParams params = {}) {
  std::vector<Group> groups;
  groups.push_back(creator.NewGroup());
  std::vector<KeyPackageBundle> bundles;
  for (const Client* other : others) {
    bundles.push_back(other->NewKeyPackage());
    params.adds.push_back(bundles.back().key_package);
  }
  absl::StatusOr<StagedCommit> staged = CommitAndAdvance(groups[0], std::move(params));
  EXPECT_OK(staged);
  for (size_t i = 0; i < others.size(); ++i) {
    absl::StatusOr<Group> joined = others[i]->Join(*staged->welcome, bundles[i]);
    EXPECT_OK(joined);
    groups.push_back(*std::move(joined));
  }
  return groups;
}

inline std::string TextOf(const ApplicationMessage& message) {
  return ToString(message.plaintext.view());
}

}  // namespace plumbline::mls
