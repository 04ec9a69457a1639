// The commands that stay online: listen and chat.
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "client/cli/commands.h"
#include "client/cli/session.h"
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

// Prints what is new, then marks it as shown. Counts messages.
class Printer final {
 public:
  Printer(Session& session, Engine& engine, Output& output) : session_(session), engine_(engine), output_(output) {}

  absl::Status Print() {
    const absl::Status& trouble = engine_.trouble();
    if (trouble.ok() != online_) {
      online_ = trouble.ok();
      output_.Value({{"kind", "status"}, {"online", online_}, {"reason", identity::ReasonOf(trouble)}});
      output_.Aside(online_ ? "Online again." : absl::StrCat("Offline: ", Output::Safe(identity::TextOf(trouble))));
    }
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
  int64_t messages() const { return messages_; }

 private:
  Session& session_;
  Engine& engine_;
  Output& output_;
  bool online_ = true;
  int64_t messages_ = 0;
};

absl::Status SendLine(Engine& engine, Output& output, const Target& target, const std::string& text) {
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
    output.Aside("(kept; it goes out as soon as the server can be reached)");
    output.Value({{"id", outcome->id}, {"conversation", target.conversation}, {"state", "waiting"}});
  } else {
    output.Value({{"id", outcome->id}, {"conversation", target.conversation}, {"state", "sent"}});
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ListenCommand(const Options& options, Output& output) {
  CatchSignals();  // first: whoever can see that the store is open can end this in order
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  ASSIGN_OR_RETURN(Engine* const engine, session->Online());
  Printer printer(*session, *engine, output);
  const absl::Time end =
      options.timeout_seconds > 0 ? session->clock().Now() + absl::Seconds(options.timeout_seconds) : absl::InfiniteFuture();
  Engine::Callbacks callbacks;
  callbacks.changed = [&] { return printer.Print(); };
  callbacks.line = [](const std::string*) { return absl::OkStatus(); };
  callbacks.until = [&] {
    return stop_requested != 0 || session->clock().Now() >= end ||
           (options.count > 0 && printer.messages() >= options.count);
  };
  RETURN_IF_ERROR(printer.Print());
  output.Aside("Listening; Ctrl-C ends.");
  return engine->Run(callbacks);
}

absl::Status ChatCommand(const Options& options, Output& output) {
  CatchSignals();
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Open(options, output));
  ASSIGN_OR_RETURN(Engine* const engine, session->Online());
  ASSIGN_OR_RETURN(const Target target, engine->Resolve(options.person));
  ASSIGN_OR_RETURN(const std::vector<PersonView> people, engine->CheckPeople(target));
  for (const PersonView& person : people) output.Person(person);
  Printer printer(*session, *engine, output);
  RETURN_IF_ERROR(printer.Print());
  output.Aside(absl::StrCat("Chat with ", output.Name(target.conversation), "; one line is one message, Ctrl-D ends."));
  bool ended = false;
  Engine::Callbacks callbacks;
  callbacks.changed = [&] { return printer.Print(); };
  callbacks.line = [&](const std::string* line) {
    if (line == nullptr) {
      ended = true;
      return absl::OkStatus();
    }
    return SendLine(*engine, output, target, *line);
  };
  callbacks.until = [&] { return ended || stop_requested != 0; };
  const InputReader reader(engine->events());
  return engine->Run(callbacks);
}

}  // namespace plumbline::client
