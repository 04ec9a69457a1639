// The declarations of messages: each field's datum, and which services calls carry it to.
#pragma once

#include <google/protobuf/descriptor.h>

#include <vector>

#include "common/manifest/faults.h"
#include "plumbline/metadata/v1/manifest.pb.h"

namespace plumbline::manifest {

// True if `declaration` names `party` as one that sees it, or everybody.
bool IsSeenBy(const metadata::v1::Declaration& declaration, metadata::v1::Party party);

// Rules as Collect says.
void AddFields(const std::vector<const google::protobuf::FileDescriptor*>& files, Faults& faults, metadata::v1::Manifest& manifest);

}  // namespace plumbline::manifest
