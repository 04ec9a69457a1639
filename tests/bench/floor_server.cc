#include "tests/bench/floor_server.h"

#include <grpcpp/grpcpp.h>

namespace plumbline::bench {
namespace {

class Pouring final : public grpc::ServerWriteReactor<v1::PourResponse> {
 public:
  Pouring(uint32_t count, uint32_t size) : left_(count) {
    drop_.set_content(std::string(size, 'x'));
    OnWriteDone(true);
  }
  void OnWriteDone(bool ok) override {
    if (!ok || left_ == 0) return Finish(ok ? grpc::Status::OK : grpc::Status::CANCELLED);
    --left_;
    StartWrite(&drop_);
  }
  void OnDone() override { delete this; }

 private:
  uint32_t left_;
  v1::PourResponse drop_;
};

class Service final : public v1::Floor::CallbackService {
 public:
  grpc::ServerUnaryReactor* Nothing(grpc::CallbackServerContext* context, const v1::NothingMessage*, v1::NothingMessage*) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  grpc::ServerWriteReactor<v1::PourResponse>* Pour(grpc::CallbackServerContext*, const v1::PourRequest* request) override {
    return new Pouring(request->count(), request->size());
  }
};

}  // namespace

int ServeFloor(const std::string& folder) {
  Service service;
  return ServeLocally(folder, service, 4 << 20);
}

}  // namespace plumbline::bench
