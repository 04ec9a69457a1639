// RETURN_IF_ERROR and ASSIGN_OR_RETURN pass a failed status on to the caller.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define RETURN_IF_ERROR(expression)                       \
  do {                                                    \
    absl::Status status_ = (expression);                  \
    if (!status_.ok()) [[unlikely]] return status_;       \
  } while (false)

#define ASSIGN_OR_RETURN(target, expression) \
  ASSIGN_OR_RETURN_NAMED_(STATUS_JOIN_(status_or_, __LINE__), target, expression)

#define ASSIGN_OR_RETURN_NAMED_(name, target, expression)  \
  auto name = (expression);                                \
  if (!name.ok()) [[unlikely]] return std::move(name).status(); \
  target = *std::move(name)

#define STATUS_JOIN_(a, b) STATUS_JOIN_AGAIN_(a, b)
#define STATUS_JOIN_AGAIN_(a, b) a##b
