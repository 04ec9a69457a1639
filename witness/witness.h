// Decides what a witness cosigns (C2SP tlog-witness): checkpoints of configured logs that continue what it cosigned before.
// No I/O but the state's and the audits'.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/mutex.h"
#include "common/tlog/cosignature.h"
#include "common/tlog/equivocation.h"
#include "common/tlog/witness_request.h"
#include "witness/state.h"

namespace plumbline::witness {

struct Answer {
  int status = 500;  // HTTP
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
};

// Called with two checkpoints of one log and one size with two roots, both signed by it.
using OnEquivocation = std::function<void(const tlog::Equivocation& evidence)>;

// Called with the origin of a configured log for which a checkpoint came that none of its keys signed. On several threads at once.
using OnUnsigned = std::function<void(const std::string& origin)>;

// Asked about a checkpoint that the log signed, before it is cosigned and without a lock of the witness's. OK: the log keeps the
// rules up to there. INVALID_ARGUMENT, with the reason: it breaks one. Other codes: that cannot be said now.
using Audit = std::function<absl::Status(const std::string& note)>;

// Thread-safe.
class Witness final {
 public:
  // `logs`: several keys of one name are keys of one log. `audits`: by the log's name; a log without one is only held to growing.
  Witness(tlog::Cosigner cosigner, std::vector<tlog::VerifierKey> logs, WitnessState state, const Clock& clock,
          OnEquivocation on_equivocation, std::map<std::string, Audit> audits = {}, OnUnsigned on_unsigned = nullptr);

  // 200: a cosignature line, and the checkpoint is on disk. 400: malformed, or the old size is above the checkpoint's. 403: the
  // log has not signed it, or its Audit refuses. 404: no such log. 409: the old size is not that of the last cosigned checkpoint,
  // whose size is the body (text/x.tlog.size), or the sizes are equal and the roots are not. 422: the proof does not verify. 503:
  // the disk refuses, or its Audit cannot say.
  Answer AddCheckpoint(absl::string_view body);

  const tlog::CosignerKey& verifier() const { return cosigner_.verifier(); }

 private:
  // Why the checkpoint does not follow from the last one that was cosigned, if it does not.
  std::optional<Answer> Refuse(const tlog::WitnessRequest& request, const std::string& note)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Answer Decide(const tlog::WitnessRequest& request, const std::string& note) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const tlog::Cosigner cosigner_;
  const std::vector<tlog::VerifierKey> logs_;
  const Clock& clock_;
  const OnEquivocation on_equivocation_;
  const std::map<std::string, Audit> audits_;
  const OnUnsigned on_unsigned_;
  Mutex mutex_;  // compare and set
  WitnessState state_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbline::witness
