#include "keyserver/publisher.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "common/tlog/witness_request.h"

namespace plumbline::keyserver {
namespace {

constexpr absl::Duration kRound = absl::Seconds(5);  // then the newest checkpoint is asked about anew
constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kLongestPause = absl::Seconds(5);
constexpr int kAttempts = 3;  // of one witness, which says what size it has

absl::StatusOr<tlog::NoteSignature> TakeCosignature(const tlog::PolicyWitness& witness, const std::string& note,
                                                    const std::string& line) {
  ASSIGN_OR_RETURN(const tlog::Note cosigned, tlog::ParseNote(absl::StrCat(note, line)));
  RETURN_IF_ERROR(witness.key.Find(cosigned).status());
  for (auto each = cosigned.signatures.rbegin(); each != cosigned.signatures.rend(); ++each) {
    if (each->name == witness.key.name() && each->key_id == witness.key.id()) return *each;
  }
  return absl::UnauthenticatedError("the witness's signature is missing");
}

}  // namespace

Publisher::Publisher(DirectoryStore& store, const tlog::Policy& policy, std::unique_ptr<WitnessSender> sender, Logger& logger,
                     std::string log_folder, absl::Duration refresh)
    : store_(store), policy_(policy), sender_(std::move(sender)), logger_(logger), log_folder_(std::move(log_folder)), refresh_(refresh) {
  for (const tlog::PolicyWitness& witness : policy_.witnesses()) {
    if (!witness.url.empty()) threads_.emplace_back([this, &witness] { Attend(witness); });
  }
  threads_.emplace_back([this] { Run(); });
}

Publisher::~Publisher() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
}

void Publisher::PublishAndWait(absl::Duration patience) {
  const absl::Time end = absl::Now() + patience;
  MutexLock lock(mutex_);
  const uint64_t own = ++asked_;
  changed_.NotifyAll();
  while (!stopping_ && settled_ < own && absl::Now() < end) changed_.WaitFor(mutex_, end - absl::Now());
}

void Publisher::Run() {
  absl::Duration pause = kFirstPause;
  while (true) {
    uint64_t asked = 0;
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
      asked = asked_;
    }
    const absl::Status status = Play();
    Report(status);
    MutexLock lock(mutex_);
    if (status.ok()) settled_ = std::max(settled_, asked);
    changed_.NotifyAll();
    pause = status.ok() ? kFirstPause : std::min(pause * 2, kLongestPause);
    const absl::Time next = absl::Now() + (status.ok() ? refresh_ : pause);
    while (!stopping_ && !(status.ok() && asked_ != asked) && absl::Now() < next) changed_.WaitFor(mutex_, next - absl::Now());
  }
}

absl::Status Publisher::Play() {
  ASSIGN_OR_RETURN(DirectoryLog::Head head, store_.Newest());
  ASSIGN_OR_RETURN(const tlog::Note signed_note, tlog::ParseNote(head.note));
  const absl::Time end = absl::Now() + kRound;
  {
    MutexLock lock(mutex_);
    round_ = Round{round_.number + 1, std::move(head), {}};
    changed_.NotifyAll();
  }
  size_t had = 0;
  absl::Status why = absl::UnavailableError("no witness has answered");
  while (true) {
    tlog::Note note = signed_note;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && round_.cosignatures.size() == had && absl::Now() < end) changed_.WaitFor(mutex_, end - absl::Now());
      if (stopping_) return absl::CancelledError("stopping");
      if (round_.cosignatures.size() == had) return why;
      had = round_.cosignatures.size();
      note.signatures.insert(note.signatures.end(), round_.cosignatures.begin(), round_.cosignatures.end());
    }
    const std::string wire = tlog::FormatNote(note);
    why = policy_.Open(wire).status();
    if (why.ok()) return Publish(wire);
  }
}

