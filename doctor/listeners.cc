#include "doctor/listeners.h"

#include "absl/strings/str_cat.h"
#include "common/http/client.h"

namespace plumbline::doctor {
namespace {

using Outcome = rpc::HandshakeResult::Outcome;

constexpr char kAnswers[] = "listener.answers";
constexpr absl::Duration kPatience = absl::Seconds(5);
constexpr size_t kMaxAnswer = 64 << 10;

std::string Start(const Service& service) {
  return absl::StrCat("Look why it does not run: systemctl status ", service.unit,
                      " ; and at its log.");
}

void CheckVersion(const std::string& subject, const ListenerFacts& facts, Report& report) {
  constexpr char kCheck[] = "tls.version";
  if (!facts.tls12.ok()) {
    report.NotChecked(kCheck, subject,
                      absl::StrCat("no TLS 1.2 could be offered: ", facts.tls12.status().message()),
                      "Run this again.");
    return;
  }
  // A listener that speaks it and then asks for a certificate fails too, but has shown its own.
  const bool spoken = facts.tls12->outcome == Outcome::kDone ||
                      facts.tls12->outcome == Outcome::kClosed || !facts.tls12->chain.empty();
  if (spoken) {
    report.Failed(kCheck, subject, "it speaks TLS 1.2.",
                  "This is not a Plumbline listener as it is shipped: find out what listens there "
                  "(ss -ltnp), and stop it.");
  } else if (facts.tls13->outcome == Outcome::kFailed ||
             facts.tls13->outcome == Outcome::kVersionRefused) {
    report.Failed(kCheck, subject, absl::StrCat("it does not speak TLS 1.3: ", facts.tls13->detail),
                  "Find out what listens there (ss -ltnp).");
  } else {
    report.Ok(kCheck, subject, "TLS 1.3 is spoken, TLS 1.2 refused.");
  }
}

void CheckDemand(const std::string& subject, const Listener& listener,
                 const rpc::HandshakeResult& result, Report& report) {
  constexpr char kCheck[] = "tls.client_certificate";
  if (result.outcome != Outcome::kDone && result.outcome != Outcome::kClosed) return;
  const bool demanded = result.outcome == Outcome::kClosed;
  if (listener.demands_certificate == demanded) {
    report.Ok(
        kCheck, subject,
        demanded ? "nobody gets in without a certificate." : "nobody is asked for a certificate.");
  } else if (demanded) {
    report.Failed(kCheck, subject, "it ends connections that show no certificate.",
                  "People could not reach it: compare the address with the configuration.");
  } else {
    report.Failed(kCheck, subject, "it lets in who shows no certificate.",
                  "Stop it, and find out what listens there (ss -ltnp).");
  }
}

void CheckHttp(const Service& service, const Listener& listener, Report& report) {
  const std::string url = absl::StrCat("http://", listener.LocalAddress(), "/");
  absl::StatusOr<http::Client> client = http::Client::Create(url, kPatience);
  const absl::Status answer =
      client.ok() ? client->Get("add-checkpoint", kMaxAnswer).status() : client.status();
  if (answer.ok()) {
    report.Ok(kAnswers, service.Of(listener), absl::StrCat(listener.address, " answers."));
  } else {
    report.Failed(kAnswers, service.Of(listener),
                  absl::StrCat(listener.address, " does not answer: ", answer.message()),
                  Start(service));
  }
}

}  // namespace

ListenerFacts AskListener(const Listener& listener) {
  const std::string address = listener.LocalAddress();
  return {
      .tls12 =
          rpc::Handshake(address, {.version = rpc::TlsVersion::k12, .server_name = listener.name}),
      .tls13 = rpc::Handshake(address, {.server_name = listener.name, .await_first_byte = true})};
}

void JudgeListener(const Service& service, const Listener& listener, const ListenerFacts& facts,
                   Report& report) {
  const std::string subject = service.Of(listener);
  if (!facts.tls13.ok()) {
    report.Failed(kAnswers, subject, facts.tls13.status().message(), Start(service));
    report.NotChecked("tls.version", subject, "nothing answers.", Start(service));
    return;
  }
  report.Ok(kAnswers, subject, absl::StrCat(listener.address, " answers."));
  CheckVersion(subject, facts, report);
  CheckDemand(subject, listener, *facts.tls13, report);
}

std::vector<Shown> CheckListeners(const Installation& installation, Report& report) {
  std::vector<Shown> out;
  for (const Service& service : installation.services) {
    for (const Listener& listener : service.listeners) {
      if (!listener.tls) {
        CheckHttp(service, listener, report);
        continue;
      }
      const ListenerFacts facts = AskListener(listener);
      JudgeListener(service, listener, facts, report);
      if (facts.tls13.ok() && !facts.tls13->chain.empty()) {
        out.push_back({&service, &listener, facts.tls13->chain});
      }
    }
  }
  return out;
}

}  // namespace plumbline::doctor
