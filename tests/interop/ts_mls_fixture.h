// Our MLS and ts-mls in one group: what the tests of both are made of.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "interop/material.h"
#include "tests/interop/node_peer.h"
#include "tests/status_matchers.h"

namespace plumbline::interop {

using nlohmann::json;

// One member of ours.
struct Ours {
  mls::Group group;
  KnownPsks psks;
};

class TsMls : public ::testing::TestWithParam<uint16_t> {
 public:
  static void TearDownTestSuite() { peer_.reset(); }

 protected:
  void SetUp() override {
    if (const std::string why = WhyNoTsMls(); !why.empty()) GTEST_SKIP() << why;
    if (peer_ == nullptr) peer_ = std::make_unique<NodePeer>("ts-mls");
    suite_ = *mls::CipherSuite::Get(GetParam());
  }

  json Ask(const std::string& op, json more) {
    const absl::StatusOr<json> answer = peer_->Ask(op, std::move(more));
    EXPECT_OK(answer);
    return answer.ok() ? *answer : json::object();
  }
  // A client of theirs; its key package as MLSMessage.
  Bytes Their(const std::string& who) {
    return FromHex(
        Ask("newClient", {{"who", who}, {"suite", GetParam()}, {"identity", ToHex(AsBytes(who))}})
            .value("keyPackage", ""));
  }
  mls::KeyPackage TheirPackage(const std::string& who) {
    const absl::StatusOr<mls::KeyPackage> parsed = mls::ParseKeyPackageMessage(Their(who));
    EXPECT_OK(parsed);
    EXPECT_OK(mls::ValidateKeyPackage(*parsed, Now()));
    return *parsed;
  }
  Joiner OurJoiner(const std::string& who) {
    return *NewJoiner(*suite_, mls::Credential::Basic(AsBytes(who)));
  }
  static std::string Wire(const Joiner& joiner) {
    return ToHex(mls::EncodeKeyPackageMessage(joiner.bundle.key_package));
  }

  Ours OurGroup() {
    mls::CreateGroupParams params;
    params.suite = suite_->id();
    params.group_id = RandomBytes(16);
    params.credential = mls::Credential::Basic(AsBytes("ours"));
    params.lifetime = LeafLifetime();
    params.policy = Policy();
    return {*mls::Group::Create(std::move(params), suite_->GenerateSignatureKeyPair()), {}};
  }
  Ours Join(const json& committed, Joiner& joiner) {
    std::optional<Bytes> tree;
    if (committed.contains("tree")) tree = FromHex(committed.value("tree", ""));
    absl::StatusOr<mls::Group> joined = mls::Group::Join(
        FromHex(committed.value("welcome", "")), joiner.bundle,
        CopyOf(joiner.signature_key.private_key), tree, kEveryone, Now(), Policy(), &joiner.psks);
    EXPECT_OK(joined);
    return {*std::move(joined), std::move(joiner.psks)};
  }

  // Commits and advances.
  mls::StagedCommit Commit(Ours& ours, mls::CommitParams params) {
    params.psks = &ours.psks;
    absl::StatusOr<mls::StagedCommit> staged =
        ours.group.Commit(std::move(params), kEveryone, Now());
    EXPECT_OK(staged);
    EXPECT_OK(ours.group.AdvanceTo(*std::move(staged->next)));
    return *std::move(staged);
  }
  // A proposal or commit of theirs; of a commit, advances.
  void Take(Ours& ours, const std::string& message) {
    absl::StatusOr<mls::Processed> taken =
        ours.group.Process(FromHex(message), kEveryone, Now(), &ours.psks);
    ASSERT_OK(taken);
    auto* const staged = std::get_if<mls::StagedCommit>(&*taken);
    if (staged == nullptr) return;
    ASSERT_OK(ours.group.AdvanceTo(*std::move(staged->next)));
  }
  // Both have the same epoch and secrets, and read each other.
  void Agree(Ours& ours, const std::string& theirs) {
    const json seen = Ask("describe", {{"who", theirs}});
    EXPECT_EQ(seen.value("epoch", 0), static_cast<int>(ours.group.epoch()));
    EXPECT_EQ(seen.value("members", 0), static_cast<int>(ours.group.member_count()));
    ASSERT_EQ(seen.value("authenticator", ""), ToHex(ours.group.EpochAuthenticator()));
    EXPECT_EQ(Ask("export", {{"who", theirs}, {"label", "both"}, {"context", "0102"}, {"size", 40}})
                  .value("secret", ""),
              ToHex(ours.group.Export("both", FromHex("0102"), 40).view()));
    const Bytes plaintext = RandomBytes(600), aad = RandomBytes(7);
    const absl::StatusOr<Bytes> sent = ours.group.Protect(plaintext, aad);
    ASSERT_OK(sent);
    EXPECT_EQ(Ask("process", {{"who", theirs}, {"message", ToHex(*sent)}}).value("plaintext", ""),
              ToHex(plaintext));
    const json answer =
        Ask("protect",
            {{"who", theirs}, {"plaintext", ToHex(plaintext)}, {"authenticatedData", ToHex(aad)}});
    absl::StatusOr<mls::Processed> read =
        ours.group.Process(FromHex(answer.value("message", "")), kEveryone, Now());
    ASSERT_OK(read);
    const auto* const message = std::get_if<mls::ApplicationMessage>(&*read);
    ASSERT_NE(message, nullptr);
    EXPECT_EQ(ToBytes(message->plaintext.view()), plaintext);
    EXPECT_EQ(message->authenticated_data, aad);
  }
  static json Given(const std::string& who, const Bytes& message) {
    return {{"who", who}, {"message", ToHex(message)}};
  }

  static inline std::unique_ptr<NodePeer> peer_;  // one for all tests: it keeps clients by name
  const mls::CipherSuite* suite_ = nullptr;
};

}  // namespace plumbline::interop
