// Uploads that an earlier command began and did not finish, gone on with by whatever goes online next: shown as they go, and
// written down as messages when they are complete.
#pragma once

#include <functional>
#include <string>

#include "client/cli/output.h"
#include "client/cli/progress.h"
#include "client/cli/session.h"
#include "client/files/files.h"
#include "common/status.h"

namespace plumbline::client {

// Files with what they need. `patience`: as FileTransfer.
struct FileWork {
  FileWork(Session& session, Engine& engine, absl::Duration patience)
      : transfer(session.network(), engine.supplies(), session.clock(), patience),
        files(session.stores(), engine.conversations(), transfer, session.clock(),
              session.self().account().delivery_address, session.home().folder() + "/files") {}
  FileTransfer transfer;
  Files files;
};

// A failure that left an upload where it can go on says so.
absl::Status KeptUpload(const absl::Status& status, Session& session);

// All of them and their messages, for a command that ends. `patience`: as FileTransfer and Engine::Push.
absl::Status FinishUploads(Session& session, Engine& engine, Output& output, absl::Duration patience);

// For one that stays online. Used from one thread; the others outlive it.
class LiveUploads final {
 public:
  // `complete`: told of each message that is written down now.
  LiveUploads(Session& session, Engine& engine, Output& output, std::function<void(int64_t message)> complete);

  // Goes on until nothing is left, `pause` says true or the network fails; then it is not tried again for a while. True if
  // there is more to be done at once. Fails only if the store does.
  absl::StatusOr<bool> Step(const std::function<bool()>& pause);

 private:
  Session& session_;
  Engine& engine_;
  Output& output_;
  const std::function<void(int64_t)> complete_;
  FileWork work_;
  Progress progress_;
  absl::Duration again_;   // not before this Uptime()
  absl::Duration repeat_;  // zero: the last attempt did not fail
  std::string reason_;     // of the failure that was shown last
};

}  // namespace plumbline::client
