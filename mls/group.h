// One member's view of one MLS group at one epoch (RFC 9420 §8, §11, §12). A pure value: bytes in,
// bytes out. The usual flow:
//   Create or Join -> Commit / Process -> StagedCommit -> AdvanceTo(*std::move(staged.next)) once
//   the delivery service took it. To survive a crash in between, store staged.next->Serialize()
//   beside the group, and read it with StagedGroup::Parse.
// Any function that fails leaves the group exactly as it was (Serialize gives the same bytes).
// Not thread-safe. A moved-from group may only be destroyed or assigned to.
#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "common/bytes.h"
#include "common/secret.h"
#include "common/status.h"
#include "mls/credential.h"
#include "mls/crypto/cipher_suite.h"
#include "mls/group_types.h"
#include "mls/group_view.h"
#include "mls/staged_commit.h"

namespace plumbline::mls {

struct Successor;
using Processed = std::variant<ApplicationMessage, ProposalStored, StagedCommit, OwnMessage>;

class Group final : public GroupView {
 public:
  Group(Group&&) noexcept = default;
  Group& operator=(Group&&) noexcept = default;
  // An equal value with its own ratchets. Never send from both: that would use a key twice.
  Group Clone() const;

  // A group of one at epoch 0. INVALID_ARGUMENT if the parameters contradict each other.
  static absl::StatusOr<Group> Create(CreateGroupParams params, SignatureKeyPair signature_key);

  // Joins by a Welcome (MLSMessage bytes). `ratchet_tree` is needed if and only if the Welcome does
  // not carry it. INVALID_ARGUMENT (malformed, not for this bundle, any check of §12.4.3.1),
  // NOT_FOUND (a PSK), UNAUTHENTICATED (a member's credential is refused), UNIMPLEMENTED (names
  // what), FAILED_PRECONDITION (it branches from or succeeds a group: JoinSuccessor). Whether one
  // is already in this group id is the caller's to check. `inviter`: set to the leaf that signed
  // the GroupInfo.
  static absl::StatusOr<Group> Join(ByteView welcome, const KeyPackageBundle& bundle,
                                    SignaturePrivateKey signature_key,
                                    const std::optional<Bytes>& ratchet_tree,
                                    const AuthenticationService& authentication, absl::Time now,
                                    const GroupPolicy& policy = {}, const PskStore* psks = nullptr,
                                    LeafIndex* inviter = nullptr);
  // The same for a group that branches from this one or re-initialises it (§11.2, §11.3), under
  // this group's policy. Also INVALID_ARGUMENT if it is not what this one allows it to be.
  absl::StatusOr<Group> JoinSuccessor(ByteView welcome, const KeyPackageBundle& bundle,
                                      SignaturePrivateKey signature_key,
                                      const std::optional<Bytes>& ratchet_tree,
                                      const AuthenticationService& authentication, absl::Time now,
                                      const PskStore* psks = nullptr) const;
  // Joins by an external commit made from a GroupInfo (MLSMessage bytes). Errors as Join. Then
  // Enter.
  static absl::StatusOr<StagedCommit> JoinExternally(ByteView group_info, ExternalJoinParams params,
                                                     SignatureKeyPair signature_key,
                                                     const AuthenticationService& authentication,
                                                     absl::Time now,
                                                     const GroupPolicy& policy = {});
  // Where JoinExternally's commit leads, once taken. FAILED_PRECONDITION for any other, which is
  // for AdvanceTo.
  static absl::StatusOr<Group> Enter(StagedGroup&& join);
  // Whether the Welcome names this key package: lets a client find the bundle that belongs to it.
  static absl::StatusOr<std::vector<Bytes>> WelcomeKeyPackageRefs(ByteView welcome);

  // DATA_LOSS if `stored` did not come from Serialize.
  static absl::StatusOr<Group> Parse(ByteView stored);

  size_t pending_proposals() const;
  std::vector<Bytes> pending_refs() const;  // of all of them, own ones too, in the order of arrival

  // One application message as PrivateMessage (MLSMessage bytes). Advances the own ratchet: persist
  // before sending. RESOURCE_EXHAUSTED once the generations are used up.
  absl::StatusOr<Bytes> Protect(ByteView plaintext, ByteView authenticated_data,
                                Padding padding = {});

