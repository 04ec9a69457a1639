// What a command prints: for people, or one JSON value a line. Everything that came from somebody else is made harmless for a
// terminal first (client/terminal_text.h).
#pragma once

#include <functional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "client/engine.h"
#include "client/store/history_store.h"
#include "common/status.h"

namespace plumbline::client {

// Exit codes of the program.
inline constexpr int kExitRefused = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitTryAgain = 75;  // nothing is lost: the same or the next command may succeed

class Output final {
 public:
  explicit Output(bool json) : json_(json) {}
  bool json() const { return json_; }

  // Whose names are short, who is "me", and what the organisation calls itself. Before that, whole URIs are printed.
  void SetSelf(const std::string& user, const std::string& domain, const std::string& organisation);

  // How the name of a group's conversation is found.
  void SetGroupNames(std::function<std::string(absl::string_view conversation)> name) { group_name_ = std::move(name); }

  // One JSON value on a line of its own; nothing without --json.
  void Value(const nlohmann::json& value);
  // One line for people; nothing with --json. Text of others goes through Safe() first.
  void Line(const std::string& text);
  // The same on standard error: what should not be mixed with the result.
  void Aside(const std::string& text);

  // That attempts to open this store were made that did not come to their end: a warning for its owner, if there were any.
  void Unproved(uint32_t attempts);
  // That this device's credential ends soon, or has ended, since its renewal keeps failing.
  void CredentialEnds(absl::Time end, absl::Time now);

  void Entry(const client::Entry& entry);
  nlohmann::json EntryJson(const client::Entry& entry) const;
  nlohmann::json PersonJson(const PersonView& person) const;
  // Organisation, devices, verification and look-alikes of a person, where there is something new to know.
  void Person(const PersonView& person);
  // "Bob Baker of Example (example.org)", or that it is OUTSIDE; a display name that could pass for another is not shown.
  std::string Who(const identity::DirectoryRecord& record) const;
  // {"domain", "own"} and, of the own one, "display_name".
  nlohmann::json OrganisationJson(absl::string_view user) const;
  // A warning for each: a line, or one JSON value for all.
  void Lookalikes(const PersonView& person);

  // {"error": {...}} or one line on standard error. Returns the exit code.
  int Failure(const absl::Status& status);

  // Of a person or of a group's conversation.
  std::string Name(absl::string_view conversation) const;
  static std::string Safe(absl::string_view text);

 private:
  const bool json_;
  std::string user_, domain_, organisation_;
  std::function<std::string(absl::string_view)> group_name_;
};

}  // namespace plumbline::client
