// What the checks of an installation found out, one finding each, and what follows from all of
// them. A report is filled by one thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace plumbline::doctor {

enum class Verdict { kOk, kWarning, kFailed, kNotChecked };
absl::string_view Word(Verdict verdict);  // "ok", "warning", "failed", "not checked"

struct Finding {
  std::string check;    // its id, which stays the same between versions: "tls.version"
  std::string subject;  // of what: "key server, device_listen"; empty: the installation
  Verdict verdict;
  std::string found;   // one sentence
  std::string remedy;  // what to do; empty where it is ok
};

// Exit codes of the program.
inline constexpr int kExitOk = 0;
inline constexpr int kExitWarning = 1;
inline constexpr int kExitFailed = 2;
inline constexpr int kExitNotRun = 3;  // wrong usage, or the process cannot be set up

class Report final {
 public:
  void Ok(absl::string_view check, absl::string_view subject, absl::string_view found);
  void Warning(absl::string_view check, absl::string_view subject, absl::string_view found,
               absl::string_view remedy);
  void Failed(absl::string_view check, absl::string_view subject, absl::string_view found,
              absl::string_view remedy);
  void NotChecked(absl::string_view check, absl::string_view subject, absl::string_view found,
                  absl::string_view remedy);

  const std::vector<Finding>& findings() const { return findings_; }
  // The worst of all findings; what was not checked does not count.
  Verdict verdict() const;
  int ExitCode() const;

  // A line for each finding that begins with its verdict, remedies indented below, the whole
  // verdict last. What is not printable ASCII is shown as "?": names come from files and other
  // machines.
  std::string Text() const;
  // {"verdict", "checks": [{"id", "of", "verdict", "found", "remedy"}]}
  nlohmann::ordered_json Json() const;

 private:
  void Add(absl::string_view check, absl::string_view subject, Verdict verdict,
           absl::string_view found, absl::string_view remedy);

  std::vector<Finding> findings_;
};

}  // namespace plumbline::doctor
