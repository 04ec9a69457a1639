// Files over a server that is a folder: what is in it was durably accepted. The client is killed at every commit, the server
// lies and breaks, and what arrives is the file or nothing. In one file: every case is a transfer between the same two people over that server.
#include "client/files/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/client/people.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::StatusIs;
using testing::ValueOf;
namespace v1 = delivery::v1;

Bytes ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(file)), {});
  return ToBytes(AsBytes(content));
}
void WriteAllTo(const std::string& path, ByteView bytes) { std::ofstream(path, std::ios::binary) << ToString(bytes); }

// The delivery server's attachments in a folder, one file each; breaks when told to.
class FolderServer final : public Network {
 public:
  explicit FolderServer(std::string folder) : folder_(std::move(folder)) { std::filesystem::create_directories(folder_); }

  std::string PathOf(const std::string& id) const { return folder_ + "/" + ToHex(AsBytes(id)); }
  std::vector<std::string> Attachments() const {
    std::vector<std::string> paths;
    for (const auto& file : std::filesystem::directory_iterator(folder_)) paths.push_back(file.path());
    return paths;
  }

  absl::StatusOr<std::unique_ptr<FileConnection>> ConnectFiles() override {
    ++connections;
    return std::unique_ptr<FileConnection>(std::make_unique<Connection>(*this));
  }

  int connections = 0;
  int fail_every = 0;            // this many calls: one breaks after it took effect
  absl::Status failure = absl::UnavailableError("connection_lost: broke");
  absl::Status refusal;          // of each Put
  std::optional<uint64_t> claim; // how much it says it has after a Put
  int gets = 0;
  std::map<std::string, uint64_t> sizes;
  int calls = 0;

  // Nothing else of the network is used.
  template <typename T>
  static absl::StatusOr<T> None() { return absl::InternalError("not here"); }
  absl::StatusOr<keys::v1::EnrolResponse> Enrol(const keys::v1::EnrolRequest&) override { return None<keys::v1::EnrolResponse>(); }
  absl::StatusOr<keys::v1::ReadLogResponse> ReadLog(const keys::v1::ReadLogRequest&) override { return None<keys::v1::ReadLogResponse>(); }
  absl::StatusOr<keys::v1::LookUpResponse> LookUp(const keys::v1::LookUpRequest&) override { return None<keys::v1::LookUpResponse>(); }
  absl::StatusOr<keys::v1::ClaimKeyPackagesResponse> ClaimKeyPackages(const keys::v1::ClaimKeyPackagesRequest&) override {
    return None<keys::v1::ClaimKeyPackagesResponse>();
  }
  absl::StatusOr<keys::v1::PublishKeyPackagesResponse> PublishKeyPackages(const keys::v1::PublishKeyPackagesRequest&) override {
    return None<keys::v1::PublishKeyPackagesResponse>();
  }
  absl::StatusOr<keys::v1::GetOwnAccountResponse> GetOwnAccount() override { return None<keys::v1::GetOwnAccountResponse>(); }
  absl::StatusOr<keys::v1::GetTokenKeysResponse> GetTokenKeys() override { return None<keys::v1::GetTokenKeysResponse>(); }
  absl::StatusOr<keys::v1::DrawTokensResponse> DrawTokens(const keys::v1::DrawTokensRequest&) override {
    return None<keys::v1::DrawTokensResponse>();
  }
  absl::StatusOr<keys::v1::DrawGrantsResponse> DrawGrants(const keys::v1::DrawGrantsRequest&) override {
    return None<keys::v1::DrawGrantsResponse>();
  }
  absl::StatusOr<keys::v1::RenewCertificateResponse> RenewCertificate(const keys::v1::RenewCertificateRequest&) override {
    return None<keys::v1::RenewCertificateResponse>();
  }
  absl::StatusOr<keys::v1::RenewCredentialResponse> RenewCredential(const keys::v1::RenewCredentialRequest&) override {
    return None<keys::v1::RenewCredentialResponse>();
  }
  absl::Status OpenMailbox(const v1::OpenMailboxRequest&) override { return absl::InternalError("not here"); }
  absl::StatusOr<std::unique_ptr<SendConnection>> Connect() override { return None<std::unique_ptr<SendConnection>>(); }
  absl::StatusOr<std::unique_ptr<MailboxStream>> Receive(const Mailbox&, uint64_t, EventQueue&) override {
    return None<std::unique_ptr<MailboxStream>>();
  }