  // The group for those who shall join it (§12.4.3), signed, as MLSMessage bytes. Not public
  // information: who may have it is the application's to say.
  absl::StatusOr<Bytes> ExportGroupInfo(const GroupInfoOptions& options = {}) const;

  // Proposals as MLSMessage bytes, also stored as pending here. INVALID_ARGUMENT for what members
  // would refuse.
  absl::StatusOr<Bytes> ProposeAdd(const KeyPackage& key_package, HandshakeFraming framing,
                                   const AuthenticationService& authentication, absl::Time now,
                                   ByteView authenticated_data = {});
  absl::StatusOr<Bytes> ProposeUpdate(LeafChange change, HandshakeFraming framing,
                                      ByteView authenticated_data = {});
  absl::StatusOr<Bytes> ProposeRemove(LeafIndex index, HandshakeFraming framing,
                                      ByteView authenticated_data = {});
  absl::StatusOr<Bytes> ProposeExternalPsk(ByteView psk_id, HandshakeFraming framing,
                                           ByteView authenticated_data = {});
  absl::StatusOr<Bytes> ProposeResumptionPsk(uint64_t epoch, HandshakeFraming framing,
                                             ByteView authenticated_data = {});
  absl::StatusOr<Bytes> ProposeGroupContextExtensions(Extensions extensions,
                                                      HandshakeFraming framing,
                                                      ByteView authenticated_data = {});
  absl::StatusOr<Bytes> ProposeReInit(ReInitProposal reinit, HandshakeFraming framing,
                                      ByteView authenticated_data = {});
  void ClearPendingProposals();

  // Stages a commit. This group does not change: but a PrivateMessage commit takes one generation
  // of the own handshake ratchet, so persist this group too. Losing the race = dropping the result.
  absl::StatusOr<StagedCommit> Commit(CommitParams params,
                                      const AuthenticationService& authentication, absl::Time now);

  // A new group of some members of this one, tied to it by its resumption PSK (§11.3). `params`:
  // suite as here, a new group id. `commit.adds`: a key package of each of the others.
  // INVALID_ARGUMENT if one is none of a member.
  absl::StatusOr<Successor> Branch(CreateGroupParams params, SignatureKeyPair signature_key,
                                   CommitParams commit, const AuthenticationService& authentication,
                                   absl::Time now) const;
  // The group that this one was re-initialised to (§11.2): id, suite and group context extensions
  // of `params` are replaced by those of reinit(). `commit.adds`: a key package of each of the
  // others. FAILED_PRECONDITION if reinit() is empty; INVALID_ARGUMENT if a member is missing or
  // one is new.
  absl::StatusOr<Successor> Reinitialize(CreateGroupParams params, SignatureKeyPair signature_key,
                                         CommitParams commit,
                                         const AuthenticationService& authentication,
                                         absl::Time now) const;

  // Takes one MLSMessage (PublicMessage or PrivateMessage). A commit is staged, not applied.
  // INVALID_ARGUMENT (any rule of §12 or undecryptable), NOT_FOUND (other group, an epoch outside
  // the window, or a PSK), UNAUTHENTICATED (credential refused), RESOURCE_EXHAUSTED (generation too
  // far ahead), FAILED_PRECONDITION (a commit refers to a proposal that was not received; the group
  // was re-initialised), PERMISSION_DENIED (the policy refuses it; a past epoch's message whose
  // sender was removed since), UNIMPLEMENTED (names what). `now` is when the delivery service took
  // the message, so that whoever reads late judges lifetimes as the others did. Who made a commit
  // that is refused, RefusedCommitOf tells (refused_commit.h).
  absl::StatusOr<Processed> Process(ByteView message, const AuthenticationService& authentication,
                                    absl::Time now, const PskStore* psks = nullptr);

  // Becomes `next`, where a commit in this epoch leads, keeping the bounded past epochs.
  // FAILED_PRECONDITION if `next` is not the epoch after this one of the same group, or a join.
  absl::Status AdvanceTo(StagedGroup&& next);

 private:
  friend struct GroupAccess;
  explicit Group(std::unique_ptr<GroupState> state);
};

// A group made by Branch or Reinitialize, already in its first epoch with its other members.
struct Successor {
  Group group;
  std::optional<Bytes> welcome;  // for the other members, MLSMessage bytes; none if there are none
};

}  // namespace plumbline::mls
