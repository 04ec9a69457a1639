// Values of a configuration in words.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "plumbline/metadata/v1/manifest.pb.h"

namespace plumbline::manifest {

// "30 days", "1 hour", "10 minutes": in the largest unit that divides it.
std::string DurationWords(absl::Duration duration);

// Of the settings that a Retention names, those of `config`, which is loaded: absent fields have their defaults.
std::vector<metadata::v1::Setting> SettingsOf(const google::protobuf::Message& config);

}  // namespace plumbline::manifest
