// Structured logs: one JSON object a line. What can be said is limited by types, so that no user's data can get in: an event
// is a name fixed in the source; a field is a key from a list with a number, a status code, a text fixed in the source, or
// something the operator wrote into the configuration. Never ids, names, addresses of clients or message contents.
// Nothing is logged on the success path of a request.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <variant>

#include "absl/time/time.h"
#include "common/log_keys.h"
#include "common/status.h"

namespace plumbline {

// A text fixed in the source code: it can only be made from a constant, at compile time.
class FixedText {
 public:
  consteval FixedText(const char* text) : text_(text) {}  // NOLINT: implicit on purpose
  const char* get() const { return text_; }

 private:
  const char* text_;
};

// A lower-case dotted name fixed in the source code: "listener.started". Anything else does not compile.
class EventName {
 public:
  consteval EventName(const char* name) : name_(name) {  // NOLINT: implicit on purpose
    for (const char* c = name; *c != 0; ++c) {
      if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_' || *c == '.')) throw "a name is [a-z0-9_.]+";
    }
  }
  const char* get() const { return name_; }

 private:
  const char* name_;
};

// Something the operator wrote: a path, a listening address. Never anything received from a client.
struct OperatorText {
  std::string text;
};

// Each is declared in the metadata manifest, which refuses a key for anything but settings and totals.
enum class LogKey {
#define PLUMBLINE_LOG_KEY(id, name) id,
  PLUMBLINE_LOG_KEYS(PLUMBLINE_LOG_KEY)
#undef PLUMBLINE_LOG_KEY
};

struct LogField {
  LogKey key;
  std::variant<int64_t, absl::StatusCode, FixedText, OperatorText, absl::Duration> value;
};

enum class LogLevel { kInfo, kWarning, kError };

// Thread-safe. Lines are written whole; a full disk loses lines, never blocks a service.
class Logger final {
 public:
  struct Options {
    std::string service;  // "keyserver"
    std::string path;     // appended to, created 0600; empty: standard error
    LogLevel level = LogLevel::kInfo;
  };
  // UNAVAILABLE if the file cannot be opened.
  static absl::StatusOr<std::unique_ptr<Logger>> Create(const Options& options);
  ~Logger();

  void Info(EventName event, std::initializer_list<LogField> fields = {}) { Write(LogLevel::kInfo, event, fields); }
  void Warning(EventName event, std::initializer_list<LogField> fields = {}) { Write(LogLevel::kWarning, event, fields); }
  void Error(EventName event, std::initializer_list<LogField> fields = {}) { Write(LogLevel::kError, event, fields); }

 private:
  struct Sink;
  explicit Logger(std::unique_ptr<Sink> sink);
  void Write(LogLevel level, EventName event, std::initializer_list<LogField> fields);
  std::unique_ptr<Sink> sink_;
};

}  // namespace plumbline
