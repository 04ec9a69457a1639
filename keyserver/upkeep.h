// What happens once a minute whether anybody calls or not: keys for tokens are made ahead, and what is over is forgotten, also on disk.
// A former key of the directory's log is ended on its second.
#pragma once

#include <thread>

#include "common/clock.h"
#include "common/log.h"
#include "common/mutex.h"
#include "keyserver/device_desk.h"
#include "keyserver/former_log_key.h"
#include "keyserver/refusal_log.h"
#include "keyserver/store/check_in_store.h"
#include "keyserver/store/ledger.h"
#include "keyserver/store/sqlcipher_connection.h"
#include "keyserver/store/unlock_store.h"
#include "keyserver/token_issuer.h"

namespace plumbline::keyserver {

// A thread of its own from construction to destruction. References outlive it.
class Upkeep final {
 public:
  Upkeep(Ledger& ledger, TokenIssuer& tokens, DeviceDesk& devices, RefusalLog& refusals, UnlockStore& unlock, CheckInStore& check_ins,
         SqlcipherConnection& connection, FormerLogKeyEnd& former_log_key, const Clock& clock, Logger& logger);
  ~Upkeep();
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

 private:
  void Run();
  absl::Status Once();
  Ledger& ledger_;
  TokenIssuer& tokens_;
  DeviceDesk& devices_;
  RefusalLog& refusals_;
  UnlockStore& unlock_;
  CheckInStore& check_ins_;
  SqlcipherConnection& connection_;
  FormerLogKeyEnd& former_log_key_;
  const Clock& clock_;
  Logger& logger_;
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace plumbline::keyserver
