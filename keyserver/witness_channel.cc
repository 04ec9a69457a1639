#include "keyserver/witness_channel.h"

#include "common/http/client.h"

namespace plumbline::keyserver {
namespace {

constexpr absl::Duration kRequestTime = absl::Seconds(5);
constexpr size_t kMaxAnswer = 64 << 10;  // bytes

class WitnessChannel final : public WitnessSender {
 public:
  absl::StatusOr<Answer> AddCheckpoint(const tlog::PolicyWitness& witness, const std::string& request) override {
    ASSIGN_OR_RETURN(http::Client client, http::Client::Create(witness.url, kRequestTime));
    ASSIGN_OR_RETURN(http::Answer answer, client.Post("add-checkpoint", request, "application/octet-stream", kMaxAnswer));
    return Answer{answer.status, std::move(answer.body)};
  }
};

}  // namespace

std::unique_ptr<WitnessSender> NewWitnessChannel() { return std::make_unique<WitnessChannel>(); }

}  // namespace plumbline::keyserver
