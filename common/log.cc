#include "common/log.h"

#include <fcntl.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace plumbline {
namespace {

const char* KeyName(LogKey key) {
  switch (key) {
#define PLUMBLINE_LOG_KEY(id, name) \
  case LogKey::id: return name;
    PLUMBLINE_LOG_KEYS(PLUMBLINE_LOG_KEY)
#undef PLUMBLINE_LOG_KEY
  }
  return "unknown";
}

const char* LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kError: return "error";
  }
  return "unknown";
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    case LogLevel::kError: return spdlog::level::err;
  }
  return spdlog::level::err;
}

// A JSON string (RFC 8259 §7) in pure ASCII: what is not printable becomes an escape, so that no text can break the line.
std::string Quoted(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (byte < 0x20 || byte >= 0x7f) {
      absl::StrAppendFormat(&out, "\\u%04x", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

struct ValueText {
  std::string operator()(int64_t number) const { return absl::StrCat(number); }
  std::string operator()(absl::StatusCode code) const { return Quoted(absl::StatusCodeToString(code)); }
  std::string operator()(FixedText text) const { return Quoted(text.get()); }
  std::string operator()(const OperatorText& text) const { return Quoted(text.text); }
  std::string operator()(absl::Duration duration) const { return absl::StrCat(absl::ToInt64Milliseconds(duration)); }
};

}  // namespace

struct Logger::Sink {
  std::string service;
  std::unique_ptr<spdlog::logger> logger;
};

Logger::Logger(std::unique_ptr<Sink> sink) : sink_(std::move(sink)) {}
Logger::~Logger() = default;

absl::StatusOr<std::unique_ptr<Logger>> Logger::Create(const Options& options) {
  auto sink = std::make_unique<Sink>();
  sink->service = options.service;
  std::shared_ptr<spdlog::sinks::sink> target;
  if (options.path.empty()) {
    target = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    const int fd = open(options.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
      return absl::UnavailableError(absl::StrCat("cannot write the log ", options.path, ": ", std::strerror(errno)));
    }
    close(fd);
    try {
      target = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.path);
    } catch (const spdlog::spdlog_ex& error) {
      return absl::UnavailableError(absl::StrCat("cannot write the log ", options.path, ": ", error.what()));
    }
  }
  sink->logger = std::make_unique<spdlog::logger>(options.service, std::move(target));
  sink->logger->set_pattern("%v");
  sink->logger->set_level(ToSpdlog(options.level));
  sink->logger->flush_on(spdlog::level::info);
  sink->logger->set_error_handler([](const std::string&) {});  // a full disk: the line is lost, the service goes on
  return std::unique_ptr<Logger>(new Logger(std::move(sink)));
}

void Logger::Write(LogLevel level, EventName event, std::initializer_list<LogField> fields) {
  if (!sink_->logger->should_log(ToSpdlog(level))) return;
  std::string line = absl::StrCat(
      "{\"time\":\"", absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone()), "\",\"level\":\"",
      LevelName(level), "\",\"service\":", Quoted(sink_->service), ",\"event\":\"", event.get(), "\"");
  for (const LogField& field : fields) {
    absl::StrAppend(&line, ",\"", KeyName(field.key), "\":", std::visit(ValueText(), field.value));
  }
  line += '}';
  sink_->logger->log(ToSpdlog(level), spdlog::string_view_t(line));
}

}  // namespace plumbline
