// plumbline-mls-runner: drives MLS servers of any make against each other, by scripts and by random
// walks.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <random>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "interop/runner/play.h"
#include "interop/runner/random_walk.h"

namespace plumbline::interop {
namespace {

struct Options {
  std::vector<std::string> addresses, scripts, only;
  std::vector<uint32_t> suites;
  std::string framing = "both", casting = "one", transcript;
  size_t walk = 0, walk_members = 12;
  uint64_t seed = 1;
  bool keep_going = false;
};

std::vector<bool> Framings(const Options& options, std::mt19937_64& random) {
  if (options.framing == "drawn") return {random() % 2 == 0};
  if (options.framing == "private") return {true};
  if (options.framing == "public") return {false};
  return {true, false};
}

// Who plays whom. "one": drawn by the seed, both servers in it; "all": every combination.
std::vector<std::vector<size_t>> Castings(const Options& options, size_t actors, size_t clients,
                                          std::mt19937_64& random) {
  std::vector<std::vector<size_t>> out;
  if (options.casting == "all") {
    size_t combinations = 1;
    for (size_t i = 0; i < actors; ++i) combinations *= clients;
    for (size_t n = 0; n < combinations; ++n) {
      std::vector<size_t> one;
      for (size_t i = 0, rest = n; i < actors; ++i, rest /= clients) one.push_back(rest % clients);
      out.push_back(one);
    }
    return out;
  }
  std::vector<size_t> one;
  const size_t first = std::uniform_int_distribution<size_t>(0, clients - 1)(random);
  for (size_t i = 0; i < actors; ++i) {
    one.push_back(i < 2 ? (first + i) % clients
                        : std::uniform_int_distribution<size_t>(0, clients - 1)(random));
  }
  return {one};
}

class Runner final {
 public:
  explicit Runner(const Options& options) : options_(options), random_(options.seed) {}

  absl::Status Run() {
    for (const std::string& address : options_.addresses) {
      ASSIGN_OR_RETURN(clients_.emplace_back(), Connect(address));
      std::printf("%s: %s, suites", address.c_str(), clients_.back()->name.c_str());
      for (const uint32_t suite : clients_.back()->suites) std::printf(" %u", suite);
      std::printf("\n");
    }
    for (const std::string& file : options_.scripts) RETURN_IF_ERROR(PlayFile(file));
    if (options_.walk > 0) RETURN_IF_ERROR(WalkAll());
    std::printf("runs %zu, failed %zu, calls %zu, seed %llu\n", runs_, failed_, calls_,
                static_cast<unsigned long long>(options_.seed));
    if (failed_ > 0)
      return absl::AbortedError(absl::StrCat(failed_, " of ", runs_, " runs failed"));
    if (runs_ == 0)
      return absl::InvalidArgumentError(
          "nothing was run: no suite is common to the servers, or no script of that name");
    return absl::OkStatus();
  }

 private:
  std::vector<Client*> With(uint32_t suite) const {
    std::vector<Client*> out;
    for (const auto& client : clients_) {
      if (client->suites.count(suite) != 0) out.push_back(client.get());
    }
    return out;
  }

  // The suites to run: those asked for, or all that every server has.
  std::vector<uint32_t> Suites() const {
    if (!options_.suites.empty()) return options_.suites;
    std::vector<uint32_t> out;
    for (const uint32_t suite : clients_.front()->suites) {
      if (With(suite).size() == clients_.size()) out.push_back(suite);
    }
    return out;
  }

  absl::Status PlayFile(const std::string& file) {
    ASSIGN_OR_RETURN(const std::string text, ReadTextFile(file, 16 << 20));
    absl::StatusOr<std::vector<Script>> scripts = ParseScripts(text);
    if (!scripts.ok())
      return absl::InvalidArgumentError(absl::StrCat(file, ": ", scripts.status().message()));
    for (const Script& script : *scripts) {
      if (!options_.only.empty() &&
          std::find(options_.only.begin(), options_.only.end(), script.name) == options_.only.end())
        continue;
      for (const uint32_t suite : Suites()) {
        for (const bool encrypt : Framings(options_, random_))
          RETURN_IF_ERROR(PlayOne(file, script, suite, encrypt));
      }
    }
    return absl::OkStatus();
  }

