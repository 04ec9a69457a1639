// Runs all cases of an MLS vector file, whatever their suite.
#pragma once

#include <gtest/gtest.h>

#include <iostream>
#include <map>

#include "mls/crypto/cipher_suite.h"
#include "tests/vectors/vectors.h"

namespace plumbline::mls {

// Calls check(suite, case) for every case and reports how many of each suite there were. Fails for a suite that this
// build does not know, and if one of its suites has no case at all.
template <typename Check>
void ForEachSuite(const nlohmann::json& cases, Check&& check) {
  std::map<uint16_t, int> ran;
  for (size_t i = 0; i < cases.size(); ++i) {
    const uint16_t number = cases[i]["cipher_suite"].get<uint16_t>();
    SCOPED_TRACE("case " + std::to_string(i) + ", suite " + std::to_string(number));
    const absl::StatusOr<const CipherSuite*> suite = CipherSuite::Get(number);
    if (!suite.ok()) {
      ADD_FAILURE() << suite.status();
      continue;
    }
    check(**suite, cases[i]);
    ++ran[number];
  }
  for (const SuiteId id : CipherSuite::Supported()) {
    EXPECT_GT(ran[static_cast<uint16_t>(id)], 0) << "no case for suite " << static_cast<int>(id);
  }
  for (const auto& [suite, count] : ran) std::cout << count << " cases of suite " << suite << " ran\n";
}

}  // namespace plumbline::mls
