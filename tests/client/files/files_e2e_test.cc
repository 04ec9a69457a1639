// Files from one person to another with the three services as real processes.
#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "assess/demo/people.h"
#include "common/bytes.h"
#include "common/db/database.h"
#include "tests/client_output.h"
#include "tests/e2e/service_fixture.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using assess::CommandResult;
using assess::Person;
using assess::Service;
using nlohmann::json;
using plumbline::testing::ExpectOk;
using plumbline::testing::Last;
using plumbline::testing::Reason;
using plumbline::testing::ServiceFixture;
using plumbline::testing::ValueOf;
using ::testing::HasSubstr;

ServiceFixture& Services() {
  static auto* const services = new ServiceFixture(PLUMBLINE_BIN);
  return *services;
}

std::string NewName(const std::string& stem) {
  static int count = 0;
  return absl::StrCat(stem, ++count);
}

CommandResult As(const Person& person, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "--json");
  return ValueOf(Services().organisation.Client(person, arguments, "", absl::Seconds(120)));
}

std::string Folder(const std::string& name) {
  const std::string path = absl::StrCat(Services().organisation.folder(), "/", name);
  std::filesystem::create_directories(path);
  return path;
}

std::string MakeFile(const std::string& path, size_t size) {
  const Bytes content = RandomBytes(size);
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(size));
  return path;
}

std::string ContentOf(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  std::string content(error ? 0 : size, 0);
  std::ifstream(path, std::ios::binary).read(content.data(), static_cast<std::streamsize>(content.size()));
  return content;
}

struct Two {
  Person alice = Services().Enrolled(NewName("alice"));
  Person bob = Services().Enrolled(NewName("bob"));

  // The number of the newest file in what Bob reads.
  std::string Receive() {
    const CommandResult read = As(bob, {"read"});
    ExpectOk(read);
    std::string id;
    for (const json& entry : Last(read).value("messages", json::array())) {
      if (entry.contains("file")) id = absl::StrCat(entry.value("id", int64_t{0}));
    }
    EXPECT_NE(id, "") << read.out;
    return id;
  }
};

// Starts a client and kills it when its output says that `percent` has been moved. False if it ended before.
bool KillAt(const Person& person, std::vector<std::string> arguments, int percent, const std::string& output) {
  arguments.insert(arguments.begin(), "--json");
  std::filesystem::remove(output);
  assess::Child child = ValueOf(Services().organisation.StartClient(person, arguments, output, false));
  const bool there = assess::PollUntil(
      [&] {
        uint64_t done = 0, total = 1;
        std::istringstream lines(assess::ReadFile(output).value_or(""));
        for (std::string line; std::getline(lines, line);) {
          const json value = json::parse(line, nullptr, false);
          if (!value.is_object() || value.value("kind", "") != "progress") continue;
          done = value.value("done", uint64_t{0});
          total = value.value("total", uint64_t{1});
        }
        return !child.Running() || done * 100 >= static_cast<uint64_t>(percent) * total;
      },
      absl::Seconds(60));
  const bool running = child.Running();
  child.Signal(SIGKILL);
  (void)child.Wait(absl::Seconds(10)).status();
  return there && running;
}

TEST(Files, OfEverySizeAroundAChunkArriveAsTheyWere) {
  Two two;
  const std::string folder = Folder("sizes");
  for (const size_t size : {size_t{0}, size_t{1}, size_t{65519}, size_t{65520}, size_t{65521}}) {
    SCOPED_TRACE(size);
    const std::string source = MakeFile(absl::StrCat(folder, "/", size, ".bin"), size);
    ExpectOk(As(two.alice, {"send-file", two.bob.account, source}));
    const std::string id = two.Receive();
    const CommandResult saved = As(two.bob, {"save", id, folder + "/saved" + id});
    ExpectOk(saved);
    EXPECT_EQ(ContentOf(folder + "/saved" + id), ContentOf(source));
  }
}

