// A world with two people and keys for tokens, whose folder is taken aside as it is on disk: what a ceremony finds.
#pragma once

#include <string>

#include "tests/keyserver/world.h"

namespace plumbline::keyserver {

struct KeptWorld {
  KeptWorld() { CHECK(world.tokens().Prepare().ok()); }
  config::v1::KeyserverConfig At(const std::string& folder) const {
    config::v1::KeyserverConfig out = world.config();
    out.set_data_dir(folder);
    return out;
  }
  // What is on disk now, closed.
  std::string Kept(const std::string& name) {
    world.Keep(scratch / name);
    return scratch / name;
  }
  World world;
  testing::ScratchDir scratch;
  TestDevice alice = world.Enrol(kAlice), bob = world.Enrol(kBob);
};

}  // namespace plumbline::keyserver
