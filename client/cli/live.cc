// The commands that stay online: listen and chat.
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/notice.h"
#include "client/cli/session.h"
#include "client/cli/uploads.h"
#include "common/identity/reason.h"

namespace plumbline::client {
namespace {

// Set by SIGINT and SIGTERM: end in order.
volatile std::sig_atomic_t stop_requested = 0;

void RequestStop(int) { stop_requested = 1; }

void CatchSignals() {
  struct sigaction action {};
  action.sa_handler = RequestStop;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

// Reads lines from standard input into the queue until its end or its own destruction.
class InputReader final {
 public:
  explicit InputReader(EventQueue& events) : events_(events), thread_([this] { Run(); }) {}
  ~InputReader() {
    stop_ = true;
    thread_.join();
  }

 private:
  void Run() {
    constexpr int kLookMilliseconds = 100;
    std::string line;
    while (!stop_) {
      pollfd input{STDIN_FILENO, POLLIN, 0};
      if (poll(&input, 1, kLookMilliseconds) <= 0) continue;
      char buffer[4096];
      const ssize_t size = read(STDIN_FILENO, buffer, sizeof buffer);
      if (size <= 0) break;
      for (ssize_t i = 0; i < size; ++i) {
        if (buffer[i] != '\n') {
          line += buffer[i];
          continue;
        }
        events_.Push(Event{{}, 0, LineTyped{std::move(line)}}, stop_);
        line.clear();
      }
    }
    if (!line.empty()) events_.Push(Event{{}, 0, LineTyped{std::move(line)}}, stop_);
    events_.Push(Event{{}, 0, InputEnded{}}, stop_);
  }

  EventQueue& events_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// Prints what is new, then marks it as shown; and what has become of own messages that were not away. Counts messages.
class Printer final {
 public:
  Printer(Session& session, Engine& engine, Output& output) : session_(session), engine_(engine), output_(output) {}

  absl::Status Print() {
    PrintTrouble();
    RETURN_IF_ERROR(PrintOutcomes());
    ASSIGN_OR_RETURN(const std::vector<Entry> entries, session_.stores().history.InState(EntryState::kNew));
    if (entries.empty()) return absl::OkStatus();
    for (const Entry& entry : entries) {
      output_.Entry(entry);
      messages_ += entry.kind == EntryKind::kMessage;
    }
    ASSIGN_OR_RETURN(Change change, session_.stores().store.Begin());
    for (const Entry& entry : entries) {
      RETURN_IF_ERROR(session_.stores().history.SetState(change, entry.id, EntryState::kShown));
    }
    return change.Commit();
  }
  // An own message was written down that is not away: what becomes of it will be printed.
  void Expect(int64_t id) { unsent_.insert(id); }
  int64_t messages() const { return messages_; }

 private:
  // Online with trouble: the services answer, and something that is due is refused.
  void PrintTrouble() {
    const absl::Status& trouble = engine_.trouble();
    const bool online = !IsTransient(trouble);
    std::string reason = identity::ReasonOf(trouble);
    if (reason.empty() && !trouble.ok()) reason = "unexpected";
    if (online == online_ && reason == reason_) return;
    output_.Value({{"kind", "status"}, {"online", online}, {"reason", reason}});
    const std::string text = Output::Safe(identity::TextOf(trouble));
    if (!online) {
      output_.Aside(absl::StrCat("Offline: ", text));
    } else if (!trouble.ok()) {
      output_.Aside(absl::StrCat("Not all that is due could be done, and is tried again: ", text));
    } else {
      output_.Aside(online_ ? "All that was due is done." : "Online again.");
    }
    online_ = online;
    reason_ = std::move(reason);
  }

  absl::Status PrintOutcomes() {
    std::set<int64_t> unsent;
    for (const EntryState state : {EntryState::kWaiting, EntryState::kQueued}) {
      ASSIGN_OR_RETURN(const std::vector<Entry> entries, session_.stores().history.InState(state));
      for (const Entry& entry : entries) {
        if (entry.kind == EntryKind::kMessage) unsent.insert(entry.id);
      }
    }
    for (const int64_t id : unsent_) {
      if (unsent.contains(id)) continue;
      ASSIGN_OR_RETURN(const std::optional<Entry> entry, session_.stores().history.Find(id));
      if (!entry.has_value()) continue;
      const bool sent = entry->state == EntryState::kSent;
      output_.Value({{"kind", "outcome"}, {"id", id}, {"conversation", entry->conversation}, {"state", sent ? "sent" : "failed"}});
      output_.Aside(absl::StrCat("(", id, " to ", output_.Name(entry->conversation),
                                 sent ? ": sent)" : ": none of their devices takes it; tell them)"));
    }
    unsent_ = std::move(unsent);
    return absl::OkStatus();
  }

  Session& session_;
  Engine& engine_;
  Output& output_;
  bool online_ = true;
  std::string reason_;         // of the trouble that was shown last
  std::set<int64_t> unsent_;   // own messages that were waiting or queued
  int64_t messages_ = 0;
};

absl::Status SendLine(Engine& engine, Output& output, Printer& printer, const Target& target, const std::string& text) {
  constexpr absl::Duration kPatience = absl::Seconds(2);
  if (text.empty()) return absl::OkStatus();
  const absl::StatusOr<std::vector<PersonView>> people = engine.CheckPeople(target);
  absl::StatusOr<SendOutcome> outcome = people.ok() ? SendOutcome() : engine.Keep(target, text, people.status());
  if (people.ok()) {
    for (const PersonView& person : *people) {
      output.Person(person);
      if (person.verification != Verification::kChanged || !person.devices_changed) continue;
      output.Failure(identity::Refuse(absl::StatusCode::kFailedPrecondition, "devices_changed",
                                      absl::StrCat("the devices of ", output.Name(person.contact.user),
                                                   " have changed since you verified them: not sent. Compare codes again with "
                                                   "`plumbline verify`")));
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(engine.MarkShown(*people));
    outcome = engine.Send(target, text, kPatience);
  }
  if (!outcome.ok()) {
    output.Failure(people.ok() ? outcome.status() : people.status());
  } else if (outcome->state != EntryState::kSent) {
    printer.Expect(outcome->id);
    engine.Hurry();
    output.Aside("(kept; it goes out as soon as the server can be reached)");
    output.Value({{"id", outcome->id}, {"conversation", target.conversation}, {"state", "waiting"}});
  } else {
    output.Value({{"id", outcome->id}, {"conversation", target.conversation}, {"state", "sent"}});
  }
  return absl::OkStatus();
}

// Stays online, printing, until `until` or a signal says so; `line` as Engine::Callbacks.
absl::Status StayOnline(Session& session, Engine& engine, Output& output, Printer& printer,
                        const std::function<absl::Status(const std::string*)>& line, const std::function<bool()>& until) {
  LiveUploads uploads(session, engine, output, [&](int64_t message) { printer.Expect(message); });
  Engine::Callbacks callbacks;
  callbacks.changed = [&] { return printer.Print(); };
  callbacks.line = line;
  callbacks.until = [&] { return stop_requested != 0 || until(); };
  callbacks.upkeep = [&] { return session.RenewCertificates(); };
  callbacks.work = [&] { return uploads.Step([&] { return engine.Wanted() || callbacks.until(); }); };
  return engine.Run(callbacks);
}

}  // namespace

absl::Status ListenCommand(const Options& options, Output& output) {
  CatchSignals();  // first: whoever can see that the store is open can end this in order
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  ASSIGN_OR_RETURN(Engine* const engine, session->Online());
  Printer printer(*session, *engine, output);
  const absl::Duration end = options.timeout_seconds > 0 ? Uptime() + absl::Seconds(options.timeout_seconds) : absl::InfiniteDuration();
  RETURN_IF_ERROR(printer.Print());
  output.Aside("Listening; Ctrl-C ends.");
  return StayOnline(*session, *engine, output, printer, [](const std::string*) { return absl::OkStatus(); },
                    [&] { return Uptime() >= end || (options.count > 0 && printer.messages() >= options.count); });
}

absl::Status ChatCommand(const Options& options, Output& output) {
  CatchSignals();
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  ASSIGN_OR_RETURN(Engine* const engine, session->Online());
  RETURN_IF_ERROR(RequireNotice(*session, output));
  ASSIGN_OR_RETURN(const Target target, engine->Resolve(options.person));
  ASSIGN_OR_RETURN(const std::vector<PersonView> people, engine->CheckPeople(target));
  for (const PersonView& person : people) output.Person(person);
  Printer printer(*session, *engine, output);
  RETURN_IF_ERROR(printer.Print());
  output.Aside(absl::StrCat("Chat with ", output.Name(target.conversation), "; one line is one message, Ctrl-D ends."));
  bool ended = false;
  const auto line = [&](const std::string* text) {
    if (text != nullptr) return SendLine(*engine, output, printer, target, *text);
    ended = true;
    return absl::OkStatus();
  };
  const InputReader reader(engine->events());
  return StayOnline(*session, *engine, output, printer, line, [&] { return ended; });
}

}  // namespace plumbline::client
