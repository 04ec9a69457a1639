#include "interop/device/outside_device.h"

#include <utility>

#include "client/conversations.h"
#include "client/enrolment.h"
#include "client/net/grpc_devices.h"
#include "client/net/grpc_network.h"
#include "client/net/open_device.h"
#include "client/sealing.h"
#include "client/store/check_in_store.h"
#include "client/unlock/check_in.h"
#include "common/config/config.h"
#include "common/file.h"
#include "common/identity/envelope.h"
#include "common/identity/frame.h"
#include "common/rpc/probe.h"
#include "common/rpc/tls_policy.h"
#include "common/tokens/token_key.h"
#include "interop/device/fields.h"
#include "interop/device/gate_port.h"

namespace plumbline::interop {
namespace {

using nlohmann::json;

constexpr uint64_t kLongestWait = 60;  // seconds of one Receive

const char* NameOf(identity::EnvelopeKind kind) {
  switch (kind) {
    case identity::EnvelopeKind::kMessage:
      return "message";
    case identity::EnvelopeKind::kBody:
      return "body";
    case identity::EnvelopeKind::kCommit:
      return "commit";
    case identity::EnvelopeKind::kWelcome:
      return "welcome";
    case identity::EnvelopeKind::kResync:
      return "resync";
  }
  return "unknown";
}

client::EnrolmentPaths Paths(const Clock& clock) {
  client::EnrolmentPaths paths;
  paths.fetch_root =
      [&clock](const identity::Invitation& invitation) -> absl::StatusOr<std::string> {
    ASSIGN_OR_RETURN(const crypto::Fingerprint root,
                     crypto::Fingerprint::FromBytes(invitation.root_fingerprint));
    return rpc::FetchPinnedRoot(invitation.keyserver_address, root, clock.Now());
  };
  paths.connect = [&clock](const identity::Invitation& invitation, const std::string& root_pem) {
    client::NetworkOptions addresses;
    addresses.root_pem = root_pem;
    addresses.keyserver_address = invitation.keyserver_address;
    return client::NewGrpcNetwork(std::move(addresses), clock);
  };
  return paths;
}

json FrameAnswer(const identity::Frame& frame, ByteView encoded) {
  return {{"sequence", frame.sequence},    {"previous", ToHex(frame.previous_hash)},
          {"mediaType", frame.media_type}, {"body", ToHex(frame.body)},
          {"frame", ToHex(encoded)},       {"hash", ToHex(Sha256(encoded))}};
}

// The application's frame around a text, and back (docs/protocols/delivery.md).
absl::StatusOr<json> MakeFrame(const json& request) {
  identity::Frame frame;
  ASSIGN_OR_RETURN(frame.sequence, NumberField(request, "sequence"));
  ASSIGN_OR_RETURN(frame.previous_hash, FixedField<32>(request, "previous"));
  frame.media_type = identity::kTextMediaType;
  ASSIGN_OR_RETURN(const std::string text, TextField(request, "text"));
  frame.body = ToBytes(AsBytes(text));
  return FrameAnswer(frame, identity::Encode(frame));
}

absl::StatusOr<json> ReadFrame(const json& request) {
  ASSIGN_OR_RETURN(const Bytes wire, BytesField(request, "frame"));
  ASSIGN_OR_RETURN(const identity::Frame frame, identity::ParseFrame(wire));
  json out = FrameAnswer(frame, wire);
  if (frame.media_type == identity::kTextMediaType) out["text"] = ToString(frame.body);
  return out;
}

}  // namespace

OutsideDevice::~OutsideDevice() { streams_.clear(); }

absl::StatusOr<std::unique_ptr<OutsideDevice>> OutsideDevice::Open(const OutsideOptions& options) {
  RETURN_IF_ERROR(rpc::PinTls13());
  std::unique_ptr<OutsideDevice> device(new OutsideDevice(options.home));
  ASSIGN_OR_RETURN(const Secret passphrase, config::ReadPassphraseFile(options.passphrase_file));
  const client::Home& home = device->home_;
  if (!home.exists() && options.invitation.empty()) {
    return identity::Refuse(
        absl::StatusCode::kNotFound, "not_enrolled",
        absl::StrCat(options.home,
                     " holds no device yet; give --invitation with the text of an invitation"));
  }
  if (!home.locked()) {
    ASSIGN_OR_RETURN(const std::unique_ptr<client::Store> store,
                     home.exists() ? home.OpenSealed(passphrase) : home.Create(passphrase, crypto::SealCost()));
    client::Stores stores(*store);
    ASSIGN_OR_RETURN(const std::optional<client::Account> account, stores.account.Get());
    if (!account.has_value()) {
      RETURN_IF_ERROR(client::Enrol(home, stores, options.invitation, options.label, Paths(device->clock_), device->clock_));
    }
  }
  ASSIGN_OR_RETURN(client::OpenedDevice opened, client::OpenDevice(home, passphrase, crypto::SealCost(), device->clock_));
  device->store_ = std::move(opened.store);
  device->self_ = std::move(opened.self);
  device->stores_ = std::make_unique<client::Stores>(*device->store_);
  RETURN_IF_ERROR(device->Connect());
  return device;
}

absl::Status OutsideDevice::Connect() {
  ASSIGN_OR_RETURN(client::NetworkOptions addresses, client::NetworkOptionsOf(home_, *self_, clock_));
  ASSIGN_OR_RETURN(network_, client::NewGrpcNetwork(std::move(addresses), clock_));
  client::CheckInStore check_ins(*store_);
  RETURN_IF_ERROR(client::CheckInWith(check_ins, *network_));
  supplies_ = std::make_unique<client::Supplies>(*stores_, *self_, *network_, clock_);
  directory_ = std::make_unique<client::Directory>(*stores_, *self_, *network_, *supplies_, clock_);
  return absl::OkStatus();
}

absl::StatusOr<json> OutsideDevice::Answer(const json& request) {
  ASSIGN_OR_RETURN(const std::string op, TextField(request, "op"));
  if (op == "identity") return Identity();
  if (op == "publish") return Publish(request);
  if (op == "lookUp") return LookUp(request);
  if (op == "claim") return Claim(request);
  if (op == "send") return Send(request);
  if (op == "commit") return Commit(request);
  if (op == "receive") return Receive(request);
  if (op == "makeFrame") return MakeFrame(request);
  if (op == "readFrame") return ReadFrame(request);
  if (op == "checkGate") return CheckGate(request);
  return Malformed(absl::StrCat("no operation is called \"", op, "\""));
}

absl::StatusOr<json> OutsideDevice::Identity() {
  ASSIGN_OR_RETURN(const client::Mailbox intake, supplies_->EnsureMailbox({}));
  json out;
  out["user"] = self_->user();
  out["device"] = ToHex(self_->device());
  out["suites"] = {1, 3};
  const mls::SignatureKeyPair key = self_->mls_keys();
  out["signatureKey"] = {{"private", ToHex(key.private_key.bytes.view())},
                         {"public", ToHex(key.public_key)}};
  ASSIGN_OR_RETURN(const std::vector<ByteView> chain, mls::CertificateChain(self_->credential()));
  for (const ByteView certificate : chain) out["certificates"].push_back(ToHex(certificate));
  out["leafExtensionTypes"] = client::OwnCapabilities().extensions;
  const identity::MailboxAddress address =
      client::AddressOf(intake, self_->account().delivery_address);
  out["leafExtensions"] = {
      {{"type", identity::kMailboxAddressExtension}, {"data", ToHex(identity::Encode(address))}}};
  out["notAfter"] = uint64_t{intake.expires_day} *
                    86400;  // of a key package: no longer than the mailbox it names
  return out;
}

absl::StatusOr<json> OutsideDevice::Publish(const json& request) {
  keys::v1::PublishKeyPackagesRequest publish;
  ASSIGN_OR_RETURN(const std::vector<Bytes> key_packages, BytesListField(request, "keyPackages"));
  for (const Bytes& key_package : key_packages) publish.add_key_packages(ToString(key_package));
  if (request.contains("lastResort")) {
    ASSIGN_OR_RETURN(const Bytes last_resort, BytesField(request, "lastResort"));
    publish.set_last_resort_key_package(ToString(last_resort));
  }
  ASSIGN_OR_RETURN(const keys::v1::PublishKeyPackagesResponse response,
                   network_->PublishKeyPackages(publish));
  return json{{"available", response.available()}};
}

absl::StatusOr<json> OutsideDevice::LookUp(const json& request) {
  ASSIGN_OR_RETURN(const std::string user, TextField(request, "user"));
  ASSIGN_OR_RETURN(const client::Contact contact, directory_->LookUp(user));
  json out = {{"user", user}, {"devices", json::array()}};
  for (const identity::RecordDevice& device : contact.parsed.devices) {
    out["devices"].push_back({{"device", ToHex(device.device_id)},
                              {"label", device.label},
                              {"signatureKey", ToHex(device.mls_signature_public_key)}});
  }
  return out;
}

absl::StatusOr<json> OutsideDevice::Claim(const json& request) {
  ASSIGN_OR_RETURN(const std::string user, TextField(request, "user"));
  ASSIGN_OR_RETURN(const client::Contact contact, directory_->LookUp(user));
  ASSIGN_OR_RETURN(const std::vector<mls::KeyPackage> claimed,
                   directory_->Claim(user, contact.parsed.devices));
  json out = {{"keyPackages", json::array()}};
  for (const mls::KeyPackage& key_package : claimed)
    out["keyPackages"].push_back(ToHex(mls::EncodeKeyPackageMessage(key_package)));
  return out;
}

absl::StatusOr<delivery::v1::SubmitResponse> OutsideDevice::Submit(
    delivery::v1::SubmitRequest request) {
  std::unique_ptr<client::SendConnection> connection;
  ASSIGN_OR_RETURN(
      const delivery::v1::OpenSessionResponse session,
      supplies_->WithToken(tokens::kPurposeDelivery,
                          [&](const client::StoredToken& token) -> absl::StatusOr<delivery::v1::OpenSessionResponse> {
                            ASSIGN_OR_RETURN(connection, network_->Connect());
                            delivery::v1::OpenSessionRequest open;
                            open.set_token(ToString(token.token));
                            open.set_token_key(ToString(token.token_key));
                            return connection->OpenSession(open);
                          }));
  request.set_session_id(session.session_id());
  return connection->Submit(request);
}

absl::StatusOr<json> OutsideDevice::Send(const json& request) {
  ASSIGN_OR_RETURN(const Bytes message, BytesField(request, "message"));
  ASSIGN_OR_RETURN(const std::vector<Bytes> to, BytesListField(request, "to"));
  delivery::v1::SubmitRequest submit;
  for (const Bytes& wire : to) {
    ASSIGN_OR_RETURN(const client::OutgoingEnvelope envelope,
                     SealTo(wire, identity::EnvelopeKind::kMessage, message));
    AddEnvelope(submit, envelope);
  }
  ASSIGN_OR_RETURN(const delivery::v1::SubmitResponse response, Submit(std::move(submit)));
  return json{{"stored", CountStored(response)}};
}

absl::StatusOr<json> OutsideDevice::Commit(const json& request) {
  ASSIGN_OR_RETURN(const delivery::v1::SubmitRequest submit, MakeGatedSubmit(request));
  ASSIGN_OR_RETURN(const delivery::v1::SubmitResponse response, Submit(submit));
  return json{{"outcome", OutcomeName(response.commit().outcome())},
              {"epoch", response.commit().current_epoch()},
              {"stored", CountStored(response)}};
}

absl::Status OutsideDevice::OpenStreams() {
  RETURN_IF_ERROR(supplies_->EnsureMailbox({}).status());
  ASSIGN_OR_RETURN(std::vector<client::Mailbox> mailboxes, stores_->mailboxes.All());
  for (client::Mailbox& mailbox : mailboxes) {
    const bool has = std::any_of(streams_.begin(), streams_.end(),
                                 [&](const auto& s) { return s.second.mailbox.id == mailbox.id; });
    if (has || !mailbox.open) continue;
    const uint64_t number = next_stream_++;
    ASSIGN_OR_RETURN(std::unique_ptr<client::MailboxStream> stream,
                     network_->Receive(mailbox, number, events_));
    streams_[number] = Stream{std::move(mailbox), std::move(stream), false};
  }
  return absl::OkStatus();
}

absl::StatusOr<json> OutsideDevice::TakeEnvelope(Stream& stream,
                                                 const client::EnvelopeArrived& arrived) {
  absl::StatusOr<identity::EnvelopeContent> content =
      client::OpenEnvelope(stream.mailbox, arrived.envelope_id, arrived.sealed);
  stream.stream->Acknowledge({arrived.tag});
  if (!content.ok() || !seen_.insert(arrived.envelope_id).second) return json();
  json out = {{"id", ToHex(arrived.envelope_id)}, {"kind", NameOf(content->kind)}};
  if (content->kind == identity::EnvelopeKind::kCommit) {
    ASSIGN_OR_RETURN(const identity::CommitPayload payload,
                     identity::ParseCommitPayload(content->payload));
    out["gate"] = ToHex(identity::Encode(payload.gate));
    out["message"] = ToHex(payload.mls_message);
  } else {
    out["message"] = ToHex(content->payload);
  }
  return out;
}

// Everything that is stored; where that is nothing, what comes within "seconds".
absl::StatusOr<json> OutsideDevice::Receive(const json& request) {
  uint64_t seconds = 0;
  if (request.contains("seconds")) {
    ASSIGN_OR_RETURN(seconds, NumberField(request, "seconds"));
  }
  const absl::Duration end = Uptime() + absl::Seconds(std::min(seconds, kLongestWait));
  RETURN_IF_ERROR(OpenStreams());
  json out = {{"envelopes", json::array()}};
  for (;;) {
    const bool caught_up = std::all_of(streams_.begin(), streams_.end(),
                                       [](const auto& s) { return s.second.caught_up; });
    const absl::Duration left = end - Uptime();
    const bool enough = caught_up && (!out["envelopes"].empty() || left <= absl::ZeroDuration());
    const std::optional<client::Event> event =
        events_.Pop(enough ? absl::ZeroDuration() : absl::Milliseconds(200));
    if (!event.has_value()) {
      if (enough) return out;
      continue;
    }
    const auto stream = streams_.find(event->stream);
    if (stream == streams_.end()) continue;
    if (const auto* arrived = std::get_if<client::EnvelopeArrived>(&event->what)) {
      ASSIGN_OR_RETURN(json envelope, TakeEnvelope(stream->second, *arrived));
      if (!envelope.is_null()) out["envelopes"].push_back(std::move(envelope));
    } else if (std::holds_alternative<client::CaughtUp>(event->what)) {
      stream->second.caught_up = true;
    } else if (const auto* ended = std::get_if<client::StreamEnded>(&event->what)) {
      const absl::Status why = ended->why;
      streams_.erase(stream);
      if (!out["envelopes"].empty()) return out;  // the next call opens it again
      return why;
    }
  }
}

}  // namespace plumbline::interop
