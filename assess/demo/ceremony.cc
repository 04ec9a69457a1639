// Founding: the services' own verbs, in the order an operator would use them (docs/operations.md).
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "assess/demo/organisation.h"
#include "common/crypto/hkdf.h"
#include "common/crypto/sealed_file.h"
#include "common/identity/attachment.h"

namespace plumbline::assess {
namespace {

// A text field of the JSON object that a tool printed.
std::string Field(const std::string& json, const char* name) {
  const nlohmann::json document = nlohmann::json::parse(json, nullptr, false);
  if (!document.is_object() || !document.contains(name) || !document[name].is_string()) return "";
  return document[name].get<std::string>();
}

// The database key within the content of a service's sealed key file: 32 bytes at a place that each service documents
// (keyserver/key_ring.h, server/keys.h, admin/service_keys.h).
absl::StatusOr<Secret> DatabaseKey(Service service, const Secret& content) {
  constexpr size_t kSize = 32;
  const size_t at = service == Service::kAdmin      ? 0
                    : service == Service::kDelivery ? 1  // after the version
                                                    : content.size() - std::min(content.size(), kSize);  // the last field
  if (content.size() < at + kSize) return absl::DataLossError("a sealed key file is shorter than a key");
  return Secret::CopyOf(content.view().subspan(at, kSize));
}

}  // namespace

absl::Status Organisation::HoldCeremony() {
  RETURN_IF_ERROR(WriteConfiguration(Service::kKeyserver));
  ASSIGN_OR_RETURN(const CommandResult made, KeyserverTool({"init", "--json"}));
  fingerprint_ = Field(made.out, "fingerprint");
  administrator_code_ = Field(made.out, "administrator_code");
  directory_log_key_ = Field(made.out, "directory_log_key");
  if (fingerprint_.empty() || administrator_code_.empty() || directory_log_key_.empty()) {
    return absl::InternalError(absl::StrCat("the ceremony printed no fingerprint, code or log key: ", made.out));
  }
  RETURN_IF_ERROR(WriteConfiguration(Service::kWitness));
  ASSIGN_OR_RETURN(const CommandResult witness, Must({.program = Program("plumbline-witness"),
                                                      .arguments = {"init", "--config", ConfigOf(Service::kWitness)}}));
  witness_key_ = std::string(absl::StripAsciiWhitespace(witness.out));
  RETURN_IF_ERROR(NameWitness());
  for (const Service service : {Service::kDelivery, Service::kAdmin}) {
    RETURN_IF_ERROR(WriteConfiguration(service));
    const bool admin = service == Service::kAdmin;
    Command init = {.program = Program(admin ? "plumbline-admin" : "plumbline-server"),
                    .arguments = {"init", "--config", ConfigOf(service)}};
    RETURN_IF_ERROR(Must(init).status());
    RETURN_IF_ERROR(KeyserverTool({"sign-service", "--service", Name(service), "--csr",
                                   absl::StrCat(FolderOf(service), "/data/", admin ? "admin.csr" : "server.csr"), "--ip",
                                   "127.0.0.1", "--out", FolderOf(service) + "/certificate.pem"})
                        .status());
  }
  return KeyserverTool({"export-trust", "--out", FolderOf(Service::kDelivery) + "/trust.pem"}).status();
}

absl::Status Organisation::NameWitness() {
  const std::string policy = FolderOf(Service::kKeyserver) + "/witnesses.policy";
  RETURN_IF_ERROR(WriteFile(policy, absl::StrCat("witness w1 ", witness_key_, " http://127.0.0.1:", ports_.witness,
                                                 "\nquorum w1\n")));
  return KeyserverTool({"set-witnesses", "--policy", policy}).status();
}

absl::Status Organisation::OpenDatabaseKey(Service service) {
  if (database_keys_.contains(service)) return absl::OkStatus();
  const std::string data = FolderOf(service) + "/data";
  const char* const sealed = service == Service::kKeyserver  ? "/keys.sealed"
                             : service == Service::kDelivery ? "/server.keys"
                                                             : "/admin.keys";
  ASSIGN_OR_RETURN(std::string passphrase, ReadFile(PassphraseOf(service)));
  while (!passphrase.empty() && passphrase.back() == '\n') passphrase.pop_back();
  ASSIGN_OR_RETURN(const Secret content, crypto::OpenSealedFile(data + sealed, Secret::CopyOf(AsBytes(passphrase))));
  ASSIGN_OR_RETURN(database_keys_[service], DatabaseKey(service, content));
  return absl::OkStatus();
}

absl::StatusOr<AttachmentDatabase> Organisation::Attachments() {
  RETURN_IF_ERROR(OpenDatabaseKey(Service::kDelivery));
  return AttachmentDatabase{FolderOf(Service::kDelivery) + "/data/attachments.db",
                            crypto::HkdfSha256(database_keys_[Service::kDelivery].view(), {},
                                               AsBytes(identity::kAttachmentsKeyLabel), 32)};
}

absl::StatusOr<SearchedService> Organisation::Searched(Service service) {
  const std::string data = FolderOf(service) + "/data";
  const char* const database = service == Service::kKeyserver  ? "/keyserver.db"
                               : service == Service::kDelivery ? "/server.db"
                                                               : "/admin.db";
  RETURN_IF_ERROR(OpenDatabaseKey(service));
  AttachmentDatabase attachments;
  if (service == Service::kDelivery) {
    ASSIGN_OR_RETURN(attachments, Attachments());
  }
  const auto marker = [&](const std::map<Service, std::string>& controls) {
    const auto found = controls.find(service);
    return found == controls.end() ? std::string() : found->second;
  };
  return SearchedService{.name = std::string(Title(service)),
                         .pid = pid(service),
                         .folder = FolderOf(service),
                         .database = data + database,
                         .database_key = Secret::CopyOf(database_keys_[service].view()),
                         .attachments = attachments.path,
                         .attachments_key = std::move(attachments.key),
                         .log = LogOf(service),
                         .memory_controls = {marker(environment_controls_), marker(log_controls_)}};
}

}  // namespace plumbline::assess
