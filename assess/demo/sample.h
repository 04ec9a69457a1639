// A sample organisation that keeps running in the background, for people to try by hand: ./dev up, status, down, reset.
#pragma once

#include <string>

namespace plumbline::assess {

struct SampleOptions {
  std::string bin;  // folder of the programs
  std::string run;  // folder of the organisation
  // Script of an MLS client of another make (docs/interop.md): a third person, Ivy, is added for it. Empty: nobody is.
  std::string interop;
};

// Each prints for people and returns the exit code.
//
// Up founds the organisation where there is none, starts the services that are not running (on other ports where the usual
// ones are busy, and says so), enrols an administrator and two people, and prints addresses, accounts and what to type next.
int Up(const SampleOptions& options);
int Status(const SampleOptions& options);  // 0 if all three services run
// Stops the services; deletes everything where `reset`.
int Down(const SampleOptions& options, bool reset);

}  // namespace plumbline::assess
