// ts-mls in a process of its own (ts-mls/peer.mjs), asked one question at a time.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::interop {

// Why the peer cannot be had here, in capitals; empty if it can.
std::string WhyNoTsMls();

Bytes FromHex(const std::string& text);  // CHECKs that it is

class TsMlsPeer final {
 public:
  TsMlsPeer();  // starts it; CHECKs that it starts
  ~TsMlsPeer();
  TsMlsPeer(const TsMlsPeer&) = delete;
  TsMlsPeer& operator=(const TsMlsPeer&) = delete;

  // {"op": op, ...more} -> what is under "ok". INVALID_ARGUMENT with its words if it refuses;
  // UNAVAILABLE if it has ended or does not answer within a minute.
  absl::StatusOr<nlohmann::json> Ask(const std::string& op,
                                     nlohmann::json more = nlohmann::json::object());

 private:
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1;
  std::string unread_;
};

}  // namespace plumbline::interop
