// The manifest in the forms that are kept in the tree (`./dev manifest` writes them, `./dev lint` and a test find a stale one).
#pragma once

#include <string>

#include "plumbline/metadata/v1/manifest.pb.h"

namespace plumbline::manifest {

// docs/metadata.md.
std::string RenderDocument(const metadata::v1::Manifest& manifest);
// common/log_keys.h: what may be said in a log, and nothing else.
std::string RenderLogKeys(const metadata::v1::Manifest& manifest);
// The manifest as C++, for the programs that tell it.
std::string RenderSource(const metadata::v1::Manifest& manifest);

}  // namespace plumbline::manifest
