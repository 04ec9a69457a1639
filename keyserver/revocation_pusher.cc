#include "keyserver/revocation_pusher.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/identity/labels.h"

namespace plumbline::keyserver {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kLongestPause = absl::Seconds(2);
constexpr absl::Duration kProbeEvery = absl::Seconds(30);

}  // namespace

RevocationPusher::RevocationPusher(DepartureStore& store, std::unique_ptr<RevocationSender> sender,
                                   const crypto::Ed25519Signer& grants_key, Bytes organisation_keys, Logger& logger)
    : store_(store), sender_(std::move(sender)), grants_key_(grants_key), organisation_keys_(std::move(organisation_keys)), logger_(logger) {
  if (sender_ != nullptr) thread_ = std::thread([this] { Run(); });
}

RevocationPusher::~RevocationPusher() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void RevocationPusher::PushAndWait(absl::Duration patience) {
  if (sender_ == nullptr) return;
  const absl::Time end = absl::Now() + patience;
  MutexLock lock(mutex_);
  const uint64_t own = ++asked_;
  changed_.NotifyAll();
  while (!stopping_ && settled_ < own && absl::Now() < end)
    changed_.WaitFor(mutex_, end - absl::Now());
}

void RevocationPusher::Run() {
  absl::Duration pause = kFirstPause;
  absl::Time probe = absl::InfinitePast();
  while (true) {
    uint64_t asked = 0;
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
      asked = asked_;
    }
    absl::Status status = absl::Now() >= probe ? Announce() : absl::OkStatus();
    if (status.ok()) status = Drain();
    if (status.ok() && absl::Now() >= probe) {
      status = Probe();
      if (status.ok()) status = Drain();
      if (status.ok()) probe = absl::Now() + kProbeEvery;
    }
    Report(status);
    MutexLock lock(mutex_);
    if (status.ok()) {
      pause = kFirstPause;
      settled_ = std::max(settled_, asked);
      changed_.NotifyAll();
    }
    const absl::Time next = absl::Now() + (status.ok() ? kProbeEvery : pause);
    if (!status.ok()) {
      pause = std::min(pause * 2, kLongestPause);
      probe = absl::InfinitePast();
    }
    while (!stopping_ && asked_ == asked && absl::Now() < next)
      changed_.WaitFor(mutex_, next - absl::Now());
  }
}

absl::StatusOr<uint64_t> RevocationPusher::Send(const QueuedRevocation& queued) {
  const absl::StatusOr<identity::RevokedItems> items = identity::ParseRevokedItems(queued.items);
  if (!items.ok()) return absl::DataLossError("a stored revocation does not parse");
  const Bytes wire = Encode(identity::Revocation{queued.sequence, queued.previous, *items});
  ASSIGN_OR_RETURN(const Bytes signature, crypto::SignUnder(grants_key_, identity::kRevocationLabel, wire));
  return sender_->Send(wire, signature);
}

absl::Status RevocationPusher::Announce() {
  if (organisation_keys_.empty()) return absl::OkStatus();
  const absl::Status status = sender_->SendKeys(organisation_keys_);
  const bool refused = absl::IsFailedPrecondition(status);
  if (refused && !keys_refused_) logger_.Error("organisation_keys.refused", {{LogKey::kStatus, status.code()}});
  keys_refused_ = refused;
  return refused ? absl::OkStatus() : status;  // who leaves is told all the same
}

absl::Status RevocationPusher::Drain() {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (stopping_) return absl::CancelledError("stopping");
    }
    ASSIGN_OR_RETURN(const std::optional<QueuedRevocation> next, store_.NextPending());
    if (!next) return absl::OkStatus();
    ASSIGN_OR_RETURN(const uint64_t last, Send(*next));
    if (last < next->previous) {
      RETURN_IF_ERROR(store_.Rewind(last));
      continue;
    }
    audit::Entry entry;
    entry.event = audit::Event::kRevocationConfirmed;
    entry.actor = "delivery";
    entry.details = {{"sequence", absl::StrCat(next->sequence)}};
    RETURN_IF_ERROR(store_.Confirm(next->sequence, entry));
  }
}

absl::Status RevocationPusher::Probe() {
  ASSIGN_OR_RETURN(const std::optional<QueuedRevocation> newest, store_.Newest());
  if (!newest) return absl::OkStatus();
  ASSIGN_OR_RETURN(const uint64_t last, Send(*newest));
  if (last >= newest->previous) return absl::OkStatus();
  return store_.Rewind(last);
}

void RevocationPusher::Report(const absl::Status& status) {
  if (status.ok() == !failing_ || absl::IsCancelled(status)) return;
  failing_ = !status.ok();
  if (failing_) {
    logger_.Error("revocation.delivery_unreachable", {{LogKey::kStatus, status.code()}});
  } else {
    logger_.Info("revocation.delivery_confirmed");
  }
}

}  // namespace plumbline::keyserver
