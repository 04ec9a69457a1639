// A client of the attachment service with one file.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "common/identity/attachment.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"
#include "plumbline/delivery/v1/attachments.grpc.pb.h"
#include "tests/server/server_process.h"

namespace plumbline::server {

inline std::shared_ptr<grpc::Channel> Connect(const ServerProcess& server) {
  rpc::Endpoint endpoint;
  endpoint.address = server.address();
  endpoint.root_pem = server.organisation().root().ToPem();
  return *rpc::NewChannel(endpoint);
}

// A client with a session and one attachment's secrets and bytes. Connect() again after a restart.
struct Uploader {
  Uploader(ServerProcess& process, size_t size) : Uploader(process, RandomBytes(size)) {}
  Uploader(ServerProcess& process, Bytes content) : server(process), bytes(std::move(content)) { Connect(); }
  void Connect() {
    stub = delivery::v1::Attachments::NewStub(server::Connect(server));
    session = server.Session(*server.Client());
  }
  absl::StatusOr<delivery::v1::BeginResponse> Begin() {
    delivery::v1::BeginRequest request;
    request.set_session_id(session);
    request.set_attachment_id(ToString(Sha256(read)));
    request.set_owner_capability_hash(ToString(Sha256(owner)));
    request.set_size(bytes.size());
    grpc::ClientContext context;
    delivery::v1::BeginResponse response;
    RETURN_IF_ERROR(rpc::FromGrpc(stub->Begin(&context, request, &response)));
    return response;
  }
  absl::StatusOr<delivery::v1::PutResponse> Put(uint64_t offset) {
    delivery::v1::PutRequest request;
    request.set_session_id(session);
    request.set_attachment_id(ToString(Sha256(read)));
    request.set_owner_capability(ToString(owner));
    request.set_offset(offset);
    const ByteView rest = ByteView(bytes).subspan(offset);
    request.set_piece(ToString(rest.first(std::min(rest.size(), identity::kPieceSize))));
    grpc::ClientContext context;
    delivery::v1::PutResponse response;
    RETURN_IF_ERROR(rpc::FromGrpc(stub->Put(&context, request, &response)));
    return response;
  }
  absl::StatusOr<delivery::v1::GetResponse> Get(uint64_t offset) {
    delivery::v1::GetRequest request;
    request.set_session_id(session);
    request.set_read_capability(ToString(read));
    request.set_offset(offset);
    grpc::ClientContext context;
    delivery::v1::GetResponse response;
    RETURN_IF_ERROR(rpc::FromGrpc(stub->Get(&context, request, &response)));
    return response;
  }
  absl::Status Delete() {
    delivery::v1::DeleteRequest request;
    request.set_session_id(session);
    request.set_attachment_id(ToString(Sha256(read)));
    request.set_owner_capability(ToString(owner));
    grpc::ClientContext context;
    delivery::v1::DeleteResponse response;
    return rpc::FromGrpc(stub->Delete(&context, request, &response));
  }
  // Puts pieces from `durable` to the end.
  absl::Status PutAll(uint64_t durable = 0) {
    while (durable < bytes.size()) {
      ASSIGN_OR_RETURN(const delivery::v1::PutResponse put, Put(durable));
      durable = put.durable_bytes();
    }
    return absl::OkStatus();
  }
  absl::StatusOr<Bytes> Download() {
    Bytes all;
    while (all.size() < bytes.size()) {
      ASSIGN_OR_RETURN(const delivery::v1::GetResponse got, Get(all.size()));
      const ByteView piece = AsBytes(got.piece());
      all.insert(all.end(), piece.begin(), piece.end());
    }
    return all;
  }

  ServerProcess& server;
  const Bytes bytes;
  const identity::Capability read = identity::RandomFixed<32>(), owner = identity::RandomFixed<32>();
  std::unique_ptr<delivery::v1::Attachments::Stub> stub;
  std::string session;
};

}  // namespace plumbline::server
