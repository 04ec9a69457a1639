#include "doctor/installation.h"

#include <sys/stat.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/identity/uri.h"
#include "common/rpc/handshake.h"
#include "plumbline/config/v1/admin.pb.h"
#include "plumbline/config/v1/keyserver.pb.h"
#include "plumbline/config/v1/server.pb.h"
#include "plumbline/config/v1/witness.pb.h"

namespace plumbline::doctor {
namespace {

std::string HostOf(const std::string& address) {
  const absl::StatusOr<rpc::HostPort> parts = rpc::SplitHostPort(address);
  return parts.ok() ? parts->host : "";
}

std::string NameOf(const std::string& name, const std::string& address) {
  return name.empty() ? HostOf(address) : name;
}

absl::Status Refused(const std::string& path, absl::string_view field, absl::string_view cause) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", field, ": ", cause));
}

absl::StatusOr<crypto::Fingerprint> FingerprintOf(const std::string& text,
                                                  const std::string& path) {
  const absl::StatusOr<crypto::Fingerprint> read = crypto::Fingerprint::FromText(text);
  if (!read.ok()) return Refused(path, "root_fingerprint", read.status().message());
  const ByteView bytes = read->view();
  if (std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; })) {
    return Refused(path, "root_fingerprint",
                   "it is still the example's; copy what plumbline-keyserver init printed");
  }
  return read;
}

absl::StatusOr<Service> LoadKeyserver(const std::string& path) {
  config::v1::KeyserverConfig config;
  RETURN_IF_ERROR(config::Load(path, config));
  Service out{.kind = ServiceKind::kKeyserver,
              .title = "key server",
              .unit = "plumbline-keyserver.service"};
  out.domain = config.organisation_domain();
  out.data_dir = config.data_dir();
  out.passphrase_file = config.passphrase_file();
  out.key_file = config.data_dir() + "/keys.sealed";
  out.root_key_file = config.data_dir() + "/root.sealed";
  out.databases = {config.data_dir() + "/keyserver.db"};
  out.listeners = {{.field = "anonymous_listen",
                    .address = config.anonymous_listen(),
                    .name = HostOf(config.published().keyserver_address())},
                   {.field = "device_listen",
                    .address = config.device_listen(),
                    .demands_certificate = true,
                    .name = HostOf(config.published().device_address())},
                   {.field = "admin_listen",
                    .address = config.admin_listen(),
                    .demands_certificate = true,
                    .internal = true}};
  out.revocation = config.has_revocation();
  return out;
}

absl::StatusOr<Service> LoadDelivery(const std::string& path) {
  config::v1::ServerConfig config;
  RETURN_IF_ERROR(config::Load(path, config));
  Service out{.kind = ServiceKind::kDelivery,
              .title = "delivery server",
              .unit = "plumbline-server.service"};
  out.domain = config.organisation_domain();
  ASSIGN_OR_RETURN(out.fingerprint, FingerprintOf(config.root_fingerprint(), path));
  out.data_dir = config.data_dir();
  out.passphrase_file = config.passphrase_file();
  out.key_file = config.data_dir() + "/server.keys";
  out.databases = {config.data_dir() + "/server.db", config.data_dir() + "/attachments.db"};
  out.certificate_file = config.certificate_file();
  out.trust_file = config.trust_file();
  out.listeners = {{.field = "listen", .address = config.listen()}};
  out.revocation = !config.keyserver_listen().empty();
  if (out.revocation) {
    out.listeners.push_back({.field = "keyserver_listen",
                             .address = config.keyserver_listen(),
                             .demands_certificate = true,
                             .internal = true});
  }
  return out;
}

absl::StatusOr<Service> LoadAdmin(const std::string& path) {
  config::v1::AdminConfig config;
  RETURN_IF_ERROR(config::Load(path, config));
  Service out{
      .kind = ServiceKind::kAdmin, .title = "admin service", .unit = "plumbline-admin.service"};
  out.domain = config.organisation_domain();
  ASSIGN_OR_RETURN(out.fingerprint, FingerprintOf(config.root_fingerprint(), path));
  out.data_dir = config.data_dir();
  out.passphrase_file = config.passphrase_file();
  out.key_file = config.data_dir() + "/admin.keys";
  out.databases = {config.data_dir() + "/admin.db"};
  out.certificate_file = config.certificate_file();
  out.listeners = {{.field = "listen", .address = config.listen()}};
  return out;
}

