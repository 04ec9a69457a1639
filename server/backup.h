// What the delivery server's backups hold (common/backup): its sealed keys, its certificate request, and both databases.
#pragma once

#include <memory>

#include "common/backup/subject.h"
#include "common/secret.h"

namespace plumbline::config::v1 {
class ServerConfig;
}

namespace plumbline::server {

// The mailboxes are copied before the attachments: a client uploads a file before it sends the message that names it, so no message
// is in a backup whose file is not. Both references outlive the result.
std::unique_ptr<backup::Subject> NewBackupSubject(const config::v1::ServerConfig& config, const Secret& passphrase);

}  // namespace plumbline::server
