// What is declared in the tree, to be changed by tests: the descriptors of proto/ and each manifest.textproto.
#pragma once

#include <google/protobuf/descriptor.pb.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "common/check.h"
#include "common/file.h"
#include "common/manifest/collect.h"
#include "tests/common/certificates.h"

namespace plumbline::testing {

struct Declared {
  Declared() {
    CHECK(protos.ParseFromString(ValueOf(ReadTextFile(PLUMBLINE_PROTOS_PB, 16 << 20))));
    for (const char* path : {"common/manifest.textproto", "common/audit/manifest.textproto", "server/manifest.textproto", "keyserver/manifest.textproto",
                             "admin/manifest.textproto", "client/manifest.textproto", "witness/manifest.textproto", "auditor/manifest.textproto"}) {
      files.push_back({path, ValueOf(ReadTextFile(std::string(PLUMBLINE_SOURCE_DIR "/") + path, 1 << 20))});
    }
  }

  google::protobuf::FileDescriptorProto& Proto(const std::string& name) {
    for (auto& file : *protos.mutable_file()) {
      if (file.name() == name) return file;
    }
    std::abort();
  }
  google::protobuf::DescriptorProto& Message(const std::string& proto, const std::string& name) {
    for (auto& message : *Proto(proto).mutable_message_type()) {
      if (message.name() == name) return message;
    }
    std::abort();
  }
  google::protobuf::FieldDescriptorProto& Field(const std::string& proto, const std::string& message, const std::string& name) {
    for (auto& field : *Message(proto, message).mutable_field()) {
      if (field.name() == name) return field;
    }
    std::abort();
  }
  // Replaces the first `from` in the file of that path; it must be there.
  void Replace(const std::string& path, const std::string& from, const std::string& to) {
    for (auto& file : files) {
      const size_t at = file.path == path ? file.text.find(from) : std::string::npos;
      if (file.path != path) continue;
      CHECK(at != std::string::npos);
      file.text.replace(at, from.size(), to);
    }
  }
  // The refusal, or "" where there is none.
  std::string Refusal() const { return std::string(manifest::Collect(protos, files).status().message()); }

  google::protobuf::FileDescriptorSet protos;
  std::vector<manifest::DeclarationFile> files;
};

}  // namespace plumbline::testing
