#include "common/config/config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "plumbline/test/v1/config.pb.h"
#include "tests/common/scratch.h"
#include "tests/status_matchers.h"

namespace plumbline::config {
namespace {

using ::plumbline::testing::ScratchDir;
using ::plumbline::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Config = ::plumbline::test::v1::Config;

absl::StatusOr<Config> Read(absl::string_view text) {
  Config config;
  RETURN_IF_ERROR(Parse(text, "keys.yaml", config));
  return config;
}

constexpr absl::string_view kFull = R"(# a comment
listen: 127.0.0.1:7443
threads: 4
code_lifetime: 90m
offer: true
level: warning
names: [a, "b c"]
limits:
  per_day: 7
peers:
  - address: one:1
  - address: two:2
mode: STRICT
offset: -5
)";

TEST(Config, ReadsEveryKindOfField) {
  ASSERT_OK_AND_ASSIGN(const Config config, Read(kFull));
  EXPECT_EQ(config.listen(), "127.0.0.1:7443");
  EXPECT_EQ(config.threads(), 4u);
  EXPECT_EQ(config.code_lifetime().seconds(), 5400);
  EXPECT_TRUE(config.offer());
  EXPECT_EQ(config.level(), "warning");
  EXPECT_THAT(config.names(), ElementsAre("a", "b c"));
  EXPECT_EQ(config.limits().per_day(), 7u);
  ASSERT_EQ(config.peers_size(), 2);
  EXPECT_EQ(config.peers(1).address(), "two:2");
  EXPECT_EQ(config.mode(), test::v1::STRICT);
  EXPECT_EQ(config.offset(), -5);
}

TEST(Config, FillsDefaultsAlsoInSectionsThatAreNotWritten) {
  ASSERT_OK_AND_ASSIGN(const Config config, Read("listen: a:1"));
  EXPECT_EQ(config.threads(), 8u);
  EXPECT_EQ(config.code_lifetime().seconds(), 86400);
  EXPECT_EQ(config.level(), "info");
  EXPECT_EQ(config.limits().per_day(), 100u);
  EXPECT_FALSE(config.has_console());  // has a required field of its own, so it stays absent
}

TEST(Config, RefusesAnUnknownKeyWithLineAndTheKnownOnes) {
  EXPECT_THAT(Read("listen: a:1\n\nthread: 4\n"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("keys.yaml:3:"), HasSubstr("\"thread\""), HasSubstr("threads"))));
  EXPECT_THAT(Read("listen: a:1\nlimits:\n  perday: 4\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("keys.yaml:3:"), HasSubstr("per_day"))));
}

TEST(Config, RefusesAMissingRequiredFieldWithItsRemedy) {
  EXPECT_THAT(Read("threads: 4"), StatusIs(absl::StatusCode::kInvalidArgument,
                                           AllOf(HasSubstr("listen is missing"), HasSubstr("127.0.0.1:7443"))));
  EXPECT_THAT(Read(""), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("listen is missing")));
  EXPECT_THAT(Read("listen: \"\""), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("empty")));
  EXPECT_THAT(Read("listen: a:1\npeers:\n  - {}\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr(":3:"), HasSubstr("address is missing"))));
}

struct Bad {
  const char* line;
  const char* says;
};

TEST(Config, RefusesWrongTypesAndValuesOutOfRangeWithTheLine) {
  for (const Bad& bad : {Bad{"threads: many", "whole number"}, Bad{"threads: 4.5", "whole number"}, Bad{"threads: 0x10", "whole number"},
                         Bad{"threads: -1", "out of range"}, Bad{"threads: 0", "below 1"}, Bad{"threads: 65", "above 64"},
                         Bad{"threads: 99999999999999999999", "whole number"}, Bad{"threads: [1]", "single value"},
                         Bad{"threads:", "no value"}, Bad{"threads: ''", "whole number"}, Bad{"offset: -x", "whole number"},
                         Bad{"code_lifetime: 10", "duration"}, Bad{"code_lifetime: 10s", "shorter than 1m"},
                         Bad{"code_lifetime: 100h", "longer than 72h"}, Bad{"code_lifetime: -1h", "duration"},
                         Bad{"code_lifetime: inf", "duration"}, Bad{"offer: yes", "true nor false"},
                         Bad{"level: debug", "info, warning"}, Bad{"names: a", "list"}, Bad{"names: [a, b, c, d]", "above 3"},
                         Bad{"names: [[a]]", "single value"}, Bad{"limits: 4", "keys with values"}, Bad{"mode: MODE_UNSET", "STRICT"},
                         Bad{"mode: loose", "STRICT"}, Bad{"peers: [x]", "keys with values"}, Bad{"? [a]\n: b", "plain word"}}) {
    EXPECT_THAT(Read(std::string("listen: a:1\n") + bad.line),
                StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("keys.yaml:2: "), HasSubstr(bad.says))))
        << bad.line;
  }
}