  absl::Status PlayOne(const std::string& file, const Script& script, uint32_t suite,
                       bool encrypt) {
    const std::vector<Client*> clients = With(suite);
    if (clients.empty())
      return absl::InvalidArgumentError(absl::StrCat("no server has suite ", suite));
    for (const std::vector<size_t>& cast :
         Castings(options_, script.actors.size(), clients.size(), random_)) {
      Casting casting{suite, encrypt, {}};
      std::string who;
      for (size_t i = 0; i < cast.size(); ++i) {
        casting.clients[script.actors[i]] = clients[cast[i]];
        absl::StrAppend(&who, i == 0 ? "" : " ", script.actors[i], "=", cast[i]);
      }
      Transcript transcript(!options_.transcript.empty());
      const absl::Status status = Play(script, casting, transcript).Run();
      Report(absl::StrCat(file.substr(file.rfind('/') + 1), " ", script.name, " suite ", suite,
                          encrypt ? " private " : " public ", who),
             status, transcript);
      if (!status.ok() && !options_.keep_going)
        return absl::AbortedError("stopped at the first failure (--keep-going does not)");
    }
    return absl::OkStatus();
  }

  absl::Status WalkAll() {
    for (const uint32_t suite : Suites()) {
      WalkOptions walk{suite, suite % 2 == 0, options_.walk, options_.walk_members,
                       options_.seed + suite};
      if (options_.framing == "private" || options_.framing == "public")
        walk.encrypt_handshake = options_.framing == "private";
      Transcript transcript(!options_.transcript.empty());
      const std::vector<Client*> clients = With(suite);
      const absl::StatusOr<WalkReport> report = RandomWalk(clients, walk, transcript);
      Report(absl::StrCat("random walk, suite ", suite,
                          walk.encrypt_handshake ? " private, " : " public, ", walk.steps, " steps",
                          report.ok() ? absl::StrCat(": ", report->commits, " commits, ",
                                                     report->joins, " joins, ", report->removals,
                                                     " removals, ", report->messages, " messages")
                                      : ""),
             report.status(), transcript);
      if (!report.ok() && !options_.keep_going)
        return absl::AbortedError("stopped at the first failure (--keep-going does not)");
    }
    return absl::OkStatus();
  }

  void Report(const std::string& what, const absl::Status& status, const Transcript& transcript) {
    ++runs_;
    calls_ += transcript.calls();
    std::printf("%s %s\n", status.ok() ? "ok    " : "FAILED", what.c_str());
    if (!status.ok()) {
      ++failed_;
      std::printf("       %s\n", status.ToString().c_str());
    }
    std::fflush(stdout);
    if (!options_.transcript.empty()) {
      if (std::FILE* const out = std::fopen(options_.transcript.c_str(), "a"); out != nullptr) {
        std::fprintf(out, "{\"run\":\"%s\"}\n%s", what.c_str(), transcript.text().c_str());
        std::fclose(out);
      }
    }
  }

  const Options options_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Client>> clients_;
  size_t runs_ = 0, failed_ = 0, calls_ = 0;
};

}  // namespace
}  // namespace plumbline::interop

int main(int argc, char** argv) {
  plumbline::interop::Options options;
  CLI::App app(
      "Drives MLS servers (mls_client.MLSClient) against each other. Exit code 0 if every run "
      "agreed.");
  app.add_option("--client", options.addresses, "host:port of a server; give two or more")
      ->required();
  app.add_option("--script", options.scripts, "Scripts in the JSON of the working group's runner");
  app.add_option("--only", options.only, "Play the script of this name only");
  app.add_option("--suite", options.suites,
                 "Only this cipher suite; default: all that every server has");
  app.add_option("--framing", options.framing,
                 "Handshakes as PrivateMessage, as PublicMessage, both in turn, or one of them "
                 "drawn by the seed")
      ->check(CLI::IsMember({"private", "public", "both", "drawn"}));
  app.add_option("--casting", options.casting,
                 "Who plays whom: one drawn by the seed, or all combinations")
      ->check(CLI::IsMember({"one", "all"}));
  app.add_option("--walk", options.walk, "Steps of a random walk, for each suite");
  app.add_option("--walk-members", options.walk_members, "Most members of a random walk")
      ->check(CLI::Range(4, 1000));
  app.add_option("--seed", options.seed, "Of what is drawn");
  app.add_option("--transcript", options.transcript,
                 "Append every call and answer to this file (JSON lines; has private keys in it)");
  app.add_flag("--keep-going", options.keep_going, "Do not stop at the first failure");
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = plumbline::interop::Runner(options).Run();
  if (status.ok()) return 0;
  std::fprintf(stderr, "plumbline-mls-runner: %s\n", std::string(status.message()).c_str());
  return 1;
}
