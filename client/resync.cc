#include "client/resync.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/roster.h"
#include "client/sealing.h"
#include "common/identity/reason.h"
#include "mls/key_package.h"

namespace plumbline::client {
namespace {

constexpr absl::Duration kMaxAge = absl::Hours(24 * 7);
constexpr absl::Duration kClockSkew = absl::Hours(1);
constexpr absl::Duration kPatience = absl::Minutes(1);  // before another member is asked; doubled each time
constexpr int kMaxDoublings = 10;
constexpr absl::Duration kKeyPackageLife = absl::Hours(24 * 30);

absl::Status Refused(absl::string_view why) {
  return identity::Refuse(absl::StatusCode::kInvalidArgument, "resync_refused",
                          absl::StrCat("a request to be taken in again is not followed: ", why));
}

}  // namespace

absl::StatusOr<HeldResyncRequest> JudgeResync(const mls::Group& group, const identity::ResyncRequest& request,
                                              absl::Time now) {
  const absl::Time made = absl::FromUnixSeconds(static_cast<int64_t>(std::min<uint64_t>(request.time_unix, INT64_MAX)));
  if (made > now + kClockSkew || made < now - kMaxAge) return Refused("it is too old, or a clock is wrong");
  if (request.epoch > group.epoch()) return Refused("the device is ahead, not behind");
  const absl::StatusOr<mls::KeyPackage> key_package = mls::ParseKeyPackageMessage(request.key_package);
  if (!key_package.ok() || !mls::ValidateKeyPackage(*key_package, now).ok()) return Refused("its key package is unusable");
  const absl::StatusOr<CredentialNames> names = NamesOf(key_package->leaf_node.credential);
  if (!names.ok()) return Refused("its key package names nobody");
  for (const mls::Member& member : group.members()) {
    const absl::StatusOr<CredentialNames> held = NamesOf(member.credential);
    if (!held.ok() || *held != *names || member.index == group.own_leaf()) continue;
    if (member.signature_key != key_package->leaf_node.signature_key) return Refused("the key is not the member's");
    const absl::StatusOr<crypto::Ed25519PublicKey> key = crypto::Ed25519PublicKey::Parse(member.signature_key);
    if (!key.ok() || !identity::VerifyResyncRequest(request, *key).ok()) return Refused("it is not signed by the member");
    return HeldResyncRequest{names->device, {}, member.encryption_key};
  }
  return Refused("the device is not in the conversation");
}

absl::StatusOr<bool> AskToReturn(Stores& stores, const Self& self, const Clock& clock, const StoredGroup& group,
                                 const Mailbox& intake, const IntakeOf& intake_of) {
  ASSIGN_OR_RETURN(MembershipStore::Asked asked, stores.membership.AskedFor(group.id));
  const absl::Duration patience = kPatience * (int64_t{1} << std::min<int64_t>(asked.times, kMaxDoublings));
  if (clock.Now() < asked.last + patience) return false;
  ASSIGN_OR_RETURN(const mls::Group state, mls::Group::Parse(group.state.view()));
  ASSIGN_OR_RETURN(std::vector<RosterDevice> others, RosterOf(state));
  std::erase_if(others, [&](const RosterDevice& d) { return d.leaf == state.own_leaf() || !d.address.has_value(); });
  if (others.empty()) return false;
  std::stable_partition(others.begin(), others.end(), [&](const RosterDevice& d) { return d.names.user == self.user(); });
  const RosterDevice& member = others[static_cast<size_t>(asked.times) % others.size()];
  identity::MailboxAddress address = *member.address;
  if (intake_of && static_cast<size_t>(asked.times) >= others.size()) {
    ASSIGN_OR_RETURN(const std::optional<identity::MailboxAddress> present, intake_of(member));
    address = present.value_or(address);
  }

  mls::KeyPackageParams params;
  params.credential = self.credential();
  ASSIGN_OR_RETURN(const crypto::Certificate credential, LeafOf(params.credential));
  const absl::Time end = std::min(clock.Now() + kKeyPackageLife, credential.not_after());
  params.lifetime = mls::Lifetime::From(clock.Now() - kClockSkew, end - clock.Now() + kClockSkew);
  params.capabilities = OwnCapabilities();
  params.leaf_extensions = LeafExtensions(AddressOf(intake, self.account().delivery_address));
  ASSIGN_OR_RETURN(const mls::KeyPackageBundle bundle, mls::GenerateKeyPackage(params, self.mls_keys()));
  ASSIGN_OR_RETURN(const mls::CipherSuite* suite, mls::CipherSuite::Get(static_cast<uint16_t>(params.suite)));
  identity::ResyncRequest request;
  request.group_id = group.id;
  request.epoch = state.epoch();
  request.time_unix = static_cast<uint64_t>(absl::ToUnixSeconds(clock.Now()));
  request.key_package = mls::EncodeKeyPackageMessage(bundle.key_package);
  ASSIGN_OR_RETURN(const crypto::Ed25519KeyPair key,
                   crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(self.account().mls_seed.view())));
  request = identity::SignResyncRequest(std::move(request), key);

  OutboxItem item;
  item.group_id = group.id;
  item.epoch = state.epoch();
  ASSIGN_OR_RETURN(OutgoingEnvelope envelope,
                   SealEnvelope(address, {identity::EnvelopeKind::kResync, identity::Encode(request)}));
  item.envelopes.push_back(std::move(envelope));
  ++asked.times;
  asked.last = clock.Now();
  ASSIGN_OR_RETURN(Change change, stores.store.Begin());
  // It counts as published: it is in one member's hands, and the directory never gets it.
  RETURN_IF_ERROR(stores.supply.AddKeyPackage(change, {mls::KeyPackageRef(*suite, bundle.key_package), bundle.Serialize(),
                                                       /*last_resort=*/false, /*published=*/true,
                                                       end}));
  RETURN_IF_ERROR(stores.outbox.Add(change, item).status());
  RETURN_IF_ERROR(stores.membership.SetAsked(change, group.id, asked));
  RETURN_IF_ERROR(change.Commit());
  return true;
}

}  // namespace plumbline::client