 private:
  class Connection final : public FileConnection {
   public:
    explicit Connection(FolderServer& server) : server_(server) {}
    absl::StatusOr<v1::OpenSessionResponse> OpenSession(const v1::OpenSessionRequest&) override {
      v1::OpenSessionResponse response;
      response.set_session_id(std::string(16, 's'));
      return response;
    }
    absl::StatusOr<v1::BeginResponse> Begin(const v1::BeginRequest& request) override {
      const std::string path = server_.PathOf(request.attachment_id());
      if (!std::filesystem::exists(path)) WriteAllTo(path, {});
      v1::BeginResponse response;
      response.set_durable_bytes(std::filesystem::file_size(path));
      response.set_expires_day(30'000);
      return response;
    }
    absl::StatusOr<v1::PutResponse> Put(const v1::PutRequest& request) override {
      RETURN_IF_ERROR(server_.refusal);
      const std::string path = server_.PathOf(request.attachment_id());
      if (request.offset() == std::filesystem::file_size(path)) {
        std::ofstream(path, std::ios::binary | std::ios::app) << request.piece();
      }
      v1::PutResponse response;
      response.set_durable_bytes(server_.claim.value_or(std::filesystem::file_size(path)));
      response.set_expires_day(30'000);
      if (server_.Breaks()) return server_.failure;
      return response;
    }
    absl::StatusOr<v1::GetResponse> Get(const v1::GetRequest& request) override {
      ++server_.gets;
      const std::string path = server_.PathOf(ToString(Sha256(AsBytes(request.read_capability()))));
      if (!std::filesystem::exists(path)) return absl::NotFoundError("attachment_unknown: gone");
      if (server_.Breaks()) return server_.failure;
      const Bytes all = ReadAll(path);
      v1::GetResponse response;
      const ByteView rest = ByteView(all).subspan(std::min<size_t>(all.size(), request.offset()));
      response.set_piece(ToString(rest.first(std::min(rest.size(), identity::kPieceSize))));
      response.set_size(all.size());
      return response;
    }
    absl::Status Delete(const v1::DeleteRequest& request) override {
      if (std::filesystem::remove(server_.PathOf(request.attachment_id()))) return absl::OkStatus();
      return absl::NotFoundError("attachment_unknown: gone");
    }

   private:
    FolderServer& server_;
  };
  bool Breaks() { return fail_every != 0 && ++calls % fail_every == 0; }
  const std::string folder_;
};

// A device with its files, and the server.
struct World {
  explicit World(absl::Duration patience = absl::ZeroDuration()) : patience_(patience) { AddTokens(); }
  void AddTokens() {
    Change change = ValueOf(two.alice.stores->store.Begin());
    for (int i = 0; i < 200; ++i) {
      CHECK(two.alice.stores->supply.AddToken(change, {RandomBytes(32), {}}, tokens::kPurposeDelivery, absl::InfiniteFuture()).ok());
    }
    CHECK(change.Commit().ok());
  }
  // Runs `use` with files made anew, as a new command does.
  template <typename Use>
  auto With(Use use) {
    Supplies supplies(*two.alice.stores, *two.alice.self, server, clock);
    FileTransfer transfer(server, supplies, clock, patience_);
    Files files(*two.alice.stores, *two.alice.conversations, transfer, clock, kTestServer, folder / "files");
    return use(files);
  }
  absl::StatusOr<int64_t> Send(const std::string& path) {
    return With([&](Files& files) { return files.Send(two.bob.user(), path, "text/plain", [](uint64_t, uint64_t) {}); });
  }
  absl::Status Resume() {
    return With([&](Files& files) { return files.Resume({}).status(); });
  }
  absl::StatusOr<std::string> Save(int64_t id, const std::string& path) {
    return With([&](Files& files) { return files.Save(id, path, [](uint64_t, uint64_t) {}); });
  }
  std::string Source(const std::string& name, ByteView content) {
    const std::string path = folder / name;
    WriteAllTo(path, content);
    return path;
  }
  std::vector<int64_t> FileMessages() {
    std::vector<int64_t> ids;
    for (const Entry& entry : ValueOf(two.alice.stores->history.InConversation("", 1000))) {
      if (entry.media_type == kFileMediaType) ids.push_back(entry.id);
    }
    return ids;
  }
  size_t SealedCopies() const {
    if (!std::filesystem::exists(folder / "files")) return 0;
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder / "files"), {}));
  }

  TwoPeople two;
  FixedClock clock{absl::FromUnixSeconds(1'800'000'000)};
  testing::ScratchDir folder;
  FolderServer server{folder / "server"};
  const absl::Duration patience_;
};

const std::vector<size_t>& Sizes() {
  static const auto* const sizes = new std::vector<size_t>{0, 1, kChunkContent - 1, kChunkContent, kChunkContent + 1,
                                                           4 * kChunkContent, 4 * kChunkContent + 1, 1'500'000};
  return *sizes;
}

TEST(Files, ArriveAsTheyWereAndLeaveNoCopies) {
  World w;
  for (const size_t size : Sizes()) {
    SCOPED_TRACE(size);
    const Bytes content = RandomBytes(size);
    ASSERT_OK_AND_ASSIGN(const int64_t id, w.Send(w.Source("report.bin", content)));
    ASSERT_OK_AND_ASSIGN(const std::string saved, w.Save(id, w.folder / std::to_string(size)));
    EXPECT_EQ(ReadAll(saved), content);
    EXPECT_EQ(w.SealedCopies(), 0u);
  }
}

TEST(Files, TheMessageWaitsInItsConversationLikeAText) {
  World w;
  ASSERT_OK_AND_ASSIGN(const int64_t id, w.Send(w.Source("report.bin", RandomBytes(10))));
  ASSERT_OK_AND_ASSIGN(const std::optional<Entry> entry, w.two.alice.stores->history.Find(id));
  EXPECT_EQ(entry->state, EntryState::kWaiting);
  EXPECT_EQ(entry->conversation, w.two.bob.user());
  EXPECT_EQ(entry->media_type, kFileMediaType);
  ASSERT_OK_AND_ASSIGN(const FileReference file, ParseFileReference(entry->body));
  EXPECT_EQ(file.name, "report.bin");
  EXPECT_EQ(file.server, kTestServer);
  EXPECT_EQ(file.expires_day, 30'000u);
}

TEST(Files, ATransferThatBreaksGoesOn) {
  World w(absl::Seconds(60));
  w.server.fail_every = 3;
  const Bytes content = RandomBytes(3'000'000);
  ASSERT_OK_AND_ASSIGN(const int64_t id, w.Send(w.Source("large.bin", content)));
  ASSERT_OK_AND_ASSIGN(const std::string saved, w.Save(id, w.folder / "saved"));
  EXPECT_EQ(ReadAll(saved), content);
  EXPECT_GT(w.server.connections, 4);
}

TEST(Files, WhatPassesIsWaitedForAndNothingElse) {
  const Bytes content = RandomBytes(1'000'000);
  for (const absl::Status& failure : {absl::DeadlineExceededError("slow"), absl::ResourceExhaustedError("busy: much to do"),
                                      absl::ResourceExhaustedError("too_many_sessions: no room")}) {
    SCOPED_TRACE(failure.ToString());
    World w(absl::Seconds(60));
    w.server.fail_every = 4;
    w.server.failure = failure;
    ASSERT_OK_AND_ASSIGN(const int64_t id, w.Send(w.Source("large.bin", content)));
    ASSERT_OK_AND_ASSIGN(const std::string saved, w.Save(id, w.folder / "saved"));
    EXPECT_EQ(ReadAll(saved), content);
    EXPECT_GT(w.server.connections, 2);
  }
  World w(absl::Seconds(60));
  w.server.fail_every = 1;
  w.server.failure = absl::ResourceExhaustedError("storage_full: full");
  EXPECT_THAT(w.Send(w.Source("large.bin", content)), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("storage_full")));
  EXPECT_EQ(w.server.connections, 1);
}

TEST(Files, ASessionThatIsOverIsReplacedAndAServerThatEndsEachIsLeft) {
  const Bytes content = RandomBytes(1'000'000);
  for (const char* over : {"session_unknown: x", "session_ended: x", "budget_spent: x"}) {
    SCOPED_TRACE(over);
    World w;  // no patience: none is needed
    w.server.failure = absl::UnauthenticatedError(over);
    w.server.fail_every = 2;
    ASSERT_OK_AND_ASSIGN(const int64_t id, w.Send(w.Source("large.bin", content)));
    ASSERT_OK_AND_ASSIGN(const std::string saved, w.Save(id, w.folder / "saved"));
    EXPECT_EQ(ReadAll(saved), content);
    w.server.fail_every = 1;
    w.server.connections = 0;
    EXPECT_THAT(w.Send(w.Source("another.bin", content)), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr(over)));
    EXPECT_EQ(w.server.connections, 3);
  }
}