absl::Status Publisher::Publish(const std::string& note) {
  RETURN_IF_ERROR(store_.Publish(note));
  if (log_folder_.empty()) return absl::OkStatus();
  // Auditors wait for it; nobody else does.
  const absl::Status written = store_.WriteFiles(log_folder_);
  if (!written.ok()) logger_.Error("directory.log_files_failed", {{LogKey::kStatus, written.code()}});
  return absl::OkStatus();
}

void Publisher::Attend(const tlog::PolicyWitness& witness) {
  uint64_t done = 0;   // the last round that it cosigned
  uint64_t known = 0;  // size
  absl::Duration pause = kFirstPause;
  bool said = false;     // that it saw another log
  bool refused = false;  // it was said that it refuses
  while (true) {
    uint64_t number = 0;
    DirectoryLog::Head head;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && round_.number == done) changed_.Wait(mutex_);
      if (stopping_) return;
      number = round_.number;
      head = round_.head;
    }
    absl::StatusOr<tlog::NoteSignature> cosignature = Ask(witness, head, known);
    const bool other = absl::IsFailedPrecondition(cosignature.status());
    if (other && !said) logger_.Error("directory.witness_saw_another_log", {{LogKey::kCount, static_cast<int64_t>(head.size)}});
    said = other || (said && !cosignature.ok());
    const bool refuses = absl::IsPermissionDenied(cosignature.status());
    if (refuses && !refused) {
      logger_.Error("directory.witness_refuses", {{LogKey::kAddress, OperatorText{witness.url}},
                                                  {LogKey::kReason, FixedText("it knows another key of this log, or says that the log breaks a rule")}});
    }
    refused = refuses || (refused && !cosignature.ok());
    MutexLock lock(mutex_);
    if (cosignature.ok()) {
      done = number;
      pause = kFirstPause;
      if (round_.number == number) {
        round_.cosignatures.push_back(*std::move(cosignature));
        changed_.NotifyAll();
      }
      continue;
    }
    const absl::Time next = absl::Now() + pause;
    pause = std::min(pause * 2, kLongestPause);
    while (!stopping_ && absl::Now() < next) changed_.WaitFor(mutex_, next - absl::Now());
  }
}

absl::StatusOr<tlog::NoteSignature> Publisher::Ask(const tlog::PolicyWitness& witness, const DirectoryLog::Head& head,
                                                   uint64_t& known) {
  for (int i = 0; i < kAttempts; ++i) {
    std::vector<tlog::Hash> proof;
    if (known > 0) {
      ASSIGN_OR_RETURN(proof, store_.ProveConsistency(known, head.size));
    }
    ASSIGN_OR_RETURN(const WitnessSender::Answer answer,
                     sender_->AddCheckpoint(witness, tlog::FormatWitnessRequest(known, proof, head.note)));
    if (answer.status == 200) {
      ASSIGN_OR_RETURN(tlog::NoteSignature out, TakeCosignature(witness, head.note, answer.body));
      known = head.size;
      return out;
    }
    if (answer.status == 403) return absl::PermissionDeniedError("the witness does not take the log's signature");
    if (answer.status != 409) return absl::UnavailableError(absl::StrCat("the witness answers ", answer.status));
    uint64_t size = 0;
    if (!absl::SimpleAtoi(absl::StripSuffix(answer.body, "\n"), &size)) return absl::UnavailableError("the witness does not say its size");
    if (size > head.size || size == known) {
      // It has cosigned more than there is here, or something else of this size: this directory is not the one it saw.
      return absl::FailedPreconditionError("the witness has seen another log");
    }
    known = size;
  }
  return absl::UnavailableError("the witness's size keeps changing");
}

void Publisher::Report(const absl::Status& status) {
  if (status.ok() == !failing_ || absl::IsCancelled(status)) return;
  failing_ = !status.ok();
  if (failing_) {
    logger_.Error("directory.witnesses_missing", {{LogKey::kStatus, status.code()}});
  } else {
    logger_.Info("directory.witnesses_back");
  }
}

}  // namespace plumbline::keyserver
