// Puts the metadata manifest together from what is declared: the options of each field in proto/, and each program's
// manifest.textproto. Runs when the programs are built (generate.cc); what it refuses fails the build.
#pragma once

#include <google/protobuf/descriptor.pb.h>

#include <string>
#include <vector>

#include "common/status.h"
#include "plumbline/metadata/v1/manifest.pb.h"

namespace plumbline::manifest {

// A manifest.textproto; `path` is for messages.
struct DeclarationFile {
  std::string path, text;
};

// INVALID_ARGUMENT with every fault, one a line, each with where it is and what to write:
//   - a field of any message that says no datum, or one of our own messages that says one; `every_field` outside of config and metadata
//   - a message that no rpc carries and that does not say what it is sent inside
//   - a field that calls carry to a service which its datum does not name as one that sees it
//   - a datum without class, purpose, reader, retention or words, or that nothing uses; a retention whose setting does not exist
//   - a column or file that is said to be in memory alone, or whose datum its process is not said to see
//   - a listener of no setting or no service, and a service that nobody serves
//   - a log key whose datum is no setting and no figure of the operation
absl::StatusOr<metadata::v1::Manifest> Collect(const google::protobuf::FileDescriptorSet& protos, const std::vector<DeclarationFile>& files);

}  // namespace plumbline::manifest
