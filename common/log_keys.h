// Made by `./dev manifest` from common/manifest.textproto, which says what datum each key is: change that.
// What a log line can have, and nothing else: a key that is not declared, or whose datum may not be logged, does not build.
#pragma once

#define PLUMBLINE_LOG_KEYS(X) \
  X(kPort, "port") \
  X(kAddress, "address") \
  X(kPath, "path") \
  X(kStatus, "status") \
  X(kReason, "reason") \
  X(kCount, "count") \
  X(kBytes, "bytes") \
  X(kDuration, "duration_ms") \
  X(kListener, "listener") \
  X(kVersion, "version") \
  X(kSignal, "signal") \
  X(kSequence, "sequence")
