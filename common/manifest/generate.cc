// plumbline-manifest: the step of the build that checks what is declared and makes what is made of it. See collect.h for the rules.
//
//   plumbline-manifest --descriptors FILE --source FILE [--document FILE] [--log-keys FILE] MANIFEST.textproto ...
#include <CLI/CLI.hpp>
#include <cstdio>

#include "common/file.h"
#include "common/manifest/collect.h"
#include "common/manifest/render.h"

namespace {

constexpr size_t kMaxFile = 16 << 20;

struct Arguments {
  std::string descriptors, source, document, log_keys;
  std::vector<std::string> declarations;
};

absl::Status Write(const std::string& path, const std::string& text) {
  if (path.empty()) return absl::OkStatus();
  return plumbline::WriteFileAtomically(path, plumbline::AsBytes(text), 0644);
}

absl::Status Run(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const std::string bytes, plumbline::ReadTextFile(arguments.descriptors, kMaxFile));
  google::protobuf::FileDescriptorSet protos;
  if (!protos.ParseFromString(bytes)) return absl::InvalidArgumentError("the descriptors are malformed");
  std::vector<plumbline::manifest::DeclarationFile> files;
  for (const std::string& path : arguments.declarations) {
    ASSIGN_OR_RETURN(const std::string text, plumbline::ReadTextFile(path, kMaxFile));
    files.push_back({path, text});
  }
  ASSIGN_OR_RETURN(const plumbline::metadata::v1::Manifest manifest, plumbline::manifest::Collect(protos, files));
  RETURN_IF_ERROR(Write(arguments.source, plumbline::manifest::RenderSource(manifest)));
  RETURN_IF_ERROR(Write(arguments.log_keys, plumbline::manifest::RenderLogKeys(manifest)));
  return Write(arguments.document, plumbline::manifest::RenderDocument(manifest));
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Checks the metadata manifest and makes what is made of it.");
  Arguments arguments;
  app.add_option("--descriptors", arguments.descriptors, "FileDescriptorSet of proto/, with imports")->required();
  app.add_option("--source", arguments.source, "C++ to write");
  app.add_option("--document", arguments.document, "docs/metadata.md to write");
  app.add_option("--log-keys", arguments.log_keys, "common/log_keys.h to write");
  app.add_option("declarations", arguments.declarations, "manifest.textproto files")->required();
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = Run(arguments);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 1;
}
