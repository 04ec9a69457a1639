#include "client/unlock/unlock.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/crypto/passphrase.h"
#include "common/identity/labels.h"
#include "common/identity/reason.h"
#include "common/retry.h"
#include "common/unlock/derivation.h"
#include "common/unlock/messages.h"

namespace plumbline::client {
namespace {

using identity::Refuse;
using State = keys::v1::GetLockStateResponse;
constexpr int kProofTries = 3;
constexpr uint32_t kAllAttempts = 10;

absl::Status AnswerInvalid() {
  return Refuse(absl::StatusCode::kUnauthenticated, "unlock_answer_invalid",
                "the key server's answer is not by this device's unlock key: nothing was opened, and the passphrase is still yours alone. "
                "Tell your administrator");
}

absl::Status Wrong(uint32_t left) {
  return Refuse(absl::StatusCode::kPermissionDenied, "passphrase_wrong",
                left == 0 ? std::string("the passphrase is wrong, and that was the last attempt: this store never opens again; enrol the device "
                                        "anew in another folder")
                          : absl::StrCat("the passphrase is wrong; ", left, left == 1 ? " attempt is" : " attempts are",
                                         " left, after which this store never opens again"));
}

absl::Status Destroyed(const State& state) {
  const absl::string_view by = state.destroyed_by() == "guesses"         ? "after ten wrong passphrases"
                               : state.destroyed_by() == "administrator" ? "by an administrator"
                                                                         : "by the organisation";
  return Refuse(absl::StatusCode::kFailedPrecondition, "unlock_destroyed",
                absl::StrCat("this device's unlock key was destroyed ", by,
                             ": the store never opens again. Ask for an invitation and enrol the device anew in another folder; others will "
                             "see a new device"));
}

absl::Status Delayed(absl::Duration wait, uint32_t left) {
  return WithRetryAfter(Refuse(absl::StatusCode::kResourceExhausted, "unlock_delayed",
                               absl::StrCat("after wrong passphrases the next attempt is possible in ", absl::FormatDuration(wait), "; ", left,
                                            left == 1 ? " is left" : " are left")),
                        wait);
}

// The passphrase did not open the first slot, and the second cannot be tried yet.
absl::Status OneOfTwo(const absl::Status& delayed) {
  const absl::Duration wait = RetryAfter(delayed).value_or(kLongestRetry);
  return WithRetryAfter(Refuse(absl::StatusCode::kResourceExhausted, "unlock_delayed",
                               absl::StrCat("a change of the passphrase was broken off, so the old one or the new one opens this store, and only one "
                                            "of the two was tried: give the same passphrase again in ", absl::FormatDuration(wait))),
                        wait);
}

absl::Status KeyUnknown(const HeaderFile& file) {
  return Refuse(absl::StatusCode::kFailedPrecondition, "unlock_key_unknown",
                absl::StrCat(file.path(), " belongs to a passphrase that was changed since: this folder is an old copy. Use the newer one, or "
                             "enrol the device anew in another folder"));
}

// The key server can only answer, refuse or lie; what its answer becomes.
struct Evaluated {
  unlock::Keys keys;
  uint32_t left = 0;
  identity::Nonce nonce{};
};

absl::StatusOr<Evaluated> Evaluate(const Secret& passphrase, ByteView salt, const crypto::SealCost& cost, uint32_t version,
                                   const crypto::VoprfPublicKey& expected, const Secret& device_secret, LockNetwork& network) {
  ASSIGN_OR_RETURN(const crypto::VoprfBlinding blinding, unlock::Blind(passphrase, salt, cost));
  keys::v1::EvaluateRequest request;
  request.set_key_version(version);
  request.set_blinded_element(ToString(blinding.element().view()));
  ASSIGN_OR_RETURN(const keys::v1::EvaluateResponse response, network.Evaluate(request));
  const auto evaluation = crypto::VoprfEvaluation::Parse(AsBytes(response.evaluation()));
  const auto nonce = identity::ToFixed<32>(AsBytes(response.nonce()));
  if (!evaluation.ok() || !nonce.ok()) return AnswerInvalid();
  const absl::StatusOr<Secret> output = blinding.Finalize(*evaluation, expected);
  if (!output.ok()) return AnswerInvalid();
  ASSIGN_OR_RETURN(unlock::Keys keys, unlock::DeriveKeys(*output, device_secret));
  return Evaluated{std::move(keys), std::min(response.attempts_left(), kAllAttempts), *nonce};
}

// Only ever after the store key has opened the slot: a signature by what a wrong passphrase gives would let somebody who put
// another key into the header guess at it.
absl::Status Prove(const identity::DeviceId& device, uint32_t version, const Evaluated& evaluated, LockNetwork& network) {
  keys::v1::ProveUnlockedRequest request;
  request.set_key_version(version);
  request.set_nonce(ToString(evaluated.nonce));
  const unlock::UnlockProof proof{device, version, evaluated.nonce};
  request.set_signature(ToString(evaluated.keys.proof.Sign(identity::kUnlockProofLabel, Encode(proof))));
  absl::Status status;
  for (int i = 0; i < kProofTries; ++i) {
    status = network.ProveUnlocked(request).status();
    if (!absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status)) break;
  }
  return status;
}

// The slots that may open the store, in the order in which they are tried.
absl::StatusOr<std::vector<const unlock::Slot*>> Fitting(const HeaderFile& file, const unlock::StoreHeader& header, const State& state) {
  if (state.state() == State::STATE_DESTROYED) return Destroyed(state);
  if (!state.has_current()) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "unlock_not_set", "the key server has no unlock key of this device in force");
  }
  if (state.state() == State::STATE_DELAYED) return Delayed(absl::Seconds(state.wait_seconds()), state.attempts_left());
  std::vector<const unlock::Slot*> out;
  for (const keys::v1::UnlockKeyView* key : {&state.current(), &state.pending()}) {
    const unlock::Slot* const slot = header.Find(key->version());
    if (slot != nullptr) out.push_back(slot);
  }
  if (out.empty()) return KeyUnknown(file);
  // Where attempts are delayed only one fits at a time; each leaves another number behind, so the next begins with the other slot.
  if (state.attempts_left() % 2 == 1) std::reverse(out.begin(), out.end());
  return out;
}

