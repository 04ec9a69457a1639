#include "common/log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/common/scratch.h"
#include "tests/status_matchers.h"

namespace plumbline {
namespace {

using ::plumbline::testing::ScratchDir;
using ::plumbline::testing::StatusIs;

// What the types allow is decided at compile time: text that arrives at run time has no way in but OperatorText.
static_assert(!std::is_constructible_v<FixedText, std::string>);
static_assert(!std::is_constructible_v<EventName, std::string>);
static_assert(!std::is_assignable_v<decltype(LogField::value)&, std::string>);

std::vector<nlohmann::json> Lines(const std::string& path) {
  std::vector<nlohmann::json> out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) out.push_back(nlohmann::json::parse(line));
  return out;
}

TEST(Logger, WritesOneJsonObjectALineWithTypedFields) {
  const ScratchDir dir;
  ASSERT_OK_AND_ASSIGN(const auto logger, Logger::Create({.service = "keyserver", .path = dir / "log"}));
  logger->Info("listener.started", {{LogKey::kPort, int64_t{7443}}, {LogKey::kListener, FixedText("mutual")}});
  logger->Error("store.failed", {{LogKey::kStatus, absl::StatusCode::kDataLoss}, {LogKey::kDuration, absl::Milliseconds(12)}});
  const auto lines = Lines(dir / "log");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["event"], "listener.started");
  EXPECT_EQ(lines[0]["service"], "keyserver");
  EXPECT_EQ(lines[0]["level"], "info");
  EXPECT_EQ(lines[0]["port"], 7443);
  EXPECT_EQ(lines[0]["listener"], "mutual");
  EXPECT_EQ(lines[1]["status"], "DATA_LOSS");
  EXPECT_EQ(lines[1]["duration_ms"], 12);
}

TEST(Logger, NoTextBreaksALine) {
  const ScratchDir dir;
  ASSERT_OK_AND_ASSIGN(const auto logger, Logger::Create({.service = "x", .path = dir / "log"}));
  logger->Info("service.started", {{LogKey::kPath, OperatorText{"/a\"b\\c\n{\"event\":\"forged\"}\x01\xff%s{}"}}});
  const auto lines = Lines(dir / "log");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["event"], "service.started");
}

TEST(Logger, LeavesOutWhatIsBelowItsLevel) {
  const ScratchDir dir;
  ASSERT_OK_AND_ASSIGN(const auto logger,
                       Logger::Create({.service = "x", .path = dir / "log", .level = LogLevel::kWarning}));
  logger->Info("quiet");
  logger->Warning("loud");
  const auto lines = Lines(dir / "log");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["event"], "loud");
}

TEST(Logger, MakesItsFileForTheOwnerOnlyAndAppends) {
  const ScratchDir dir;
  for (int run = 0; run < 2; ++run) {
    ASSERT_OK_AND_ASSIGN(const auto logger, Logger::Create({.service = "x", .path = dir / "log"}));
    logger->Info("service.started");
  }
  struct stat info;
  ASSERT_EQ(stat((dir / "log").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(Lines(dir / "log").size(), 2u);
  EXPECT_THAT(Logger::Create({.service = "x", .path = dir / "no/such/log"}), StatusIs(absl::StatusCode::kUnavailable));
}

TEST(Logger, KeepsLinesWholeAcrossThreads) {
  const ScratchDir dir;
  ASSERT_OK_AND_ASSIGN(const auto logger, Logger::Create({.service = "x", .path = dir / "log"}));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 200; ++n) logger->Info("tick", {{LogKey::kCount, int64_t{n}}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Lines(dir / "log").size(), 800u);
}

}  // namespace
}  // namespace plumbline
