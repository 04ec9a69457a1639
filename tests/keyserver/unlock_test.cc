// The key server's part in unlocking: what a device may ask, what each attempt costs, and what destroys a key for ever.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/identity/labels.h"
#include "common/retry.h"
#include "tests/keyserver/locked_store.h"

namespace plumbline::keyserver {
namespace {

using identity::Action;
using ::testing::StartsWith;
using testing::StatusIs;
using State = keys::v1::GetLockStateResponse;
constexpr auto kDenied = absl::StatusCode::kPermissionDenied;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;
constexpr char kWrong[] = "a wrong passphrase";

struct One {
  World world;
  TestDevice device = world.Enrol(kAlice);
  LockedStore store = SetUpLock(world, device);
};

// Asks with a wrong passphrase until the device is refused for good; as many evaluations as it got.
int GuessOut(World& world, const TestDevice& device, const LockedStore& store) {
  int evaluations = 0;
  while (true) {
    const auto guess = Evaluate(world, device, store, absl::StrCat(kWrong, evaluations));
    if (guess.ok()) {
      ++evaluations;
      continue;
    }
    const auto wait = RetryAfter(guess.status());
    if (!wait) return evaluations;
    world.clock().Advance(*wait + absl::Seconds(1));
  }
}

absl::Status Wipe(World& world, absl::string_view user, const identity::DeviceId& device) {
  return world.Change(Action::kWipeDevice, user, Encode(identity::WipeDeviceParameters{device})).status();
}

TEST(Unlock, TheRightPassphraseGivesTheSameKeysEachTimeAndAWrongOneOthers) {
  One one;
  ASSERT_OK_AND_ASSIGN(const auto first, Evaluate(one.world, one.device, one.store, kRightPassphrase));
  ASSERT_OK(Prove(one.world, one.device, ProofOf(one.device, one.store, first)));
  ASSERT_OK_AND_ASSIGN(const auto second, Evaluate(one.world, one.device, one.store, kRightPassphrase));
  ASSERT_OK_AND_ASSIGN(const auto wrong, Evaluate(one.world, one.device, one.store, kWrong));
  EXPECT_TRUE(KeysOf(one.store, first).store_key == KeysOf(one.store, second).store_key);
  EXPECT_FALSE(KeysOf(one.store, first).store_key == KeysOf(one.store, wrong).store_key);
  EXPECT_NE(KeysOf(one.store, first).proof.public_key(), KeysOf(one.store, wrong).proof.public_key());
}

TEST(Unlock, EachEvaluationCostsOneAttemptBeforeItsAnswerAndIsRecorded) {
  One one;
  EXPECT_EQ(LockState(one.world, one.device).attempts_left(), 10u);
  ASSERT_OK_AND_ASSIGN(const auto guess, Evaluate(one.world, one.device, one.store, kWrong));
  EXPECT_EQ(guess.response.attempts_left(), 9u);
  one.world.Restart();
  EXPECT_EQ(LockState(one.world, one.device).attempts_left(), 9u);
  audit::Record record = one.world.LastEvent("unlock.attempted");
  EXPECT_EQ(record.details["left"], "9");
  EXPECT_EQ(record.details["person"], kAlice);
  EXPECT_THAT(record.actor, StartsWith("mimi://example.org/d/"));
}

TEST(Unlock, WhatIsRefusedCostsNothing) {
  One one;
  keys::v1::EvaluateRequest request;
  keys::v1::EvaluateResponse response;
  request.set_key_version(one.store.version);
  for (const size_t size : {0, 31, 32, 33}) {
    request.set_blinded_element(std::string(size, '\0'));  // at 32 bytes the identity
    EXPECT_THAT(one.world.unlock().Evaluate(&one.device.tls, request, response), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  LockedStore other = std::move(one.store);
  other.version = 7;
  EXPECT_THAT(Evaluate(one.world, one.device, other, kRightPassphrase), StatusIs(kPrecondition, StartsWith("unlock_key_unknown")));
  EXPECT_EQ(LockState(one.world, one.device).attempts_left(), 10u);
  EXPECT_EQ(one.world.LastEvent("unlock.refused").reason, "unlock_key_unknown");
}

TEST(Unlock, AttemptsComeBackWithAProof) {
  One one;
  for (int i = 0; i < 3; ++i) ASSERT_OK(Evaluate(one.world, one.device, one.store, kWrong));
  one.world.clock().Advance(absl::Minutes(2));
  ASSERT_OK(Unlock(one.world, one.device, one.store));
  EXPECT_EQ(LockState(one.world, one.device).attempts_left(), 10u);
  EXPECT_EQ(one.world.LastEvent("unlock.proved").outcome, audit::Outcome::kSuccess);
}

// A modified client that says that it succeeded.
TEST(Unlock, AClientThatLiesAboutSuccessGainsNothing) {
  One one;
  ASSERT_OK_AND_ASSIGN(const auto wrong, Evaluate(one.world, one.device, one.store, kWrong));
  const auto tried = [&](const keys::v1::ProveUnlockedRequest& request) { return Prove(one.world, one.device, request); };
  // By the U that its wrong guess gives.
  EXPECT_THAT(tried(ProofOf(one.device, one.store, wrong)), StatusIs(kDenied, StartsWith("unlock_proof_invalid")));
  // By its working key, its MLS key, and by none.
  const unlock::UnlockProof proof{one.device.id, one.store.version, *identity::ToFixed<32>(AsBytes(wrong.response.nonce()))};
  keys::v1::ProveUnlockedRequest request = ProofOf(one.device, one.store, wrong);
  for (const crypto::Ed25519KeyPair* key : {&one.device.keys.working_key, &one.device.keys.mls_key}) {
    request.set_signature(ToString(key->Sign(identity::kUnlockProofLabel, Encode(proof))));
    EXPECT_THAT(tried(request), StatusIs(kDenied));
  }
  for (const size_t size : {0, 63, 64, 65}) {
    request.set_signature(std::string(size, '\0'));
    EXPECT_FALSE(tried(request).ok());
  }
  request.set_nonce("short");
  EXPECT_THAT(tried(request), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(LockState(one.world, one.device).attempts_left(), 9u);
}

TEST(Unlock, AProofCountsOnceForItsOwnEvaluationOnly) {
  One one;
  ASSERT_OK_AND_ASSIGN(const auto right, Evaluate(one.world, one.device, one.store, kRightPassphrase));
  const keys::v1::ProveUnlockedRequest proof = ProofOf(one.device, one.store, right);
  ASSERT_OK(Prove(one.world, one.device, proof));
  // A thief who saw it: now, and after an evaluation of their own.
  EXPECT_THAT(Prove(one.world, one.device, proof), StatusIs(kDenied, StartsWith("unlock_proof_invalid")));
  ASSERT_OK_AND_ASSIGN(const auto wrong, Evaluate(one.world, one.device, one.store, kWrong));
  EXPECT_THAT(Prove(one.world, one.device, proof), StatusIs(kDenied, StartsWith("unlock_proof_invalid")));
  keys::v1::ProveUnlockedRequest moved = proof;
  moved.set_nonce(wrong.response.nonce());
  EXPECT_THAT(Prove(one.world, one.device, moved), StatusIs(kDenied));
  EXPECT_EQ(LockState(one.world, one.device).attempts_left(), 9u);
}

TEST(Unlock, WaitingGrowsAndCostsNothing) {
  One one;
  std::vector<int64_t> waits;
  for (int i = 0; i < 10; ++i) {
    const auto state = LockState(one.world, one.device);
    EXPECT_EQ(state.state(), state.wait_seconds() == 0 ? State::STATE_OPEN : State::STATE_DELAYED);
    waits.push_back(state.wait_seconds());
    if (state.wait_seconds() > 0) {
      const auto early = Evaluate(one.world, one.device, one.store, kRightPassphrase);
      EXPECT_THAT(early, StatusIs(kExhausted, StartsWith("unlock_delayed")));
      EXPECT_EQ(RetryAfter(early.status()), absl::Seconds(state.wait_seconds()));
      EXPECT_EQ(LockState(one.world, one.device).attempts_left(), state.attempts_left());
      one.world.clock().Advance(absl::Seconds(state.wait_seconds() - 1));
      EXPECT_THAT(Evaluate(one.world, one.device, one.store, kRightPassphrase), StatusIs(kExhausted));
      one.world.clock().Advance(absl::Seconds(1));
    }
    ASSERT_OK(Evaluate(one.world, one.device, one.store, kWrong));
  }
  EXPECT_EQ(waits, (std::vector<int64_t>{0, 0, 0, 30, 60, 300, 900, 3600, 3600, 3600}));
  EXPECT_EQ(one.world.LastEvent("unlock.refused").reason, "unlock_delayed");
}

TEST(Unlock, TenWrongGuessesDestroyTheKeyForEver) {
  One one;
  EXPECT_EQ(GuessOut(one.world, one.device, one.store), 10);
  one.world.clock().Advance(absl::Hours(1));
  EXPECT_EQ(LockState(one.world, one.device).state(), State::STATE_DESTROYED);
  ASSERT_OK(one.world.unlock_store().DestroyDue(one.world.clock().Now()));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(LockState(one.world, one.device).destroyed_by(), "guesses");
    EXPECT_THAT(Evaluate(one.world, one.device, one.store, kRightPassphrase), StatusIs(kPrecondition, StartsWith("unlock_destroyed")));
    EXPECT_THAT(Begin(one.world, one.device), StatusIs(kPrecondition, StartsWith("unlock_destroyed")));
    one.world.Restart();
    one.world.clock().Advance(absl::Hours(24));
  }
  audit::Record record = one.world.LastEvent("unlock.destroyed");
  EXPECT_EQ(record.details["by"], "guesses");
  EXPECT_THAT(one.world.Dump(), ::testing::Not(::testing::HasSubstr("unlock_key ")));
}

TEST(Unlock, TheTenthAttemptMayBeTheRightOne) {
  One one;
  for (int i = 0; i < 9; ++i) {
    one.world.clock().Advance(absl::Hours(1));
    ASSERT_OK(Evaluate(one.world, one.device, one.store, kWrong));
  }
  one.world.clock().Advance(absl::Hours(1));
  ASSERT_OK_AND_ASSIGN(const auto right, Evaluate(one.world, one.device, one.store, kRightPassphrase));
  EXPECT_EQ(right.response.attempts_left(), 0u);
  one.world.clock().Advance(kProofGrace - absl::Seconds(1));
  one.world.Restart();
  ASSERT_OK(one.world.unlock_store().DestroyDue(one.world.clock().Now()));
  ASSERT_OK(Prove(one.world, one.device, ProofOf(one.device, one.store, right)));
  EXPECT_EQ(LockState(one.world, one.device).attempts_left(), 10u);
}

TEST(Unlock, AProofOfTheTenthThatComesTooLateIsRefused) {
  One one;
  for (int i = 0; i < 9; ++i) {
    one.world.clock().Advance(absl::Hours(1));
    ASSERT_OK(Evaluate(one.world, one.device, one.store, kWrong));
  }
  one.world.clock().Advance(absl::Hours(1));
  ASSERT_OK_AND_ASSIGN(const auto right, Evaluate(one.world, one.device, one.store, kRightPassphrase));
  one.world.clock().Advance(kProofGrace);
  EXPECT_THAT(Prove(one.world, one.device, ProofOf(one.device, one.store, right)), StatusIs(kPrecondition, StartsWith("unlock_destroyed")));
}

TEST(Unlock, AllKeysOfADeviceShareTheTenAttempts) {
  One one;
  ASSERT_OK_AND_ASSIGN(const auto begun, Begin(one.world, one.device));
  LockedStore pending;
  pending.version = begun.version();
  pending.key = *crypto::VoprfPublicKey::Parse(AsBytes(begun.public_key()));
  int evaluations = 0;
  for (int i = 0; i < 40; ++i) {
    one.world.clock().Advance(absl::Hours(1));
    evaluations += Evaluate(one.world, one.device, i % 2 == 0 ? one.store : pending, kWrong).ok();
  }
  EXPECT_EQ(evaluations, 10);
}

TEST(Unlock, ANewKeyIsRandomAndDestroysTheOldOneWhenItIsInForce) {
  One one;
  ASSERT_OK_AND_ASSIGN(const auto begun, Begin(one.world, one.device));
  ASSERT_OK_AND_ASSIGN(const auto again, Begin(one.world, one.device));  // a client that was killed meanwhile
  EXPECT_EQ(begun.SerializeAsString(), again.SerializeAsString());
  EXPECT_EQ(begun.version(), one.store.version + 1);
  EXPECT_NE(begun.public_key(), ToString(one.store.key->view()));
  ASSERT_OK(Unlock(one.world, one.device, one.store));  // the old one counts until then
  const LockedStore changed = SetUpLock(one.world, one.device, "another passphrase");
  EXPECT_EQ(changed.version, begun.version());
  ASSERT_OK(Unlock(one.world, one.device, changed, "another passphrase"));
  EXPECT_THAT(Evaluate(one.world, one.device, one.store, kRightPassphrase), StatusIs(kPrecondition, StartsWith("unlock_key_unknown")));
  EXPECT_EQ(one.world.LastEvent("unlock.key_changed").details["key_version"], "2");
}

TEST(Unlock, ConfirmationIsByTheNewKeysOwnProofAndMayBeRepeated) {
  One one;
  ASSERT_OK_AND_ASSIGN(const auto begun, Begin(one.world, one.device));
  const auto other = crypto::Ed25519KeyPair::Generate();
  const auto sign = [&](uint32_t version, const identity::Fixed<32>& key, const crypto::Ed25519KeyPair& signer) {
    return signer.Sign(identity::kUnlockKeyLabel,
                       Encode(unlock::UnlockKey{one.device.id, version, key, *identity::ToFixed<32>(other.public_key().view())}));
  };
  const auto public_key = *identity::ToFixed<32>(AsBytes(begun.public_key()));
  const ByteView proof_key = other.public_key().view();
  // Of another version, of another k, by another key; of a version that nobody has.
  for (const Bytes& proof : {sign(begun.version() + 1, public_key, other), sign(begun.version(), {}, other),
                             sign(begun.version(), public_key, one.device.keys.working_key)}) {
    EXPECT_THAT(Confirm(one.world, one.device, begun.version(), proof_key, proof), StatusIs(kDenied, StartsWith("unlock_proof_invalid")));
  }
  EXPECT_THAT(Confirm(one.world, one.device, 9, proof_key, sign(9, {}, other)), StatusIs(kPrecondition, StartsWith("unlock_key_unknown")));
  const Bytes good = sign(begun.version(), public_key, other);
  ASSERT_OK(Confirm(one.world, one.device, begun.version(), proof_key, good));
  const size_t events = one.world.Audit().size();
  ASSERT_OK(Confirm(one.world, one.device, begun.version(), proof_key, good));
  EXPECT_EQ(one.world.Audit().size(), events);
}

TEST(Unlock, ChangesAreBoundedEachDay) {
  One one;  // that was one
  for (uint32_t i = 1; i < kUnlockKeysPerDay; ++i) SetUpLock(one.world, one.device);
  EXPECT_THAT(Begin(one.world, one.device), StatusIs(kExhausted, StartsWith("unlock_changes_spent")));
  one.world.clock().Advance(absl::Hours(24));
  EXPECT_OK(Begin(one.world, one.device));
}

TEST(Unlock, NothingButTheDevicesOwnTlsCertificateReachesItsKey) {
  One one;
  TestDevice second = one.world.Enrol(kAlice), bob = one.world.Enrol(kBob);
  keys::v1::EvaluateResponse response;
  keys::v1::EvaluateRequest request;
  request.set_key_version(one.store.version);
  request.set_blinded_element(ToString(unlock::Blind(Secret::CopyOf(AsBytes(kWrong)), one.store.salt, {1, 8192})->element().view()));
  const std::string before = one.world.Dump();
  const crypto::Certificate* const others[] = {nullptr, &one.device.credential, &one.device.issuing,
                                               &one.world.organisation().keys().service_certificate};
  for (const crypto::Certificate* caller : others) {
    EXPECT_THAT(one.world.unlock().Evaluate(caller, request, response), StatusIs(kDenied, StartsWith("not_authorised")));
    keys::v1::GetLockStateResponse state;
    EXPECT_THAT(one.world.unlock().GetLockState(caller, state), StatusIs(kDenied));
    keys::v1::ProveUnlockedResponse proved;
    EXPECT_THAT(one.world.unlock().ProveUnlocked(caller, {}, proved), StatusIs(kDenied));
  }
  for (const TestDevice* other : {&second, &bob}) {
    EXPECT_THAT(one.world.unlock().Evaluate(&other->tls, request, response), StatusIs(kPrecondition, StartsWith("unlock_not_set")));
    EXPECT_EQ(LockState(one.world, *other).state(), State::STATE_NONE);
  }
  EXPECT_EQ(one.world.Dump(), before);
}

// All that the TLS key alone may do is in the three calls; the others need the working key.
TEST(Unlock, TheTlsKeyAloneMakesNoKeyAndConfirmsNone) {
  One one;
  TestDevice thief = one.world.Enrol(kBob);
  std::swap(thief.keys.working_key, one.device.keys.working_key);  // has Alice's certificate, and not her working key
  EXPECT_THAT(Begin(one.world, one.device), StatusIs(absl::StatusCode::kUnauthenticated, StartsWith("request_signature_invalid")));
  EXPECT_THAT(Confirm(one.world, one.device, 1, Bytes(32, 1), Bytes(64, 1)), StatusIs(absl::StatusCode::kUnauthenticated));
  keys::v1::CheckInResponse checked;
  EXPECT_THAT(one.world.unlock().CheckIn(&one.device.tls, one.world.Sign(one.device, "CheckIn", keys::v1::CheckInRequest()), checked),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(Unlock, OnesGuessesLockOutNobodyElse) {
  World world;
  TestDevice alice = world.Enrol(kAlice), tablet = world.Enrol(kAlice), mallory = world.Enrol(kBob);
  const LockedStore hers = SetUpLock(world, alice), tablets = SetUpLock(world, tablet), his = SetUpLock(world, mallory);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 4; ++i) (void)Evaluate(world, mallory, his, kWrong);
    EXPECT_EQ(LockState(world, mallory).state(), State::STATE_DELAYED);
    ASSERT_OK(Unlock(world, alice, hers));
    ASSERT_OK(Unlock(world, tablet, tablets));
  }
  GuessOut(world, mallory, his);
  world.clock().Advance(absl::Hours(1));
  ASSERT_OK(world.unlock_store().DestroyDue(world.clock().Now()));
  ASSERT_OK(Unlock(world, alice, hers));
  ASSERT_OK(Unlock(world, tablet, tablets));
  EXPECT_EQ(LockState(world, alice).attempts_left(), 10u);
}

TEST(Unlock, SuspensionRefusesAndKeeps) {
  One one;
  one.world.Suspend(kAlice);
  EXPECT_THAT(Evaluate(one.world, one.device, one.store, kRightPassphrase), StatusIs(kDenied, StartsWith("account_suspended")));
  State state;
  EXPECT_THAT(one.world.unlock().GetLockState(&one.device.tls, state), StatusIs(kDenied));
  // Also between the look at the certificate and the attempt.
  audit::Entry entry;
  entry.event = audit::Event::kUnlockAttempted;
  EXPECT_THAT(one.world.unlock_store().TakeAttempt(one.device.id, one.store.version, {}, one.world.clock().Now(), entry),
              StatusIs(kDenied, StartsWith("account_suspended")));
  one.world.clock().Advance(absl::Hours(1));
  ASSERT_OK(one.world.unlock_store().DestroyDue(one.world.clock().Now()));
  ASSERT_OK(one.world.Change(Action::kReactivateAccount, kAlice));
  EXPECT_OK(Unlock(one.world, one.device, one.store));
}

TEST(Unlock, RemovalDestroys) {
  for (const Action what : {Action::kRevokeDevice, Action::kRemoveAccount}) {
    World world;
    TestDevice device = world.Enrol(kAlice), bob = world.Enrol(kBob);
    const LockedStore store = SetUpLock(world, device), his = SetUpLock(world, bob);
    ASSERT_OK(world.Change(what, kAlice, what == Action::kRevokeDevice ? Encode(identity::RevokeDeviceParameters{device.id}) : Bytes()));
    EXPECT_THAT(Evaluate(world, device, store, kRightPassphrase), StatusIs(kDenied, StartsWith("device_revoked")));
    EXPECT_EQ(world.LastEvent("unlock.destroyed").details["by"], "removal");
    EXPECT_THAT(world.Dump(), ::testing::Not(::testing::HasSubstr(absl::StrCat("unlock_key X'", absl::AsciiStrToUpper(ToHex(device.id))))));
    EXPECT_OK(Unlock(world, bob, his));
  }
}

TEST(Unlock, AnAdministratorWipesADevice) {
  One one;
  TestDevice second = one.world.Enrol(kAlice);
  EXPECT_THAT(Wipe(one.world, kAlice, second.id), StatusIs(kPrecondition, StartsWith("unlock_not_set")));
  EXPECT_THAT(Wipe(one.world, kAlice, identity::DeviceId{1}), StatusIs(absl::StatusCode::kNotFound, StartsWith("device_unknown")));
  EXPECT_OK(Unlock(one.world, one.device, one.store));
  ASSERT_OK(Wipe(one.world, kAlice, one.device.id));
  EXPECT_EQ(LockState(one.world, one.device).destroyed_by(), "administrator");
  EXPECT_THAT(Evaluate(one.world, one.device, one.store, kRightPassphrase), StatusIs(kPrecondition, StartsWith("unlock_destroyed")));
  EXPECT_THAT(Wipe(one.world, kAlice, one.device.id), StatusIs(kPrecondition, StartsWith("unlock_destroyed")));
  EXPECT_EQ(one.world.LastEvent("unlock.destroyed").details["by"], "administrator");
  EXPECT_EQ(one.world.Change(Action::kSuspendAccount, kAlice)->status(), "suspended");  // the account itself is as it was
}

// Random steps against a model of ten lines: what may be asked is asked exactly as often as that, across restarts.
TEST(Unlock, NeverMoreThanTenEvaluationsWithoutAProof) {
  const char* given = std::getenv("PLUMBLINE_SEED");
  const unsigned seed = given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  int destroyed = 0, proved = 0, refused = 0;
  for (int run = 0; run < 6; ++run) {
    One one;
    const auto request = [&] {
      keys::v1::EvaluateRequest out;
      out.set_key_version(one.store.version);
      out.set_blinded_element(ToString(unlock::Blind(Secret::CopyOf(AsBytes(kWrong)), one.store.salt, {1, 8192})->element().view()));
      return out;
    }();
    uint32_t unproved = 0;
    absl::Time last;
    std::optional<LockedStore::Guess> newest;
    for (int step = 0; step < 120; ++step) {
      const absl::Time now = one.world.clock().Now();
      const bool dead = unproved == kUnlockAttempts && now >= last + kProofGrace;
      switch (random() % 7) {
        case 0: case 1: {  // a wrong guess
          keys::v1::EvaluateResponse response;
          const absl::Status got = one.world.unlock().Evaluate(&one.device.tls, request, response);
          const bool may = unproved < kUnlockAttempts && now >= last + UnlockDelay(unproved);
          ASSERT_EQ(got.ok(), may) << got << " after " << unproved;
          if (may) {
            ++unproved, last = now;
            newest.reset();
            ASSERT_LE(unproved, kUnlockAttempts);
          } else {
            ++refused;
          }
          break;
        }
        case 2: {  // the owner asks, and may prove it later
          if (unproved >= kUnlockAttempts || now < last + UnlockDelay(unproved)) break;
          ASSERT_OK_AND_ASSIGN(newest, Evaluate(one.world, one.device, one.store, kRightPassphrase));
          ++unproved, last = now;
          break;
        }
        case 3: case 6: {
          if (!newest || random() % 2 == 0) break;
          const absl::Status got = Prove(one.world, one.device, ProofOf(one.device, one.store, *newest));
          ASSERT_EQ(got.ok(), !dead) << got;
          if (!dead) unproved = 0, ++proved;
          newest.reset();
          break;
        }
        case 4:
          one.world.clock().Advance(absl::Seconds(static_cast<int64_t>(random() % 4000)));
          break;
        default:
          if (random() % 2 == 0) one.world.Restart();
          ASSERT_OK(one.world.unlock_store().DestroyDue(one.world.clock().Now()));
      }
      const auto state = LockState(one.world, one.device);
      const bool gone = unproved == kUnlockAttempts && one.world.clock().Now() >= last + kProofGrace;
      ASSERT_EQ(state.state() == State::STATE_DESTROYED, gone);
      if (gone) break;
      ASSERT_EQ(state.attempts_left(), kUnlockAttempts - unproved);
    }
    destroyed += LockState(one.world, one.device).state() == State::STATE_DESTROYED;
  }
  std::printf("attempts, seed %u: %d proofs, %d refusals, %d of 6 keys destroyed; never more than ten evaluations without a proof\n", seed,
              proved, refused, destroyed);
}

absl::StatusOr<crypto::Certificate> ForUnlocking(World& world, TestDevice& device) {
  const keys::v1::RenewUnlockCertificateRequest body;
  keys::v1::RenewUnlockCertificateResponse response;
  RETURN_IF_ERROR(world.unlock().RenewUnlockCertificate(&device.tls, world.Sign(device, "RenewUnlockCertificate", body), response));
  return crypto::Certificate::Parse(AsBytes(response.certificate()));
}

absl::StatusOr<crypto::Certificate> RenewWith(World& world, const crypto::Certificate& shown, const keys::v1::SignedRequest& request) {
  keys::v1::RenewCertificateResponse response;
  RETURN_IF_ERROR(world.devices().RenewCertificate(&shown, request, response));
  return crypto::Certificate::Parse(AsBytes(response.tls_certificates(0)));
}

// Who was away for longer than the device's certificate lives has it renewed over the one for unlocking: with the working key.
TEST(UnlockCertificate, BringsADeviceBackThatWasAway) {
  One one;
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate certificate, ForUnlocking(one.world, one.device));
  const crypto::Certificate own = one.device.tls;
  one.world.clock().Advance(absl::Hours(24 * 399));
  keys::v1::RenewCertificateRequest body;
  body.set_tls_csr(ToString(crypto::CertificateRequest::Create(one.device.keys.tls_key)));
  keys::v1::OpenChannelResponse channel;
  EXPECT_THAT(one.world.devices().OpenChannel(&own, channel), StatusIs(absl::StatusCode::kUnauthenticated, StartsWith("certificate_expired")));
  one.device.tls = certificate;
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate renewed, RenewWith(one.world, certificate, one.world.Sign(one.device, "RenewCertificate", body)));
  EXPECT_EQ(renewed.uris(), own.uris());
  EXPECT_GT(renewed.not_after(), one.world.clock().Now() + absl::Hours(24 * 6));
  // Whoever has no more than what lies outside of the locked store gets none.
  TestDevice thief = one.world.Enrol(kBob);  // another working key
  thief.tls = certificate;
  EXPECT_THAT(RenewWith(one.world, certificate, one.world.Sign(thief, "RenewCertificate", body)),
              StatusIs(absl::StatusCode::kUnauthenticated, StartsWith("request_signature_invalid")));
  one.world.Suspend(kAlice);
  EXPECT_THAT(RenewWith(one.world, certificate, {}), StatusIs(kDenied, StartsWith("account_suspended")));
}

// And opens the store by it. It does nothing else.
TEST(UnlockCertificate, OutlivesTheDevicesOwnAndDoesNothingElse) {
  One one;
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate certificate, ForUnlocking(one.world, one.device));
  EXPECT_EQ(certificate.spki(), one.device.tls.spki());
  EXPECT_EQ(one.world.LastEvent("device.certificate_renewed").details["for"], "unlocking alone");
  const crypto::Certificate own = one.device.tls;
  one.world.clock().Advance(absl::Hours(24 * 30));
  EXPECT_THAT(Evaluate(one.world, one.device, one.store, kRightPassphrase),
              StatusIs(absl::StatusCode::kUnauthenticated, StartsWith("certificate_expired")));
  one.device.tls = certificate;
  ASSERT_OK(Unlock(one.world, one.device, one.store));
  EXPECT_EQ(LockState(one.world, one.device).attempts_left(), 10u);
  keys::v1::BeginUnlockKeyResponse begun;
  EXPECT_THAT(one.world.unlock().BeginUnlockKey(&certificate, {}, begun), StatusIs(kDenied, StartsWith("not_authorised")));
  keys::v1::CheckInResponse checked;
  EXPECT_THAT(one.world.unlock().CheckIn(&certificate, {}, checked), StatusIs(kDenied, StartsWith("not_authorised")));
  keys::v1::RenewUnlockCertificateResponse renewed;
  EXPECT_THAT(one.world.unlock().RenewUnlockCertificate(&certificate, {}, renewed), StatusIs(kDenied, StartsWith("not_authorised")));
  one.world.clock().Advance(absl::Hours(24 * 371));
  EXPECT_THAT(Evaluate(one.world, one.device, one.store, kRightPassphrase), StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(UnlockCertificate, EndsWithItsDevice) {
  One one;
  ASSERT_OK_AND_ASSIGN(one.device.tls, ForUnlocking(one.world, one.device));
  one.world.Suspend(kAlice);
  EXPECT_THAT(Evaluate(one.world, one.device, one.store, kRightPassphrase), StatusIs(kDenied, StartsWith("account_suspended")));
  ASSERT_OK(one.world.Change(Action::kRemoveAccount, kAlice));
  EXPECT_THAT(Evaluate(one.world, one.device, one.store, kRightPassphrase), StatusIs(kDenied, StartsWith("device_revoked")));
}

absl::Status CheckIn(World& world, TestDevice& device, uint64_t generation, uint8_t previous, uint8_t next) {
  keys::v1::CheckInRequest body;
  body.set_generation(generation);
  body.set_previous(std::string(16, static_cast<char>(previous)));
  body.set_next(std::string(16, static_cast<char>(next)));
  keys::v1::CheckInResponse response;
  return world.unlock().CheckIn(&device.tls, world.Sign(device, "CheckIn", body), response);
}

TEST(CheckIn, TakesEachStateOnceAndItsRepetition) {
  World world;
  TestDevice device = world.Enrol(kAlice);
  ASSERT_OK(CheckIn(world, device, 1, 0, 1));
  ASSERT_OK(CheckIn(world, device, 1, 0, 1));  // the answer was lost
  ASSERT_OK(CheckIn(world, device, 2, 1, 2));
  world.Restart();
  ASSERT_OK(CheckIn(world, device, 3, 2, 3));
}

// Or whoever joins would have the keys of ten thousand others wrapped anew.
TEST(Unlock, TheFirstKeyOfADeviceTouchesNobodyElses) {
  One one;
  TestDevice bob = one.world.Enrol(kBob);
  const std::string path = one.world.config().data_dir() + "/shred.key";
  const std::string before = *ReadTextFile(path, 64);
  const LockedStore first = SetUpLock(one.world, bob);
  EXPECT_EQ(*ReadTextFile(path, 64), before);
  SetUpLock(one.world, bob);
  EXPECT_NE(*ReadTextFile(path, 64), before);  // which destroyed the first one
  EXPECT_THAT(Unlock(one.world, bob, first), StatusIs(kPrecondition, StartsWith("unlock_key_unknown")));
  EXPECT_OK(Unlock(one.world, one.device, one.store));
}

TEST(CheckIn, IsRefusedOnceTheUnlockKeyIsDestroyed) {
  One one;
  ASSERT_OK(CheckIn(one.world, one.device, 1, 0, 1));
  ASSERT_OK(Wipe(one.world, kAlice, one.device.id));
  EXPECT_THAT(CheckIn(one.world, one.device, 2, 1, 2), StatusIs(kPrecondition, StartsWith("unlock_destroyed")));
  EXPECT_EQ(one.world.LastEvent("device.store_refused").reason, "unlock_destroyed");
}

TEST(CheckIn, TellsACopyFromAnOlderState) {
  World world;
  TestDevice device = world.Enrol(kAlice), bob = world.Enrol(kBob);
  for (uint8_t n = 1; n <= 5; ++n) ASSERT_OK(CheckIn(world, device, n, n - 1, n));
  const std::string before = world.Dump();
  EXPECT_THAT(CheckIn(world, device, 5, 4, 77), StatusIs(kPrecondition, StartsWith("store_copied")));
  EXPECT_THAT(CheckIn(world, device, 6, 77, 78), StatusIs(kPrecondition, StartsWith("store_copied")));
  EXPECT_EQ(world.LastEvent("device.store_refused").reason, "store_copied");
  EXPECT_THAT(CheckIn(world, device, 3, 2, 3), StatusIs(kPrecondition, StartsWith("store_rolled_back")));
  EXPECT_EQ(world.LastEvent("device.store_refused").reason, "store_rolled_back");
  for (const uint64_t generation : {uint64_t{0}, uint64_t{1} << 63}) {
    EXPECT_THAT(CheckIn(world, device, generation, 5, 6), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_EQ(world.Dump(), before);
  ASSERT_OK(CheckIn(world, device, 6, 5, 6));
  ASSERT_OK(CheckIn(world, bob, 1, 0, 9));  // each device for itself
}

TEST(CheckIn, AKeyServerFromABackupDoesNotTakeItsDevicesForCopies) {
  World world;
  testing::ScratchDir backup;
  TestDevice device = world.Enrol(kAlice);
  for (uint8_t n = 1; n <= 2; ++n) ASSERT_OK(CheckIn(world, device, n, n - 1, n));
  world.Keep(backup / "data");
  for (uint8_t n = 3; n <= 5; ++n) ASSERT_OK(CheckIn(world, device, n, n - 1, n));
  world.GoBack(backup / "data");
  ASSERT_OK(CheckIn(world, device, 6, 5, 6));
  EXPECT_THAT(world.LastEvent("device.store_ahead").actor, StartsWith("mimi://example.org/d/"));
  EXPECT_THAT(CheckIn(world, device, 4, 3, 4), StatusIs(kPrecondition, StartsWith("store_rolled_back")));
}

}  // namespace
}  // namespace plumbline::keyserver
