#include "interop/runner/script.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace plumbline::interop {

const nlohmann::json* Step::Find(absl::string_view name) const {
  if (!body_.is_object()) return nullptr;
  for (const auto& [key, value] : body_.items()) {
    if (absl::EqualsIgnoreCase(key, name)) return &value;
  }
  return nullptr;
}

std::string Step::text(absl::string_view name) const {
  const nlohmann::json* const found = Find(name);
  return found != nullptr && found->is_string() ? found->get<std::string>() : "";
}

int64_t Step::number(absl::string_view name) const {
  const nlohmann::json* const found = Find(name);
  return found != nullptr && found->is_number_integer() ? found->get<int64_t>() : 0;
}

bool Step::flag(absl::string_view name) const {
  const nlohmann::json* const found = Find(name);
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

std::vector<std::string> Step::texts(absl::string_view name) const {
  std::vector<std::string> out;
  if (const nlohmann::json* const found = Find(name); found != nullptr && found->is_array()) {
    for (const nlohmann::json& item : *found) {
      if (item.is_string()) out.push_back(item.get<std::string>());
    }
  }
  return out;
}

std::vector<int64_t> Step::numbers(absl::string_view name) const {
  std::vector<int64_t> out;
  if (const nlohmann::json* const found = Find(name); found != nullptr && found->is_array()) {
    for (const nlohmann::json& item : *found) {
      if (item.is_number_integer()) out.push_back(item.get<int64_t>());
    }
  }
  return out;
}

std::vector<Step> Step::steps(absl::string_view name) const {
  std::vector<Step> out;
  const nlohmann::json* const found = Find(name);
  if (found != nullptr && found->is_object()) out.emplace_back(*found);
  if (found != nullptr && found->is_array()) {
    for (const nlohmann::json& item : *found) out.emplace_back(item);
  }
  return out;
}

absl::StatusOr<std::vector<mls_client::Extension>> Step::extensions() const {
  std::vector<mls_client::Extension> out;
  for (const Step& step : steps("extensions")) {
    mls_client::Extension extension;
    extension.set_extension_type(static_cast<uint32_t>(step.number("extension_type")));
    std::string data;
    if (!absl::Base64Unescape(step.text("extension_data"), &data))
      return absl::InvalidArgumentError("extension_data is not base64");
    extension.set_extension_data(data);
    out.push_back(std::move(extension));
  }
  return out;
}

absl::StatusOr<std::vector<Script>> ParseScripts(absl::string_view json) {
  const nlohmann::json parsed =
      nlohmann::json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
  const auto scripts = parsed.is_object() ? parsed.find("scripts") : parsed.end();
  if (!parsed.is_object() || scripts == parsed.end() || !scripts->is_object())
    return absl::InvalidArgumentError("not a JSON object with \"scripts\"");
  std::vector<Script> out;
  for (const auto& [name, steps] : scripts->items()) {
    if (!steps.is_array())
      return absl::InvalidArgumentError(absl::StrCat("script ", name, " is not a list of steps"));
    Script script;
    script.name = name;
    const auto mention = [&](const std::string& actor) {
      if (!actor.empty() &&
          std::find(script.actors.begin(), script.actors.end(), actor) == script.actors.end())
        script.actors.push_back(actor);
    };
    for (const nlohmann::json& body : steps) {
      const Step step(body);
      if (step.text("action").empty())
        return absl::InvalidArgumentError(
            absl::StrCat("script ", name, " has a step without an action"));
      for (const char* who :
           {"actor", "joiner", "signer", "proposer", "committer", "welcomer", "member"})
        mention(step.text(who));
      for (const char* who : {"members", "joiners", "clients"}) {
        for (const std::string& actor : step.texts(who)) mention(actor);
      }
      script.steps.push_back(step);
    }
    out.push_back(std::move(script));
  }
  return out;
}

}  // namespace plumbline::interop
