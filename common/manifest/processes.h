// The declarations of programs: where they listen, what they keep.
#pragma once

#include <google/protobuf/descriptor.h>

#include <vector>

#include "common/manifest/collect.h"
#include "common/manifest/faults.h"

namespace plumbline::manifest {

// Rules as Collect says.
void AddProcesses(const google::protobuf::DescriptorPool& pool, const std::vector<const google::protobuf::FileDescriptor*>& protos,
                  const std::vector<DeclarationFile>& files, Faults& faults, metadata::v1::Manifest& manifest);

}  // namespace plumbline::manifest
