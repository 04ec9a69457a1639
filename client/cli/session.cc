#include "client/cli/session.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "client/agent/agent_client.h"
#include "client/cli/notice.h"
#include "client/device_certificate.h"
#include "client/net/grpc_devices.h"
#include "client/notice.h"
#include "client/organisation_keys.h"
#include "client/store/check_in_store.h"
#include "client/unlock/check_in.h"
#include "client/unlock/unlock_certificate.h"
#include "common/config/config.h"
#include "common/crypto/passphrase.h"
#include "common/identity/credential_renewal.h"
#include "common/identity/reason.h"
#include "common/identity/uri.h"
#include "common/manifest/notice.h"
#include "common/rpc/tls_policy.h"

namespace plumbline::client {
namespace {

using identity::Refuse;

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

namespace {

absl::StatusOr<Secret> AskTwice(const char* prompt) {
  ASSIGN_OR_RETURN(Secret first, AskOnce(prompt));
  ASSIGN_OR_RETURN(const Secret second, AskOnce("The same again: "));
  if (!(first == second)) {
    return Refuse(absl::StatusCode::kInvalidArgument, "passphrase_differs", "the two did not match; start again");
  }
  return first;
}

// The key server knows this store no longer, or another state of it: what the agent holds opens nothing that may be used.
bool IsLost(const absl::Status& status) {
  const std::string reason = identity::ReasonOf(status);
  return reason == "store_copied" || reason == "store_rolled_back" || reason == "device_unknown" || reason == "device_revoked" ||
         reason == "account_suspended" || reason == "unlock_destroyed";
}

}  // namespace

absl::StatusOr<Secret> PassphraseFor(const Options& options, bool is_new) {
  std::string file = options.passphrase_file;
  if (const char* from_environment = std::getenv("PLUMBLINE_PASSPHRASE_FILE"); file.empty() && from_environment != nullptr) {
    file = from_environment;
  }
  if (!file.empty()) return config::ReadPassphraseFile(file);
  return is_new ? AskTwice("Choose a passphrase for this device: ") : AskOnce("Passphrase: ");
}

absl::StatusOr<Secret> NewPassphraseFor(const Options& options) {
  if (!options.new_passphrase_file.empty()) return config::ReadPassphraseFile(options.new_passphrase_file);
  return AskTwice("Choose a new passphrase for this device: ");
}

absl::StatusOr<std::unique_ptr<Session>> Session::Open(const Options& options, Output& output) {
  ASSIGN_OR_RETURN(Home home, HomeOf(options));
  if (!home.exists()) return home.OpenSealed(Secret()).status();  // not_enrolled, before asking anything
  std::optional<AgentState> agent;
  if (home.locked()) agent = AskAgent(home.folder());
  if (!agent) {
    ASSIGN_OR_RETURN(const Secret passphrase, PassphraseFor(options, /*is_new=*/false));
    return OpenWith(options, passphrase, output);
  }
  std::unique_ptr<Session> session(new Session(std::move(home)));
  OpenedDevice opened;
  ASSIGN_OR_RETURN(opened.store, session->home_.OpenUnlocked(agent->data_key));
  opened.data_key = Secret::CopyOf(agent->data_key.view());
  session->agent_ = std::move(agent);
  RETURN_IF_ERROR(session->Take(std::move(opened), output));
  return session;
}

absl::StatusOr<std::unique_ptr<Session>> Session::OpenWith(const Options& options, const Secret& passphrase, Output& output) {
  RETURN_IF_ERROR(rpc::PinTls13());
  ASSIGN_OR_RETURN(Home home, HomeOf(options));
  std::unique_ptr<Session> session(new Session(std::move(home)));
  ASSIGN_OR_RETURN(OpenedDevice opened, OpenDevice(session->home_, passphrase, CostFor(options), session->clock_));
  RETURN_IF_ERROR(session->Take(std::move(opened), output));
  return session;
}

absl::Status Session::Take(OpenedDevice opened, Output& output) {
  output_ = &output;
  data_key_ = std::move(opened.data_key);
  store_ = std::move(opened.store);
  self_ = std::move(opened.self);
  stores_ = std::make_unique<Stores>(*store_);
  if (self_ == nullptr) {
    ASSIGN_OR_RETURN(std::optional<Account> account, stores_->account.Get());
    if (account.has_value()) {
      ASSIGN_OR_RETURN(self_, Self::From(*std::move(account)));
      RETURN_IF_ERROR(UseStoredIssuers(*stores_, *self_));
    }
  }
  if (self_ == nullptr) {
    return Refuse(absl::StatusCode::kNotFound, "not_enrolled",
                  absl::StrCat("the enrolment in ", home_.folder(), " was not completed; give `plumbline enrol --invitation ...` again"));
  }
  output.SetSelf(self_->user(), self_->domain(), self_->account().organisation);
  output.SetGroupNames([stores = stores_.get()](absl::string_view conversation) {
    const auto names = stores->membership.Names();
    const auto found = names.ok() ? names->find(std::string(conversation)) : decltype(names->end()){};
    return names.ok() && found != names->end() ? absl::StrCat("group ", found->second) : std::string(conversation);
  });
  output.Unproved(opened.unproved);
  return absl::OkStatus();
}

absl::StatusOr<std::string> ConversationTyped(Session& session, const std::string& typed) {
  if (IsGroupKey(typed)) return Engine::FindGroup(session.stores(), typed);
  ASSIGN_OR_RETURN(const identity::UserUri parsed, identity::ParseUserName(typed, session.self().domain()));
  return parsed.ToString();
}

absl::StatusOr<std::unique_ptr<DevicesNetwork>> Session::ConnectDevices() const {
  RETURN_IF_ERROR(rpc::PinTls13());
  ASSIGN_OR_RETURN(const NetworkOptions options, NetworkOptionsOf(home_, *self_, clock_));
  return NewGrpcDevicesNetwork(options, clock_);
}

absl::Status Session::CheckIn() {
  CheckInStore check_ins(*store_);
  const absl::Status taken = CheckInWith(check_ins, *network_);
  ASSIGN_OR_RETURN(const identity::Fixed<16> last, check_ins.Last());
  if (taken.ok()) {
    if (agent_) TellAgent(home_.folder(), last);
    return taken;
  }
  if (IsLost(taken)) LockAgent(home_.folder());
  const bool away = absl::IsUnavailable(taken) || absl::IsDeadlineExceeded(taken);
  // The agent has seen this very state since the key server took it, so nobody has put an older one in its place.
  return away && agent_ && Equal(agent_->checked_in, last) ? absl::OkStatus() : taken;
}

absl::StatusOr<Engine*> Session::Online() {
  if (engine_ != nullptr) return engine_.get();
  RETURN_IF_ERROR(rpc::PinTls13());
  ASSIGN_OR_RETURN(NetworkOptions options, NetworkOptionsOf(home_, *self_, clock_));
  ASSIGN_OR_RETURN(network_, NewGrpcNetwork(std::move(options), clock_));
  RETURN_IF_ERROR(CheckIn());
  engine_ = std::make_unique<Engine>(*stores_, *self_, *network_, clock_);
  RenewCertificates().IgnoreError();  // a failure is met again, and reported, by whatever the command does next
  RETURN_IF_ERROR(WarnOfCredential());
  RETURN_IF_ERROR(AskForNotice());
  return engine_.get();
}

absl::Status Session::AskForNotice() {
  NoticeStore notices(*store_);
  ASSIGN_OR_RETURN(const std::optional<KnownNotice> known, notices.Get());
  if (!IsNoticeDue(known, clock_.Now())) return absl::OkStatus();
  const absl::StatusOr<std::vector<metadata::v1::RunningManifest>> told = FetchManifests(*this);
  if (!told.ok()) return notices.Asked(clock_.Now());  // the next day, or `plumbline notice`
  return notices.Offer(manifest::MakeNotice(*told), clock_.Now());
}

absl::Status Session::WarnOfCredential() {
  const absl::StatusOr<crypto::Certificate> credential = crypto::Certificate::Parse(self_->account().mls_certificate);
  if (!credential.ok()) return absl::DataLossError("the credential in the client's store is malformed");
  ASSIGN_OR_RETURN(const absl::Time issuer_ends, self_->IssuerEnds());
  if (identity::CredentialIsOverdue(*credential, clock_.Now(), issuer_ends)) {
    output_->CredentialEnds(identity::CredentialEnd(*credential, issuer_ends), clock_.Now());
  }
  return absl::OkStatus();
}

absl::Status Session::RenewCredential() {
  ASSIGN_OR_RETURN(std::optional<Supplies::Credential> renewed, engine_->supplies().RenewCredential());
  if (renewed) self_->UseCredential(std::move(renewed->certificate), std::move(renewed->issuing));
  return absl::OkStatus();
}

absl::Status Session::RenewOwnCertificate() {
  ASSIGN_OR_RETURN(const bool renewed, RenewDeviceCertificate(home_.tls_key_path(), home_.tls_certificate_path(), self_->root(), *network_, clock_));
  if (!renewed) return absl::OkStatus();
  ASSIGN_OR_RETURN(const NetworkOptions options, NetworkOptionsOf(home_, *self_, clock_));
  return network_->UseIdentity(*options.identity);
}

absl::Status Session::RenewForUnlocking() {
  ASSIGN_OR_RETURN(const NetworkOptions options, NetworkOptionsOf(home_, *self_, clock_));
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> own, crypto::ParsePemChain(options.identity->chain_pem));
  return RenewUnlockCertificate(home_.unlock_certificate_path(), own, self_->root(), *network_, clock_).status();
}

absl::Status Session::RenewCertificates() {
  // Each has its own end: one that cannot be had keeps nothing from the others.
  absl::Status status = RenewOwnCertificate();
  status.Update(RenewForUnlocking());
  status.Update(RenewCredential());
  return status;
}

}  // namespace plumbline::client
