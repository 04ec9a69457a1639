// People at their clients: the verbs of the `plumbline` program that the demonstration uses, and what it printed, parsed.
#pragma once

#include <string>
#include <vector>

#include "assess/demo/organisation.h"
#include "common/status.h"

namespace plumbline::assess {

// One line of somebody's history as the client shows it.
struct Shown {
  std::string from;   // account, without the domain
  std::string text;
  bool notice = false;  // something the client says itself, such as a gap
  bool sent = false;    // an own message that the delivery server acknowledged
};

// Two people at their clients at the same time, each waiting for what the other writes. Ended by the destructor.
class Conversation final {
 public:
  absl::Status Say(const Person& person, const std::string& text);
  // DEADLINE_EXCEEDED if this person's client has not shown `text` after 20 s.
  absl::Status AwaitAt(const Person& person, const std::string& text);
  // How many own messages this person's client has reported as acknowledged.
  size_t AcknowledgedAt(const Person& person);
  // Ends in order: each client reads its input to the end first.
  void End();

 private:
  friend class People;
  struct Side {
    std::string account;
    Child client;
    std::string output;  // path
  };
  Side* SideOf(const Person& person);
  std::vector<Side> sides_;
};

class People final {
 public:
  explicit People(Organisation& organisation) : organisation_(organisation) {}

  // The client's own words where it refused; the reason id comes first: "code_used: ...".
  absl::Status Enrol(const Person& person, const std::string& invitation);
  // OK once the delivery server has acknowledged it; the client tries for 15 s.
  absl::Status Send(const Person& from, const Person& to, const std::string& text);
  // Fetches what is waiting and shows what is new.
  absl::StatusOr<std::vector<Shown>> Read(const Person& person);
  // Sends what the client still holds back; the history then says of each message whether it was acknowledged.
  absl::Status Flush(const Person& person);
  absl::StatusOr<Conversation> Converse(const Person& one, const Person& other, const std::string& log_prefix);
  // One person alone, writing to the other line by line.
  absl::StatusOr<Conversation> Write(const Person& one, const Person& other, const std::string& log_prefix);
  // What this person's client has with the other one, all of it.
  absl::StatusOr<std::vector<Shown>> History(const Person& person, const Person& other);
  // Files: sends one; the number of the newest in what is fetched now; saves it.
  absl::Status SendFile(const Person& from, const Person& to, const std::string& path);
  absl::StatusOr<std::string> NewestFile(const Person& person);
  absl::Status SaveFile(const Person& person, const std::string& id, const std::string& path);
  // Sixty digits.
  absl::StatusOr<std::string> VerificationCode(const Person& person, const Person& other);

 private:
  Organisation& organisation_;
};

// The status of a run: OK, or "<reason>: <message>" from its JSON error object.
absl::Status StatusOf(const CommandResult& result);
// "code_used" of "code_used: ...".
std::string ReasonOf(const absl::Status& status);

}  // namespace plumbline::assess
