// What a client that stays online does by itself when a server has gone away and come back: uploads go on, what was written is
// sent, and all of it is shown as events. The services are real processes.
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
#include "tests/e2e/service_fixture.h"
#include "tests/status_matchers.h"

namespace plumbline::client {
namespace {

using assess::Child;
using assess::CommandResult;
using assess::Person;
using assess::Service;
using nlohmann::json;
using plumbline::testing::ServiceFixture;
using plumbline::testing::ValueOf;

// Far below the five minutes after which a client looks again of its own accord.
constexpr absl::Duration kSoon = absl::Seconds(75);

ServiceFixture& Services() {
  static auto* const services = new ServiceFixture(PLUMBLINE_BIN);
  return *services;
}

std::string NewName(const std::string& stem) {
  static int count = 0;
  return absl::StrCat(stem, ++count);
}

std::string Folder(const std::string& name) {
  const std::string path = absl::StrCat(Services().organisation.folder(), "/", name);
  std::filesystem::create_directories(path);
  return path;
}

CommandResult As(const Person& person, const std::vector<std::string>& arguments) { return Services().Run(person, arguments); }

void ExpectOk(const CommandResult& result) { EXPECT_EQ(result.exit_code, 0) << result.out << result.err; }

// The last line of the output as JSON.
json Last(const CommandResult& result) {
  std::string text = result.out;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const size_t line = text.rfind('\n');
  const json value = json::parse(line == std::string::npos ? text : text.substr(line + 1), nullptr, false);
  return value.is_object() ? value : json::object();
}

std::vector<std::string> Texts(const CommandResult& result) {
  std::vector<std::string> texts;
  for (const json& entry : Last(result).value("messages", json::array())) {
    if (entry.value("kind", "") == "message") texts.push_back(entry.value("text", ""));
  }
  return texts;
}

// A client of `person` that runs, and what it has printed so far.
class Running final {
 public:
  Running(const Person& person, std::vector<std::string> arguments, const std::string& output)
      : output_(output), child_(ValueOf(Services().organisation.StartClient(person, WithJson(std::move(arguments)), output, true))) {}

  std::vector<json> Values() const {
    std::vector<json> values;
    std::istringstream lines(assess::ReadFile(output_).value_or(""));
    for (std::string line; std::getline(lines, line);) {
      json value = json::parse(line, nullptr, false);
      if (value.is_object()) values.push_back(std::move(value));
    }
    return values;
  }
  // How many values carry all of `expected`.
  size_t Count(const json& expected) const {
    size_t count = 0;
    for (const json& value : Values()) {
      bool all = true;
      for (const auto& [key, wanted] : expected.items()) all = all && value.contains(key) && value[key] == wanted;
      count += all;
    }
    return count;
  }
  // False if it has not printed `count` such values soon, or has ended.
  bool Await(const json& expected, size_t count = 1) {
    (void)assess::PollUntil([&] { return Count(expected) >= count || !child_.Running(); }, kSoon);
    if (Count(expected) >= count) return true;
    std::fprintf(stderr, "%s", assess::ReadFile(output_).value_or("").c_str());
    return false;
  }
  // Of the upload that is under way, in percent; -1 before.
  int Percent() const {
    int percent = -1;
    for (const json& value : Values()) {
      if (value.value("kind", "") != "progress") continue;
      percent = static_cast<int>(value.value("done", int64_t{0}) * 100 / std::max<int64_t>(1, value.value("total", int64_t{1})));
    }
    return percent;
  }
  bool AwaitPercent(int percent) {
    (void)assess::PollUntil([&] { return Percent() >= percent || !child_.Running(); }, kSoon);
    return Percent() >= percent;
  }
  int64_t FirstDone() const {
    for (const json& value : Values()) {
      if (value.value("kind", "") == "progress") return value.value("done", int64_t{0});
    }
    return -1;
  }
  absl::Status Say(const std::string& line) { return child_.WriteLine(line); }
  void Kill() {
    child_.Signal(SIGKILL);
    (void)child_.Wait(absl::Seconds(10)).status();
  }
  int Stop() { return child_.Stop(); }

 private:
  static std::vector<std::string> WithJson(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "--json");
    return arguments;
  }
  const std::string output_;
  Child child_;
};

std::string MakeFile(const std::string& path, size_t size) {
  const Bytes content = RandomBytes(size);
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(size));
  return path;
}

struct Two {
  Person alice = Services().Enrolled(NewName("alice"));
  Person bob = Services().Enrolled(NewName("bob"));

  // An upload of Alice's that was killed early. The file's path.
  std::string BrokenOff(const std::string& folder, size_t size) {
    const std::string source = MakeFile(folder + "/large.bin", size);
    Running sending(alice, {"send-file", bob.account, source}, folder + "/sending");
    EXPECT_TRUE(sending.AwaitPercent(5));
    sending.Kill();
    const json uploads = Last(As(alice, {"files"}))["uploads"];
    EXPECT_EQ(uploads.size(), 1u);
    return source;
  }
  // Bob has the file of `source`, once.
  void ExpectArrived(const std::string& source, const std::string& folder) {
    const CommandResult read = As(bob, {"read"});
    ExpectOk(read);
    std::vector<int64_t> numbers;
    for (const json& entry : Last(read).value("messages", json::array())) {
      if (entry.contains("file")) numbers.push_back(entry.value("id", int64_t{0}));
    }
    ASSERT_EQ(numbers.size(), 1u) << read.out;
    ExpectOk(As(bob, {"save", absl::StrCat(numbers[0]), folder + "/saved"}));
    EXPECT_TRUE(assess::ReadFile(folder + "/saved").value_or("") == assess::ReadFile(source).value_or(""));
  }
};