TEST(Files, AServerThatContradictsItselfAboutWhatItHasIsNamed) {
  for (const uint64_t claim : {uint64_t{0}, uint64_t{1}, uint64_t{identity::kPieceSize + 1}, UINT64_MAX}) {
    SCOPED_TRACE(claim);
    World w;
    w.server.claim = claim;
    EXPECT_THAT(w.Send(w.Source("large.bin", RandomBytes(1'000'000))),
                StatusIs(absl::StatusCode::kInternal, HasSubstr("delivery_server_answer")));
    EXPECT_TRUE(w.FileMessages().empty());
  }
}

// Each piece is opened before it is kept and before the next is asked for.
TEST(Files, ADamagedPieceEndsTheDownload) {
  World w;
  ASSERT_OK_AND_ASSIGN(const int64_t id, w.Send(w.Source("large.bin", RandomBytes(1'000'000))));
  Bytes bad = ReadAll(w.server.Attachments().at(0));
  bad[100] ^= 1;
  WriteAllTo(w.server.Attachments().at(0), bad);
  EXPECT_THAT(w.Save(id, w.folder / "saved"), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("file_damaged")));
  EXPECT_EQ(w.server.gets, 1);
}

TEST(Files, AnUploadThatCouldNotEndGoesOnWithTheSameBytes) {
  World w;  // no patience: a broken connection ends the command
  w.server.fail_every = 2;
  const Bytes content = RandomBytes(2'000'000);
  const std::string source = w.Source("large.bin", content);
  EXPECT_THAT(w.Send(source), StatusIs(absl::StatusCode::kUnavailable));
  const std::vector<std::string> before = w.server.Attachments();
  ASSERT_EQ(before.size(), 1u);
  std::filesystem::remove(source);  // not needed any more: the sealed copy is complete
  absl::Status status = absl::UnavailableError("");
  for (int i = 0; i < 20 && absl::IsUnavailable(status); ++i) status = w.Resume();
  ASSERT_OK(status);
  EXPECT_EQ(w.server.Attachments(), before);
  ASSERT_EQ(w.FileMessages().size(), 1u);
  w.server.fail_every = 0;
  ASSERT_OK_AND_ASSIGN(const std::string saved, w.Save(w.FileMessages()[0], w.folder / "saved"));
  EXPECT_EQ(ReadAll(saved), content);
}