keys::v1::ConfirmUnlockKeyRequest Confirmation(const identity::DeviceId& device, const unlock::Slot& slot,
                                               const crypto::Ed25519KeyPair& proof) {
  const unlock::UnlockKey statement{device, slot.key_version, *identity::ToFixed<32>(slot.public_key.view()),
                                    *identity::ToFixed<32>(proof.public_key().view())};
  keys::v1::ConfirmUnlockKeyRequest out;
  out.set_key_version(slot.key_version);
  out.set_proof_key(ToString(statement.proof_key));
  out.set_proof(ToString(proof.Sign(identity::kUnlockKeyLabel, Encode(statement))));
  return out;
}

absl::Status KeepOnly(const HeaderFile& file, unlock::StoreHeader& header, uint32_t version) {
  if (header.slots.size() == 1) return absl::OkStatus();
  std::erase_if(header.slots, [&](const unlock::Slot& slot) { return slot.key_version != version; });
  return file.Write(header);
}

}  // namespace

absl::StatusOr<Unlocked> Unlock(const HeaderFile& file, const Secret& passphrase, LockNetwork& network) {
  const auto none = [&] { return Refuse(absl::StatusCode::kNotFound, "not_enrolled", absl::StrCat("there is no ", file.path())); };
  if (!file.exists()) return none();
  ASSIGN_OR_RETURN(const Descriptor turn, file.WaitForTurn());
  ASSIGN_OR_RETURN(std::optional<unlock::StoreHeader> header, file.Read());
  if (!header) return none();
  ASSIGN_OR_RETURN(const State state, network.GetLockState());
  ASSIGN_OR_RETURN(const std::vector<const unlock::Slot*> slots, Fitting(file, *header, state));
  const uint32_t others = kAllAttempts - std::min(state.attempts_left(), kAllAttempts);
  uint32_t left = 0;
  for (const unlock::Slot* slot : slots) {
    absl::StatusOr<Evaluated> evaluated =
        Evaluate(passphrase, slot->salt, slot->cost, slot->key_version, slot->public_key, header->device_secret, network);
    if (slot != slots.front() && absl::IsResourceExhausted(evaluated.status())) return OneOfTwo(evaluated.status());
    RETURN_IF_ERROR(evaluated.status());
    left = evaluated->left;
    absl::StatusOr<Secret> data_key = unlock::Open(*slot, evaluated->keys.store_key);
    if (!data_key.ok()) continue;
    Unlocked out{*std::move(data_key), others, std::nullopt, slot->key_version};
    if (slot->key_version != state.current().version()) {
      out.unconfirmed.emplace(std::move(evaluated->keys.proof));
      return out;
    }
    // A proof that is lost costs this attempt and nothing else; the next one gives it back.
    Prove(header->device_id, slot->key_version, *evaluated, network).IgnoreError();
    RETURN_IF_ERROR(KeepOnly(file, *header, slot->key_version));
    return out;
  }
  return Wrong(left);
}

