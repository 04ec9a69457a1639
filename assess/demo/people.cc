#include "assess/demo/people.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace plumbline::assess {
namespace {

using Json = nlohmann::json;

// The program's output as JSON: one document, or null.
Json Parsed(const std::string& text) { return Json::parse(text, nullptr, false); }

std::string Text(const Json& object, const char* name) {
  if (!object.is_object() || !object.contains(name) || !object[name].is_string()) return "";
  return object[name].get<std::string>();
}

std::string Account(const std::string& user) {
  const size_t slash = user.rfind('/');
  return slash == std::string::npos ? user : user.substr(slash + 1);
}

std::vector<Shown> ShownIn(const Json& document) {
  std::vector<Shown> shown;
  if (!document.is_object() || !document.contains("messages")) return shown;
  for (const Json& each : document["messages"]) {
    shown.push_back({.from = Account(Text(each, "from")), .text = Text(each, "text"), .notice = Text(each, "kind") == "notice"});
  }
  return shown;
}

}  // namespace

absl::Status StatusOf(const CommandResult& result) {
  if (result.exit_code == 0) return absl::OkStatus();
  for (const std::string* output : {&result.out, &result.err}) {
    const size_t brace = output->find("{\"error\"");
    const Json document = Parsed(brace == std::string::npos ? *output : output->substr(brace));
    if (!document.is_object() || !document.contains("error")) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(Text(document["error"], "reason"), ": ", Text(document["error"], "message")));
  }
  return absl::InternalError(absl::StrCat("exit code ", result.exit_code, ": ", result.out, result.err));
}

std::string ReasonOf(const absl::Status& status) {
  const std::string message(status.message());
  const size_t colon = message.find(": ");
  const std::string reason = message.substr(0, colon);
  const bool is_id = colon != std::string::npos && !reason.empty() &&
                     reason.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
  return is_id ? reason : "";
}

absl::Status People::Enrol(const Person& person, const std::string& invitation) {
  ASSIGN_OR_RETURN(const CommandResult result, organisation_.Client(person, {"--json", "enrol", "--label", "laptop"}, invitation + "\n"));
  return StatusOf(result);
}

absl::Status People::Send(const Person& from, const Person& to, const std::string& text) {
  ASSIGN_OR_RETURN(const CommandResult result, organisation_.Client(from, {"--json", "send", to.account, text}));
  return StatusOf(result);
}

absl::StatusOr<std::vector<Shown>> People::Read(const Person& person) {
  ASSIGN_OR_RETURN(const CommandResult result, organisation_.Client(person, {"--json", "read"}));
  RETURN_IF_ERROR(StatusOf(result));
  return ShownIn(Parsed(result.out));
}

absl::StatusOr<std::vector<Shown>> People::History(const Person& person, const Person& other) {
  ASSIGN_OR_RETURN(const CommandResult result, organisation_.Client(person, {"--json", "history", other.account}));
  RETURN_IF_ERROR(StatusOf(result));
  return ShownIn(Parsed(result.out));
}

absl::StatusOr<std::string> People::VerificationCode(const Person& person, const Person& other) {
  ASSIGN_OR_RETURN(const CommandResult result, organisation_.Client(person, {"--json", "verify", other.account}));
  RETURN_IF_ERROR(StatusOf(result));
  const std::string code = Text(Parsed(result.out), "code");
  if (code.empty()) return absl::InternalError(absl::StrCat("no code in: ", result.out));
  return code;
}

absl::StatusOr<Conversation> People::Converse(const Person& one, const Person& other, const std::string& log_prefix) {
  Conversation conversation;
  for (const auto& [person, partner] : {std::pair(&one, &other), std::pair(&other, &one)}) {
    const std::string output = absl::StrCat(log_prefix, ".", person->account);
    ASSIGN_OR_RETURN(Child client, organisation_.StartClient(*person, {"--json", "chat", partner->account}, output, true));
    conversation.sides_.push_back({person->account, std::move(client), output});
  }
  return conversation;
}

Conversation::Side* Conversation::SideOf(const Person& person) {
  for (Side& side : sides_) {
    if (side.account == person.account) return &side;
  }
  return nullptr;
}

absl::Status Conversation::Say(const Person& person, const std::string& text) { return SideOf(person)->client.WriteLine(text); }

absl::Status Conversation::AwaitAt(const Person& person, const std::string& text) {
  Side* side = SideOf(person);
  const auto shown = [&] { return absl::StrContains(ReadFile(side->output).value_or(""), text) || !side->client.Running(); };
  PollUntil(shown, absl::Seconds(20));
  if (absl::StrContains(ReadFile(side->output).value_or(""), text)) return absl::OkStatus();
  return absl::DeadlineExceededError(absl::StrCat(person.name, "'s client did not show it. It printed: ",
                                                  ReadFile(side->output).value_or(""), ReadFile(side->output + ".err").value_or("")));
}

void Conversation::End() {
  for (Side& side : sides_) {
    side.client.CloseStdin();
    side.client.Stop(absl::Seconds(5));
  }
}

}  // namespace plumbline::assess
