// What the admin service's backups hold (common/backup): its sealed keys, its certificate request, and its database, which is its
// audit record.
#pragma once

#include <memory>

#include "common/backup/subject.h"
#include "common/secret.h"
#include "plumbline/config/v1/admin.pb.h"

namespace plumbline::admin {

// Both references outlive the result.
std::unique_ptr<backup::Subject> NewBackupSubject(const config::v1::AdminConfig& config, const Secret& passphrase);

}  // namespace plumbline::admin
