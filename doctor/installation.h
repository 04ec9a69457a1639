// What the services' configurations say about an installation: which services there are, where they
// listen, and which files they have. Read from the YAML files alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/crypto/fingerprint.h"
#include "common/status.h"
#include "doctor/report.h"

namespace plumbline::doctor {

enum class ServiceKind { kKeyserver, kDelivery, kAdmin, kWitness };

struct Listener {
  std::string field;                 // of the configuration: "device_listen"
  std::string address;               // host:port as it is configured
  bool tls = true;                   // else plain HTTP
  bool demands_certificate = false;  // of whoever connects
  bool internal = false;             // for one service alone, so not for every network
  std::string name;                  // by which others reach it; empty: no configuration says

  // Where a process on this machine connects to it: an address for all interfaces is replaced.
  std::string LocalAddress() const;
};

struct Service {
  ServiceKind kind;
  std::string title;  // "key server"; "witness NAME"
  std::string unit;   // "plumbline-keyserver.service"
  std::string config_path;
  std::string domain;                              // of a witness: empty
  std::optional<crypto::Fingerprint> fingerprint;  // of the root that it trusts, where it says
  std::string data_dir;
  std::string passphrase_file;
  std::string key_file;
  std::string root_key_file;           // the key server's, which belongs elsewhere; else empty
  std::vector<std::string> databases;  // that are there once it has run
  std::string certificate_file;        // empty: in the sealed keys
  std::string trust_file;              // the delivery server's; else empty
  std::vector<Listener> listeners;
  bool revocation = true;  // it tells, or hears, of people who left

  std::string Of(const Listener& listener) const { return title + ", " + listener.field; }
};

struct Installation {
  std::vector<Service> services;
  const Service* Find(ServiceKind kind) const;  // the first; null where it is not known
};

// Paths of configurations; empty where one is not given.
struct Configurations {
  std::string keyserver, server, admin;
  std::vector<std::string> witnesses;
};

// The services whose configuration loads. Reports "config.loads" for each of the four kinds,
// "config.agrees", "config.exposure", "config.revocation", "config.writable".
Installation LoadInstallation(const Configurations& configurations, Report& report);

// One configuration. Codes of config::Load; INVALID_ARGUMENT for a value that no service would
// take.
absl::StatusOr<Service> LoadService(ServiceKind kind, const std::string& path);

}  // namespace plumbline::doctor
