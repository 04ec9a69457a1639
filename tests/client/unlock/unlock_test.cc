// A client's locked store against the key server's real desk: whatever is broken off or lied about, it opens with a passphrase
// that its owner knows, or says why not.
#include "client/unlock/unlock.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "client/home.h"
#include "client/unlock/check_in.h"
#include "client/unlock/unlock_certificate.h"
#include "common/file.h"
#include "common/retry.h"
#include "tests/client/unlock/desk_network.h"
#include "tests/common/scratch.h"

namespace plumbline::client {
namespace {

namespace fs = std::filesystem;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::DeskNetwork;
constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr auto kWrongPassphrase = absl::StatusCode::kPermissionDenied;
constexpr crypto::SealCost kCheap{1, 8 * 1024};

Secret Words(absl::string_view text) { return Secret::CopyOf(AsBytes(text)); }

struct Client {
  Client() { owner.device_id = device.id; }
  absl::Status Change(absl::string_view passphrase) {
    return ChangePassphrase(file, owner, data_key, Words(passphrase), kCheap, network, network);
  }
  absl::StatusOr<Unlocked> Unlock(absl::string_view passphrase) { return client::Unlock(file, Words(passphrase), network); }
  // Opens it, and finishes a change that was broken off, as a command does.
  bool Opens(absl::string_view passphrase) {
    const absl::StatusOr<Unlocked> unlocked = Unlock(passphrase);
    if (!unlocked.ok()) return false;
    EXPECT_TRUE(unlocked->data_key == data_key);
    if (unlocked->unconfirmed) {
      EXPECT_OK(FinishChange(file, *unlocked, network));
    }
    return true;
  }
  size_t Slots() { return plumbline::testing::GetStatus(file.Read()).ok() && *file.Read() ? (*file.Read())->slots.size() : 0; }

