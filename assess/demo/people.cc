#include "assess/demo/people.h"

#include <algorithm>
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

std::vector<Shown> ShownIn(const std::string& output) {
  std::vector<Shown> shown;
  const Json document = Parsed(output);
  if (!document.is_object() || !document.contains("messages")) return shown;
  for (const Json& each : document["messages"]) {
    shown.push_back({.from = Account(Text(each, "from")),
                     .text = Text(each, "text"),
                     .notice = Text(each, "kind") != "message",
                     .sent = Text(each, "state") == "sent"});
  }
  return shown;
}

// One JSON value a line: the last line that is one, which is the result or the error.
std::string LastLine(const std::string& output) {
  std::vector<std::string> lines = absl::StrSplit(output, '\n', absl::SkipEmpty());
  return lines.empty() ? "" : lines.back();
}

}  // namespace

absl::Status StatusOf(const CommandResult& result) {
  if (result.exit_code == 0) return absl::OkStatus();
  for (const std::string* output : {&result.out, &result.err}) {
    Json document = Parsed(*output);
    if (document.is_discarded()) document = Parsed(LastLine(*output));
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
  const std::string path = person.passphrase_file + ".invitation";  // on a command line others could read it
  RETURN_IF_ERROR(WriteFile(path, invitation + "\n"));
  ASSIGN_OR_RETURN(const CommandResult result,
                   organisation_.Client(person, {"--json", "enrol", "--accept-notice", "--invitation", path, "--label", "laptop", "--quick-unlock"}));
  return StatusOf(result);
}

absl::Status People::Send(const Person& from, const Person& to, const std::string& text) {
  ASSIGN_OR_RETURN(const CommandResult result, organisation_.Client(from, {"--json", "send", to.account, "-"}, text + "\n"));
  return StatusOf(result);
}

absl::Status People::SendFile(const Person& from, const Person& to, const std::string& path) {
  ASSIGN_OR_RETURN(const CommandResult result, organisation_.Client(from, {"--json", "send-file", to.account, path}));
  return StatusOf(result);
}

absl::StatusOr<std::string> People::NewestFile(const Person& person) {
  ASSIGN_OR_RETURN(const CommandResult result, organisation_.Client(person, {"--json", "read"}));
  RETURN_IF_ERROR(StatusOf(result));
  const Json document = Parsed(result.out);
  std::string id;
  for (const Json& each : document.value("messages", Json::array())) {
    if (each.contains("file")) id = each["id"].dump();
  }
  if (id.empty()) return absl::NotFoundError(absl::StrCat("no file arrived: ", result.out));
  return id;
}

absl::Status People::SaveFile(const Person& person, const std::string& id, const std::string& path) {
  ASSIGN_OR_RETURN(const CommandResult result, organisation_.Client(person, {"--json", "save", id, path}));
  return StatusOf(result);
}

absl::Status People::Flush(const Person& person) {
  ASSIGN_OR_RETURN(const CommandResult result, organisation_.Client(person, {"--json", "sync"}));
  return StatusOf(result);
}

absl::StatusOr<std::vector<Shown>> People::Read(const Person& person) {
  ASSIGN_OR_RETURN(const CommandResult result, organisation_.Client(person, {"--json", "read"}));
  RETURN_IF_ERROR(StatusOf(result));
  return ShownIn(result.out);
}

absl::StatusOr<std::vector<Shown>> People::History(const Person& person, const Person& other) {
  ASSIGN_OR_RETURN(const CommandResult result, organisation_.Client(person, {"--json", "history", other.account, "--limit", "1000"}));
  RETURN_IF_ERROR(StatusOf(result));
  return ShownIn(result.out);
}

absl::StatusOr<std::string> People::VerificationCode(const Person& person, const Person& other) {
  ASSIGN_OR_RETURN(const CommandResult result, organisation_.Client(person, {"--json", "verify", other.account, "--no-qr"}));
  RETURN_IF_ERROR(StatusOf(result));
  std::string code = Text(Parsed(result.out), "code");
  std::replace(code.begin(), code.end(), '\n', ' ');
  if (code.empty()) return absl::InternalError(absl::StrCat("no code in: ", result.out));
  return code;
}

absl::StatusOr<Conversation> People::Write(const Person& one, const Person& other, const std::string& log_prefix) {
  const std::string output = absl::StrCat(log_prefix, ".", one.account);
  ASSIGN_OR_RETURN(Child client, organisation_.StartClient(one, {"--json", "chat", other.account}, output, true));
  Conversation conversation;
  conversation.sides_.push_back({one.account, std::move(client), output});
  return conversation;
}

absl::StatusOr<Conversation> People::Converse(const Person& one, const Person& other, const std::string& log_prefix) {
  ASSIGN_OR_RETURN(Conversation conversation, Write(one, other, log_prefix));
  ASSIGN_OR_RETURN(Conversation second, Write(other, one, log_prefix));
  conversation.sides_.push_back(std::move(second.sides_[0]));
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

size_t Conversation::AcknowledgedAt(const Person& person) {
  const std::string output = ReadFile(SideOf(person)->output).value_or("");
  size_t count = 0;
  for (size_t at = 0; (at = output.find("\"state\":\"sent\"", at)) != std::string::npos; ++at) ++count;
  return count;
}

void Conversation::End() {
  for (Side& side : sides_) side.client.CloseStdin();
  for (Side& side : sides_) {
    if (!side.client.Wait(absl::Seconds(15)).ok()) side.client.Stop(absl::Seconds(2));
  }
}

}  // namespace plumbline::assess
