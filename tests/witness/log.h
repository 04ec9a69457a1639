// A log that a test grows, and what it sends to a witness.
#pragma once

#include <string>

#include "common/tlog/checkpoint.h"
#include "common/tlog/witness_request.h"

namespace plumbline::witness {

class TestLog final {
 public:
  // Two with another `salt` show two histories under one key.
  explicit TestLog(const std::string& origin = "example.org/log", uint8_t key = 1, uint8_t salt = 0)
      : signer_(*tlog::NoteSigner::Create(origin, *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, key))))), salt_(salt) {}

  void GrowTo(uint64_t size) {
    for (; size_ < size; ++size_) {
      const Bytes leaf = {static_cast<uint8_t>(size_ >> 8), static_cast<uint8_t>(size_), salt_};
      (void)tlog::Append(nodes_, size_, tlog::LeafHash(leaf));
    }
  }
  std::string Checkpoint(uint64_t size) {
    GrowTo(size);
    return *tlog::SignCheckpoint(size, *tlog::Root(nodes_, size), signer_);
  }
  std::vector<tlog::Hash> Proof(uint64_t from, uint64_t size) {
    GrowTo(size);
    return from == 0 || from == size ? std::vector<tlog::Hash>() : *tlog::ProveConsistency(nodes_, from, size);
  }
  // What an honest log sends.
  std::string Request(uint64_t from, uint64_t size) {
    return tlog::FormatWitnessRequest(from, Proof(from, size), Checkpoint(size));
  }
  const tlog::VerifierKey& verifier() const { return signer_.verifier(); }

 private:
  tlog::NoteSigner signer_;
  const uint8_t salt_;
  tlog::MemoryNodes nodes_;
  uint64_t size_ = 0;
};

}  // namespace plumbline::witness
