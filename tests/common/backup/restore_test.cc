// Whole backups of a small service, and what must not be restored.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "common/backup/archive.h"
#include "tests/common/backup/small_service.h"

namespace plumbline::backup {
namespace {

namespace fs = std::filesystem;
using identity::ReasonOf;
using testing::ReadAll;
using plumbline::testing::ScratchDir;
using testing::kSecret;
using testing::Restore;
using testing::SmallService;

class Backups : public ::testing::Test {
 protected:
  absl::StatusOr<Manifest> TakeAs(const std::string& name, const SmallService& service) {
    return Take(service, key_.public_key(), scratch_ / name, SystemClock());
  }
  // An archive of this manifest and these contents, to this test's key.
  void Forge(const std::string& name, const Manifest& manifest, const std::vector<Bytes>& contents) {
    auto archive = ArchiveWriter::Create(scratch_ / name, key_.public_key());
    const Bytes encoded = Encode(manifest);
    Writer size;
    ASSERT_OK(archive->Write(size.U32(static_cast<uint32_t>(encoded.size())).view()));
    ASSERT_OK(archive->Write(encoded));
    for (const Bytes& content : contents) ASSERT_OK(archive->Write(content));
    ASSERT_OK(archive->Finish());
  }
  absl::Status Check(const SmallService& service, const std::string& name) {
    ASSIGN_OR_RETURN(WorkFolder folder, PrepareScratch());
    return Unpack(service, scratch_ / name, key_, std::move(folder)).status();
  }
  const ScratchDir scratch_;
  const crypto::SealedBoxKeyPair key_ = crypto::SealedBoxKeyPair::Generate();
};

TEST_F(Backups, BringBackEverythingAndContinueTheRecord) {
  const SmallService service(scratch_ / "data"), restored(scratch_ / "restored");
  service.Make();
  const auto manifest = TakeAs("backup", service);
  ASSERT_OK(manifest.status());
  EXPECT_EQ(manifest->logs[0].size, 2u);  // its own record is in it
  ASSERT_OK(Check(restored, "backup"));
  EXPECT_FALSE(fs::exists(scratch_ / "restored"));  // a check writes nothing
  ASSERT_OK(Restore(restored, scratch_ / "backup", key_));
  for (const std::string& name : restored.databases()) EXPECT_EQ(restored.Rows(name), 20);
  EXPECT_EQ(ReadAll(restored.Path("small.csr")), "a request");
  std::vector<std::string> names;
  for (const audit::Record& record : restored.Records()) names.push_back(record.name);
  EXPECT_THAT(names, ::testing::ElementsAre("service.started", "backup.taken", "service.restored"));
  EXPECT_EQ(restored.Records()[1].details.at("recipient"), RecipientText(key_.public_key()));
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(restored.data_dir())) {
    if (!entry.path().filename().string().ends_with(".lock")) left.push_back(entry.path().filename());
    EXPECT_EQ(fs::status(entry.path()).permissions(), fs::perms(0600)) << entry.path();
  }
  EXPECT_THAT(left, ::testing::UnorderedElementsAre("small.keys", "small.csr", "main.db", "more.db"));
  struct stat info;
  ASSERT_EQ(stat((scratch_ / "backup").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  EXPECT_FALSE(fs::exists(scratch_ / "plumbline-delivery.partial"));
}

TEST_F(Backups, ShowNothingOfWhatIsInThem) {
  const SmallService service(scratch_ / "data");
  service.Make();
  const Bytes keys = ToBytes(AsBytes(ReadAll(service.Path("small.keys"))));
  ASSERT_OK(TakeAs("backup", service).status());
  const std::string backup = ReadAll(scratch_ / "backup");
  // The control: the same search finds both where they are plain.
  const auto database = service.Open("main.db");
  auto read = database->Prepare("SELECT text FROM kept LIMIT 1");
  ASSERT_TRUE(*read->Step());
  EXPECT_THAT(std::string(read->Text(0)), ::testing::HasSubstr(kSecret));
  EXPECT_THAT(ReadAll(service.Path("small.keys")), ::testing::HasSubstr(ToString(keys)));
  for (const std::string& plain : {std::string(kSecret), ToString(keys), ToString(ByteView(keys).first(32)), std::string("SQLite format"),
                                   std::string("example.org"), std::string("main.db"), std::string("a request")}) {
    EXPECT_THAT(backup, ::testing::Not(::testing::HasSubstr(plain)));
  }
}

// With a service that writes all the while: each database as it was at one moment, the second not before the first.
TEST_F(Backups, AreOfOneMomentWhileTheServiceWrites) {
  const SmallService service(scratch_ / "data");
  service.Make();
  std::atomic<bool> stop = false;
  std::atomic<int64_t> both = 20;
  std::thread writer([&] {
    const auto main = service.Open("main.db"), more = service.Open("more.db");
    while (!stop) {
      // As a client does: the file first, then the message that names it.
      SmallService::Insert(*more, "file");
      SmallService::Insert(*main, "message");
      ++both;
    }
  });
  for (int i = 0; i < 5; ++i) {
    const int64_t before = both;
    const auto taken = TakeAs(absl::StrCat("backup", i), service);
    ASSERT_OK(taken.status());
    const SmallService restored(scratch_ / absl::StrCat("restored", i));
    ASSERT_OK(Restore(restored, scratch_ / absl::StrCat("backup", i), key_));
    EXPECT_GE(restored.Rows("main.db"), before);
    EXPECT_GE(restored.Rows("more.db"), restored.Rows("main.db"));  // no message without its file
  }
  stop = true;
  writer.join();
}

TEST_F(Backups, ReplaceNothing) {
  const SmallService service(scratch_ / "data");
  service.Make();
  ASSERT_OK(WriteFileAtomically(scratch_ / "backup", AsBytes("mine"), 0600));
  EXPECT_EQ(ReasonOf(TakeAs("backup", service).status()), "backup_exists");
  EXPECT_EQ(ReadAll(scratch_ / "backup"), "mine");
  EXPECT_EQ(service.Records().size(), 1u);
  ASSERT_OK(TakeAs("second", service).status());
  EXPECT_EQ(ReasonOf(Restore(service, scratch_ / "second", key_)), "already_initialised");
  // A database without keys may be somebody's only copy.
  const SmallService keyless(scratch_ / "keyless");
  keyless.Make();
  fs::remove(keyless.Path("small.keys"));
  const std::string before = ReadAll(keyless.Path("main.db"));
  EXPECT_EQ(ReasonOf(Restore(keyless, scratch_ / "second", key_)), "data_dir_in_use");
  EXPECT_EQ(ReasonOf(Restore(keyless, scratch_ / "second", key_)), "data_dir_in_use");  // also the second time
  EXPECT_EQ(ReadAll(keyless.Path("main.db")), before);
  // Nor may a write-ahead log that is another database's.
  const SmallService stale(scratch_ / "stale");
  fs::create_directory(stale.data_dir());
  ASSERT_OK(WriteFileAtomically(stale.Path("more.db-wal"), AsBytes("of another"), 0600));
  EXPECT_EQ(ReasonOf(Restore(stale, scratch_ / "second", key_)), "data_dir_in_use");
}

TEST_F(Backups, OfAnotherServiceOrOrganisationAreRefused) {
  const SmallService service(scratch_ / "data");
  service.Make();
  ASSERT_OK(TakeAs("backup", service).status());
  EXPECT_EQ(ReasonOf(Restore(SmallService(scratch_ / "x", "example.org", identity::Service::kAdmin), scratch_ / "backup", key_)),
            "backup_wrong_service");
  EXPECT_EQ(ReasonOf(Restore(SmallService(scratch_ / "y", "example.net"), scratch_ / "backup", key_)), "backup_wrong_organisation");
  EXPECT_EQ(ReasonOf(Restore(SmallService(scratch_ / "z"), scratch_ / "backup", crypto::SealedBoxKeyPair::Generate())), "backup_key_wrong");
  for (const char* name : {"x", "y", "z"}) EXPECT_FALSE(fs::exists(scratch_ / absl::StrCat(name, "/small.keys")));
}

// Who has the recipient line can encrypt to it, and has what one backup held: none of it makes another backup.
TEST_F(Backups, MadeByWhoeverLacksTheKeysAreRefused) {
  const SmallService service(scratch_ / "data"), other(scratch_ / "other");
  service.Make();
  other.Make();
  const auto content = [](const SmallService& of, const std::string& name) { return ToBytes(AsBytes(ReadAll(of.Path(name)))); };
  const auto file = [](const std::string& name, const Bytes& bytes) { return File{name, bytes.size(), Sha256(bytes)}; };
  for (const SmallService* each : {&service, &other}) {
    for (const std::string& name : each->databases()) ASSERT_OK(each->Open(name)->Checkpoint());
  }
  const auto taken = TakeAs("backup", service);
  ASSERT_OK(taken.status());
  for (const std::string& name : service.databases()) ASSERT_OK(service.Open(name)->Checkpoint());
  const std::vector<Bytes> whole = {content(service, "small.keys"), content(service, "small.csr"), content(service, "main.db"),
                                    content(service, "more.db")};
  Manifest manifest = *taken;
  for (size_t i = 0; i < 4; ++i) manifest.files[i] = file(manifest.files[i].name, whole[i]);
  const db::Key key = std::move((*service.OpenKeys(service.data_dir()))->DatabaseKeys()[0]);
  const auto said = [&](const char* name, const Manifest& forged, const std::vector<Bytes>& contents) {
    Forge(name, forged, contents);
    const SmallService target(scratch_ / absl::StrCat("to-", name));
    const absl::Status status = Restore(target, scratch_ / name, key_);
    EXPECT_EQ(status.ok(), fs::exists(target.Path("small.keys")));
    return status.ok() ? std::string("restored") : ReasonOf(status);
  };
  EXPECT_EQ(said("unproved", manifest, whole), "backup_not_of_these_keys");
  Prove(manifest, key);
  EXPECT_EQ(said("proved", manifest, whole), "restored");  // the control
  // Another organisation's keys with this one's manifest, and databases of another moment or another service.
  std::vector<Bytes> mixed = whole;
  mixed[0] = content(other, "small.keys");
  EXPECT_EQ(said("other-keys", manifest, mixed), "backup_damaged");
  mixed = whole;
  mixed[3] = content(other, "more.db");
  EXPECT_EQ(said("other-database", manifest, mixed), "backup_damaged");
  Manifest swapped = manifest;
  swapped.files[3] = file("more.db", mixed[3]);
  Prove(swapped, key);
  EXPECT_EQ(said("other-key-inside", swapped, mixed), "store_key_wrong");
  mixed = whole;
  std::swap(mixed[2], mixed[3]);
  EXPECT_EQ(said("swapped", manifest, mixed), "backup_damaged");
  Manifest far = manifest;
  far.logs[0].size += 1;
  Prove(far, key);
  EXPECT_EQ(said("logs", far, whole), "backup_damaged");
  Manifest missing = manifest;
  missing.files.pop_back();
  Prove(missing, key);
  EXPECT_EQ(said("missing", missing, {whole[0], whole[1], whole[2]}), "backup_damaged");
  Manifest extra = manifest;
  extra.files.push_back(file("extra.db", whole[3]));
  Prove(extra, key);
  mixed = whole;
  mixed.push_back(whole[3]);
  EXPECT_EQ(said("extra", extra, mixed), "backup_damaged");
  Manifest order = manifest;
  std::swap(order.files[2], order.files[3]);
  Prove(order, key);
  mixed = whole;
  std::swap(mixed[2], mixed[3]);
  EXPECT_EQ(said("order", order, mixed), "backup_damaged");
  mixed = whole;
  mixed.push_back(Bytes(10));
  EXPECT_EQ(said("longer", manifest, mixed), "backup_damaged");
}

TEST_F(Backups, OfADamagedServiceAreNotTaken) {
  const SmallService service(scratch_ / "data");
  service.Make();
  {
    const auto database = service.Open("main.db");
    ASSERT_OK(database->Execute("UPDATE audit_record SET signature = zeroblob(64)"));
  }
  EXPECT_EQ(ReasonOf(TakeAs("backup", service).status()), "audit_broken");
  EXPECT_FALSE(fs::exists(scratch_ / "backup"));
  EXPECT_FALSE(fs::exists(scratch_ / "plumbline-delivery.partial"));
  const SmallService none(scratch_ / "none");
  EXPECT_EQ(ReasonOf(TakeAs("backup", none).status()), "not_initialised");
  none.Make();
  fs::remove(none.Path("more.db"));
  EXPECT_EQ(ReasonOf(TakeAs("backup", none).status()), "store_missing");
}

TEST_F(Backups, AreMadeByOneAtATimeWhereNobodyElseMayWrite) {
  const SmallService service(scratch_ / "data");
  service.Make();
  {
    const auto held = WorkFolder::Make(scratch_ / "plumbline-delivery.partial");
    ASSERT_OK(held.status());
    EXPECT_EQ(ReasonOf(TakeAs("backup", service).status()), "backup_running");
  }
  fs::create_directory(scratch_ / "plumbline-delivery.partial");
  fs::permissions(scratch_ / "plumbline-delivery.partial", fs::perms(0777));
  EXPECT_EQ(ReasonOf(TakeAs("backup", service).status()), "folder_unusable");
  fs::permissions(scratch_ / "plumbline-delivery.partial", fs::perms(0700));
  ASSERT_OK(WriteFileAtomically(scratch_ / "plumbline-delivery.partial/left", AsBytes("by one that was killed"), 0600));
  ASSERT_OK(TakeAs("backup", service).status());
  EXPECT_FALSE(fs::exists(scratch_ / "plumbline-delivery.partial"));
}

}  // namespace
}  // namespace plumbline::backup
