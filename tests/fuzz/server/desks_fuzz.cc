// Requests to the delivery server, as bytes of their messages, through the whole of its decisions
// and stores: refused with a reason, or carried out. Sessions are open and some requests are signed
// here, so that what is behind those checks is reached.
#include "server/attachments.h"
#include "server/delivery.h"
#include "server/requests.h"
#include "server/revocations.h"
#include "server/store/sqlcipher_attachments.h"
#include "server/store/sqlcipher_store.h"
#include "tests/common/audit/logs.h"
#include "tests/common/scratch.h"
#include "tests/fuzz/fuzz.h"
#include "tests/server/fake_clock.h"
#include "tests/server/organisation.h"

namespace plumbline::fuzz {
namespace {

namespace v1 = delivery::v1;
using namespace server;  // NOLINT: a list of its types

// With one mailbox, one gate at epoch 1 and one attachment.
struct World {
  World() {
    StoreOptions options;
    options.path = scratch / "server.db";
    options.readers = 1;
    store = *SqlcipherStore::Create(options, db::Key::Random(), log_key, clock);
    AttachmentOptions attachment_options;
    attachment_options.path = scratch / "attachments.db";
    attachment_options.readers = 1;
    attachment_options.max_bytes = int64_t{64} << 20;
    attachment_store = *SqlcipherAttachments::Create(attachment_options, db::Key::Random());
    delivery.emplace(Delivery::Parts{*store, *store, *store, sessions, streams, counters, clock},
                     organisation.roles(), kDomain);
    attachments.emplace(
        Attachments::Parts{*attachment_store, sessions, counters, clock, uint64_t{102} << 20});
    revocations.emplace(*store, sessions, streams, organisation.roles(), organisation.root(), kDomain, clock);
    CHECK(delivery->OpenMailbox(mailbox.Opening(organisation.NewGrant(clock.Now()))).ok());
    session = NewSession();
    v1::SubmitResponse response;
    CHECK(delivery->Submit(Founding(), response).ok() &&
          response.commit().outcome() == v1::CommitOutcome::ACCEPTED);
  }
  std::string NewSession() {
    v1::OpenSessionRequest request;
    tokens::Show(request, organisation.NewToken(clock.Now()));
    v1::OpenSessionResponse response;
    CHECK(delivery->OpenSession(request, response).ok());
    return response.session_id();
  }
  v1::SubmitRequest Founding() const {
    v1::SubmitRequest request;
    request.set_session_id(session);
    AddEnvelope(request, mailbox, Bytes(1024, 1));
    gate.Sign(request, 0, true, Bytes(1024, 2));
    return request;
  }

  const testing::ScratchDir scratch;
  FakeClock clock;
  const TestOrganisation organisation{clock.Now()};
  const audit::LogKey log_key = audit::TestLogKey();
  Sessions sessions{clock, {.envelopes = 1'000'000, .life = absl::Hours(24 * 365)}};
  Streams streams{10};
  Counters counters;
  const TestMailbox mailbox;
  const TestGate gate;
  const identity::Capability read{1}, owner{2};
  std::string session;
  std::unique_ptr<SqlcipherStore> store;
  std::unique_ptr<SqlcipherAttachments> attachment_store;
  std::optional<Delivery> delivery;
  std::optional<Attachments> attachments;
  std::optional<Revocations> revocations;
  int runs = 0;
};

std::unique_ptr<World>& Current() {
  static auto* const world = new std::unique_ptr<World>(std::make_unique<World>());
  return *world;
}
World& TheWorld() { return *Current(); }

// The disk is not full, and nobody pulls it out: a fault of it is one of ours.
void Refused(const absl::Status& status) {
  const bool fault =
      absl::IsInternal(status) || absl::IsDataLoss(status) || absl::IsUnknown(status) ||
      (absl::IsUnavailable(status) && identity::ReasonOf(status) != "attachment_ending");
  if (fault) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  CHECK(!fault);
  CHECK(TheWorld().counters.storage_faults == 0);
}

template <typename Message>
std::optional<Message> Parsed(ByteView bytes) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  return message;
}

// An empty session id stands for one that is open: a fuzzer cannot know it.
template <typename Message>
std::optional<Message> InSession(ByteView body) {
  std::optional<Message> message = Parsed<Message>(body);
  if (message && message->session_id().empty()) message->set_session_id(TheWorld().session);
  return message;
}

void FuzzSubmit(ByteView body, bool sign) {
  World& world = TheWorld();
  std::optional<v1::SubmitRequest> request = InSession<v1::SubmitRequest>(body);
  if (!request) return;
  if (sign && request->has_commit()) {
    const bool founds = !request->commit().current_public_key().empty();
    const std::string sealed = request->commit().sealed_commit();
    const uint64_t epoch = request->commit().epoch() % 4;
    bool well_formed = true;
    for (const v1::Envelope& envelope : request->envelopes())
      well_formed =
          well_formed && envelope.envelope_id().size() == 16 && envelope.mailbox_id().size() == 16;
    if (well_formed) world.gate.Sign(*request, epoch, founds, AsBytes(sealed));
  }
  v1::SubmitResponse response;
  const absl::Status status = world.delivery->Submit(*request, response);
  Refused(status);
  if (status.ok())
    CHECK(response.results_size() == request->envelopes_size() ||
          (request->has_commit() && response.results().empty()));
}

void FuzzRevoke(ByteView body, bool sign) {
  World& world = TheWorld();
  v1::RevokeRequest request;
  if (sign) {
    request.set_revocation(ToString(body));
    request.set_signature(
        ToString(world.organisation.grants().Sign(identity::kRevocationLabel, body)));
  } else if (auto parsed = Parsed<v1::RevokeRequest>(body)) {
    request = *std::move(parsed);
  }
  v1::RevokeResponse response;
  const absl::Status status = world.revocations->Revoke(request, response);
  Refused(status);
  CHECK(sign || !status.ok());
  if (status.ok()) CHECK(identity::ParseRevocation(body).ok());
}

enum Kind : uint8_t {
  kSubmit,
  kSubmitSigned,
  kReadCommit,
  kOpenSession,
  kOpenMailbox,
  kHashes,
  kBegin,
  kPut,
  kGet,
  kDelete,
  kRevoke,
  kRevokeSigned
};

}  // namespace

