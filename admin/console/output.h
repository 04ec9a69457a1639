// What the tool prints: for people, or one JSON object for machines. Text that came over the network is made
// printable first.
#pragma once

#include <string>
#include <vector>

#include "admin/console/describe.h"
#include "admin/console/session.h"
#include "common/audit/audit_log.h"
#include "common/status.h"

namespace plumbline::admin {

// Columns as wide as their widest cell, two spaces between.
std::string Table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);

std::string AccountText(const keys::v1::AccountView& account);
std::string AccountJson(const keys::v1::AccountView& account);
std::string AccountsText(const keys::v1::AccountList& accounts);
std::string AccountsJson(const keys::v1::AccountList& accounts);
std::string AuditText(const plumbline::audit::v1::AuditPage& page);
// `log`: the verifier key of the page's checkpoint, empty where nobody vouches for one.
std::string AuditJson(const plumbline::audit::v1::AuditPage& page, const std::string& log);
// A record that was verified to its end.
std::string VerifiedText(const tlog::Checkpoint& checkpoint, const std::string& log);
std::string VerifiedJson(const tlog::Checkpoint& checkpoint, const std::string& log);
std::string TokenEpochText(const keys::v1::TokenEpochEnded& ended);
std::string TokenEpochJson(const keys::v1::TokenEpochEnded& ended);
std::string InvitationText(const MadeInvitation& invitation);
std::string InvitationJson(const MadeInvitation& invitation);
// {"name": "value", ...} in the order given.
std::string ObjectJson(const std::vector<DescribedField>& fields);
// docs/protocols/errors.md
std::string ErrorText(const absl::Status& status);
std::string ErrorJson(const absl::Status& status);

// What a person sees differ between two views of one account; empty if nothing shown differs.
std::vector<std::string> Changes(const keys::v1::AccountView& before, const keys::v1::AccountView& after);

}  // namespace plumbline::admin
