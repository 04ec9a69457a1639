// A delivery server that answers anything about files: what is saved is what was sent, or nothing;
// an upload ends.
#include "client/files/file_cipher.h"
#include "client/files/file_transfer.h"
#include "tests/client/people.h"
#include "tests/fuzz/client/liar.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using namespace client;  // NOLINT: a list of its types
namespace v1 = delivery::v1;

constexpr size_t kSize = 1500;  // of the file: one chunk

enum Kind : uint8_t { kDownload, kDownloadSealed, kUpload, kDelete };

struct World {
  World() {
    file.name = "report.pdf";
    file.media_type = "application/pdf";
    file.shape = FileShape::Of(kSize);
    file.key = Secret::CopyOf(Bytes(kFileKeySize, 3));
    file.sealed_hash = Sha256(Sealed(Bytes(kSize, 'x')));
    file.server = kTestServer;
    file.expires_day = 30'000;
    const std::unique_ptr<Spool> out = testing::ValueOf(Spool::Open(folder / "out"));
    CHECK(out->Append(Sealed(Bytes(kSize, 'x'))).ok());
  }
  Bytes Sealed(ByteView content) const {
    return FileCipher(file.key.view(), file.shape).Seal(0, content);
  }
  void AddToken() {
    Change change = testing::ValueOf(two.alice.stores->store.Begin());
    CHECK(two.alice.stores->supply
              .AddToken(change, {RandomBytes(32), {}}, tokens::kPurposeDelivery, absl::InfiniteFuture())
              .ok());
    CHECK(change.Commit().ok());
  }
  TwoPeople two;
  testing::ScratchDir folder;
  Answers answers;
  Liar liar{answers};
  FileReference file;
  int runs = 0;
};

World& TheWorld() {
  static auto* const world = new World;
  return *world;
}

void Download(FileTransfer& transfer) {
  World& world = TheWorld();
  const std::unique_ptr<Spool> spool = testing::ValueOf(Spool::Open(world.folder / "in"));
  CHECK(spool->Truncate(0).ok());
  const absl::Status got = transfer.Download(world.file, *spool, [](uint64_t, uint64_t) {});
  if (!got.ok()) return;
  CHECK(*spool->HashAll() == world.file.sealed_hash);
}

void Upload(FileTransfer& transfer) {
  World& world = TheWorld();
  const std::unique_ptr<Spool> spool = testing::ValueOf(Spool::Open(world.folder / "out"));
  uint64_t last = 0;
  const auto done = transfer.Upload({{1}, {2}, world.file.shape.sealed_size}, *spool,
                                    [&](uint64_t now, uint64_t total) {
                                      CHECK(now <= total && total == world.file.shape.sealed_size);
                                      last = now;
                                    });
  if (done.ok()) CHECK(last == world.file.shape.sealed_size);
}

}  // namespace

// The first byte says what the client wants to do; after kDownloadSealed the second answer is the
// content of a chunk, sealed here.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  World& world = TheWorld();
  if (world.runs++ % 3 == 0) world.AddToken();
  world.answers.rest = input.subspan(1);
  Bytes said;
  if (input[0] == kDownloadSealed) {
    if (input.size() < 1 + kSize) return;
    v1::OpenSessionResponse session;
    session.set_session_id(std::string(16, 's'));
    v1::GetResponse piece;
    piece.set_piece(ToString(world.Sealed(input.subspan(1, kSize))));
    piece.set_size(world.file.shape.sealed_size);
    said = Concat({Part(session.SerializeAsString()), Part(piece.SerializeAsString())});
    world.answers.rest = said;
  }
  Device& alice = world.two.alice;
  Supplies supplies(*alice.stores, *alice.self, world.liar, world.two.clock);
  FileTransfer transfer(world.liar, supplies, world.two.clock, absl::ZeroDuration());
  switch (input[0]) {
    case kDownload:
    case kDownloadSealed:
      return Download(transfer);
    case kUpload:
      return Upload(transfer);
    case kDelete:
      (void)transfer.Delete({{1}, {2}, world.file.shape.sealed_size}).ok();
      return;
    default:
      return;
  }
}

std::vector<Bytes> Seeds() {
  World& world = TheWorld();
  v1::OpenSessionResponse session;
  session.set_session_id(std::string(16, 's'));
  session.set_sends_left(10);
  session.set_seconds_left(600);
  v1::GetResponse piece;
  piece.set_piece(ToString(world.Sealed(Bytes(kSize, 'x'))));
  piece.set_size(world.file.shape.sealed_size);
  v1::BeginResponse begun;
  begun.set_expires_day(30'000);
  v1::PutResponse put;
  put.set_durable_bytes(world.file.shape.sealed_size);
  put.set_expires_day(30'000);
  const Bytes open = Part(session.SerializeAsString());
  return {Concat({Bytes{kDownload}, open, Part(piece.SerializeAsString())}),
          Concat({Bytes{kDownloadSealed}, Bytes(kSize, 'x')}),
          Concat({Bytes{kUpload}, open, Part(begun.SerializeAsString()),
                  Part(put.SerializeAsString())}),
          Concat({Bytes{kDelete}, open, Part("")})};
}

}  // namespace plumbline::fuzz
