// Trees to test with.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "common/tlog/tree.h"

namespace plumbline::tlog {

inline Hash NumberedLeaf(uint64_t number) {
  const std::string text = "leaf " + std::to_string(number);
  return LeafHash(AsBytes(text));
}

// Of the leaves 0 to size - 1.
inline MemoryNodes NumberedTree(uint64_t size) {
  MemoryNodes nodes;
  for (uint64_t i = 0; i < size; ++i) EXPECT_TRUE(Append(nodes, i, NumberedLeaf(i)).ok());
  return nodes;
}

// RFC 6962 §2.1, as it is written there.
inline Hash SlowRoot(uint64_t begin, uint64_t end) {
  if (begin == end) return EmptyRoot();
  if (end - begin == 1) return NumberedLeaf(begin);
  uint64_t split = 1;
  while (split * 2 < end - begin) split *= 2;
  return NodeHash(SlowRoot(begin, begin + split), SlowRoot(begin + split, end));
}

}  // namespace plumbline::tlog