TEST(Files, TheSameCommandAgainGoesOnAndAChangedFileBeginsAnew) {
  World w;
  w.server.fail_every = 2;
  const std::string source = w.Source("large.bin", RandomBytes(2'000'000));
  EXPECT_THAT(w.Send(source), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(w.Send(source), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(w.server.Attachments().size(), 1u);  // the same upload
  const Bytes changed = RandomBytes(2'000'001);
  WriteAllTo(source, changed);
  w.server.fail_every = 0;
  ASSERT_OK_AND_ASSIGN(const int64_t id, w.Send(source));
  EXPECT_EQ(w.server.Attachments().size(), 2u);
  EXPECT_EQ(w.FileMessages().size(), 1u);
  ASSERT_OK_AND_ASSIGN(const std::string saved, w.Save(id, w.folder / "saved"));
  EXPECT_EQ(ReadAll(saved), changed);
  EXPECT_EQ(w.SealedCopies(), 0u);
}

// The server does what it can with what it has: nothing of it is ever saved.
TEST(Files, ATamperedAttachmentIsNamedAndNothingIsSaved) {
  World w;
  const Bytes content = RandomBytes(1'000'000);
  ASSERT_OK_AND_ASSIGN(const int64_t id, w.Send(w.Source("report.bin", content)));
  ASSERT_OK_AND_ASSIGN(const int64_t other, w.Send(w.Source("other.bin", RandomBytes(1'000'000))));
  const auto path_of = [&](int64_t message) {
    return w.server.PathOf(ToString(Sha256(ValueOf(w.With([&](Files& files) { return files.Find(message); })).read_capability)));
  };
  const std::string path = path_of(id);
  const Bytes good = ReadAll(path), foreign = ReadAll(path_of(other));
  const size_t piece = identity::kPieceSize;
  std::vector<std::pair<std::string, Bytes>> attacks;
  Bytes bad = good;
  bad[700'000] ^= 1;
  attacks.emplace_back("one bit", bad);
  bad = good;
  bad.back() ^= 0x80;
  attacks.emplace_back("the last bit", bad);
  bad = good;
  std::swap_ranges(bad.begin(), bad.begin() + static_cast<ptrdiff_t>(piece), bad.begin() + static_cast<ptrdiff_t>(piece));
  attacks.emplace_back("two pieces exchanged", bad);
  bad = good;
  std::copy_n(good.begin(), piece, bad.begin() + static_cast<ptrdiff_t>(piece));
  attacks.emplace_back("one piece twice", bad);
  bad = good;
  std::copy_n(foreign.begin() + static_cast<ptrdiff_t>(piece), piece, bad.begin() + static_cast<ptrdiff_t>(piece));
  attacks.emplace_back("a piece of another file", bad);
  attacks.emplace_back("another file", foreign);
  bad = good;
  bad.resize(2 * piece);
  attacks.emplace_back("cut off at a piece", bad);
  bad = good;
  bad.pop_back();
  attacks.emplace_back("one byte short", bad);
  bad = good;
  bad.push_back(0);
  attacks.emplace_back("one byte more", bad);
  attacks.emplace_back("nothing", Bytes());
  for (const auto& [name, bytes] : attacks) {
    SCOPED_TRACE(name);
    WriteAllTo(path, bytes);
    EXPECT_THAT(w.Save(id, w.folder / "saved"), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("file_damaged")));
    EXPECT_FALSE(std::filesystem::exists(w.folder / "saved"));
    EXPECT_EQ(w.SealedCopies(), 0u);
  }
  WriteAllTo(path, good);
  ASSERT_OK_AND_ASSIGN(const std::string saved, w.Save(id, w.folder / "saved"));
  EXPECT_EQ(ReadAll(saved), content);
}

TEST(Files, ADownloadGoesOnFromWhatIsGoodOfTheCopy) {
  World w;
  const Bytes content = RandomBytes(2'000'000);
  ASSERT_OK_AND_ASSIGN(const int64_t id, w.Send(w.Source("large.bin", content)));
  w.server.fail_every = 4;
  EXPECT_THAT(w.Save(id, w.folder / "saved"), StatusIs(absl::StatusCode::kUnavailable));
  const std::string copy = w.folder / ("files/" + std::to_string(id) + ".download");
  ASSERT_EQ(std::filesystem::file_size(copy), 3 * identity::kPieceSize);
  // As after a power cut: the end is torn.
  Bytes torn = ReadAll(copy);
  for (size_t i = torn.size() - 5000; i < torn.size(); ++i) torn[i] = 0;
  WriteAllTo(copy, torn);
  uint64_t first = UINT64_MAX;
  w.server.fail_every = 0;
  ASSERT_OK(w.With([&](Files& files) {
    return files.Save(id, w.folder / "saved", [&](uint64_t done, uint64_t) { first = std::min(first, done); });
  }).status());
  EXPECT_EQ(first, 2 * identity::kPieceSize);
  EXPECT_EQ(ReadAll(w.folder / "saved"), content);
}

TEST(Files, ASenderWhoLiesAboutTheWholeIsCaught) {
  World w;
  ASSERT_OK_AND_ASSIGN(const int64_t id, w.Send(w.Source("report.bin", RandomBytes(5000))));
  ASSERT_OK_AND_ASSIGN(FileReference file, w.With([&](Files& files) { return files.Find(id); }));
  file.sealed_hash[0] ^= 1;
  Change change = ValueOf(w.two.alice.stores->store.Begin());
  ASSERT_OK_AND_ASSIGN(const int64_t forged,
                       w.two.alice.conversations->AddContent(change, w.two.bob.user(), EntryKind::kMessage, kFileMediaType, Encode(file)));
  file.sealed_hash[0] ^= 1;
  file.server = "198.51.100.7:7444";
  ASSERT_OK_AND_ASSIGN(const int64_t elsewhere,
                       w.two.alice.conversations->AddContent(change, w.two.bob.user(), EntryKind::kMessage, kFileMediaType, Encode(file)));
  ASSERT_OK(change.Commit());
  EXPECT_THAT(w.Save(forged, w.folder / "saved"), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("file_damaged")));
  const int connections = w.server.connections;
  EXPECT_THAT(w.Save(elsewhere, w.folder / "saved"), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("file_elsewhere")));
  EXPECT_EQ(w.server.connections, connections);  // not even a connection
}

