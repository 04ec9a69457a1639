// An organisation made for one test: a root, its role keys, and what the key server would issue with them.
#pragma once

#include <string>

#include "absl/time/clock.h"
#include "common/crypto/issue.h"
#include "common/crypto/p256.h"
#include "common/identity/gate.h"
#include "common/identity/grant.h"
#include "common/identity/labels.h"
#include "common/identity/padme.h"
#include "common/identity/uri.h"
#include "plumbline/delivery/v1/delivery.pb.h"
#include "server/delivery.h"
#include "tests/common/tokens/mint.h"

namespace plumbline::server {

inline constexpr char kDomain[] = "example.org";

class TestOrganisation final {
 public:
  explicit TestOrganisation(absl::Time now = absl::Now())
      : validity_{now - absl::Hours(1), now + absl::Hours(24 * 365)},
        root_key_(crypto::P256PrivateKey::Generate()),
        root_(*crypto::MakeRoot(root_key_, "Test root", validity_)),
        issuing_key_(crypto::P256PrivateKey::Generate()),
        issuing_(*crypto::MakeIssuing(root_, root_key_, issuing_key_.spki(), "Test issuing", validity_)) {}

  const crypto::Certificate& root() const { return root_; }
  const crypto::Ed25519KeyPair& grants() const { return grants_; }
  const crypto::Ed25519KeyPair& tokens() const { return tokens_; }
  const tokens::Mint& mint() const { return mint_; }
  RoleTrust& roles() const { return roles_; }

  // The root, then the roles' certificates.
  std::string TrustPem() const {
    return root_.ToPem() + Role(identity::Role::kDirectory, directory_).ToPem() + Role(identity::Role::kGrants, grants_).ToPem() +
           Role(identity::Role::kTokens, tokens_).ToPem();
  }
  crypto::Certificate Role(identity::Role role, const crypto::Ed25519KeyPair& key) const {
    crypto::LeafSpec spec;
    spec.spki = crypto::Ed25519Spki(key.public_key());
    spec.uris = {identity::RoleUri{kDomain, role}.ToString()};
    spec.purpose = crypto::Purpose::kRoleSignature;
    spec.validity = validity_;
    return *crypto::IssueLeaf(root_, root_key_, spec);
  }
  // Leaf, issuing, root for the key of a certificate request.
  std::string SignService(ByteView csr, identity::Service service = identity::Service::kDelivery) const {
    crypto::LeafSpec spec;
    spec.spki = crypto::CertificateRequest::Parse(csr)->spki();
    spec.uris = {identity::ServiceUri{kDomain, service}.ToString()};
    spec.dns_names = {"localhost"};
    spec.ip_addresses = {"127.0.0.1"};
    spec.purpose = crypto::Purpose::kTlsPeer;
    spec.validity = validity_;
    return crypto::ToPemChain({*crypto::IssueLeaf(issuing_, issuing_key_, spec), issuing_, root_});
  }
  tokens::ShownToken NewToken(absl::Time now, const char* purpose = tokens::kPurposeDelivery) const {
    return mint_.Draw(purpose, now);
  }
  std::string NewGrant(absl::Time now) const { return ToString(Encode(*identity::IssueGrant(grants_, now))); }

 private:
  const crypto::Validity validity_;
  const crypto::P256PrivateKey root_key_;
  const crypto::Certificate root_;
  const crypto::P256PrivateKey issuing_key_;
  const crypto::Certificate issuing_;
  const crypto::Ed25519KeyPair directory_ = crypto::Ed25519KeyPair::Generate();
  const crypto::Ed25519KeyPair grants_ = crypto::Ed25519KeyPair::Generate();
  const crypto::Ed25519KeyPair tokens_ = crypto::Ed25519KeyPair::Generate();
  const tokens::Mint mint_{kDomain, tokens_};
  mutable RoleTrust roles_{identity::TrustedKeys(directory_.public_key(), grants_.public_key(), tokens_.public_key())};
};

// What a mailbox's owner knows.
struct TestMailbox {
  crypto::Ed25519KeyPair owner = crypto::Ed25519KeyPair::Generate();
  identity::MailboxId id = identity::RandomFixed<16>();
  identity::Fixed<32> capability = identity::RandomFixed<32>();
  identity::MailboxPlace begin = identity::MailboxPlace::Random();

