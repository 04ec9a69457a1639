// The proposals of one epoch that wait for a commit (RFC 9420 §12.1), and the private keys of our
// own Updates among them. Bounded. Move-only; not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/codec.h"
#include "common/status.h"
#include "mls/framing.h"

namespace plumbline::mls {

inline constexpr size_t kMaxPendingProposals = 4096;

// A proposal of this epoch, checked alone.
struct StoredProposal {
  ProposalRef ref;
  Sender sender;
  Proposal proposal;
};

// The private keys of an Update proposal of ours: they count once a commit contains it.
struct PendingUpdate {
  HpkeKeyPair encryption_key;
  std::optional<SignaturePrivateKey> signature_key;  // if it changes
};

class PendingProposals {
 public:
  PendingProposals() = default;
  PendingProposals(PendingProposals&&) noexcept = default;
  PendingProposals& operator=(PendingProposals&&) noexcept = default;
  PendingProposals Clone() const;

  // In the order of arrival, none twice.
  const std::vector<StoredProposal>& list() const { return list_; }
  // Null if it is not there.
  const StoredProposal* Find(const ProposalRef& ref) const;
  // RESOURCE_EXHAUSTED if Add would have no room.
  absl::Status CheckRoom() const;
  // Keeps it unless it is known. There must be room (CHECKed).
  void Add(StoredProposal proposal);
  void AddUpdate(PendingUpdate update) { updates_.push_back(std::move(update)); }
  // By the new leaf's encryption key; null if there is none.
  const PendingUpdate* FindUpdate(ByteView encryption_key) const;
  void Clear();

  // The whole state. Read: INVALID_ARGUMENT unless the bytes came from Write.
  void Write(Writer& out) const;
  static absl::StatusOr<PendingProposals> Read(Reader& in);

 private:
  std::vector<StoredProposal> list_;
  std::vector<PendingUpdate> updates_;
};

SignaturePrivateKey CopyOf(const SignaturePrivateKey& key);
HpkeKeyPair CopyOf(const HpkeKeyPair& key);

}  // namespace plumbline::mls