TEST(Files, NothingIsReplacedAndNamesAreMadeSafe) {
  World w;
  ASSERT_OK_AND_ASSIGN(const int64_t id, w.Send(w.Source(".hidden\x1b[31m", AsBytes("content"))));
  std::filesystem::create_directories(w.folder / "into");
  ASSERT_OK_AND_ASSIGN(const std::string saved, w.Save(id, w.folder / "into"));
  EXPECT_EQ(saved, w.folder / "into/_hidden_[31m");
  EXPECT_THAT(w.Save(id, w.folder / "into"), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("file_exists")));
}

TEST(Files, RefusesWhatCannotBeSent) {
  World w;
  EXPECT_THAT(w.Send(w.folder / "none"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("file_unreadable")));
  EXPECT_THAT(w.Send(w.folder.path()), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("file_unreadable")));
  ASSERT_EQ(mkfifo((w.folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(w.Send(w.folder / "pipe"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("file_unreadable")));
  const std::string large = w.Source("large", {});
  std::filesystem::resize_file(large, kMaxFile + 1);
  EXPECT_THAT(w.Send(large), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("file_too_large")));
  EXPECT_THAT(w.Send(w.Source("bad\xff", {})), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("file_name_unusable")));
  EXPECT_TRUE(w.server.Attachments().empty());
  EXPECT_TRUE(ValueOf(w.two.alice.stores->files.Uploads()).empty());
}

