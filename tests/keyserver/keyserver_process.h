// The real plumbline-keyserver as a child process with a ceremony, keys and a database of its own.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/rpc/credentials.h"
#include "keyserver/key_ring.h"
#include "plumbline/keys/v1/keys.grpc.pb.h"
#include "tests/common/process.h"
#include "tests/common/scratch.h"
#include "tests/common/witness_process.h"
#include "tests/keyserver/people.h"

namespace plumbline::keyserver {

using Ended = testing::Finished;

// The program's own ceremony and seals cost what a guess costs; the other is the same code with cheap seals.
enum class Ceremony { kCheapSeals, kByTheProgram };

class KeyserverProcess final {
 public:
  explicit KeyserverProcess(Ceremony ceremony = Ceremony::kCheapSeals);  // configured; not started

  // plumbline-keyserver <verb> --config ... with the rest of the arguments.
  Ended Run(const std::string& verb, const std::vector<std::string>& arguments = {}) const;
  void WriteConfig(const std::string& anonymous_listen, const std::string& device_listen,
                   const std::string& more = "") const;
  // Waits until all three listeners are up. CHECKs that they are.
  void Start();
  void Kill(int signal) { service_->Signal(signal); }  // without waiting
  int Wait() { return service_->Wait(); }              // as Ended::code

  testing::WitnessProcess& witness() { return *witness_; }
  std::string path(const std::string& name) const { return scratch_ / name; }
  const std::string& first_code() const { return first_code_; }
  const std::string& fingerprint() const { return fingerprint_; }
  std::string anonymous_address() const;
  std::string device_address() const;
  std::string admin_address() const;
  std::string LogText() const { return service_->Output(); }
  // What keys.sealed held after the ceremony, opened here.
  const KeyRing& keys() const { return *keys_; }

  std::shared_ptr<grpc::Channel> Anonymous() const;
  // With a client certificate chain (PEM) and key; none if the chain is empty.
  std::shared_ptr<grpc::Channel> Mutual(const std::string& address, const std::string& chain_pem,
                                        const crypto::P256PrivateKey& key) const;
  // To the device listener.
  std::shared_ptr<grpc::Channel> AsDevice(const TestDevice& device) const;
  // To the admin listener, with a service certificate for this key.
  std::shared_ptr<grpc::Channel> AsService(const std::string& service,
                                           const crypto::P256PrivateKey& key) const;
  // Such a certificate with its issuing one, PEM.
  std::string ServiceChain(const std::string& service, const crypto::P256PrivateKey& key) const;

 private:
  testing::ScratchDir scratch_;
  std::string first_code_, fingerprint_;
  std::unique_ptr<KeyRing> keys_;
  std::unique_ptr<testing::WitnessProcess> witness_;
  int anonymous_port_ = 0;
  int device_port_ = 0;
  int admin_port_ = 0;
  std::optional<testing::ServiceProcess> service_;
};

}  // namespace plumbline::keyserver
