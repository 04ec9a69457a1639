#include "mls/pending_proposals.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "mls/tree/tree_math.h"

namespace plumbline::mls {
namespace {

constexpr size_t kMaxKeyBytes = 4096;
constexpr size_t kMaxRefBytes = 255;

// Leaf indices and places among external senders leave the two highest bits free; they tell the
// kind of sender.
constexpr int kKindShift = 30;
constexpr uint32_t kIndexMask = (uint32_t{1} << kKindShift) - 1;

absl::Status Broken(absl::string_view what) { return absl::InvalidArgumentError(what); }

uint32_t PackSender(const Sender& sender) {
  const uint32_t kind = static_cast<uint32_t>(sender.type) - 1;
  CHECK(sender.index <= kIndexMask);
  return (kind << kKindShift) | sender.index;
}

absl::StatusOr<Sender> UnpackSender(uint32_t packed) {
  const Sender sender{static_cast<SenderType>((packed >> kKindShift) + 1), packed & kIndexMask};
  const bool has_index = sender.type == SenderType::kMember || sender.type == SenderType::kExternal;
  if (sender.type == SenderType::kNewMemberCommit || (!has_index && sender.index != 0))
    return Broken("stored proposal is of no possible sender");
  return sender;
}

absl::StatusOr<Secret> ReadSecret(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView bytes, in.Vector(kMaxKeyBytes));
  return Secret::CopyOf(bytes);
}

absl::StatusOr<PendingUpdate> ReadUpdate(Reader& in) {
  PendingUpdate update;
  ASSIGN_OR_RETURN(update.encryption_key.private_key.bytes, ReadSecret(in));
  ASSIGN_OR_RETURN(const ByteView public_key, in.Vector(kMaxKeyBytes));
  update.encryption_key.public_key = ToBytes(public_key);
  ASSIGN_OR_RETURN(const bool has_signature_key, in.Present());
  if (has_signature_key) {
    ASSIGN_OR_RETURN(Secret key, ReadSecret(in));
    update.signature_key = SignaturePrivateKey{std::move(key)};
  }
  return update;
}

}  // namespace

SignaturePrivateKey CopyOf(const SignaturePrivateKey& key) {
  return {Secret::CopyOf(key.bytes.view()), Secret::CopyOf(key.prepared.view())};
}

HpkeKeyPair CopyOf(const HpkeKeyPair& key) {
  return {HpkePrivateKey{Secret::CopyOf(key.private_key.bytes.view())}, key.public_key};
}

PendingProposals PendingProposals::Clone() const {
  PendingProposals copy;
  copy.list_ = list_;
  for (const PendingUpdate& update : updates_) {
    PendingUpdate other{CopyOf(update.encryption_key), std::nullopt};
    if (update.signature_key) other.signature_key = CopyOf(*update.signature_key);
    copy.updates_.push_back(std::move(other));
  }
  return copy;
}

const StoredProposal* PendingProposals::Find(const ProposalRef& ref) const {
  const auto found = std::find_if(list_.begin(), list_.end(),
                                  [&](const StoredProposal& stored) { return stored.ref == ref; });
  return found == list_.end() ? nullptr : &*found;
}

absl::Status PendingProposals::CheckRoom() const {
  if (list_.size() < kMaxPendingProposals) return absl::OkStatus();
  return absl::ResourceExhaustedError("too many proposals");
}

void PendingProposals::Add(StoredProposal proposal) {
  CHECK(list_.size() < kMaxPendingProposals);
  if (Find(proposal.ref) == nullptr) list_.push_back(std::move(proposal));
}

const PendingUpdate* PendingProposals::FindUpdate(ByteView encryption_key) const {
  const auto found =
      std::find_if(updates_.begin(), updates_.end(), [&](const PendingUpdate& update) {
        return Equal(update.encryption_key.public_key, encryption_key);
      });
  return found == updates_.end() ? nullptr : &*found;
}

void PendingProposals::Clear() {
  list_.clear();
  updates_.clear();
}

// struct { uint32 count; struct { opaque ref<V>; uint32 sender; Proposal proposal; } list[count];
//          uint32 count; struct { opaque private_key<V>; opaque public_key<V>;
//                                 optional<opaque<V>> signature_key; } updates[count]; }
void PendingProposals::Write(Writer& out) const {
  out.U32(static_cast<uint32_t>(list_.size()));
  for (const StoredProposal& stored : list_) {
    out.Vector(stored.ref.value).U32(PackSender(stored.sender));
    WriteProposal(out, stored.proposal);
  }
  out.U32(static_cast<uint32_t>(updates_.size()));
  for (const PendingUpdate& update : updates_) {
    out.Vector(update.encryption_key.private_key.bytes.view());
    out.Vector(update.encryption_key.public_key);
    out.Present(update.signature_key.has_value());
    if (update.signature_key) out.Vector(update.signature_key->bytes.view());
  }
}

absl::StatusOr<PendingProposals> PendingProposals::Read(Reader& in) {
  PendingProposals out;
  ASSIGN_OR_RETURN(const uint32_t count, in.U32());
  if (count > kMaxPendingProposals) return Broken("too many stored proposals");
  for (uint32_t i = 0; i < count; ++i) {
    StoredProposal stored;
    ASSIGN_OR_RETURN(const ByteView ref, in.Vector(kMaxRefBytes));
    stored.ref.value = ToBytes(ref);
    ASSIGN_OR_RETURN(const uint32_t sender, in.U32());
    ASSIGN_OR_RETURN(stored.sender, UnpackSender(sender));
    ASSIGN_OR_RETURN(stored.proposal, ReadProposal(in));
    if (out.Find(stored.ref) != nullptr) return Broken("stored proposal occurs twice");
    out.list_.push_back(std::move(stored));
  }
  ASSIGN_OR_RETURN(const uint32_t updates, in.U32());
  for (uint32_t i = 0; i < updates; ++i) {
    ASSIGN_OR_RETURN(PendingUpdate update, ReadUpdate(in));
    out.updates_.push_back(std::move(update));
  }
  return out;
}

}  // namespace plumbline::mls
