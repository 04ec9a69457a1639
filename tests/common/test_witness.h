// A witness within the process, for whoever is not testing witnesses: it cosigns whatever it is shown.
#pragma once

#include <atomic>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/tlog/cosignature.h"
#include "common/tlog/witness_request.h"

namespace plumbline::testing {

class TestWitness final {
 public:
  explicit TestWitness(const Clock& clock, uint8_t seed = 7, const std::string& name = "w.example/test")
      : clock_(clock),
        cosigner_(*tlog::Cosigner::Create(name, *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, seed))))) {}

  // A policy file that asks for this witness.
  std::string Policy(const std::string& url = "http://127.0.0.1:1") const {
    return absl::StrCat("witness w ", cosigner_.verifier().ToText(), " ", url, "\nquorum w\n");
  }
  std::string Cosign(const std::string& note) const {
    return tlog::FormatSignature(cosigner_.Cosign(tlog::ParseNote(note)->text, clock_.Now()));
  }
  // The signature line for a request.
  std::string Answer(const std::string& request) const {
    return tlog::FormatSignature(cosigner_.Cosign(tlog::ParseWitnessRequest(request)->note.text, clock_.Now()));
  }

 private:
  const Clock& clock_;
  const tlog::Cosigner cosigner_;
};

}  // namespace plumbline::testing