// The first byte says what the rest is.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  if (++TheWorld().runs == 2000) {  // the stores grow
    Current().reset();
    Current() = std::make_unique<World>();
  }
  World& world = TheWorld();
  const ByteView body = input.subspan(1);
  switch (input[0]) {
    case kSubmit:
    case kSubmitSigned:
      return FuzzSubmit(body, input[0] == kSubmitSigned);
    case kReadCommit: {
      v1::ReadCommitResponse response;
      if (auto request = InSession<v1::ReadCommitRequest>(body))
        Refused(world.delivery->ReadCommit(*request, response));
      return;
    }
    case kOpenSession: {
      v1::OpenSessionResponse response;
      if (auto request = Parsed<v1::OpenSessionRequest>(body))
        Refused(world.delivery->OpenSession(*request, response));
      return;
    }
    case kOpenMailbox:
      if (auto request = Parsed<v1::OpenMailboxRequest>(body))
        Refused(world.delivery->OpenMailbox(*request));
      return;
    case kHashes:
      if (auto request = Parsed<v1::SetDepositCapabilitiesRequest>(body))
        Refused(world.delivery->SetDepositCapabilities(*request));
      return;
    case kBegin: {
      v1::BeginResponse response;
      if (auto request = InSession<v1::BeginRequest>(body))
        Refused(world.attachments->Begin(*request, response));
      return;
    }
    case kPut: {
      v1::PutResponse response;
      if (auto request = InSession<v1::PutRequest>(body))
        Refused(world.attachments->Put(*request, response));
      return;
    }
    case kGet: {
      v1::GetResponse response;
      if (auto request = InSession<v1::GetRequest>(body))
        Refused(world.attachments->Get(*request, response));
      return;
    }
    case kDelete:
      if (auto request = InSession<v1::DeleteRequest>(body))
        Refused(world.attachments->Delete(*request));
      return;
    case kRevoke:
    case kRevokeSigned:
      return FuzzRevoke(body, input[0] == kRevokeSigned);
    default:
      return;
  }
}

std::vector<Bytes> Seeds() {
  World& world = TheWorld();
  const auto seed = [](Kind kind, const google::protobuf::Message& message) {
    return Concat({Bytes{kind}, AsBytes(message.SerializeAsString())});
  };
  v1::SubmitRequest submit = world.Founding();
  submit.clear_session_id();
  v1::SubmitRequest next = submit;
  next.mutable_commit()->set_epoch(1);
  next.mutable_commit()->clear_current_public_key();
  v1::ReadCommitRequest read_commit;
  read_commit.set_handle(ToString(world.gate.handle));
  read_commit.set_read_token(ToString(world.gate.read_token));
  v1::OpenSessionRequest open;
  tokens::Show(open, world.organisation.NewToken(world.clock.Now()));
  const TestMailbox other;
  v1::BeginRequest begin;
  begin.set_attachment_id(ToString(Sha256(world.read)));
  begin.set_owner_capability_hash(ToString(Sha256(world.owner)));
  begin.set_size(1024);
  v1::PutRequest put;
  put.set_attachment_id(begin.attachment_id());
  put.set_owner_capability(ToString(world.owner));
  put.set_piece(std::string(1024, 'x'));
  v1::GetRequest get;
  get.set_read_capability(ToString(world.read));
  v1::DeleteRequest remove;
  remove.set_attachment_id(begin.attachment_id());
  remove.set_owner_capability(ToString(world.owner));
  const identity::Revocation revocation{
      1, 0, {{{identity::GrantSerial{1}, 20900}}, {{identity::Nonce{2}, 1'800'000'300}}}};
  v1::RevokeRequest revoke;
  revoke.set_revocation(ToString(Encode(revocation)));
  revoke.set_signature(std::string(64, 's'));
  return {seed(kSubmit, submit),
          seed(kSubmitSigned, submit),
          seed(kSubmitSigned, next),
          seed(kReadCommit, read_commit),
          seed(kOpenSession, open),
          seed(kOpenMailbox, other.Opening(world.organisation.NewGrant(world.clock.Now()))),
          seed(kHashes, world.mailbox.Capabilities(1, {identity::Hash{1}})),
          seed(kBegin, begin),
          seed(kPut, put),
          seed(kGet, get),
          seed(kDelete, remove),
          seed(kRevoke, revoke),
          Concat({Bytes{kRevokeSigned}, Encode(revocation)})};
}

}  // namespace plumbline::fuzz
