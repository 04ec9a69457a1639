// WitnessSender over HTTP.
#pragma once

#include <memory>

#include "keyserver/publisher.h"

namespace plumbline::keyserver {

std::unique_ptr<WitnessSender> NewWitnessChannel();

}  // namespace plumbline::keyserver
