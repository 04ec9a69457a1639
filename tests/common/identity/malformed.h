// What every parser must refuse, given one input that it accepts.
#pragma once

#include <gtest/gtest.h>

#include "common/bytes.h"
#include "tests/status_matchers.h"

namespace plumbline::identity::testing {

// Every strict prefix is refused, and so is a byte more.
template <typename Parse>
void RefusesTruncationAndExtension(const Bytes& wire, Parse parse) {
  EXPECT_OK(parse(wire));
  for (size_t n = 0; n < wire.size(); ++n) EXPECT_FALSE(parse(ByteView(wire).first(n)).ok()) << n << " bytes";
  Bytes longer = wire;
  longer.push_back(0);
  EXPECT_FALSE(parse(longer).ok()) << "one byte more";
}

// Whatever is accepted after one byte is changed encodes back to the very same bytes.
template <typename Parse, typename Encode>
void AcceptsOnlyCanonicalForms(const Bytes& wire, Parse parse, Encode encode) {
  for (size_t i = 0; i < wire.size(); ++i) {
    for (const uint8_t flip : {0x01, 0x40, 0x80, 0xff}) {
      Bytes changed = wire;
      changed[i] ^= flip;
      const auto parsed = parse(changed);
      if (!parsed.ok()) continue;
      EXPECT_EQ(encode(*parsed), changed) << "byte " << i;
    }
  }
}

}  // namespace plumbline::identity::testing
