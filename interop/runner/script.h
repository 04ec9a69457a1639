// Scripts in the JSON of the working group's runner: {"scripts": {"name": [{"action":
// "createGroup", "actor": "alice", ...}, ...]}}. Its configuration files can be played as they are;
// ours are in tests/interop/scenarios.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/status.h"
#include "interop/mls_client.pb.h"

namespace plumbline::interop {

// One step. Members are looked up without regard to case, and a missing one is empty, 0 or false.
class Step final {
 public:
  explicit Step(nlohmann::json body) : body_(std::move(body)) {}

  std::string text(absl::string_view name) const;
  int64_t number(absl::string_view name) const;
  bool flag(absl::string_view name) const;
  bool has(absl::string_view name) const { return Find(name) != nullptr; }
  std::vector<std::string> texts(absl::string_view name) const;
  std::vector<int64_t> numbers(absl::string_view name) const;
  std::vector<Step> steps(absl::string_view name) const;  // an object counts as a list of one
  // [{"extension_type": 3, "extension_data": "base64"}]; INVALID_ARGUMENT if it is not base64.
  absl::StatusOr<std::vector<mls_client::Extension>> extensions() const;

  std::string ToText() const { return body_.dump(); }

 private:
  const nlohmann::json* Find(absl::string_view name) const;  // null if it is not there
  nlohmann::json body_;
};

struct Script {
  std::string name;
  std::vector<Step> steps;
  std::vector<std::string> actors;  // each once, in order of appearance
};

// INVALID_ARGUMENT if it is not of that form.
absl::StatusOr<std::vector<Script>> ParseScripts(absl::string_view json);

}  // namespace plumbline::interop