  delivery::v1::OpenMailboxRequest Opening(const std::string& grant) const {
    identity::MailboxOpening opening{Sha256(AsBytes(grant)), id, *identity::ToFixed<32>(owner.public_key().view()),
                                     {Sha256(capability)}};
    delivery::v1::OpenMailboxRequest request;
    request.set_grant(grant);
    request.set_mailbox_id(ToString(id));
    request.set_begin_place(ToString(begin.view()));
    request.set_owner_public_key(ToString(owner.public_key().view()));
    request.add_deposit_capability_hashes(ToString(Sha256(capability)));
    request.set_signature(ToString(owner.Sign(identity::kMailboxOpeningLabel, Encode(opening))));
    return request;
  }
  delivery::v1::SetDepositCapabilitiesRequest Capabilities(uint64_t counter, const std::vector<identity::Hash>& hashes) const {
    delivery::v1::SetDepositCapabilitiesRequest request;
    request.set_mailbox_id(ToString(id));
    request.set_counter(counter);
    for (const identity::Hash& hash : hashes) request.add_deposit_capability_hashes(ToString(hash));
    request.set_signature(ToString(
        owner.Sign(identity::kDepositCapabilitiesLabel, identity::DepositCapabilitiesMessage(id, counter, hashes))));
    return request;
  }
  // From the beginning of the mailbox on.
  ReceiveProof Shown(ByteView nonce) const {
    return {owner.Sign(identity::kReceiveLabel, identity::ReceiveMessage(*identity::ToFixed<32>(nonce), id)), begin};
  }
  delivery::v1::ReceiveRequest::Proof Proof(ByteView nonce) const {
    delivery::v1::ReceiveRequest::Proof proof;
    proof.set_signature(ToString(Shown(nonce).signature));
    proof.set_place(ToString(begin.view()));
    return proof;
  }
};

inline void AddEnvelope(delivery::v1::SubmitRequest& request, const TestMailbox& mailbox, ByteView sealed) {
  delivery::v1::Envelope* envelope = request.add_envelopes();
  envelope->set_envelope_id(ToString(identity::RandomFixed<16>()));
  envelope->set_mailbox_id(ToString(mailbox.id));
  envelope->set_deposit_capability(ToString(mailbox.capability));
  envelope->set_sealed(ToString(sealed));
}

// A group's gate as its members see it: the key of each epoch.
struct TestGate {
  identity::Fixed<32> handle = identity::RandomFixed<32>();
  identity::Fixed<32> read_token = identity::RandomFixed<32>();
  crypto::Ed25519KeyPair Key(uint64_t epoch) const {
    Writer seed;
    seed.Fixed(handle).U64(epoch);
    return *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Sha256(seed.view())));
  }
  // Adds the signed move out of `epoch`; call it when all envelopes are in the request.
  void Sign(delivery::v1::SubmitRequest& request, uint64_t epoch, bool founds, ByteView sealed_commit) const {
    Sign(request, epoch, Key(epoch), sealed_commit);
    if (founds) request.mutable_commit()->set_current_public_key(ToString(Key(epoch).public_key().view()));
  }
  void Sign(delivery::v1::SubmitRequest& request, uint64_t epoch, const crypto::Ed25519KeyPair& key,
            ByteView sealed_commit) const {
    identity::GateMove move;
    move.handle = handle;
    move.epoch = epoch;
    move.sealed_commit_hash = Sha256(sealed_commit);
    move.next_public_key = *identity::ToFixed<32>(Key(epoch + 1).public_key().view());
    move.read_token_hash = Sha256(read_token);
    std::vector<identity::FanOutEnvelope> fan_out;
    for (const auto& envelope : request.envelopes()) {
      fan_out.push_back({*identity::ToFixed<16>(AsBytes(envelope.envelope_id())),
                         *identity::ToFixed<16>(AsBytes(envelope.mailbox_id())), Sha256(AsBytes(envelope.sealed()))});
    }
    move.fan_out_hash = identity::FanOutHash(fan_out);
    delivery::v1::GatedCommit& commit = *request.mutable_commit();
    commit.set_handle(ToString(handle));
    commit.set_epoch(epoch);
    commit.set_next_public_key(ToString(move.next_public_key));
    commit.set_sealed_commit(ToString(sealed_commit));
    commit.set_read_token_hash(ToString(move.read_token_hash));
    commit.set_signature(ToString(key.Sign(identity::kGateLabel, Encode(move))));
  }
};

}  // namespace plumbline::server