TEST(Files, APauseLeavesAnUploadWhereItGoesOn) {
  World w;
  w.server.fail_every = 2;
  EXPECT_THAT(w.Send(w.Source("large.bin", RandomBytes(2'000'000))), StatusIs(absl::StatusCode::kUnavailable));
  w.server.fail_every = 0;
  uint64_t done = 0, total = 0;
  int64_t message = 0;
  bool wanted = true;
  UploadWatch watch;
  watch.progress = [&](const FileUpload&, uint64_t d, uint64_t t) { done = d, total = t; };
  watch.complete = [&](const FileUpload& upload, int64_t id) {
    EXPECT_EQ(upload.name, "large.bin");
    message = id;
  };
  watch.pause = [&] { return std::exchange(wanted, !wanted); };  // one piece, then somebody wants something else
  const auto resume = [&] { return ValueOf(w.With([&](Files& files) { return files.Resume(watch); })); };
  ASSERT_TRUE(resume());
  const uint64_t at_first = done;
  ASSERT_TRUE(resume());
  EXPECT_EQ(done, at_first + identity::kPieceSize);
  EXPECT_LT(done, total);
  EXPECT_EQ(message, 0);
  int more = 0;
  while (resume()) ++more;
  EXPECT_GT(more, 2);
  EXPECT_EQ(done, total);
  ASSERT_THAT(w.FileMessages(), ElementsAre(message));
}

