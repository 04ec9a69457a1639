// Step a: the ceremony, the first administrator, two people, and everybody who must not get in.
#include <openssl/ssl.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "assess/demo/demonstration.h"
#include "assess/tools/wire_probe.h"
#include "common/identity/invitation.h"

namespace plumbline::assess {
namespace {

constexpr char kAhead[] = "7200";  // seconds the key server's clock is set ahead to let a code of one hour expire

// The fingerprint in groups, as people compare it.
std::string Grouped(const std::string& hex) {
  std::string text;
  for (size_t i = 0; i < hex.size(); ++i) {
    if (i > 0 && i % 4 == 0) text += ' ';
    text += hex[i];
  }
  return text;
}

// Refused, and for this reason.
bool RefusedAs(const absl::Status& status, const std::string& reason) { return !status.ok() && ReasonOf(status) == reason; }

std::string Said(const absl::Status& status) {
  return status.ok() ? "it was accepted" : absl::StrCat("it says: ", status.message());
}

absl::StatusOr<std::string> Changed(const std::string& invitation,
                                    const std::function<void(identity::Invitation&)>& change) {
  ASSIGN_OR_RETURN(identity::Invitation parsed, identity::ParseInvitation(invitation));
  change(parsed);
  return identity::FormatInvitation(parsed);
}

}  // namespace

bool Demonstration::Join() {
  recorder_.narrator().Step("a", "A new organisation, an administrator, two people; and who does not get in");
  if (!FoundOrganisation()) return false;
  OfferOldTls();
  if (!RegisterAdministrator() || !EnrolPeople()) return false;
  RefuseBadInvitations();
  RefuseExpiredCode();
  return true;
}

bool Demonstration::FoundOrganisation() {
  Check check = {.id = "demo.a.ceremony",
                 .title = "The ceremony makes the organisation's keys, and three services start with them",
                 .bears_on = {{"P2.Q2.S1", Weight::kPart}, {"P2.Q2.S2", Weight::kPart}, {"P2.Q2.S3", Weight::kPart},
                              {"P5.Q2.S6", Weight::kPart}, {"P7.Q1.S4", Weight::kPart}}};
  absl::Status status;
  const absl::StatusOr<int> delivery_port = FreePort();
  if (delivery_port.ok()) {
    absl::StatusOr<std::unique_ptr<Relay>> relay = Relay::Start(*delivery_port);
    status = relay.status();
    if (relay.ok()) relay_ = *std::move(relay);
  } else {
    status = delivery_port.status();
  }
  if (status.ok()) {
    status = organisation_.Found({.delivery = *delivery_port, .delivery_published = relay_->port()});
  }
  if (status.ok()) status = organisation_.StartAll();
  std::vector<std::string> processes;
  for (const Service service : kServices) processes.push_back(absl::StrCat(Title(service), " ", organisation_.pid(service)));
  return recorder_.JudgeStatus(check, status,
                               absl::StrCat("Organisation ", kDomain, ", fingerprint ", Grouped(organisation_.fingerprint()),
                                            ". Processes: ", absl::StrJoin(processes, ", "),
                                            ". People reach the delivery server through a relay that records everything."));
}

void Demonstration::OfferOldTls() {
  const Ports& ports = organisation_.ports();
  const std::vector<std::pair<std::string, int>> listeners = {{"key server, people", ports.keyserver_people},
                                                              {"key server, devices", ports.keyserver_devices},
                                                              {"key server, admin service", ports.keyserver_admin},
                                                              {"delivery server", ports.delivery},
                                                              {"delivery server, key server", ports.revocation},
                                                              {"admin service", ports.admin}};
  bool all = true;
  std::string seen;
  for (const auto& [name, port] : listeners) {
    const absl::StatusOr<std::string> old = OfferTls(port, TLS1_2_VERSION);
    const absl::StatusOr<std::string> now = OfferTls(port, TLS1_3_VERSION);
    all = all && !old.ok() && now.ok() && *now == "TLSv1.3";
    absl::StrAppend(&seen, name, ": TLS 1.2 ", old.ok() ? "ACCEPTED" : std::string(old.status().message()), "; TLS 1.3 ",
                    now.ok() ? "agreed on " + *now : std::string(now.status().message()), "\n");
  }
  recorder_.Judge({.id = "demo.a.tls13",
                   .title = "All six listeners refuse a client that offers no more than TLS 1.2",
                   .bears_on = {{"P1.Q1.S5"}},
                   .evidence = {recorder_.Keep("tls-versions.txt", seen)}},
                  all, all ? "Each agreed on TLS 1.3 with the next client." : seen);
}

bool Demonstration::RegisterAdministrator() {
  const auto registers = [this](const std::string& code) -> absl::Status {
    ASSIGN_OR_RETURN(const CommandResult result, organisation_.Administer({"register", "--name", "Sam Sato", "--code", code}));
    return StatusOf(result);
  };
  const absl::Status prepared = organisation_.PrepareAdministrator();
  const absl::Status wrong = prepared.ok() ? registers("ABCD-EFGH-JKMN-PQRS") : prepared;
  const absl::Status right = prepared.ok() ? registers(organisation_.administrator_code()) : prepared;
  const absl::Status again = prepared.ok() ? registers(organisation_.administrator_code()) : prepared;
  if (!recorder_.JudgeStatus({.id = "demo.a.administrator",
                              .title = "The first administrator registers an own key with the ceremony's one-time code",
                              .bears_on = {{"P5.Q2.S1", Weight::kPart}}},
                             right, "Sam Sato's key; the code was never shown to the admin service.")) {
    return false;
  }
  recorder_.Judge({.id = "demo.a.administrator-code",
                   .title = "A wrong code, and the right code a second time, make nobody an administrator",
                   .bears_on = {{"P5.Q2.S1", Weight::kPart}, {"P3.Q1.S3", Weight::kPart}}},
                  prepared.ok() && !wrong.ok() && !ReasonOf(wrong).empty() && !again.ok() && !ReasonOf(again).empty(),
                  absl::StrCat("Wrong code: ", Said(wrong), ". Second time: ", Said(again)));
  return true;
}

bool Demonstration::EnrolPeople() {
  absl::Status status;
  for (auto& [person, account, name] : {std::tuple<Person*, const char*, const char*>{&alice_, "alice.archer", "Alice Archer"},
                                        {&bob_, "bob.baker", "Bob Baker"},
                                        {&carol_, "carol.cole", "Carol Cole"}}) {
    if (!status.ok()) break;
    absl::StatusOr<Person> made = organisation_.NewPerson(account, name);
    status = made.status();
    if (!made.ok()) break;
    *person = *std::move(made);
    status = organisation_.CreateAccount(*person);
  }
  if (!recorder_.JudgeStatus({.id = "demo.a.accounts",
                              .title = "The administrator creates accounts by signed decisions that say how each person was identified",
                              .bears_on = {{"P5.Q1.S1"}, {"P5.Q2.S1", Weight::kPart}}},
                             status, "Alice Archer, Bob Baker and Carol Cole: seen in person, staff file 17.")) {
    return false;
  }
  for (const Person* person : {&alice_, &bob_}) {
    if (!status.ok()) break;
    const absl::StatusOr<std::string> invitation = organisation_.Invite(*person);
    status = invitation.status();
    if (!status.ok()) break;
    if (person == &alice_) alice_invitation_ = *invitation;
    status = people_.Enrol(*person, *invitation);
  }
  return recorder_.JudgeStatus({.id = "demo.a.enrol",
                                .title = "Two people enrol a device each with a one-time code",
                                .bears_on = {{"P3.Q1.S1", Weight::kPart}, {"P1.Q2.S2", Weight::kPart}}},
                               status, "Alice's and Bob's devices have certificates under the organisation's root.");
}

void Demonstration::RefuseBadInvitations() {
  absl::StatusOr<Person> thief = organisation_.NewPerson("alice.again", "somebody else");
  const absl::Status reused = thief.ok() ? people_.Enrol(*thief, alice_invitation_) : thief.status();
  recorder_.Judge({.id = "demo.a.code-reused",
                   .title = "A code that was used is refused",
                   .bears_on = {{"P3.Q1.S1"}}},
                  RefusedAs(reused, "code_used"), absl::StrCat("Somebody has Alice's invitation: ", Said(reused)));

  const absl::StatusOr<std::string> good = organisation_.Invite(carol_);
  const absl::StatusOr<std::string> wrong_code =
      good.ok() ? Changed(*good, [](identity::Invitation& i) { i.code = "ABCDEFGHJKMNPQRS"; }) : good;
  const absl::Status wrong = wrong_code.ok() ? people_.Enrol(carol_, *wrong_code) : wrong_code.status();
  recorder_.Judge({.id = "demo.a.code-wrong",
                   .title = "A wrong code is refused, and costs one of few attempts",
                   .bears_on = {{"P3.Q1.S1"}, {"P3.Q1.S3", Weight::kPart}}},
                  RefusedAs(wrong, "code_wrong"), absl::StrCat("Somebody guesses Carol's code: ", Said(wrong)));

  const absl::StatusOr<std::string> other_root =
      good.ok() ? Changed(*good, [](identity::Invitation& i) { i.root_fingerprint[0] ^= 1; }) : good;
  const absl::Status fingerprint = other_root.ok() ? people_.Enrol(carol_, *other_root) : other_root.status();
  recorder_.Judge({.id = "demo.a.fingerprint",
                   .title = "An invitation with another fingerprint is refused by the client itself",
                   .bears_on = {{"P3.Q1.S2"}, {"P1.Q2.S2", Weight::kPart}}},
                  !fingerprint.ok() && !ReasonOf(fingerprint).empty() && ReasonOf(fingerprint) != "code_wrong" && other_root.ok(),
                  absl::StrCat("Carol's invitation, one digit of the fingerprint changed: ", Said(fingerprint)));
}

void Demonstration::RefuseExpiredCode() {
  const Check check = {.id = "demo.a.code-expired", .title = "A code that has expired is refused", .bears_on = {{"P3.Q1.S1"}}};
  const absl::StatusOr<std::string> invitation = organisation_.Invite(carol_, "1h");
  absl::Status status = invitation.status();
  absl::Status refused;
  if (status.ok()) {
    organisation_.Stop(Service::kKeyserver);
    status = organisation_.Start(Service::kKeyserver, {{"LD_PRELOAD", options_.bin + "/plumbline-clock.so"},
                                                       {"ASSESS_CLOCK_OFFSET", kAhead}});
    if (status.ok()) refused = people_.Enrol(carol_, *invitation);
    organisation_.Stop(Service::kKeyserver);
    const absl::Status back = organisation_.Start(Service::kKeyserver);
    if (status.ok()) status = back;
  }
  if (!status.ok()) {
    recorder_.JudgeStatus(check, status);
    return;
  }
  recorder_.Judge(check, RefusedAs(refused, "code_expired"),
                  absl::StrCat("Carol's code was good for an hour; the key server's clock is set two hours ahead: ", Said(refused)));
}

}  // namespace plumbline::assess
