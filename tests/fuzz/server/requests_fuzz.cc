// Requests to the delivery server, as bytes of their messages, through its validators and a Receive stream.
#include <algorithm>
#include <optional>

#include "common/identity/padme.h"
#include "server/delivery.h"
#include "server/receive_stream.h"
#include "server/requests.h"
#include "server/store/mailbox_chain.h"
#include "tests/fuzz/fuzz.h"
#include "tests/server/organisation.h"

namespace plumbline::fuzz {
namespace {

namespace v1 = delivery::v1;
using namespace server;  // NOLINT: a list of its functions

template <typename Message>
std::optional<Message> Parsed(ByteView bytes) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  return message;
}

void FuzzSubmit(ByteView input) {
  const auto request = Parsed<v1::SubmitRequest>(input);
  if (!request.has_value()) return;
  (void)ParseSessionId(request->session_id()).ok();
  const auto deposits = ParseDeposits(*request);
  if (!deposits.ok()) return;
  CHECK(deposits->size() == static_cast<size_t>(request->envelopes_size()) && deposits->size() <= kMaxDeposits);
  for (const Deposit& deposit : *deposits) CHECK(identity::IsPadmeSize(deposit.sealed.size()));
  if (!request->has_commit()) return;
  const auto move = ParseMove(request->commit(), *deposits);
  if (!move.ok()) return;
  CHECK(move->move.epoch <= kMaxEpoch);
  const identity::GateRecord record{move->move, move->signature};
  CHECK(*identity::ParseGateRecord(Encode(record)) == record);
}

void FuzzHashes(ByteView input) {
  const auto request = Parsed<v1::SetDepositCapabilitiesRequest>(input);
  if (!request.has_value()) return;
  const auto hashes = ParseHashes(request->deposit_capability_hashes());
  if (hashes.ok()) CHECK(hashes->size() <= identity::kMaxDepositCapabilities);
}

// Answers whatever the stream asks for, at once or when the next message comes.
class Port final : public StreamPort {
 public:
  void StartRead() override { reading = true; }
  void StartWrite(v1::ReceiveResponse&&) override {
    CHECK(!writing && !finished);
    writing = true;
  }
  void Finish(const absl::Status&) override {
    CHECK(!finished && !writing);
    finished = true;
  }
  void Prove(const identity::MailboxId&, const identity::Nonce&, ReceiveProof&&) override { proving = true; }
  void TakeOver(const identity::MailboxId&) override {}
  void Fetch(const identity::MailboxId&, const identity::MailboxPlace& from, const ReadLimit& limit) override {
    CHECK(limit.rows <= kWindow);
    fetching = true;
    place = from;
    rows = limit.rows;
  }
  void Acknowledge(const identity::MailboxId&, std::vector<Row>&& list) override {
    CHECK(!list.empty() && list.size() <= kWindow);
    acknowledging = true;
  }
  bool reading = false, writing = false, finished = false, proving = false, fetching = false, acknowledging = false;
  identity::MailboxPlace place;  // where the fetch begins
  size_t rows = 0;
};

// Each message has a length byte before it; between messages a byte says what else happens.
void FuzzStream(ByteView input) {
  Port port;
  ReceiveStream stream(port, {}, absl::FromUnixSeconds(1'800'000'000));
  stream.Start();
  size_t at = 0;
  while (at + 1 < input.size()) {
    const uint8_t what = input[at];
    const size_t size = std::min<size_t>(input[at + 1], input.size() - at - 2);
    const ByteView body = input.subspan(at + 2, size);
    at += 2 + size;
    if (port.reading) {
      port.reading = false;
      const auto message = Parsed<v1::ReceiveRequest>(body);
      stream.OnRead(message.has_value(), message.value_or(v1::ReceiveRequest()));
    }
    if ((what & 1) != 0 && std::exchange(port.writing, false)) stream.OnWritten((what & 128) == 0);
    if ((what & 2) != 0 && std::exchange(port.proving, false)) {
      if ((what & 64) == 0) stream.OnProved(what);
      else stream.OnProved(absl::UnauthenticatedError("proof_invalid: x"));
    }
    if ((what & 4) != 0 && std::exchange(port.fetching, false)) {
      Batch batch;
      batch.reached = port.place;
      for (uint64_t i = 0; i < std::min<uint64_t>(port.rows, 3); ++i) {
        const ChainStep step(batch.reached);
        batch.reached = step.next;
        batch.envelopes.push_back({step.row, {}, Bytes(8), step.next, ++batch.steps});
      }
      batch.more = (what & 32) != 0;
      stream.OnFetched(std::move(batch));
    }
    if ((what & 8) != 0 && std::exchange(port.acknowledging, false)) stream.OnAcknowledged(absl::OkStatus());
    if ((what & 16) != 0) stream.Offer({{Row{1}, port.place, ChainStep(port.place).next}, {}, body});
  }
  stream.Close(v1::ReceiveResponse::Closed::SHUTTING_DOWN);
  for (int i = 0; i < 3; ++i) {
    if (std::exchange(port.writing, false)) stream.OnWritten(true);
  }
  CHECK(port.finished);
}

std::string Framed(uint8_t what, const v1::ReceiveRequest& message) {
  const std::string body = message.SerializeAsString();
  return std::string({static_cast<char>(what), static_cast<char>(body.size())}) + body;
}

Bytes Seed(uint8_t target, const std::string& body) { return Concat({Bytes{target}, ToBytes(AsBytes(body))}); }

}  // namespace

// The first byte says what the rest is.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  if (input[0] == 0) FuzzSubmit(input.subspan(1));
  if (input[0] == 1) FuzzHashes(input.subspan(1));
  if (input[0] == 2) FuzzStream(input.subspan(1));
}

std::vector<Bytes> Seeds() {
  const TestMailbox mailbox;
  v1::SubmitRequest submit;
  submit.set_session_id(std::string(16, 's'));
  AddEnvelope(submit, mailbox, Bytes(1024, 1));
  TestGate().Sign(submit, 0, true, Bytes(1024, 2));
  v1::ReceiveRequest open, proof, ack;
  open.mutable_open()->set_mailbox_id(std::string(16, 'm'));
  proof.mutable_proof()->set_signature(std::string(64, 's'));
  proof.mutable_proof()->set_place(std::string(32, 'p'));
  ack.mutable_ack()->add_tags(1);
  return {Seed(0, submit.SerializeAsString()),
          Seed(1, mailbox.Capabilities(1, {identity::Hash{1}}).SerializeAsString()),
          Seed(2, Framed(31, open) + Framed(31, proof) + Framed(31, ack) + Framed(31, ack) + Framed(31, ack))};
}

}  // namespace plumbline::fuzz
