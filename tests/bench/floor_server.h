// The least that a call and a stream can cost over the same TLS as the delivery server's, served by a process of its own.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "plumbline/bench/v1/floor.grpc.pb.h"
#include "tests/bench/local_service.h"

namespace plumbline::bench {

int ServeFloor(const std::string& folder);

class FloorServer final {
 public:
  explicit FloorServer(const std::string& self) : service_(self, "--serve-floor") {}  // `self`: this program
  // A connection of its own for each.
  std::unique_ptr<v1::Floor::Stub> Connect() const { return v1::Floor::NewStub(service_.Connect()); }

 private:
  const LocalService service_;
};

}  // namespace plumbline::bench
