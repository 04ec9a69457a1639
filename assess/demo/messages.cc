// Step b: messages both ways, online and kept for somebody who is away; the verification code.
#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "assess/demo/demonstration.h"
#include "assess/tools/database.h"
#include "assess/tools/memory.h"
#include "assess/tools/snapshot.h"

namespace plumbline::assess {
namespace {

size_t Count(const std::vector<Shown>& shown, const std::string& text) {
  return static_cast<size_t>(std::count_if(shown.begin(), shown.end(), [&](const Shown& s) { return s.text == text; }));
}

// For a terminal: what waits in the mailboxes column by column, of the other tables how much there is.
View Shortened(const View& view) {
  View shown = view;
  shown.lines.clear();
  std::string table;
  for (const std::string& line : view.lines) {
    const bool is_row = absl::StartsWith(line, " ");
    if (!is_row) table = line.substr(0, line.find(':'));
    if (!is_row && !absl::EndsWith(line, ": 0 rows")) shown.lines.push_back(line);
    if (!is_row || table != "envelopes") continue;
    for (absl::string_view column : absl::StrSplit(line, "  ", absl::SkipWhitespace())) {
      shown.lines.push_back(absl::StrCat("  ", column));
    }
  }
  return shown;
}

std::vector<std::string> Lines(const std::vector<Shown>& shown) {
  std::vector<std::string> lines;
  for (const Shown& each : shown) lines.push_back(each.notice ? absl::StrCat("· ", each.text) : absl::StrCat(each.from, ": ", each.text));
  return lines;
}

}  // namespace

std::string Demonstration::Canary(const std::string& sentence) {
  const std::string marker = NewMarker();
  canaries_[marker] = sentence;
  return absl::StrCat(sentence, " [", marker, "]");
}

bool Demonstration::Exchange() {
  recorder_.narrator().Step("b", "Messages both ways, there and away; the same code on both screens");
  if (!Online() || !Offline()) return false;
  CompareCodes();
  return true;
}

bool Demonstration::Online() {
  const std::string to_bob = Canary("The heron is back at the mill pond.");
  const std::string to_alice = Canary("Then I bring the long lens tomorrow.");
  Check check = {.id = "demo.b.online",
                 .title = "Both are there: each sees the other's message as it is sent",
                 .bears_on = {{"P1.Q1.S1", Weight::kPart}}};
  absl::StatusOr<Conversation> talk = people_.Converse(alice_, bob_, folder_ + "/talk");
  absl::Status status = talk.status();
  if (status.ok()) status = talk->Say(alice_, to_bob);
  if (status.ok()) status = talk->AwaitAt(bob_, to_bob);
  if (status.ok()) status = talk->Say(bob_, to_alice);
  if (status.ok()) status = talk->AwaitAt(alice_, to_alice);
  if (talk.ok()) talk->End();
  return recorder_.JudgeStatus(check, status, "Alice wrote, Bob read and answered, Alice read the answer.");
}

bool Demonstration::Offline() {
  const std::vector<std::string> kept = {Canary("Bob, the gate code changes on Monday."),
                                         Canary("And please feed the cat while we are away.")};
  Check check = {.id = "demo.b.offline",
                 .title = "Bob is away: what Alice sends is kept for him, and he reads it when he is back, each once and in order",
                 .bears_on = {{"P7.Q2.S2"}, {"P1.Q1.S1", Weight::kPart}}};
  absl::Status status;
  for (const std::string& text : kept) {
    if (status.ok()) status = people_.Send(alice_, bob_, text);
  }
  if (!status.ok()) return recorder_.JudgeStatus(check, status);
  ShowWhoSeesWhat();
  const absl::StatusOr<std::vector<Shown>> read = people_.Read(bob_);
  if (!read.ok()) return recorder_.JudgeStatus(check, read.status());
  std::vector<std::string> order;
  for (const Shown& each : *read) {
    if (Count({each}, kept[0]) + Count({each}, kept[1]) > 0) order.push_back(each.text);
  }
  check.evidence.push_back(recorder_.Keep("bob-after-absence.txt", absl::StrJoin(Lines(*read), "\n") + "\n"));
  return recorder_.Judge(check, order == kept, absl::StrCat("Bob's client was not running; afterwards it showed ", read->size(),
                                                            " new entries."));
}

void Demonstration::CompareCodes() {
  const absl::StatusOr<std::string> hers = people_.VerificationCode(alice_, bob_);
  const absl::StatusOr<std::string> his = people_.VerificationCode(bob_, alice_);
  const Check check = {.id = "demo.b.code",
                       .title = "Alice and Bob read the same verification code on their own screens",
                       .bears_on = {{"P1.Q2.S1", Weight::kPart}}};
  if (!hers.ok() || !his.ok()) {
    recorder_.JudgeStatus(check, hers.ok() ? his.status() : hers.status());
    return;
  }
  recorder_.Judge(check, *hers == *his && !hers->empty(), absl::StrCat("Alice: ", *hers, " Bob: ", *his));
}

// While messages wait for Bob: what Alice sees beside what the delivery server has, and what the key server has.
void Demonstration::ShowWhoSeesWhat() {
  View alice = {.name = "Alice sees", .caption = "On her own device, in the clear"};
  if (const auto history = people_.History(alice_, bob_); history.ok()) alice.lines = Lines(*history);
  recorder_.AddView(alice);
  for (const Service service : {Service::kDelivery, Service::kKeyserver}) {
    View view = {.name = absl::StrCat("The ", Title(service), " stores"),
                 .service = true,
                 .caption = "Its database, opened with its own key"};
    const absl::StatusOr<std::vector<std::string>> tables = TablesOf(service);
    view.lines = tables.ok() ? *tables : std::vector<std::string>{std::string(tables.status().message())};
    recorder_.Keep(absl::StrCat(service == Service::kDelivery ? "delivery" : "keyserver", "-tables.txt"),
                   absl::StrJoin(view.lines, "\n") + "\n");
    recorder_.AddView(view);
    if (service == Service::kDelivery) {
      recorder_.narrator().SideBySide(alice, Shortened(view));
    }
  }
}

absl::StatusOr<std::string> Demonstration::CopyOf(const SearchedService& service) {
  const std::string to = folder_ + "/copies";
  std::error_code error;
  std::filesystem::create_directories(to, error);
  const Pause pause(service.pid);
  return CopyDatabase(service.database, to);
}

absl::StatusOr<std::vector<std::string>> Demonstration::TablesOf(Service service) {
  ASSIGN_OR_RETURN(const SearchedService searched, organisation_.Searched(service));
  ASSIGN_OR_RETURN(const std::string copy, CopyOf(searched));
  ASSIGN_OR_RETURN(const DecryptedDatabase database, DecryptDatabase(copy, searched.database_key.view()));
  return DumpTables(copy, searched.database_key.view(), database.page_size, 2, 40);
}

}  // namespace plumbline::assess