absl::Status ChangePassphrase(const HeaderFile& file, const LockOwner& owner, const Secret& data_key, const Secret& passphrase,
                              const crypto::SealCost& cost, LockNetwork& lock, UnlockKeyNetwork& keys) {
  if (const absl::Status strong = crypto::CheckPassphrase(passphrase.view()); !strong.ok()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "passphrase_weak", strong.message());
  }
  ASSIGN_OR_RETURN(const Descriptor turn, file.WaitForTurn());
  ASSIGN_OR_RETURN(std::optional<unlock::StoreHeader> header, file.Read());
  if (!header) header.emplace(unlock::StoreHeader{owner.device_id, Secret::Random(unlock::kDeviceSecretSize), "", {}, {}});
  header->device_address = owner.device_address;
  header->root = owner.root;
  ASSIGN_OR_RETURN(const keys::v1::BeginUnlockKeyResponse begun, keys.BeginUnlockKey());
  const auto public_key = crypto::VoprfPublicKey::Parse(AsBytes(begun.key().public_key()));
  if (!public_key.ok() || begun.key().version() == 0) return AnswerInvalid();
  const uint32_t version = begun.key().version();
  const unlock::Slot fields{identity::RandomFixed<crypto::kStretchSaltSize>(), cost, version, *public_key, {}};
  ASSIGN_OR_RETURN(const Evaluated evaluated,
                   Evaluate(passphrase, fields.salt, cost, version, *public_key, header->device_secret, lock));
  ASSIGN_OR_RETURN(const unlock::Slot slot, unlock::Lock(data_key, evaluated.keys.store_key, fields));
  // Beside the one in force. What an earlier attempt left is replaced.
  std::erase_if(header->slots, [&](const unlock::Slot& each) { return each.key_version >= version; });
  if (header->slots.size() > 1) header->slots.erase(header->slots.begin(), header->slots.end() - 1);
  header->slots.push_back(slot);
  RETURN_IF_ERROR(file.Write(*header));
  RETURN_IF_ERROR(keys.ConfirmUnlockKey(Confirmation(header->device_id, slot, evaluated.keys.proof)).status());
  return KeepOnly(file, *header, version);
}

absl::Status FinishChange(const HeaderFile& file, const Unlocked& unlocked, UnlockKeyNetwork& keys) {
  ASSIGN_OR_RETURN(const Descriptor turn, file.WaitForTurn());
  ASSIGN_OR_RETURN(std::optional<unlock::StoreHeader> header, file.Read());
  const unlock::Slot* const slot = header ? header->Find(unlocked.version) : nullptr;
  if (slot == nullptr || !unlocked.unconfirmed) return absl::FailedPreconditionError("no change of the passphrase was broken off");
  RETURN_IF_ERROR(keys.ConfirmUnlockKey(Confirmation(header->device_id, *slot, *unlocked.unconfirmed)).status());
  return KeepOnly(file, *header, unlocked.version);
}

}  // namespace plumbline::client
