#include "client/cli/session.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "client/net/grpc_devices.h"
#include "common/config/config.h"
#include "common/crypto/passphrase.h"
#include "common/file.h"
#include "common/identity/reason.h"
#include "common/identity/uri.h"
#include "common/rpc/tls_policy.h"

namespace plumbline::client {
namespace {

using identity::Refuse;

constexpr size_t kMaxPem = 64 * 1024;  // bytes

// Reads one line from the terminal without showing it.
absl::StatusOr<Secret> AskOnce(const char* prompt) {
  const int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (terminal < 0) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "passphrase_missing",
                  "there is no terminal to ask for the passphrase; give --passphrase-file, or set PLUMBLINE_PASSPHRASE_FILE");
  }
  termios shown{};
  const bool has_echo = tcgetattr(terminal, &shown) == 0;
  termios hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  if (has_echo) tcsetattr(terminal, TCSAFLUSH, &hidden);
  (void)!write(terminal, prompt, std::char_traits<char>::length(prompt));
  Secret line(crypto::kMaxPassphraseSize);
  size_t size = 0;
  char c = 0;
  while (size < line.size() && read(terminal, &c, 1) == 1 && c != '\n') line.span()[size++] = static_cast<uint8_t>(c);
  if (has_echo) tcsetattr(terminal, TCSAFLUSH, &shown);
  (void)!write(terminal, "\n", 1);
  close(terminal);
  return Secret::CopyOf(line.view().first(size));
}

}  // namespace

absl::StatusOr<Home> HomeOf(const Options& options) {
  if (!options.home.empty()) return Home(options.home);
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == 0) {
    return Refuse(absl::StatusCode::kFailedPrecondition, "home_unknown", "HOME is not set; give the folder with --home");
  }
  return Home(absl::StrCat(home, "/.plumbline"));
}

absl::StatusOr<Secret> PassphraseFor(const Options& options, bool is_new) {
  std::string file = options.passphrase_file;
  if (const char* from_environment = std::getenv("PLUMBLINE_PASSPHRASE_FILE"); file.empty() && from_environment != nullptr) {
    file = from_environment;
  }
  if (!file.empty()) return config::ReadPassphraseFile(file);
  ASSIGN_OR_RETURN(Secret first, AskOnce(is_new ? "Choose a passphrase for this device: " : "Passphrase: "));
  if (!is_new) return first;
  ASSIGN_OR_RETURN(const Secret second, AskOnce("The same again: "));
  if (!(first == second)) {
    return Refuse(absl::StatusCode::kInvalidArgument, "passphrase_differs", "the two did not match; start again");
  }
  return first;
}

absl::StatusOr<std::unique_ptr<Session>> Session::Open(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(Home home, HomeOf(options));
  std::unique_ptr<Session> session(new Session(std::move(home)));
  if (!session->home_.exists()) return session->home_.Open(Secret()).status();  // not_enrolled, before asking anything
  ASSIGN_OR_RETURN(const Secret passphrase, PassphraseFor(options, /*is_new=*/false));
  ASSIGN_OR_RETURN(session->store_, session->home_.Open(passphrase));
  session->stores_ = std::make_unique<Stores>(*session->store_);
  ASSIGN_OR_RETURN(std::optional<Account> account, session->stores_->account.Get());
  if (!account.has_value()) {
    return Refuse(absl::StatusCode::kNotFound, "not_enrolled",
                  absl::StrCat("the enrolment in ", session->home_.folder(),
                               " was not completed; give `plumbline enrol --invitation ...` again"));
  }
  ASSIGN_OR_RETURN(session->self_, Self::From(*std::move(account)));
  output.SetSelf(session->self_->user(), session->self_->domain(), session->self_->account().organisation);
  output.SetGroupNames([stores = session->stores_.get()](absl::string_view conversation) {
    const auto names = stores->membership.Names();
    const auto found = names.ok() ? names->find(std::string(conversation)) : decltype(names->end()){};
    return names.ok() && found != names->end() ? absl::StrCat("group ", found->second) : std::string(conversation);
  });
  return session;
}

absl::StatusOr<std::string> ConversationTyped(Session& session, const std::string& typed) {
  if (IsGroupKey(typed)) return Engine::FindGroup(session.stores(), typed);
  ASSIGN_OR_RETURN(const identity::UserUri parsed, identity::ParseUserName(typed, session.self().domain()));
  return parsed.ToString();
}

absl::StatusOr<NetworkOptions> Session::Addresses() const {
  absl::StatusOr<std::string> chain = ReadTextFile(home_.tls_certificate_path(), kMaxPem);
  absl::StatusOr<Secret> key = ReadSecretFile(home_.tls_key_path(), kMaxPem);
  for (const absl::Status& status : {chain.status(), key.status()}) {
    if (status.ok()) continue;
    return Refuse(absl::StatusCode::kFailedPrecondition, "tls_files",
                  absl::StrCat("tls.key or tls.crt in ", home_.folder(), " cannot be read (", status.message(),
                               "); restore them from a copy, or enrol this device again in another folder"));
  }
  NetworkOptions options;
  options.root_pem = self_->root().ToPem();
  options.keyserver_address = self_->account().keyserver_address;
  options.device_address = self_->account().device_address;
  options.delivery_address = self_->account().delivery_address;
  options.identity = rpc::TlsIdentity{*std::move(chain), *std::move(key)};
  options.working_key = &self_->working_key();
  return options;
}

absl::StatusOr<std::unique_ptr<DevicesNetwork>> Session::ConnectDevices() const {
  RETURN_IF_ERROR(rpc::PinTls13());
  ASSIGN_OR_RETURN(const NetworkOptions options, Addresses());
  return NewGrpcDevicesNetwork(options, clock_);
}

absl::StatusOr<Engine*> Session::Online() {
  if (engine_ != nullptr) return engine_.get();
  RETURN_IF_ERROR(rpc::PinTls13());
  ASSIGN_OR_RETURN(NetworkOptions options, Addresses());
  ASSIGN_OR_RETURN(network_, NewGrpcNetwork(std::move(options), clock_));
  engine_ = std::make_unique<Engine>(*stores_, *self_, *network_, clock_);
  RenewCertificate().IgnoreError();  // a failure is met again, and reported, by whatever the command does next
  return engine_.get();
}

absl::Status Session::RenewCertificate() {
  ASSIGN_OR_RETURN(const bool renewed,
                   engine_->supplies().RenewCertificate(home_.tls_key_path(), home_.tls_certificate_path()));
  if (!renewed) return absl::OkStatus();
  ASSIGN_OR_RETURN(const NetworkOptions options, Addresses());
  return network_->UseIdentity(*options.identity);
}

}  // namespace plumbline::client
