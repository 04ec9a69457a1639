// What MLS operations are made of. The sum of a message's parts is the floor that protecting and unprotecting one can
// come near but not go below: Floor/* measures that sum in one go, for the ratios of the group's own measurements.
#include <benchmark/benchmark.h>

#include "common/check.h"
#include "mls/crypto/cipher_suite.h"
#include "mls/secret_tree.h"

namespace plumbline::mls {
namespace {

constexpr size_t kMessageSize = 1024;      // bytes of plaintext
constexpr size_t kSenderDataSize = 12;     // bytes: leaf index, generation, reuse guard
constexpr uint32_t kMembers = 128;

const CipherSuite& Suite(const benchmark::State& state) {
  const absl::StatusOr<const CipherSuite*> suite = CipherSuite::Get(static_cast<uint16_t>(state.range(0)));
  CHECK(suite.ok());
  return **suite;
}

void Sign(benchmark::State& state) {
  const CipherSuite& suite = Suite(state);
  const SignatureKeyPair pair = suite.GenerateSignatureKeyPair();
  const Bytes message(kMessageSize, 1);
  for (auto _ : state) benchmark::DoNotOptimize(suite.SignWithLabel(pair.private_key, "FramedContentTBS", message));
}

void Verify(benchmark::State& state) {
  const CipherSuite& suite = Suite(state);
  const SignatureKeyPair pair = suite.GenerateSignatureKeyPair();
  const Bytes message(kMessageSize, 1);
  const Bytes signature = *suite.SignWithLabel(pair.private_key, "FramedContentTBS", message);
  for (auto _ : state) CHECK(suite.VerifyWithLabel(pair.public_key, "FramedContentTBS", message, signature).ok());
}

void HpkeSeal(benchmark::State& state) {
  const CipherSuite& suite = Suite(state);
  const HpkeKeyPair pair = suite.GenerateHpkeKeyPair();
  const Bytes secret(suite.hash_size(), 1);
  for (auto _ : state) benchmark::DoNotOptimize(suite.EncryptWithLabel(pair.public_key, "UpdatePathNode", {}, secret));
}

void HpkeOpen(benchmark::State& state) {
  const CipherSuite& suite = Suite(state);
  const HpkeKeyPair pair = suite.GenerateHpkeKeyPair();
  const Bytes secret(suite.hash_size(), 1);
  const HpkeCiphertext sealed = *suite.EncryptWithLabel(pair.public_key, "UpdatePathNode", {}, secret);
  for (auto _ : state) {
    CHECK(suite.DecryptWithLabel(pair.private_key, pair.public_key, "UpdatePathNode", {}, sealed).ok());
  }
}

void DeriveSecret(benchmark::State& state) {
  const CipherSuite& suite = Suite(state);
  const Secret secret = Secret::Random(suite.hash_size());
  for (auto _ : state) benchmark::DoNotOptimize(suite.DeriveSecret(secret.view(), "exporter"));
}

void HashOneKiB(benchmark::State& state) {
  const CipherSuite& suite = Suite(state);
  const Bytes data(kMessageSize, 1);
  for (auto _ : state) benchmark::DoNotOptimize(suite.Hash(data));
}

// A ratchet step, the AEAD over the message and over the sender data, and one signature.
void FloorProtect(benchmark::State& state) {
  const CipherSuite& suite = Suite(state);
  const SignatureKeyPair pair = suite.GenerateSignatureKeyPair();
  const SenderDataSecret sender_data = {Secret::Random(suite.hash_size())};
  SecretTree tree(suite, {kMembers}, {Secret::Random(suite.hash_size())});
  const Bytes message(kMessageSize, 1);
  for (auto _ : state) {
    const Bytes signature = *suite.SignWithLabel(pair.private_key, "FramedContentTBS", message);
    const MessageKey key = *tree.Next({3}, RatchetType::kApplication);
    const Bytes sealed = suite.Seal(key.secrets.key.view(), key.secrets.nonce.view(), {}, message);
    const KeyAndNonce header = DeriveSenderDataKeyAndNonce(suite, sender_data, sealed);
    benchmark::DoNotOptimize(suite.Seal(header.key.view(), header.nonce.view(), {}, Bytes(kSenderDataSize)));
  }
}

void FloorUnprotect(benchmark::State& state) {
  const CipherSuite& suite = Suite(state);
  const SignatureKeyPair pair = suite.GenerateSignatureKeyPair();
  const SenderDataSecret sender_data = {Secret::Random(suite.hash_size())};
  const EncryptionSecret secret = {Secret::Random(suite.hash_size())};
  SecretTree sender(suite, {kMembers}, {Secret::CopyOf(secret.bytes.view())});
  SecretTree receiver(suite, {kMembers}, {Secret::CopyOf(secret.bytes.view())});
  const Bytes message(kMessageSize, 1);
  const Bytes signature = *suite.SignWithLabel(pair.private_key, "FramedContentTBS", message);
  for (auto _ : state) {
    state.PauseTiming();
    const MessageKey sent = *sender.Next({3}, RatchetType::kApplication);
    const Bytes sealed = suite.Seal(sent.secrets.key.view(), sent.secrets.nonce.view(), {}, message);
    const KeyAndNonce header = DeriveSenderDataKeyAndNonce(suite, sender_data, sealed);
    const Bytes sealed_header = suite.Seal(header.key.view(), header.nonce.view(), {}, Bytes(kSenderDataSize));
    state.ResumeTiming();
    const KeyAndNonce opener = DeriveSenderDataKeyAndNonce(suite, sender_data, sealed);
    CHECK(suite.Open(opener.key.view(), opener.nonce.view(), {}, sealed_header).ok());
    SecretTree::Staged staged = *receiver.Stage({3}, RatchetType::kApplication, sent.generation);
    CHECK(suite.Open(staged.key().key.view(), staged.key().nonce.view(), {}, sealed).ok());
    CHECK(suite.VerifyWithLabel(pair.public_key, "FramedContentTBS", message, signature).ok());
    receiver.Consume(std::move(staged));
  }
}

BENCHMARK(Sign)->Arg(1);
BENCHMARK(Verify)->Arg(1);
BENCHMARK(HpkeSeal)->Arg(1)->Arg(3);
BENCHMARK(HpkeOpen)->Arg(1)->Arg(3);
BENCHMARK(DeriveSecret)->Arg(1);
BENCHMARK(HashOneKiB)->Arg(1);
BENCHMARK(FloorProtect)->Name("Floor/Protect1KiB")->Arg(1)->Arg(3);
BENCHMARK(FloorUnprotect)->Name("Floor/Unprotect1KiB")->Arg(1)->Arg(3);

}  // namespace
}  // namespace plumbline::mls
