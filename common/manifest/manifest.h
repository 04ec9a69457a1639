// The manifest that this program was built with.
#pragma once

#include "common/bytes.h"
#include "plumbline/metadata/v1/manifest.pb.h"

namespace plumbline::manifest {

// Serialised, as the build made it.
ByteView BuiltBytes();
const metadata::v1::Manifest& Built();

}  // namespace plumbline::manifest