TEST(Files, AreShownWithNameSizeAndHowToSaveThem) {
  Two two;
  const std::string folder = Folder("shown");
  ExpectOk(As(two.alice, {"send-file", two.bob.account, MakeFile(folder + "/plan B.pdf", 12'345), "--media-type", "application/pdf"}));
  const std::string id = two.Receive();
  const CommandResult people = ValueOf(Services().organisation.Client(two.bob, {"history"}));
  EXPECT_THAT(people.out, HasSubstr(absl::StrCat("[file ", id, ": plan B.pdf, 12.3 kB; `plumbline save ", id, "`")));
  const json files = Last(As(two.bob, {"files"}))["files"];
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files[0]["file"]["name"], "plan B.pdf");
  EXPECT_EQ(files[0]["file"]["media_type"], "application/pdf");
  EXPECT_EQ(files[0]["file"]["size"], 12'345);
  // In a folder, under its own name; nothing is replaced.
  EXPECT_EQ(Reason(As(two.bob, {"save", id, folder})), "file_exists");  // Alice's
  const std::string into = Folder("shown/into");
  ExpectOk(As(two.bob, {"save", id, into}));
  EXPECT_EQ(ContentOf(into + "/plan B.pdf"), ContentOf(folder + "/plan B.pdf"));
  EXPECT_EQ(Reason(As(two.bob, {"save", id, into})), "file_exists");
  EXPECT_EQ(Reason(As(two.bob, {"save", "9999", into})), "not_a_file");
}

TEST(Files, AHundredMebibytesArrive) {
  Two two;
  const std::string folder = Folder("large");
  const std::string source = MakeFile(folder + "/large.bin", size_t{100} << 20);
  const absl::Time start = absl::Now();
  ExpectOk(As(two.alice, {"send-file", two.bob.account, source}));
  const absl::Time sent = absl::Now();
  const std::string id = two.Receive();
  const absl::Time read = absl::Now();
  ExpectOk(As(two.bob, {"save", id, folder + "/saved"}));
  std::printf("100 MiB: sent in %.1f s, saved in %.1f s\n", absl::ToDoubleSeconds(sent - start),
              absl::ToDoubleSeconds(absl::Now() - read));
  EXPECT_TRUE(ContentOf(folder + "/saved") == ContentOf(source));
  // A larger one, padded, is against the server's policy, where nothing is set; and more than 2 GiB are refused before anything is read.
  std::filesystem::resize_file(source, uint64_t{103} << 20);
  EXPECT_EQ(Reason(As(two.alice, {"send-file", two.bob.account, source})), "attachment_too_large");
  EXPECT_EQ(Last(As(two.alice, {"files"}))["uploads"].size(), 0u);
  std::filesystem::resize_file(source, (uint64_t{2} << 30) + 1);
  EXPECT_EQ(Reason(As(two.alice, {"send-file", two.bob.account, source})), "file_too_large");
}

TEST(Files, AnUploadThatWasKilledGoesOnAndTheFileArrivesOnce) {
  Two two;
  const std::string folder = Folder("killed-upload");
  const std::string source = MakeFile(folder + "/large.bin", size_t{20} << 20);
  ASSERT_TRUE(KillAt(two.alice, {"send-file", two.bob.account, source}, 30, folder + "/out"));
  ASSERT_EQ(Last(As(two.alice, {"files"}))["uploads"].size(), 1u);
  ASSERT_TRUE(KillAt(two.alice, {"sync"}, 60, folder + "/out"));
  const std::string first = ContentOf(folder + "/out");
  const json resumed = json::parse(first.substr(0, first.find('\n')), nullptr, false);
  EXPECT_GT(resumed.value("done", 0), 0) << first;  // it did not begin anew
  ExpectOk(As(two.alice, {"sync"}));
  EXPECT_EQ(Last(As(two.alice, {"files"}))["uploads"].size(), 0u);
  const std::string id = two.Receive();
  EXPECT_EQ(Last(As(two.bob, {"files"}))["files"].size(), 1u);
  ExpectOk(As(two.bob, {"save", id, folder + "/saved"}));
  EXPECT_TRUE(ContentOf(folder + "/saved") == ContentOf(source));
}

TEST(Files, ADownloadThatWasKilledGoesOn) {
  Two two;
  const std::string folder = Folder("killed-download");
  const std::string source = MakeFile(folder + "/large.bin", size_t{20} << 20);
  ExpectOk(As(two.alice, {"send-file", two.bob.account, source}));
  const std::string id = two.Receive();
  ASSERT_TRUE(KillAt(two.bob, {"save", id, folder + "/saved"}, 40, folder + "/out"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/saved"));
  const CommandResult saved = As(two.bob, {"save", id, folder + "/saved"});
  ExpectOk(saved);
  const json resumed = json::parse(saved.out.substr(0, saved.out.find('\n')), nullptr, false);
  EXPECT_GT(resumed.value("done", 0), 1 << 20) << saved.out.substr(0, 200);
  EXPECT_TRUE(ContentOf(folder + "/saved") == ContentOf(source));
}

TEST(Files, TheDeliveryServerMayDieInTheMiddleOfBoth) {
  Two two;
  const std::string folder = Folder("server-dies");
  const std::string source = MakeFile(folder + "/large.bin", size_t{40} << 20);
  const auto disturbed = [&](const Person& person, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "--json");
    const std::string output = folder + "/out";
    std::filesystem::remove(output);
    assess::Child child = ValueOf(Services().organisation.StartClient(person, arguments, output, false));
    for (int i = 0; i < 2; ++i) {
      const size_t lines = ContentOf(output).size();
      EXPECT_TRUE(assess::PollUntil([&] { return !child.Running() || ContentOf(output).size() > lines + 500; }, absl::Seconds(30)));
      EXPECT_TRUE(child.Running());
      Services().organisation.Kill(Service::kDelivery);
      ASSERT_OK(Services().organisation.Start(Service::kDelivery));
    }
    EXPECT_EQ(ValueOf(child.Wait(absl::Seconds(60))), 0) << ContentOf(output);
  };
  disturbed(two.alice, {"send-file", two.bob.account, source});
  const std::string id = two.Receive();
  disturbed(two.bob, {"save", id, folder + "/saved"});
  EXPECT_TRUE(ContentOf(folder + "/saved") == ContentOf(source));
}

TEST(Files, AServerThatIsDownKeepsTheUploadWaiting) {
  Two two;
  const std::string folder = Folder("server-down");
  const std::string source = MakeFile(folder + "/report.bin", 300'000);
  ExpectOk(As(two.alice, {"send", two.bob.account, "first"}));
  Services().organisation.Kill(Service::kDelivery);
  const CommandResult kept = As(two.alice, {"send-file", two.bob.account, source, "--wait", "0"});
  EXPECT_EQ(kept.exit_code, 75) << kept.out;
  EXPECT_EQ(Reason(kept), "server_unreachable");
  ASSERT_OK(Services().organisation.Start(Service::kDelivery));
  ExpectOk(As(two.alice, {"sync"}));
  const std::string id = two.Receive();
  ExpectOk(As(two.bob, {"save", id, folder + "/saved"}));
  EXPECT_EQ(ContentOf(folder + "/saved"), ContentOf(source));
}

TEST(Files, ATamperedStoreIsNamedByTheReceiver) {
  Two two;
  const std::string folder = Folder("tampered");
  ExpectOk(As(two.alice, {"send-file", two.bob.account, MakeFile(folder + "/report.bin", 1'000'000)}));
  const std::string id = two.Receive();
  EXPECT_EQ(Services().organisation.Stop(Service::kDelivery), 0);
  {
    const assess::AttachmentDatabase attachments = ValueOf(Services().organisation.Attachments());
    const auto database =
        ValueOf(db::Database::Open(attachments.path, ValueOf(db::Key::FromSecret(Secret::CopyOf(attachments.key.view())))));
    ASSERT_OK(database->Execute("UPDATE pieces SET n = n + 100 WHERE n = 0 AND attachment = (SELECT MAX(row) FROM attachments)"));
    ASSERT_OK(database->Execute("UPDATE pieces SET n = 0 WHERE n = 1 AND attachment = (SELECT MAX(row) FROM attachments)"));
    ASSERT_OK(database->Execute("UPDATE pieces SET n = 1 WHERE n = 100 AND attachment = (SELECT MAX(row) FROM attachments)"));
  }
  ASSERT_OK(Services().organisation.Start(Service::kDelivery));
  const CommandResult saved = As(two.bob, {"save", id, folder + "/saved"});
  EXPECT_EQ(saved.exit_code, 1);
  EXPECT_EQ(Reason(saved), "file_damaged");
  EXPECT_FALSE(std::filesystem::exists(folder + "/saved"));
}

TEST(Files, TheSenderTakesOneBack) {
  Two two;
  const std::string folder = Folder("taken-back");
  const CommandResult sent = As(two.alice, {"send-file", two.bob.account, MakeFile(folder + "/report.bin", 1000)});
  ExpectOk(sent);
  const std::string id = two.Receive();
  EXPECT_EQ(Reason(As(two.bob, {"take-back", id})), "not_a_file");  // it is not his
  ExpectOk(As(two.alice, {"take-back", absl::StrCat(Last(sent).value("id", int64_t{0}))}));
  EXPECT_EQ(Reason(As(two.bob, {"save", id, folder + "/saved"})), "file_expired");
}

TEST(Files, NamesWhatCannotBeSent) {
  Two two;
  const std::string folder = Folder("unsendable");
  EXPECT_EQ(Reason(As(two.alice, {"send-file", two.bob.account, folder})), "file_unreadable");
  EXPECT_EQ(Reason(As(two.alice, {"send-file", two.bob.account, folder + "/none"})), "file_unreadable");
  EXPECT_EQ(Reason(As(two.alice, {"send-file", "nobody", MakeFile(folder + "/a", 1)})), "unknown_user");
  EXPECT_EQ(As(two.alice, {"send-file", two.bob.account, folder + "/a", "--media-type", "nonsense"}).exit_code, 2);
}

}  // namespace
}  // namespace plumbline::client