absl::StatusOr<Service> LoadWitness(const std::string& path) {
  config::v1::WitnessConfig config;
  RETURN_IF_ERROR(config::Load(path, config));
  Service out{.kind = ServiceKind::kWitness,
              .title = absl::StrCat("witness ", config.name()),
              .unit = "plumbline-witness.service"};
  out.data_dir = config.data_dir();
  out.passphrase_file = config.passphrase_file();
  out.key_file = config.data_dir() + "/witness.keys";
  out.listeners = {{.field = "listen", .address = config.listen(), .tls = false, .internal = true}};
  return out;
}

// By which names one service reaches another is in the configuration of the one that calls.
void NameListeners(const Configurations& configurations, Installation& installation) {
  const auto set = [&](ServiceKind kind, absl::string_view field, const std::string& name) {
    for (Service& service : installation.services) {
      for (Listener& listener : service.listeners) {
        if (service.kind == kind && listener.field == field) listener.name = name;
      }
    }
  };
  config::v1::KeyserverConfig keyserver;
  if (installation.Find(ServiceKind::kKeyserver) != nullptr &&
      config::Load(configurations.keyserver, keyserver).ok()) {
    set(ServiceKind::kDelivery, "listen", HostOf(keyserver.published().delivery_address()));
    if (keyserver.has_revocation()) {
      set(ServiceKind::kDelivery, "keyserver_listen",
          NameOf(keyserver.revocation().delivery_name(),
                 keyserver.revocation().delivery_address()));
    }
  }
  config::v1::AdminConfig admin;
  if (installation.Find(ServiceKind::kAdmin) != nullptr &&
      config::Load(configurations.admin, admin).ok()) {
    set(ServiceKind::kKeyserver, "admin_listen",
        NameOf(admin.keyserver_name(), admin.keyserver_address()));
  }
}

void CheckAgreement(const Installation& installation, Report& report) {
  const Service *named = nullptr, *pinned = nullptr;
  for (const Service& each : installation.services) {
    if (each.domain.empty()) continue;
    if (named != nullptr && named->domain != each.domain) {
      report.Failed("config.agrees", "",
                    absl::StrCat("the ", named->title, " is of ", named->domain, ", the ",
                                 each.title, " of ", each.domain, "."),
                    "Correct organisation_domain; it is the same in every configuration.");
      return;
    }
    if (pinned != nullptr && each.fingerprint && pinned->fingerprint != each.fingerprint) {
      report.Failed("config.agrees", "",
                    absl::StrCat("the ", pinned->title, " and the ", each.title,
                                 " name different fingerprints of the root."),
                    "Compare both with the one on paper and correct root_fingerprint.");
      return;
    }
    named = &each;
    if (each.fingerprint) pinned = &each;
  }
  if (named == nullptr) return;
  report.Ok("config.agrees", "", absl::StrCat("all of it is of ", named->domain, "."));
}

void CheckExposure(const Service& service, Report& report) {
  for (const Listener& listener : service.listeners) {
    const std::string host = HostOf(listener.address);
    if (!listener.internal) continue;
    if (host != "0.0.0.0" && host != "::") {
      report.Ok("config.exposure", service.Of(listener),
                absl::StrCat("it listens at ", listener.address, " only."));
      continue;
    }
    report.Warning("config.exposure", service.Of(listener),
                   "it listens on every network of this machine.",
                   listener.tls ? "Write an address that only the calling service reaches."
                                : "Write 127.0.0.1 and put a proxy with TLS before it.");
  }
}