  keyserver::World world;
  plumbline::testing::ScratchDir scratch;
  keyserver::TestDevice device = world.Enrol(keyserver::kAlice);
  DeskNetwork network{world, device};
  HeaderFile file{scratch / "store.lock"};
  LockOwner owner{{}, "keys.example.org:7442", Bytes(30, 1)};
  Secret data_key = Secret::Random(unlock::kDataKeySize);
};

TEST(Unlock, OpensWithThePassphraseAndTheKeyServer) {
  Client client;
  EXPECT_THAT(client.Unlock("the first passphrase"), StatusIs(absl::StatusCode::kNotFound, StartsWith("not_enrolled")));
  ASSERT_OK(client.Change("the first passphrase"));
  EXPECT_EQ(fs::status(client.file.path()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_OK_AND_ASSIGN(const Unlocked unlocked, client.Unlock("the first passphrase"));
  EXPECT_TRUE(unlocked.data_key == client.data_key);
  EXPECT_EQ(unlocked.others, 0u);
  EXPECT_EQ(keyserver::LockState(client.world, client.device).attempts_left(), 10u);
}

TEST(Unlock, SaysWhatIsLeftAndWhenToTryAgain) {
  Client client;
  ASSERT_OK(client.Change("the first passphrase"));
  EXPECT_THAT(client.Unlock("a wrong one of mine"), StatusIs(kWrongPassphrase, HasSubstr("passphrase_wrong: the passphrase is wrong; 9 attempts")));
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(client.Opens("a wrong one of mine"));
  const auto delayed = client.Unlock("the first passphrase");
  EXPECT_THAT(delayed, StatusIs(absl::StatusCode::kResourceExhausted, StartsWith("unlock_delayed")));
  EXPECT_EQ(RetryAfter(delayed.status()), absl::Seconds(30));
  client.world.clock().Advance(absl::Seconds(30));
  ASSERT_OK_AND_ASSIGN(const Unlocked unlocked, client.Unlock("the first passphrase"));
  EXPECT_EQ(unlocked.others, 3u);
}

// Otherwise one that opens the store with the old passphrase could drop the slot that another is about to put in force.
TEST(Unlock, OneProcessAtATimeHasTheHeader) {
  Client client;
  int calls = 0;
  client.network.at_each_call = [&] {
    ++calls;
    const Descriptor other(open((client.file.path() + ".turn").c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_GE(other.get(), 0);
    EXPECT_NE(flock(other.get(), LOCK_EX | LOCK_NB), 0);
    EXPECT_EQ(errno, EWOULDBLOCK);
  };
  ASSERT_OK(client.Change("the first passphrase"));
  ASSERT_OK(client.Unlock("the first passphrase"));
  client.network.BreakAt(3, /*after=*/false);
  EXPECT_FALSE(client.Change("the second passphrase").ok());
  client.network.BreakAt(0, /*after=*/false);
  ASSERT_OK_AND_ASSIGN(const Unlocked unlocked, client.Unlock("the second passphrase"));
  ASSERT_TRUE(unlocked.unconfirmed.has_value());
  calls = 0;
  ASSERT_OK(FinishChange(client.file, unlocked, client.network));
  EXPECT_GT(calls, 0);
  const Descriptor after(open((client.file.path() + ".turn").c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_EQ(flock(after.get(), LOCK_EX | LOCK_NB), 0);  // given back
}

// A copy of the disk, the right passphrase, and all the time in the world: nothing on it tells that the passphrase is right.
TEST(Unlock, ACopiedDiskCannotBeGuessedAt) {
  Client client;
  ASSERT_OK(client.Change("the first passphrase"));
  const HeaderFile copy(client.scratch / "copy");
  fs::copy_file(client.file.path(), copy.path());
  ASSERT_OK_AND_ASSIGN(const auto header, copy.Read());
  const unlock::Slot& slot = header->slots[0];
  const auto k = crypto::VoprfSecretKey::Generate();  // the thief's own, in the place of the key server's
  for (const char* guess : {"a wrong one of mine", "the first passphrase"}) {
    ASSERT_OK_AND_ASSIGN(const Secret stretched, crypto::Stretch(Words(guess), slot.salt, slot.cost));
    ASSERT_OK_AND_ASSIGN(const Secret output, k.Evaluate(stretched.view()));
    ASSERT_OK_AND_ASSIGN(const unlock::Keys keys, unlock::DeriveKeys(output, header->device_secret));
    EXPECT_FALSE(unlock::Open(slot, keys.store_key).ok()) << guess;
  }
  // Nor without the device's secret, with the real key server.
  auto without = *copy.Read();
  without->device_secret = Secret::Random(32);
  ASSERT_OK(copy.Write(*without));
  EXPECT_THAT(client::Unlock(copy, Words("the first passphrase"), client.network), StatusIs(kWrongPassphrase));
  // The control: with it.
  EXPECT_TRUE(client.Opens("the first passphrase"));
}

TEST(Unlock, TenWrongGuessesEndItAlsoForACopyOfTheDisk) {
  Client client;
  ASSERT_OK(client.Change("the first passphrase"));
  const HeaderFile copy(client.scratch / "copy");
  fs::copy_file(client.file.path(), copy.path());
  int evaluated = 0;
  for (int i = 0; i < 30; ++i) {
    const auto guess = client::Unlock(copy, Words(absl::StrCat("wrong passphrase ", i)), client.network);
    evaluated += guess.status().code() == kWrongPassphrase;
    client.world.clock().Advance(absl::Hours(1));
    if (evaluated < 10) continue;
    EXPECT_THAT(guess, StatusIs(kWrongPassphrase, HasSubstr("the last attempt")));
    break;
  }
  EXPECT_EQ(evaluated, 10);
  for (const HeaderFile& each : {copy, client.file}) {
    EXPECT_THAT(client::Unlock(each, Words("the first passphrase"), client.network),
                StatusIs(kPrecondition, HasSubstr("unlock_destroyed: this device's unlock key was destroyed after ten wrong passphrases")));
  }
  EXPECT_EQ(client.network.evaluations, 1 + 10);  // the set-up's, and the thief's
}

TEST(Unlock, AWipeEndsItAlsoForACopyOfTheDisk) {
  Client client;
  ASSERT_OK(client.Change("the first passphrase"));
  const HeaderFile copy(client.scratch / "copy");
  fs::copy_file(client.file.path(), copy.path());
  ASSERT_OK(client::Unlock(copy, Words("the first passphrase"), client.network));  // the control
  ASSERT_OK(client.world.Change(identity::Action::kWipeDevice, keyserver::kAlice, Encode(identity::WipeDeviceParameters{client.device.id})));
  EXPECT_THAT(client::Unlock(copy, Words("the first passphrase"), client.network),
              StatusIs(kPrecondition, HasSubstr("destroyed by an administrator")));
  EXPECT_THAT(client.Change("another passphrase"), StatusIs(kPrecondition, StartsWith("unlock_destroyed")));
}

TEST(Passphrase, ChangesAndTheOldOneIsWorthNothingOnAnOldCopyEither) {
  Client client;
  ASSERT_OK(client.Change("the first passphrase"));
  const HeaderFile copy(client.scratch / "copy");
  fs::copy_file(client.file.path(), copy.path());
  EXPECT_THAT(client.Change("short"), StatusIs(absl::StatusCode::kInvalidArgument, StartsWith("passphrase_weak")));
  ASSERT_OK(client.Change("the second passphrase"));
  EXPECT_EQ(client.Slots(), 1u);
  EXPECT_THAT(client.Unlock("the first passphrase"), StatusIs(kWrongPassphrase));
  EXPECT_TRUE(client.Opens("the second passphrase"));
  EXPECT_THAT(client::Unlock(copy, Words("the first passphrase"), client.network), StatusIs(kPrecondition, StartsWith("unlock_key_unknown")));
}

// Broken off before or after each call, and so between any two writes: one of the two passphrases opens it, the same data key
// comes out, and from there the change can be completed, or made anew.
TEST(Passphrase, AChangeThatIsBrokenOffAnywhere) {
  for (const bool first : {true, false}) {
    for (const bool after : {false, true}) {
      int opened_old = 0, opened_new = 0;
      for (int n = 1; n <= 3; ++n) {
        SCOPED_TRACE(absl::StrCat(first ? "set-up" : "change", after ? " after" : " before", " call ", n));
        Client client;
        if (!first) {
          ASSERT_OK(client.Change("the first passphrase"));
        }
        client.network.BreakAt(n, after);
        EXPECT_THAT(client.Change("the second passphrase"), StatusIs(absl::StatusCode::kUnavailable));
        EXPECT_EQ(client.network.calls, n);
        client.network.BreakAt(0, false);
        client.world.Restart();
        const bool by_new = client.Opens("the second passphrase");
        const bool by_old = client.Opens("the first passphrase");
        if (first) {
          // Until it is in force the store is under the passphrase's file, which nothing here touches.
          EXPECT_EQ(by_new, n == 3 && after);
          EXPECT_FALSE(by_old);
        } else {
          EXPECT_NE(by_new, by_old);  // opening with the new one completes the change
          EXPECT_EQ(by_new, n == 3);
          EXPECT_EQ(client.Slots(), 1u);
        }
        opened_new += by_new, opened_old += by_old;
        client.world.clock().Advance(absl::Hours(1));
        ASSERT_OK(client.Change("the third passphrase"));
        EXPECT_TRUE(client.Opens("the third passphrase"));
        EXPECT_EQ(keyserver::LockState(client.world, client.device).attempts_left(), 10u);
      }
      EXPECT_TRUE(first || (opened_new == 1 && opened_old == 2));
    }
  }
}

// The same when attempts are delayed already, so that only one of the two slots can be tried at a time.
TEST(Passphrase, ABrokenOffChangeOpensInTwoTriesWhileAttemptsAreDelayed) {
  for (const char* passphrase : {"the first passphrase", "the second passphrase"}) {
    for (int wrong = 0; wrong < 4; ++wrong) {
      SCOPED_TRACE(absl::StrCat(passphrase, " after ", wrong));
      Client client;
      ASSERT_OK(client.Change("the first passphrase"));
      client.network.BreakAt(3, false);
      EXPECT_FALSE(client.Change("the second passphrase").ok());
      client.network.BreakAt(0, false);
      for (int i = 0; i < wrong; ++i) {
        client.world.clock().Advance(absl::Hours(1));
        EXPECT_FALSE(client.Opens("a wrong one of mine"));
      }
      client.world.clock().Advance(absl::Hours(1));
      const absl::StatusOr<Unlocked> first = client.Unlock(passphrase);
      if (first.ok()) continue;
      EXPECT_THAT(first, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("give the same passphrase again")));
      client.world.clock().Advance(absl::Hours(1));
      EXPECT_TRUE(client.Opens(passphrase));
    }
  }
}

// Who types the old passphrase takes a broken-off change back.
TEST(Passphrase, TheOldOneTakesABrokenOffChangeBack) {
  Client client;
  ASSERT_OK(client.Change("the first passphrase"));
  client.network.BreakAt(3, false);
  EXPECT_FALSE(client.Change("the second passphrase").ok());
  client.network.BreakAt(0, false);
  EXPECT_EQ(client.Slots(), 2u);
  EXPECT_TRUE(client.Opens("the first passphrase"));
  EXPECT_EQ(client.Slots(), 1u);
  EXPECT_FALSE(client.Opens("the second passphrase"));
  EXPECT_TRUE(client.Opens("the first passphrase"));
}

// A change that is broken off while it is completed, again and again.
TEST(Passphrase, CompletionMayBeBrokenOffToo) {
  for (const bool after : {false, true}) {
    Client client;
    ASSERT_OK(client.Change("the first passphrase"));
    client.network.BreakAt(3, false);
    EXPECT_FALSE(client.Change("the second passphrase").ok());
    client.network.BreakAt(0, false);
    ASSERT_OK_AND_ASSIGN(const Unlocked unlocked, client.Unlock("the second passphrase"));
    ASSERT_TRUE(unlocked.unconfirmed.has_value());
    client.network.BreakAt(1, after);
    EXPECT_FALSE(FinishChange(client.file, unlocked, client.network).ok());
    client.network.BreakAt(0, false);
    client.world.clock().Advance(absl::Hours(1));
    if (!client.Opens("the second passphrase")) {
      client.world.clock().Advance(absl::Hours(1));
      EXPECT_TRUE(client.Opens("the second passphrase"));
    }
    EXPECT_EQ(client.Slots(), 1u);
    EXPECT_FALSE(client.Opens("the first passphrase"));
  }
}

// What a key server in other hands may answer: each is refused, nothing opens, and it gets no signature to guess at.
TEST(HostileKeyServer, CannotMakeAClientAcceptAnotherEvaluation) {
  const auto other = crypto::VoprfSecretKey::Generate();
  const std::string element = ToString(crypto::VoprfBlinding::Create(Secret(32))->element().view());
  using Response = keys::v1::EvaluateResponse;
  const std::pair<const char*, std::function<void(Response&)>> lies[] = {
      {"another key", [&](Response& r) { r.set_evaluation(ToString(other.BlindEvaluate(*crypto::VoprfElement::Parse(AsBytes(element))).Serialize())); }},
      {"another element", [&](Response& r) { r.mutable_evaluation()->replace(0, 32, element); }},
      {"another proof", [&](Response& r) { (*r.mutable_evaluation())[40] ^= 1; }},
      {"an empty proof", [&](Response& r) { r.mutable_evaluation()->replace(32, 64, std::string(64, '\0')); }},
      {"the identity", [&](Response& r) { r.mutable_evaluation()->replace(0, 32, std::string(32, '\0')); }},
      {"nothing", [&](Response& r) { r.clear_evaluation(); }},
      {"no nonce", [&](Response& r) { r.clear_nonce(); }},
  };
  for (const auto& [what, lie] : lies) {
    SCOPED_TRACE(what);
    Client client;
    ASSERT_OK(client.Change("the first passphrase"));
    client.network.lie = lie;
    EXPECT_THAT(client.Unlock("the first passphrase"), StatusIs(absl::StatusCode::kUnauthenticated, StartsWith("unlock_answer_invalid")));
    EXPECT_EQ(client.network.proofs, 0);
    EXPECT_FALSE(client.Change("another passphrase").ok());
    client.network.lie = nullptr;
    EXPECT_TRUE(client.Opens("the first passphrase"));
  }
}

TEST(HostileKeyServer, CannotNameAnotherKeyInTheState) {
  Client client;
  ASSERT_OK(client.Change("the first passphrase"));
  using State = keys::v1::GetLockStateResponse;
  // Another public key is not even looked at; another version has no slot.
  client.network.lie_about_state = [](State& state) {
    state.mutable_current()->set_public_key(ToString(crypto::VoprfSecretKey::Generate().public_key().view()));
  };
  EXPECT_TRUE(client.Opens("the first passphrase"));
  client.network.lie_about_state = [](State& state) { state.mutable_current()->set_version(9); };
  EXPECT_THAT(client.Unlock("the first passphrase"), StatusIs(kPrecondition, StartsWith("unlock_key_unknown")));
  const std::string before = ToString(ReadSecretFile(client.file.path(), 10000)->view());
  client.network.lie_about_state = [](State& state) { state.set_state(State::STATE_DESTROYED); };
  EXPECT_THAT(client.Unlock("the first passphrase"), StatusIs(kPrecondition, StartsWith("unlock_destroyed")));
  EXPECT_EQ(ToString(ReadSecretFile(client.file.path(), 10000)->view()), before);  // it is believed, and nothing is thrown away for it
  client.network.lie_about_state = nullptr;
  EXPECT_TRUE(client.Opens("the first passphrase"));
}

// No signature under a wrong passphrase: who put another key into the header could guess at it.
TEST(Unlock, SignsNothingUnlessTheStoreOpened) {
  Client client;
  ASSERT_OK(client.Change("the first passphrase"));
  EXPECT_FALSE(client.Opens("a wrong one of mine"));
  EXPECT_EQ(client.network.proofs, 0);
}

TEST(Unlock, ALostProofCostsOneAttemptAndNoMore) {
  Client client;
  ASSERT_OK(client.Change("the first passphrase"));
  client.network.BreakAt(3, false);  // state, evaluation, proof
  EXPECT_TRUE(client.Opens("the first passphrase"));
  EXPECT_EQ(client.network.proofs, 3);
  EXPECT_EQ(keyserver::LockState(client.world, client.device).attempts_left(), 9u);
  client.network.BreakAt(0, false);
  EXPECT_TRUE(client.Opens("the first passphrase"));
  EXPECT_EQ(keyserver::LockState(client.world, client.device).attempts_left(), 10u);
}

TEST(Unlock, ADamagedHeaderIsNamed) {
  Client client;
  ASSERT_OK(client.Change("the first passphrase"));
  fs::resize_file(client.file.path(), 50);
  EXPECT_THAT(client.Unlock("the first passphrase"), StatusIs(absl::StatusCode::kDataLoss, StartsWith("store_damaged")));
  EXPECT_EQ(client.network.calls, 3);  // the set-up's: nothing was asked
}

TEST(UnlockCertificate, IsFetchedOnceAndRenewedLongBeforeItEnds) {
  Client client;
  const std::string path = client.scratch / "unlock.crt";
  const std::vector<crypto::Certificate> own = {client.device.tls, client.device.issuing};
  const auto renew = [&] {
    return RenewUnlockCertificate(path, own, client.world.organisation().keys().root, client.network, client.world.clock());
  };
  EXPECT_EQ(*renew(), true);
  EXPECT_EQ(*renew(), false);
  client.world.clock().Advance(absl::Hours(24 * 3));
  EXPECT_EQ(*renew(), false);
  std::ofstream(path) << "not a certificate";
  EXPECT_EQ(*renew(), true);
  const auto held = *crypto::Certificate::ParsePem(*ReadTextFile(path, 65536));
  EXPECT_EQ(held.uris(), std::vector<std::string>{absl::StrCat("plumbline://example.org/unlock/", ToHex(client.device.id))});
}

TEST(UnlockCertificate, AnotherThanAskedForIsRefused) {
  Client client;
  keyserver::TestDevice bob = client.world.Enrol(keyserver::kBob);
  DeskNetwork his(client.world, bob);
  const std::string path = client.scratch / "unlock.crt";
  const auto renew = [&](const crypto::Certificate& root) {
    return RenewUnlockCertificate(path, {client.device.tls, client.device.issuing}, root, his, client.world.clock());
  };
  EXPECT_THAT(renew(client.world.organisation().keys().root), StatusIs(absl::StatusCode::kUnauthenticated, StartsWith("answer_invalid")));
  EXPECT_FALSE(fs::exists(path));
}

// A store of its own in a folder that can be copied.
struct Checked {
  Checked() { plumbline::testing::GetStatus(home.Create(Words("the first passphrase"), kCheap)).IgnoreError(); }
  absl::Status CheckIn(const std::string& folder) {
    ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, Home(folder).OpenSealed(Words("the first passphrase")));
    CheckInStore check_ins(*store);
    return CheckInWith(check_ins, network);
  }
  std::string Copy(const std::string& name) {
    fs::copy(home.folder(), scratch / name, fs::copy_options::recursive);
    return scratch / name;
  }
  keyserver::World world;
  keyserver::TestDevice device = world.Enrol(keyserver::kAlice);
  DeskNetwork network{world, device};
  plumbline::testing::ScratchDir scratch;
  Home home{scratch / "home"};
};

TEST(CheckIn, ACopyOfAFolderIsFoundOutAndToldSo) {
  Checked c;
  for (int i = 0; i < 3; ++i) ASSERT_OK(c.CheckIn(c.home.folder()));
  const std::string copy = c.Copy("copy");
  ASSERT_OK(c.CheckIn(c.home.folder()));
  EXPECT_THAT(c.CheckIn(copy), StatusIs(kPrecondition, HasSubstr("store_copied: another copy of this device's folder")));
  ASSERT_OK(c.CheckIn(c.home.folder()));
  EXPECT_THAT(c.CheckIn(copy), StatusIs(kPrecondition, StartsWith("store_rolled_back")));
  ASSERT_OK(c.CheckIn(c.home.folder()));
}

// The thief's copy was first: then the owner is told.
TEST(CheckIn, TheOwnerIsToldOfACopyThatWentOn) {
  Checked c;
  ASSERT_OK(c.CheckIn(c.home.folder()));
  const std::string copy = c.Copy("copy");
  ASSERT_OK(c.CheckIn(copy));
  EXPECT_THAT(c.CheckIn(c.home.folder()), StatusIs(kPrecondition, StartsWith("store_copied")));
}

TEST(CheckIn, ABackupThatIsPutBackIsFoundOut) {
  Checked c;
  ASSERT_OK(c.CheckIn(c.home.folder()));
  const std::string backup = c.Copy("backup");
  for (int i = 0; i < 3; ++i) ASSERT_OK(c.CheckIn(c.home.folder()));
  fs::remove_all(c.home.folder());
  fs::copy(backup, c.home.folder(), fs::copy_options::recursive);
  EXPECT_THAT(c.CheckIn(c.home.folder()), StatusIs(kPrecondition, HasSubstr("store_rolled_back: this device's folder is older")));
}

TEST(CheckIn, ALostAnswerIsNoCopy) {
  Checked c;
  for (int i = 0; i < 3; ++i) {
    for (const bool after : {false, true}) {
      c.network.BreakAt(1, after);
      EXPECT_THAT(c.CheckIn(c.home.folder()), StatusIs(absl::StatusCode::kUnavailable));
      c.network.BreakAt(0, false);
    }
    ASSERT_OK(c.CheckIn(c.home.folder()));
  }
}

}  // namespace
}  // namespace plumbline::client
