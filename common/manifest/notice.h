// The privacy notice: what the services do with data about people, in plain words, made of the manifest. It has a version, which is
// another one where a word, a reader or a retention is another; what changed can be said.
#pragma once

#include <string>
#include <vector>

#include "plumbline/metadata/v1/manifest.pb.h"

namespace plumbline::manifest {

// Of what the services told (running.h), and where one of them was not reached, of this program's own manifest and the defaults. A row for
// each datum that says something about a person; where two services say different things of it, a row for each.
metadata::v1::Notice MakeNotice(const std::vector<metadata::v1::RunningManifest>& told);

// 16 hex digits: SHA-256 over the rows, begun.
std::string VersionOf(const metadata::v1::Notice& notice);

// Lines of text. A service's words are in it: not safe for a terminal.
std::vector<std::string> NoticeLines(const metadata::v1::Notice& notice);

// What is different in `after`, a line each: "Kept otherwise: <what>: until now <...>, from now on <...>". Empty if nothing is.
std::vector<std::string> Changes(const metadata::v1::Notice& before, const metadata::v1::Notice& after);

// Where what `running` declares is not what this program was built with: fields, columns, files, listeners and data that only one of the
// two has, or that are declared otherwise. A line each.
std::vector<std::string> Differences(const metadata::v1::RunningManifest& running);

}  // namespace plumbline::manifest
