// Step d: the search, through everything the services wrote, hold in memory and send.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "assess/demo/demonstration.h"
#include "assess/tools/database.h"
#include "assess/tools/wire_probe.h"

namespace plumbline::assess {
namespace {

// A refused request, but one that reaches the service: its message is what counts.
constexpr char kCarrier[] = "/plumbline.delivery.v1.Delivery/OpenSession";

void AddNames(PatternSet& patterns, const Person& person) {
  patterns.AddText(person.name, person.name);
  patterns.AddText(person.account, person.account);
}

std::string Summary(const std::vector<const PlaceResult*>& places) {
  std::vector<std::string> parts;
  for (const PlaceResult* place : places) {
    parts.push_back(absl::StrCat(place->place, ": ", place->looked_at, "; controls ", place->controls_found, " of ",
                                 place->controls_planted));
  }
  return absl::StrJoin(parts, ". ");
}

}  // namespace

void Demonstration::JudgePlaces(Check check, const std::vector<const PlaceResult*>& places, const std::string& good) {
  bool no_privilege = false;
  for (const PlaceResult* place : places) {
    no_privilege = no_privilege || place->found == Found::kNoPrivilege;
    if (place->found == Found::kClean || place->found == Found::kNoPrivilege) continue;
    const std::string what = place->found == Found::kFound            ? absl::StrCat("FOUND ", place->hits[0].name, " in ", place->place)
                             : place->found == Found::kControlMissing ? absl::StrCat("a control was not found in ", place->place)
                                                                      : absl::StrCat(place->place, ": ", place->looked_at);
    recorder_.Judge(std::move(check), false, what);
    return;
  }
  if (no_privilege) {
    recorder_.NotDemonstrated(std::move(check), "The memory of other processes cannot be read here: run this as root.");
    return;
  }
  recorder_.Judge(std::move(check), true, absl::StrCat(good, " ", Summary(places)));
}

void Demonstration::Hunt() {
  recorder_.narrator().Step("d", "The search: what people wrote, in everything the services keep, hold and send");
  // Something must be waiting while the search runs.
  const absl::Status waiting = people_.Send(alice_, bob_, Canary("This one waits in the mailbox during the search."));
  PatternSet content, names;
  for (const auto& [marker, sentence] : canaries_) content.AddMarker(sentence, marker);
  names = content;
  for (const Person* person : {&alice_, &bob_, &carol_}) AddNames(names, *person);

  const std::string control = NewMarker();
  const absl::Status sent = SendControl(relay_->port(), kCarrier, control, key_log_);
  std::vector<PlaceResult> all;
  all.push_back(SearchCapture(relay_->Recorded(), ReadFile(key_log_).value_or(""), content, control));
  absl::Status opened = waiting.ok() ? sent : waiting;
  bool keys_needed = true;
  for (const Service service : kServices) {
    if (service == Service::kWitness) continue;  // it is shown hashes, and has no database
    const absl::StatusOr<SearchedService> searched = organisation_.Searched(service);
    if (!searched.ok()) {
      opened = searched.status();
      break;
    }
    keys_needed = keys_needed && !DecryptDatabase(searched->database, RandomBytes(32)).ok();
    for (PlaceResult& place : SearchService(*searched, service == Service::kDelivery ? names : content,
                                            absl::StrCat(folder_, "/scratch"))) {
      all.push_back(std::move(place));
    }
  }
  if (!opened.ok()) {
    recorder_.JudgeStatus({.id = "demo.d.search", .title = "The search can be made", .bears_on = {}}, opened);
    return;
  }
  SearchReport report;
  report.places = all;
  const Evidence evidence = recorder_.Keep("search.txt", report.ToText());
  std::vector<const PlaceResult*> disk, memory, network = {&all[0]}, delivery;
  for (size_t i = 1; i < all.size(); ++i) {
    (absl::StrContains(all[i].place, "memory") ? memory : disk).push_back(&all[i]);
    if (absl::StartsWith(all[i].place, Title(Service::kDelivery))) delivery.push_back(&all[i]);
  }
  JudgePlaces({.id = "demo.d.disk",
               .title = "No message in any service's database (live, free and journalled pages), log or other file",
               .bears_on = {{"P2.Q1.S2", Weight::kWhole}},
               .evidence = {evidence}}, disk, "Every control was found, and nothing else.");
  JudgePlaces({.id = "demo.d.memory", .title = "No message in the memory of any service", .bears_on = {{"P2.Q1.S2"}},
               .evidence = {evidence}}, memory, "Every control was found, and nothing else.");
  JudgePlaces({.id = "demo.d.network",
               .title = "No message in a recording of the traffic with the delivery server, even opened with the sessions' own keys",
               .bears_on = {{"P1.Q1.S2"}, {"P1.Q1.S1", Weight::kPart}},
               .evidence = {evidence}}, network, "Every connection was opened, the control was found, and nothing else.");
  JudgePlaces({.id = "demo.d.names", .title = "No person's name in anything the delivery server keeps or holds in memory",
               .bears_on = {{"P6.Q1.S1"}, {"P6.Q1.S2", Weight::kPart}}, .evidence = {evidence}}, delivery,
              "Accounts and names of three people were looked for.");
  recorder_.Judge({.id = "demo.d.encrypted",
                   .title = "The databases open with their own key and with no other",
                   .bears_on = {{"P2.Q1.S3"}}},
                  keys_needed, "Three databases, three keys sealed under three passphrases; none opens with a random key.");
}

}  // namespace plumbline::assess
