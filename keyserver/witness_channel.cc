#include "keyserver/witness_channel.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/http/client.h"

namespace plumbline::keyserver {
namespace {

class WitnessChannel final : public WitnessSender {
 public:
  absl::StatusOr<Answer> AddCheckpoint(const tlog::PolicyWitness& witness, const std::string& request) override {
    const char* path = absl::EndsWith(witness.url, "/") ? "add-checkpoint" : "/add-checkpoint";
    ASSIGN_OR_RETURN(http::Answer answer,
                     http::Post(absl::StrCat(witness.url, path), request, "application/octet-stream", http::Limits()));
    return Answer{answer.status, std::move(answer.body)};
  }
};

}  // namespace

std::unique_ptr<WitnessSender> NewWitnessChannel() { return std::make_unique<WitnessChannel>(); }

}  // namespace plumbline::keyserver
