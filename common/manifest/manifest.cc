#include "common/manifest/manifest.h"

#include "common/check.h"

namespace plumbline::manifest {

const metadata::v1::Manifest& Built() {
  static const metadata::v1::Manifest* const manifest = [] {
    auto* const out = new metadata::v1::Manifest;
    CHECK(out->ParseFromArray(BuiltBytes().data(), static_cast<int>(BuiltBytes().size())));
    return out;
  }();
  return *manifest;
}

}  // namespace plumbline::manifest