const json kOffline = {{"kind", "status"}, {"online", false}};
const json kOnline = {{"kind", "status"}, {"online", true}};

TEST(Live, AnUploadGoesOnInsideListenWhenTheServerIsBack) {
  Two two;
  const std::string folder = Folder("live-upload");
  ExpectOk(As(two.alice, {"send", two.bob.account, "first"}));
  ExpectOk(As(two.bob, {"read"}));
  const std::string source = two.BrokenOff(folder, size_t{40} << 20);
  Services().organisation.Kill(Service::kDelivery);
  Running listen(two.alice, {"listen"}, folder + "/listen");
  ASSERT_TRUE(listen.Await(kOffline));
  ASSERT_OK(Services().organisation.Start(Service::kDelivery));
  ASSERT_TRUE(listen.AwaitPercent(50));
  EXPECT_GT(listen.FirstDone(), 0);  // it did not begin anew
  const size_t before = listen.Count(kOffline);
  Services().organisation.Kill(Service::kDelivery);
  ASSERT_TRUE(listen.Await(kOffline, before + 1));
  ASSERT_OK(Services().organisation.Start(Service::kDelivery));
  ASSERT_TRUE(listen.Await({{"kind", "upload"}, {"file", "large.bin"}, {"state", "complete"}}));
  ASSERT_TRUE(listen.Await({{"kind", "outcome"}, {"state", "sent"}}));
  two.ExpectArrived(source, folder);
  // The same process still receives.
  ExpectOk(As(two.bob, {"send", two.alice.account, "got it"}));
  EXPECT_TRUE(listen.Await({{"kind", "message"}, {"text", "got it"}}));
  EXPECT_EQ(listen.Stop(), 0);
  EXPECT_EQ(listen.Count({{"kind", "outcome"}}), 1u);
}

TEST(Live, WhatArrivesIsShownWhileAnUploadIsUnderWay) {
  Two two;
  const std::string folder = Folder("live-both");
  ExpectOk(As(two.alice, {"send", two.bob.account, "first"}));
  ExpectOk(As(two.bob, {"read"}));
  const std::string source = two.BrokenOff(folder, size_t{100} << 20);
  ExpectOk(As(two.bob, {"send", two.alice.account, "meanwhile"}));  // waits at the server
  Running listen(two.alice, {"listen"}, folder + "/listen");
  ASSERT_TRUE(listen.Await({{"kind", "outcome"}, {"state", "sent"}}));
  EXPECT_EQ(listen.Stop(), 0);
  size_t at = 0, message = 0, complete = 0;
  for (const json& value : listen.Values()) {
    ++at;
    if (value.value("text", "") == "meanwhile") message = at;
    if (value.value("kind", "") == "upload") complete = at;
  }
  EXPECT_GT(message, 0u);
  EXPECT_LT(message + 20, complete);  // with most of the upload still to come
  two.ExpectArrived(source, folder);
}

TEST(Live, ReadAndChatGoOnWithAnUploadToo) {
  Two two;
  ExpectOk(As(two.alice, {"send", two.bob.account, "first"}));
  ExpectOk(As(two.bob, {"read"}));
  const std::string first = Folder("live-read"), second = Folder("live-chat");
  const std::string one = two.BrokenOff(first, size_t{20} << 20);
  ExpectOk(As(two.alice, {"read"}));
  two.ExpectArrived(one, first);
  const std::string other = two.BrokenOff(second, size_t{20} << 20);
  Running chat(two.alice, {"chat", two.bob.account}, second + "/chat");
  ASSERT_TRUE(chat.Await({{"kind", "outcome"}, {"state", "sent"}}));
  EXPECT_EQ(chat.Stop(), 0);
  two.ExpectArrived(other, second);
}

TEST(Live, AnUploadThatCannotGoOnIsNamed) {
  Two two;
  const std::string folder = Folder("live-failed");
  ExpectOk(As(two.alice, {"send", two.bob.account, "first"}));
  (void)two.BrokenOff(folder, size_t{20} << 20);
  for (const auto& copy : std::filesystem::directory_iterator(two.alice.home + "/files")) std::filesystem::resize_file(copy, 1);
  Running listen(two.alice, {"listen"}, folder + "/listen");
  EXPECT_TRUE(listen.Await({{"kind", "upload"}, {"state", "failed"}, {"reason", "file_changed"}}));
  EXPECT_TRUE(listen.Await({{"kind", "notice"}, {"reason", "file_changed"}}));
  EXPECT_EQ(listen.Stop(), 0);
}

