// Step f: a file from Alice to Bob; then the same with the server's store changed under it.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "assess/demo/demonstration.h"
#include "common/db/database.h"

namespace plumbline::assess {
namespace {

constexpr size_t kFileSize = 700'000;  // three pieces at the server

}  // namespace

void Demonstration::SendFiles() {
  recorder_.narrator().Step("f", "A file, sealed in chunks; and what becomes of one that the server changes");
  const std::string sentence = Canary("The inventory of the boat house is in this file.");
  std::string content;
  while (content.size() < kFileSize) absl::StrAppend(&content, sentence, "\n");
  const std::string source = folder_ + "/inventory.txt", saved = folder_ + "/inventory-saved.txt";
  Check file = {.id = "demo.f.file",
                .title = "Alice sends Bob a file; he saves it, and it is the same",
                .bears_on = {{"P1.Q1.S1", Weight::kPart}, {"P6.Q1.S3", Weight::kPart}}};
  absl::Status status = WriteFile(source, content);
  if (status.ok()) status = people_.SendFile(alice_, bob_, source);
  absl::StatusOr<std::string> id = status.ok() ? people_.NewestFile(bob_) : absl::StatusOr<std::string>(status);
  if (id.ok()) status = people_.SaveFile(bob_, *id, saved);
  if (!id.ok()) status = id.status();
  if (status.ok() && ReadFile(saved).value_or("") != content) status = absl::DataLossError("Bob's file differs from Alice's");
  if (!recorder_.JudgeStatus(file, status, absl::StrCat(content.size(), " bytes, equal; step d looks for what is in them."))) return;

  Check tamper = {.id = "demo.f.tamper",
                  .title = "Two pieces of a file exchanged in the server's store: Bob's client names it and saves nothing",
                  .bears_on = {{"P1.Q1.S6", Weight::kPart}}};
  const std::string spoiled = folder_ + "/spoiled.txt";
  status = people_.SendFile(alice_, bob_, source);
  id = status.ok() ? people_.NewestFile(bob_) : absl::StatusOr<std::string>(status);
  status = id.status();
  if (status.ok()) {
    organisation_.Stop(Service::kDelivery);
    status = ExchangePieces();
    if (const absl::Status started = organisation_.Start(Service::kDelivery); status.ok()) status = started;
  }
  if (!status.ok()) {
    recorder_.JudgeStatus(tamper, status);
    return;
  }
  const absl::Status refused = people_.SaveFile(bob_, *id, spoiled);
  std::error_code error;
  recorder_.Judge(tamper, ReasonOf(refused) == "file_damaged" && !std::filesystem::exists(spoiled, error),
                  absl::StrCat("Bob's client: ", refused.ok() ? "saved it" : std::string(refused.message())));
}

// With the database's own key, while its server is stopped: what whoever runs it could do.
absl::Status Demonstration::ExchangePieces() {
  ASSIGN_OR_RETURN(AttachmentDatabase attachments, organisation_.Attachments());
  ASSIGN_OR_RETURN(const db::Key key, db::Key::FromSecret(std::move(attachments.key)));
  ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> database, db::Database::Open(attachments.path, key));
  for (const char* sql : {"UPDATE pieces SET n = 1000 WHERE n = 0 AND attachment = (SELECT MAX(row) FROM attachments)",
                          "UPDATE pieces SET n = 0 WHERE n = 1 AND attachment = (SELECT MAX(row) FROM attachments)",
                          "UPDATE pieces SET n = 1 WHERE n = 1000 AND attachment = (SELECT MAX(row) FROM attachments)"}) {
    RETURN_IF_ERROR(database->Execute(sql));
    if (database->changes() != 1) return absl::InternalError("there are no two pieces to exchange");
  }
  return absl::OkStatus();
}

}  // namespace plumbline::assess
