// IsOk() and StatusIs(code[, message matcher]) for absl::Status and StatusOr (Abseil 20220623 ships none).
#pragma once

#include <gmock/gmock.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace plumbline::testing {

inline const absl::Status& GetStatus(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& GetStatus(const absl::StatusOr<T>& value) {
  return value.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).ok();
}

MATCHER_P(StatusIs, code, "has status code " + absl::StatusCodeToString(code)) {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).code() == code;
}

MATCHER_P2(StatusIs, code, message, "has a status code and message") {
  *result_listener << GetStatus(arg).ToString();
  return GetStatus(arg).code() == code &&
         ::testing::ExplainMatchResult(message, std::string(GetStatus(arg).message()), result_listener);
}

}  // namespace plumbline::testing

#define ASSERT_OK_AND_ASSIGN(target, expression) \
  ASSERT_OK_AND_ASSIGN_NAMED_(ASSERT_JOIN_(assert_or_, __LINE__), target, expression)
#define ASSERT_OK_AND_ASSIGN_NAMED_(name, target, expression) \
  auto name = (expression);                                   \
  ASSERT_TRUE(name.ok()) << name.status();                    \
  target = *std::move(name)
#define ASSERT_JOIN_(a, b) ASSERT_JOIN_AGAIN_(a, b)
#define ASSERT_JOIN_AGAIN_(a, b) a##b
#define ASSERT_OK(expression) ASSERT_THAT((expression), ::plumbline::testing::IsOk())
#define EXPECT_OK(expression) EXPECT_THAT((expression), ::plumbline::testing::IsOk())
