// The key server's real desk as a client's network, without sockets: honest, broken off at a call, or hostile.
#pragma once

#include <functional>

#include "client/unlock_network.h"
#include "tests/keyserver/locked_store.h"

namespace plumbline::client::testing {

class DeskNetwork final : public LockNetwork, public UnlockKeyNetwork {
 public:
  DeskNetwork(keyserver::World& world, keyserver::TestDevice& device) : world_(world), device_(device) {}

  // The `number`-th call (from 1) and all after it do not come back; with `after` it was carried out.
  void BreakAt(int number, bool after) {
    calls = 0;
    break_at_ = number;
    after_ = after;
  }
  // What the server makes of its answers.
  std::function<void(keys::v1::EvaluateResponse&)> lie;
  std::function<void(keys::v1::GetLockStateResponse&)> lie_about_state;
  std::function<void()> at_each_call;
  int calls = 0, evaluations = 0, proofs = 0;

  absl::StatusOr<keys::v1::GetLockStateResponse> GetLockState() override {
    auto out = Call<keys::v1::GetLockStateResponse>([&](auto& response) { return world_.unlock().GetLockState(&device_.tls, response); });
    if (out.ok() && lie_about_state) lie_about_state(*out);
    return out;
  }
  absl::StatusOr<keys::v1::EvaluateResponse> Evaluate(const keys::v1::EvaluateRequest& request) override {
    ++evaluations;
    auto out = Call<keys::v1::EvaluateResponse>([&](auto& response) { return world_.unlock().Evaluate(&device_.tls, request, response); });
    if (out.ok() && lie) lie(*out);
    return out;
  }
  absl::StatusOr<keys::v1::ProveUnlockedResponse> ProveUnlocked(const keys::v1::ProveUnlockedRequest& request) override {
    ++proofs;
    return Call<keys::v1::ProveUnlockedResponse>([&](auto& response) { return world_.unlock().ProveUnlocked(&device_.tls, request, response); });
  }
  absl::StatusOr<keys::v1::BeginUnlockKeyResponse> BeginUnlockKey() override {
    return Call<keys::v1::BeginUnlockKeyResponse>([&](auto& response) {
      return world_.unlock().BeginUnlockKey(&device_.tls, world_.Sign(device_, "BeginUnlockKey", keys::v1::BeginUnlockKeyRequest()), response);
    });
  }
  absl::StatusOr<keys::v1::ConfirmUnlockKeyResponse> ConfirmUnlockKey(const keys::v1::ConfirmUnlockKeyRequest& request) override {
    return Call<keys::v1::ConfirmUnlockKeyResponse>([&](auto& response) {
      return world_.unlock().ConfirmUnlockKey(&device_.tls, world_.Sign(device_, "ConfirmUnlockKey", request), response);
    });
  }
  absl::StatusOr<keys::v1::CheckInResponse> CheckIn(const keys::v1::CheckInRequest& request) override {
    return Call<keys::v1::CheckInResponse>(
        [&](auto& response) { return world_.unlock().CheckIn(&device_.tls, world_.Sign(device_, "CheckIn", request), response); });
  }

  absl::StatusOr<keys::v1::RenewUnlockCertificateResponse> RenewUnlockCertificate() override {
    return Call<keys::v1::RenewUnlockCertificateResponse>([&](auto& response) {
      const keys::v1::RenewUnlockCertificateRequest body;
      return world_.unlock().RenewUnlockCertificate(&device_.tls, world_.Sign(device_, "RenewUnlockCertificate", body), response);
    });
  }

 private:
  template <typename Response, typename Act>
  absl::StatusOr<Response> Call(Act act) {
    ++calls;
    if (at_each_call) at_each_call();
    const bool broken = break_at_ != 0 && calls >= break_at_;
    if (broken && !(after_ && calls == break_at_)) return absl::UnavailableError("broken off");
    Response response;
    RETURN_IF_ERROR(act(response));
    if (broken) return absl::UnavailableError("broken off");
    return response;
  }

  keyserver::World& world_;
  keyserver::TestDevice& device_;
  int break_at_ = 0;
  bool after_ = false;
};

}  // namespace plumbline::client::testing