TEST(Live, ALineTypedWhileTheDeliveryServerIsAwayIsSentWhenItIsBack) {
  Two two;
  const std::string folder = Folder("live-delivery");
  ExpectOk(As(two.alice, {"send", two.bob.account, "first"}));
  Running chat(two.alice, {"chat", two.bob.account}, folder + "/chat");
  ASSERT_OK(chat.Say("second"));
  ASSERT_TRUE(chat.Await({{"state", "sent"}}));
  Services().organisation.Kill(Service::kDelivery);
  ASSERT_TRUE(chat.Await(kOffline));
  ASSERT_OK(chat.Say("while it is away"));
  ASSERT_TRUE(chat.Await({{"state", "waiting"}}));
  ASSERT_OK(Services().organisation.Start(Service::kDelivery));
  EXPECT_TRUE(chat.Await({{"kind", "outcome"}, {"state", "sent"}}));
  EXPECT_TRUE(chat.Await(kOnline));
  EXPECT_THAT(Texts(As(two.bob, {"read"})), ::testing::ElementsAre("first", "second", "while it is away"));
  EXPECT_EQ(chat.Stop(), 0);
}

TEST(Live, ALineTypedWhileTheKeyServerIsAwayIsSentWhenItIsBack) {
  Two two;
  const std::string folder = Folder("live-keys");
  ExpectOk(As(two.alice, {"send", two.bob.account, "first"}));
  Running chat(two.alice, {"chat", two.bob.account}, folder + "/chat");
  ASSERT_OK(chat.Say("line 1"));
  ASSERT_TRUE(chat.Await({{"state", "sent"}}));
  Services().organisation.Kill(Service::kKeyserver);
  // What was looked up last is good for half a minute; then the key server is missed. One line a second, as people type: as
  // many as the client takes would only fill Bob's mailbox and this file of output.
  size_t typed = 1;
  absl::Time last = absl::Now();
  EXPECT_TRUE(assess::PollUntil(
      [&] {
        const size_t waiting = chat.Count({{"state", "waiting"}});
        if (waiting > 0 || absl::Now() - last < absl::Seconds(1)) return waiting > 0;
        if (chat.Count({{"state", "sent"}}) == typed && chat.Say(absl::StrCat("line ", ++typed)).ok()) last = absl::Now();
        return false;
      },
      kSoon));
  ASSERT_TRUE(chat.Await(kOffline));
  ASSERT_OK(Services().organisation.Start(Service::kKeyserver));
  EXPECT_TRUE(chat.Await({{"kind", "outcome"}, {"state", "sent"}}));
  EXPECT_TRUE(chat.Await(kOnline));
  EXPECT_EQ(chat.Stop(), 0);
  const std::vector<std::string> texts = Texts(As(two.bob, {"read"}));
  ASSERT_EQ(texts.size(), typed + 1);
  EXPECT_EQ(texts.back(), absl::StrCat("line ", typed));
}

// Encrypted already, so that the delivery server alone is needed.
TEST(Live, WhatIsInTheOutboxGoesAlthoughTheKeyServerIsAway) {
  Two two;
  const std::string folder = Folder("live-outbox");
  ExpectOk(As(two.alice, {"send", two.bob.account, "first"}));
  Running chat(two.alice, {"chat", two.bob.account}, folder + "/chat");
  ASSERT_OK(chat.Say("second"));
  ASSERT_TRUE(chat.Await({{"state", "sent"}}));
  Services().organisation.Kill(Service::kDelivery);
  ASSERT_OK(chat.Say("third"));
  ASSERT_TRUE(chat.Await({{"state", "waiting"}}));
  Services().organisation.Kill(Service::kKeyserver);
  ASSERT_OK(Services().organisation.Start(Service::kDelivery));
  EXPECT_TRUE(chat.Await({{"kind", "outcome"}, {"state", "sent"}}));
  EXPECT_EQ(chat.Stop(), 0);
  ASSERT_OK(Services().organisation.Start(Service::kKeyserver));
  EXPECT_THAT(Texts(As(two.bob, {"read"})), ::testing::ElementsAre("first", "second", "third"));
}

TEST(Live, AMemberWhoLeavesIsTakenOutByListenWhenTheKeyServerIsBack) {
  Two two;
  const std::string folder = Folder("live-leave"), name = NewName("Ferry");
  ExpectOk(As(two.alice, {"group", "create", name, two.bob.account}));
  ExpectOk(As(two.bob, {"read"}));
  ExpectOk(As(two.bob, {"group", "leave", name}));
  Services().organisation.Kill(Service::kKeyserver);
  Running listen(two.alice, {"listen"}, folder + "/listen");
  ASSERT_TRUE(listen.Await(kOffline));
  ASSERT_OK(Services().organisation.Start(Service::kKeyserver));
  EXPECT_TRUE(listen.Await(kOnline));
  EXPECT_TRUE(listen.Await({{"kind", "notice"}, {"reason", "person_left"}}));
  EXPECT_EQ(listen.Stop(), 0);
  EXPECT_NE(As(two.bob, {"read"}).out.find("\"removed\""), std::string::npos);
}

}  // namespace
}  // namespace plumbline::client
