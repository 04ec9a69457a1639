// The manifest's terms as people read them.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "plumbline/metadata/v1/data.pb.h"

namespace plumbline::manifest {

// "the delivery server"; the bare number for a value that this version does not know.
std::string Words(metadata::v1::Class value);
std::string Words(metadata::v1::Purpose value);
std::string Words(metadata::v1::Party value);

const metadata::v1::Declaration& DeclarationOf(metadata::v1::Datum datum);
const metadata::v1::Keeping& KeepingOf(metadata::v1::Retention retention);

// "delivering messages and files, letting in who may, and nobody else" of all purposes; the same of readers.
std::string PurposesOf(const metadata::v1::Declaration& declaration);
std::string ReadersOf(const metadata::v1::Declaration& declaration);

// `value` in the place of the braces.
std::string KeptFor(const metadata::v1::Keeping& keeping, absl::string_view value);

}  // namespace plumbline::manifest
