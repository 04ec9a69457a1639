// An implementation of others in a Node process of its own, asked one question at a time: `folder`
// is that of its peer.mjs, below tests/interop.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::interop {

// Why `package`, which the peer of `folder` is made of, cannot be had here, in capitals; empty if
// it can.
std::string WhyNoPeer(const std::string& folder, const std::string& package);
inline std::string WhyNoTsMls() { return WhyNoPeer("ts-mls", "ts-mls"); }

Bytes FromHex(const std::string& text);  // CHECKs that it is

class NodePeer final {
 public:
  explicit NodePeer(const std::string& folder);  // starts it; CHECKs that it starts
  ~NodePeer();
  NodePeer(const NodePeer&) = delete;
  NodePeer& operator=(const NodePeer&) = delete;

  // {"op": op, ...more} -> what is under "ok". INVALID_ARGUMENT with its words if it refuses;
  // UNAVAILABLE if it has ended or does not answer within a minute.
  absl::StatusOr<nlohmann::json> Ask(const std::string& op,
                                     nlohmann::json more = nlohmann::json::object());

 private:
  const std::string folder_;
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1;
  std::string unread_;
};

}  // namespace plumbline::interop