TEST(Files, WhatTheServerRefusesForGoodIsGivenUpAndWhatItRefusesNowIsKept) {
  World w;
  const std::string source = w.Source("report.bin", RandomBytes(5000));
  w.server.refusal = absl::ResourceExhaustedError("storage_full: full");
  EXPECT_THAT(w.Send(source), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("storage_full")));
  EXPECT_EQ(ValueOf(w.two.alice.stores->files.Uploads()).size(), 1u);
  w.server.refusal = absl::InvalidArgumentError("attachment_too_large: no");
  EXPECT_OK(w.Resume());
  EXPECT_TRUE(ValueOf(w.two.alice.stores->files.Uploads()).empty());
  EXPECT_THAT(w.two.alice.Texts(EntryKind::kNotice), ElementsAre("attachment_too_large"));
  EXPECT_EQ(w.SealedCopies(), 0u);
}

TEST(Files, ExpiredAndTakenBack) {
  World w;
  ASSERT_OK_AND_ASSIGN(const int64_t id, w.Send(w.Source("report.bin", RandomBytes(5000))));
  ASSERT_OK(w.With([&](Files& files) { return files.TakeBack(id); }));
  EXPECT_TRUE(w.server.Attachments().empty());
  EXPECT_THAT(w.Save(id, w.folder / "saved"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("file_expired")));
  EXPECT_THAT(w.With([&](Files& files) { return files.TakeBack(id); }), StatusIs(absl::StatusCode::kNotFound, HasSubstr("not_a_file")));
  ASSERT_OK_AND_ASSIGN(const int64_t late, w.Send(w.Source("late.bin", RandomBytes(5000))));
  w.clock.Advance(absl::UnixEpoch() + absl::Hours(24 * 30'001) - w.clock.Now());
  const int connections = w.server.connections;
  EXPECT_THAT(w.Save(late, w.folder / "saved"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("file_expired")));
  EXPECT_EQ(w.server.connections, connections);
}

TEST(Files, OnlyMessagesWithFilesAreFiles) {
  World w;
  ASSERT_OK_AND_ASSIGN(const int64_t text, w.two.alice.conversations->AddText(w.two.bob.user(), "no file"));
  for (const int64_t id : {text, int64_t{0}, int64_t{-1}, int64_t{999}}) {
    EXPECT_THAT(w.Save(id, w.folder / "saved"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("not_a_file")));
  }
}

// --- Killed in the middle -------------------------------------------------------------------------------------------------

// Killed before or after every commit of sending, then resumed: one message, one file, and no bytes under a key but one content.
TEST(Files, AFileIsSentOnceWhereverTheSenderIsKilled) {
  for (int n = 0;; ++n) {
    SCOPED_TRACE(n);
    World w;
    const Bytes content = RandomBytes(600'000);
    const std::string source = w.Source("report.bin", content);
    w.two.alice.Close();
    const pid_t child = fork();
    if (child == 0) {
      w.two.alice.Reopen();
      int seen = 0;
      w.two.alice.store().ObserveCommits([&](bool) {
        if (seen++ == n) kill(getpid(), SIGKILL);
      });
      _exit(w.Send(source).ok() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL);
    w.two.alice.Reopen();
    ASSERT_OK(w.Resume());
    ASSERT_OK(w.Resume());
    if (w.FileMessages().empty()) {
      EXPECT_EQ(n, 0);  // before it was written down at all: the person gives the command again
      ASSERT_OK(w.Send(source));
    }
    ASSERT_EQ(w.FileMessages().size(), 1u);
    EXPECT_EQ(w.server.Attachments().size(), 1u);
    EXPECT_EQ(w.SealedCopies(), 0u);
    ASSERT_OK_AND_ASSIGN(const std::string saved, w.Save(w.FileMessages()[0], w.folder / "saved"));
    EXPECT_EQ(ReadAll(saved), content);
    if (WIFEXITED(status)) {
      EXPECT_GE(n, 6);
      break;
    }
  }
}

// Killed while the sealed copy is made: its key is never used for anything else, above all not for the changed file.
TEST(Files, ACopyThatWasNotCompleteIsMadeAnewUnderAnotherKey) {
  World w;
  const std::string source = w.Source("report.bin", RandomBytes(600'000));
  w.two.alice.Close();
  const pid_t child = fork();
  if (child == 0) {
    w.two.alice.Reopen();
    int seen = 0;
    w.two.alice.store().ObserveCommits([&](bool durable) {
      if (durable && seen++ == 0) kill(getpid(), SIGKILL);  // the key is written down, the copy is not begun
    });
    w.Send(source).IgnoreError();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  w.two.alice.Reopen();
  const std::vector<FileUpload> before = ValueOf(w.two.alice.stores->files.Uploads());
  ASSERT_EQ(before.size(), 1u);
  ASSERT_FALSE(before[0].sealed_hash.has_value());
  ASSERT_OK(w.Resume());
  ASSERT_EQ(w.FileMessages().size(), 1u);
  ASSERT_OK_AND_ASSIGN(const FileReference file, w.With([&](Files& files) { return files.Find(w.FileMessages()[0]); }));
  EXPECT_FALSE(file.key == before[0].key);
  EXPECT_NE(file.read_capability, before[0].read_capability);
}

TEST(Files, AnUploadWhoseFileChangedBeforeItsCopyWasCompleteBecomesANotice) {
  World w;
  const std::string source = w.Source("report.bin", RandomBytes(600'000));
  FileUpload upload;
  upload.conversation = w.two.bob.user();
  upload.source = source;
  upload.source_size = 600'000;
  upload.source_mtime = 1;  // not this file's
  upload.name = "report.bin";
  upload.key = Secret::Random(kFileKeySize);
  {
    Change change = ValueOf(w.two.alice.stores->store.Begin());
    ASSERT_OK(w.two.alice.stores->files.AddUpload(change, upload).status());
    ASSERT_OK(change.Commit());
  }
  ASSERT_OK(w.Resume());
  EXPECT_THAT(w.two.alice.Texts(EntryKind::kNotice), ElementsAre("file_changed"));
  EXPECT_TRUE(w.server.Attachments().empty());
  EXPECT_TRUE(ValueOf(w.two.alice.stores->files.Uploads()).empty());
}

}  // namespace
}  // namespace plumbline::client
