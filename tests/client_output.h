// What `--json` printed: the one JSON object of a command, or the last of its lines.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "assess/tools/child.h"

namespace plumbline::testing {

// An empty object if nothing of the output is one.
inline nlohmann::json Last(const std::string& out) {
  const nlohmann::json whole = nlohmann::json::parse(out, nullptr, false);
  if (whole.is_object()) return whole;
  for (size_t end = out.size(); end > 0;) {
    const size_t newline = out.rfind('\n', end - 1);
    const size_t begin = newline == std::string::npos ? 0 : newline + 1;
    const nlohmann::json line =
        nlohmann::json::parse(out.substr(begin, end - begin), nullptr, false);
    if (line.is_object()) return line;
    if (begin == 0) break;
    end = begin - 1;
  }
  return nlohmann::json::object();
}
inline nlohmann::json Last(const assess::CommandResult& result) { return Last(result.out); }

// Why it was refused; empty if it was not.
inline std::string Reason(const assess::CommandResult& result) {
  return Last(result).value("error", nlohmann::json::object()).value("reason", "");
}

// Of what `read` or `history` printed: the texts of messages, or the reasons of another kind
// ("notice", "gap").
inline std::vector<std::string> Texts(const assess::CommandResult& result,
                                      const std::string& kind = "message") {
  std::vector<std::string> texts;
  for (const nlohmann::json& entry : Last(result).value("messages", nlohmann::json::array())) {
    if (entry.value("kind", "") == kind)
      texts.push_back(entry.value(kind == "message" ? "text" : "reason", ""));
  }
  return texts;
}

inline void ExpectOk(const assess::CommandResult& result) {
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
}

}  // namespace plumbline::testing
