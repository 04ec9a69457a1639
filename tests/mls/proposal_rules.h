// A group whose first member breaks the rules for proposals and commits.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "mls/group.h"
#include "tests/mls/clients.h"
#include "tests/mls/forgery.h"

namespace plumbline::mls {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using Code = absl::StatusCode;

// Alice (leaf 0) breaks rules, Bob (1) and Carol (2) must notice. Dave is outside.
class ProposalRules : public ::testing::Test {
 protected:
  void ExpectRefused(ByteView message, const std::string& rule,
                     Code code = Code::kInvalidArgument) {
    const Secret before = bob().Serialize();
    EXPECT_THAT(bob().Process(message, kTrusting, kNow).status(), StatusIs(code, HasSubstr(rule)));
    EXPECT_TRUE(bob().Serialize() == before);
  }
  // The same proposal alone and inside a commit.
  void ExpectRefusedBothWays(const Proposal& proposal, const std::string& rule,
                             Code code = Code::kInvalidArgument) {
    ExpectRefused(forger_.Proposing(proposal), rule, code);
    ExpectRefused(forger_.Committing({proposal}), rule, code);
  }

  // A key package of Dave's, altered and signed again.
  KeyPackage Altered(const std::function<void(KeyPackage&)>& change) const {
    KeyPackage key_package = dave_.NewKeyPackage().key_package;
    change(key_package);
    Resign(dave_, key_package);
    return key_package;
  }
  static void Resign(const Client& owner, KeyPackage& key_package) {
    const CipherSuite& suite = **CipherSuite::Get(1);
    EXPECT_OK(
        SignLeafNode(suite, owner.signature_key.private_key, std::nullopt, key_package.leaf_node));
    ResignOutside(owner, key_package);
  }
  static void ResignOutside(const Client& owner, KeyPackage& key_package) {
    const CipherSuite& suite = **CipherSuite::Get(1);
    Writer tbs;
    tbs.U16(key_package.version).U16(key_package.cipher_suite).Vector(key_package.init_key);
    WriteLeafNode(tbs, key_package.leaf_node);
    WriteExtensions(tbs, key_package.extensions);
    key_package.signature =
        *suite.SignWithLabel(owner.signature_key.private_key, "KeyPackageTBS", tbs.view());
  }
  // An Update of Alice's, altered and signed.
  UpdateProposal AlteredUpdate(const std::function<void(LeafNode&)>& change) {
    LeafNode leaf = alice().own_leaf_node();
    leaf.source = LeafNodeSource::kUpdate;
    leaf.encryption_key = forger_.suite().GenerateHpkeKeyPair().public_key;
    leaf.lifetime = {};
    change(leaf);
    EXPECT_OK(SignLeafNode(forger_.suite(), alice_.signature_key.private_key,
                           LeafPosition{alice().group_id(), alice().own_leaf()}, leaf));
    return {leaf};
  }
  static Forger::PathHooks Path(std::function<void(UpdatePath&)> change) {
    return {{}, std::move(change), {}, {}};
  }
  static Forger::PathHooks Leaf(std::function<void(LeafNode&)> change) {
    return {std::move(change), {}, {}, {}};
  }

  PskProposal Psk(size_t nonce_size) const {
    PskProposal psk;
    psk.id.psk_id = {1};
    psk.id.psk_nonce = Bytes(nonce_size, 7);
    return psk;
  }

  Group& alice() { return groups_[0]; }
  Group& bob() { return groups_[1]; }
  Group& carol() { return groups_[2]; }

  Client alice_{"alice"};
  Client bob_{"bob"};
  Client carol_{"carol"};
  Client dave_{"dave"};
  std::vector<Group> groups_ = MakeGroup(alice_, {&bob_, &carol_});
  Forger forger_{groups_[0]};
};

}  // namespace plumbline::mls
