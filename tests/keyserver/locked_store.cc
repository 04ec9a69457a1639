#include "tests/keyserver/locked_store.h"

#include "common/check.h"
#include "common/identity/labels.h"

namespace plumbline::keyserver {
namespace {

constexpr crypto::SealCost kCheapest{1, 8 * 1024};

absl::Status Ask(World& world, const TestDevice& device, uint32_t version, const crypto::VoprfBlinding& blinding,
                 keys::v1::EvaluateResponse& response) {
  keys::v1::EvaluateRequest request;
  request.set_key_version(version);
  request.set_blinded_element(ToString(blinding.element().view()));
  return world.unlock().Evaluate(&device.tls, request, response);
}

crypto::VoprfBlinding BlindOf(const LockedStore& store, absl::string_view passphrase) {
  auto blinding = unlock::Blind(Secret::CopyOf(AsBytes(passphrase)), store.salt, kCheapest);
  CHECK(blinding.ok());
  return *std::move(blinding);
}

}  // namespace

absl::StatusOr<LockedStore::Guess> Evaluate(World& world, const TestDevice& device, const LockedStore& store,
                                            absl::string_view passphrase) {
  const crypto::VoprfBlinding blinding = BlindOf(store, passphrase);
  LockedStore::Guess out;
  RETURN_IF_ERROR(Ask(world, device, store.version, blinding, out.response));
  ASSIGN_OR_RETURN(const auto evaluation, crypto::VoprfEvaluation::Parse(AsBytes(out.response.evaluation())));
  out.output = blinding.Finalize(evaluation, *store.key);
  return out;
}

unlock::Keys KeysOf(const LockedStore& store, const LockedStore::Guess& guess) {
  CHECK(guess.output.ok());
  auto keys = unlock::DeriveKeys(*guess.output, store.device_secret);
  CHECK(keys.ok());
  return *std::move(keys);
}

keys::v1::ProveUnlockedRequest ProofOf(const TestDevice& device, const LockedStore& store, const LockedStore::Guess& guess) {
  const unlock::UnlockProof proof{device.id, store.version, *identity::ToFixed<32>(AsBytes(guess.response.nonce()))};
  keys::v1::ProveUnlockedRequest out;
  out.set_key_version(store.version);
  out.set_nonce(guess.response.nonce());
  out.set_signature(ToString(KeysOf(store, guess).proof.Sign(identity::kUnlockProofLabel, Encode(proof))));
  return out;
}

absl::Status Prove(World& world, const TestDevice& device, const keys::v1::ProveUnlockedRequest& request) {
  keys::v1::ProveUnlockedResponse response;
  return world.unlock().ProveUnlocked(&device.tls, request, response);
}

absl::Status Unlock(World& world, const TestDevice& device, const LockedStore& store, absl::string_view passphrase) {
  ASSIGN_OR_RETURN(const LockedStore::Guess guess, Evaluate(world, device, store, passphrase));
  return Prove(world, device, ProofOf(device, store, guess));
}

absl::StatusOr<keys::v1::UnlockKeyView> Begin(World& world, TestDevice& device) {
  const keys::v1::BeginUnlockKeyRequest body;
  keys::v1::BeginUnlockKeyResponse response;
  RETURN_IF_ERROR(world.unlock().BeginUnlockKey(&device.tls, world.Sign(device, "BeginUnlockKey", body), response));
  return response.key();
}

absl::Status Confirm(World& world, TestDevice& device, uint32_t version, ByteView proof_key, ByteView proof) {
  keys::v1::ConfirmUnlockKeyRequest body;
  body.set_key_version(version);
  body.set_proof_key(ToString(proof_key));
  body.set_proof(ToString(proof));
  keys::v1::ConfirmUnlockKeyResponse response;
  return world.unlock().ConfirmUnlockKey(&device.tls, world.Sign(device, "ConfirmUnlockKey", body), response);
}

LockedStore SetUpLock(World& world, TestDevice& device, absl::string_view passphrase) {
  LockedStore store;
  const auto begun = Begin(world, device);
  CHECK(begun.ok());
  store.version = begun->version();
  store.key = *crypto::VoprfPublicKey::Parse(AsBytes(begun->public_key()));
  const auto guess = Evaluate(world, device, store, passphrase);
  CHECK(guess.ok());
  const unlock::Keys keys = KeysOf(store, *guess);
  const ByteView proof_key = keys.proof.public_key().view();
  const unlock::UnlockKey statement{device.id, store.version, *identity::ToFixed<32>(store.key->view()), *identity::ToFixed<32>(proof_key)};
  CHECK(Confirm(world, device, store.version, proof_key, keys.proof.Sign(identity::kUnlockKeyLabel, Encode(statement))).ok());
  return store;
}

keys::v1::GetLockStateResponse LockState(World& world, const TestDevice& device) {
  keys::v1::GetLockStateResponse response;
  CHECK(world.unlock().GetLockState(&device.tls, response).ok());
  return response;
}

}  // namespace plumbline::keyserver
