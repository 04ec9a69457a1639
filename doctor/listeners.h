// What the listeners of a service say in handshakes that anybody can make: nothing is sent after
// them.
#pragma once

#include <vector>

#include "common/rpc/handshake.h"
#include "doctor/installation.h"
#include "doctor/report.h"

namespace plumbline::doctor {

// Without a certificate of our own.
struct ListenerFacts {
  absl::StatusOr<rpc::HandshakeResult> tls12;
  absl::StatusOr<rpc::HandshakeResult> tls13;  // and awaiting the first byte
};

// Blocks for some seconds where nothing answers.
ListenerFacts AskListener(const Listener& listener);

// "listener.answers", "tls.version", "tls.client_certificate". A TLS listener's.
void JudgeListener(const Service& service, const Listener& listener, const ListenerFacts& facts,
                   Report& report);

// A listener with the certificates that it showed, leaf first; none if there was no handshake.
struct Shown {
  const Service* service;
  const Listener* listener;
  std::vector<crypto::Certificate> chain;
};
// Asks and judges every listener. What is shown refers to `installation`.
std::vector<Shown> CheckListeners(const Installation& installation, Report& report);

}  // namespace plumbline::doctor