void CheckRevocation(const Service& service, Report& report) {
  if (service.kind != ServiceKind::kKeyserver && service.kind != ServiceKind::kDelivery) return;
  if (service.revocation) {
    report.Ok("config.revocation", service.title, "the two servers know each other.");
    return;
  }
  report.Warning(
      "config.revocation", service.title,
      "mailboxes of people who left stay open until their grants end.",
      service.kind == ServiceKind::kKeyserver
          ? "Write `revocation:` with the address of the delivery server's keyserver_listen."
          : "Write keyserver_listen, an address that only the key server reaches.");
}

void CheckWritable(const Service& service, Report& report) {
  struct stat info;
  if (stat(service.config_path.c_str(), &info) != 0) return;
  if ((info.st_mode & 022) == 0) {
    report.Ok("config.writable", service.title, "only its owner can change the configuration.");
    return;
  }
  report.Failed("config.writable", service.title,
                absl::StrCat("others than its owner can change ", service.config_path, "."),
                absl::StrCat("Run: chmod go-w ", service.config_path));
}

}  // namespace

std::string Listener::LocalAddress() const {
  const absl::StatusOr<rpc::HostPort> parts = rpc::SplitHostPort(address);
  if (!parts.ok()) return address;
  if (parts->host == "0.0.0.0") return absl::StrCat("127.0.0.1:", parts->port);
  if (parts->host == "::") return absl::StrCat("[::1]:", parts->port);
  return address;
}

const Service* Installation::Find(ServiceKind kind) const {
  const auto found = std::find_if(services.begin(), services.end(),
                                  [&](const Service& each) { return each.kind == kind; });
  return found == services.end() ? nullptr : &*found;
}

absl::StatusOr<Service> LoadService(ServiceKind kind, const std::string& path) {
  absl::StatusOr<Service> out = kind == ServiceKind::kKeyserver  ? LoadKeyserver(path)
                                : kind == ServiceKind::kDelivery ? LoadDelivery(path)
                                : kind == ServiceKind::kAdmin    ? LoadAdmin(path)
                                                                 : LoadWitness(path);
  RETURN_IF_ERROR(out.status());
  out->config_path = path;
  if (kind != ServiceKind::kWitness) {
    const absl::Status domain = identity::CheckDomain(out->domain);
    if (!domain.ok()) return Refused(path, "organisation_domain", domain.message());
  }
  for (const Listener& listener : out->listeners) {
    const absl::Status address = rpc::SplitHostPort(listener.address).status();
    if (!address.ok()) return Refused(path, listener.field, address.message());
  }
  return out;
}

Installation LoadInstallation(const Configurations& configurations, Report& report) {
  Installation out;
  const auto load = [&](ServiceKind kind, const char* title, const char* option,
                        const std::string& path) {
    if (path.empty()) {
      report.NotChecked("config.loads", title, absl::StrCat("its configuration is not given."),
                        absl::StrCat("Give it with ", option, " FILE, if it runs here."));
      return;
    }
    absl::StatusOr<Service> service = LoadService(kind, path);
    if (absl::IsPermissionDenied(service.status())) {
      report.NotChecked("config.loads", title, service.status().message(), "Run this as root.");
      return;
    }
    if (!service.ok()) {
      report.Failed("config.loads", title, service.status().message(),
                    "Correct the file; the service would not start with it.");
      return;
    }
    report.Ok("config.loads", service->title, absl::StrCat(path, " keeps every rule."));
    out.services.push_back(*std::move(service));
  };
  load(ServiceKind::kKeyserver, "key server", "--keyserver", configurations.keyserver);
  load(ServiceKind::kDelivery, "delivery server", "--server", configurations.server);
  load(ServiceKind::kAdmin, "admin service", "--admin", configurations.admin);
  if (configurations.witnesses.empty()) load(ServiceKind::kWitness, "witness", "--witness", "");
  for (const std::string& path : configurations.witnesses) {
    load(ServiceKind::kWitness, "witness", "--witness", path);
  }
  NameListeners(configurations, out);
  CheckAgreement(out, report);
  for (const Service& service : out.services) {
    CheckExposure(service, report);
    CheckRevocation(service, report);
    CheckWritable(service, report);
  }
  return out;
}

}  // namespace plumbline::doctor
