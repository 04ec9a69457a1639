#include "server/measures.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

namespace plumbline::server {
namespace {

using metrics::Counter;
using metrics::Gauge;

double SizeOf(const std::string& path) {
  struct stat found {};
  return stat(path.c_str(), &found) == 0 ? static_cast<double>(found.st_size) : 0;
}

double FreeBeside(const std::string& path) {
  struct statvfs found {};
  return statvfs(path.c_str(), &found) == 0 ? static_cast<double>(found.f_bavail) * static_cast<double>(found.f_frsize) : 0;
}

}  // namespace

std::vector<metrics::Measure> Measures(const Measured& measured) {
  const Counters& counters = measured.counters;
  return {
      {"plumbline_delivery_serving", "1 if the server can store and deliver now.", Gauge{measured.health.serving() ? 1.0 : 0.0}},
      {"plumbline_delivery_envelopes_stored_total", "Envelopes that were taken, on disk.", Counter{counters.envelopes_stored}},
      {"plumbline_delivery_envelopes_acknowledged_total", "Envelopes that their recipients have, deleted.", Counter{counters.envelopes_acknowledged}},
      {"plumbline_delivery_tokens_refused_total", "Tokens that open no session.", Counter{counters.tokens_refused}},
      {"plumbline_delivery_grants_refused_total", "Grants that open no mailbox.", Counter{counters.grants_refused}},
      {"plumbline_delivery_revocations_refused_total", "Calls at the key server's listener by somebody else.", Counter{counters.revocations_refused}},
      {"plumbline_delivery_storage_faults_total", "Requests that were refused because the storage failed.", Counter{counters.storage_faults}},
      {"plumbline_delivery_commit_seconds", "From the beginning of a transaction until it is on disk.", measured.commits.Read()},
      {"plumbline_delivery_receive_streams", "Open streams.", Gauge{static_cast<double>(measured.streams.size())}},
      {"plumbline_delivery_send_sessions", "Open sessions, and those that ended a short while ago.", Gauge{static_cast<double>(measured.sessions.size())}},
      {"plumbline_delivery_database_bytes", "The file of the database.", Gauge{SizeOf(measured.database)}},
      {"plumbline_delivery_journal_bytes", "Its write-ahead log.", Gauge{SizeOf(measured.database + "-wal")}},
      {"plumbline_delivery_attachments_bytes", "The file of the attachments.", Gauge{SizeOf(measured.attachments)}},
      {"plumbline_delivery_disk_free_bytes", "What is left where the database is.", Gauge{FreeBeside(measured.database)}},
  };
}

}  // namespace plumbline::server
