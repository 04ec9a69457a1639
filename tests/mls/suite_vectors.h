// Runs the cases of an MLS vector file that belong to the suites of this build.
#pragma once

#include <gtest/gtest.h>

#include <iostream>
#include <map>

#include "mls/crypto/cipher_suite.h"
#include "tests/vectors/vectors.h"

namespace plumbline::mls {

// Calls check(suite, case) for every case with a supported suite and reports how many others there were. Fails if
// one of this build's suites has no case at all.
template <typename Check>
void ForEachSupportedSuite(const nlohmann::json& cases, Check&& check) {
  std::map<uint16_t, int> ran;
  int other = 0;
  for (size_t i = 0; i < cases.size(); ++i) {
    const uint16_t number = cases[i]["cipher_suite"].get<uint16_t>();
    const absl::StatusOr<const CipherSuite*> suite = CipherSuite::Get(number);
    if (!suite.ok()) {
      ++other;
      continue;
    }
    SCOPED_TRACE("case " + std::to_string(i) + ", suite " + std::to_string(number));
    check(**suite, cases[i]);
    ++ran[number];
  }
  for (const SuiteId id : CipherSuite::Supported()) {
    const int count = ran[static_cast<uint16_t>(id)];
    EXPECT_GT(count, 0) << "no case for suite " << static_cast<int>(id);
    std::cout << count << " cases of suite " << static_cast<int>(id) << " ran, ";
  }
  std::cout << other << " are of suites that this build does not support\n";
}

}  // namespace plumbline::mls