TEST(Config, RefusesAKeyWrittenTwice) {
  EXPECT_THAT(Read("listen: a:1\nthreads: 1\nthreads: 2\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr(":3:"), HasSubstr("twice"))));
}

TEST(Config, RefusesAnchorsAliasesTagsAndSeveralDocuments) {
  EXPECT_THAT(Read("listen: &a b:1\n"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("anchors")));
  EXPECT_THAT(Read("listen: a:1\nnames: &x [*x]\n"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Read("listen: !!str a:1\n"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tags")));
  EXPECT_THAT(Read("listen: a:1\n---\nlisten: b:1\n"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("documents")));
}

TEST(Config, NeverCrashesOnTextThatIsNoConfiguration) {
  for (const std::string text : {"listen: [", "\t- x", "{", "a: b: c", "- a\n- b", "just words", "listen: \"unended", "%YAML 9.9\n---\n"}) {
    EXPECT_THAT(Read(text), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("keys.yaml:"))) << text;
  }
  EXPECT_FALSE(Read(std::string(5000, '[')).ok());
  EXPECT_FALSE(Read(std::string(kMaxConfigSize + 1, ' ')).ok());
  EXPECT_FALSE(Read(absl::string_view("listen: a\0b:1", 13)).ok());
  for (size_t n = 0; n < kFull.size(); ++n) (void)Read(kFull.substr(0, n)).ok();
  for (int round = 0; round < 2000; ++round) {
    std::string changed(kFull);
    const Bytes noise = RandomBytes(6);
    for (size_t i = 0; i < noise.size(); i += 2) changed[noise[i] % changed.size()] = static_cast<char>(noise[i + 1]);
    (void)Read(changed).ok();
  }
}

TEST(Config, HasNoPlaceForBinarySecrets) {
  EXPECT_THAT(Read("listen: a:1\nblob: xyz"), StatusIs(absl::StatusCode::kInternal));
}

TEST(Config, NamesTheFileThatIsMissing) {
  Config config;
  EXPECT_THAT(Load("/nonexistent/keys.yaml", config), StatusIs(absl::StatusCode::kNotFound, HasSubstr("keys.yaml")));
}

std::string WritePassphrase(const ScratchDir& dir, const std::string& content, mode_t mode = 0600) {
  const std::string path = dir / "passphrase";
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
  chmod(path.c_str(), mode);
  return path;
}

TEST(ReadPassphraseFile, ReadsOneLineWithOrWithoutItsEnd) {
  const ScratchDir dir;
  for (const std::string end : {"", "\n", "\r\n"}) {
    ASSERT_OK_AND_ASSIGN(const Secret read, ReadPassphraseFile(WritePassphrase(dir, "correct horse battery" + end)));
    EXPECT_TRUE(Equal(read.view(), AsBytes("correct horse battery")));
  }
}

TEST(ReadPassphraseFile, RefusesAFileThatOthersMayRead) {
  const ScratchDir dir;
  for (const mode_t mode : {0640, 0604, 0620, 0602, 0644}) {
    EXPECT_THAT(ReadPassphraseFile(WritePassphrase(dir, "correct horse battery", mode)),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("chmod 600")));
  }
}

TEST(ReadPassphraseFile, RefusesEmptyShortLongAndSeveralLines) {
  const ScratchDir dir;
  for (const std::string& content : {std::string(), std::string("\n"), std::string("short"), std::string("correct horse\nbattery staple\n"),
                                    std::string("correct horse\n\n"), std::string(1025, 'a') + "b", std::string("nul\0nul nul nul", 15)}) {
    EXPECT_THAT(ReadPassphraseFile(WritePassphrase(dir, content)), StatusIs(absl::StatusCode::kInvalidArgument)) << content.size();
  }
  EXPECT_THAT(ReadPassphraseFile(dir / "absent"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(ReadPassphraseFile(dir.path()).ok());
}

}  // namespace
}  // namespace plumbline::config
