#include "common/config/config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "plumbline/config/v1/admin.pb.h"
#include "tests/status_matchers.h"

namespace plumbline::config {
namespace {

using plumbline::testing::IsOk;
using plumbline::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

constexpr char kGood[] =
    "listen: 127.0.0.1:7446\n"
    "folder: /var/lib/plumbline-admin\n"
    "domain: example.org\n"
    "certificate_file: admin.pem\n"
    "organisation_fingerprint: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
    "keyserver_address: 127.0.0.1:7443\n"
    "passphrase_file: /etc/plumbline/passphrase\n";

// The good text without a field the schema may not have, so that the tests speak of one thing.
std::string Good() {
  std::string text = kGood;
  if (v1::Admin::descriptor()->FindFieldByName("passphrase_file") == nullptr) {
    text.resize(text.find("passphrase_file"));
  }
  return text;
}

absl::Status ParseText(const std::string& text) {
  v1::Admin config;
  return Parse(text, "admin.yaml", config);
}

TEST(Config, ReadsValuesAndFillsDefaults) {
  v1::Admin config;
  ASSERT_OK(Parse(Good() + "keyserver_deadline: 1m30s\n", "admin.yaml", config));
  EXPECT_EQ(config.listen(), "127.0.0.1:7446");
  EXPECT_EQ(config.keyserver_deadline().seconds(), 90);
  EXPECT_EQ(config.worker_threads(), 4u);
}

TEST(Config, NamesTheLineOfAnUnknownKeyAndTheKnownOnes) {
  EXPECT_THAT(ParseText(Good() + "plaintext: true\n"),
              StatusIs(kInvalid, AllOf(HasSubstr("admin.yaml:"), HasSubstr("\"plaintext\" is unknown"), HasSubstr("listen"))));
  EXPECT_THAT(ParseText("listne: a:1\n" + Good()), StatusIs(kInvalid, HasSubstr("admin.yaml:1:")));
}

TEST(Config, RefusesAMissingRequiredFieldWithItsRemedy) {
  std::string text = Good();
  text.erase(0, text.find('\n') + 1);
  EXPECT_THAT(ParseText(text), StatusIs(kInvalid, AllOf(HasSubstr("\"listen\""), HasSubstr("missing"), HasSubstr("host:port"))));
  EXPECT_THAT(ParseText(Good() + "listen: ''\n"), StatusIs(kInvalid));
}

TEST(Config, RefusesADuplicateKey) {
  EXPECT_THAT(ParseText(Good() + "domain: other.example\n"), StatusIs(kInvalid, HasSubstr("stands twice")));
}

TEST(Config, RefusesValuesOutOfRangeAndOfTheWrongType) {
  EXPECT_THAT(ParseText(Good() + "worker_threads: 0\n"), StatusIs(kInvalid, HasSubstr("below the least")));
  EXPECT_THAT(ParseText(Good() + "worker_threads: 65\n"), StatusIs(kInvalid, HasSubstr("above the greatest")));
  EXPECT_THAT(ParseText(Good() + "worker_threads: many\n"), StatusIs(kInvalid, HasSubstr("whole number")));
  EXPECT_THAT(ParseText(Good() + "worker_threads: [1]\n"), StatusIs(kInvalid, HasSubstr("one value")));
  EXPECT_THAT(ParseText(Good() + "keyserver_deadline: 3m\n"), StatusIs(kInvalid, HasSubstr("longer than")));
  EXPECT_THAT(ParseText(Good() + "keyserver_deadline: soon\n"), StatusIs(kInvalid, HasSubstr("90s")));
}

TEST(Config, RefusesWhatIsNotOnePlainDocument) {
  EXPECT_THAT(ParseText(""), StatusIs(kInvalid));
  EXPECT_THAT(ParseText("- a\n- b\n"), StatusIs(kInvalid));
  EXPECT_THAT(ParseText("a: [1\n"), StatusIs(kInvalid, HasSubstr("not YAML")));
  EXPECT_THAT(ParseText(Good() + "---\nlisten: a:1\n"), StatusIs(kInvalid, HasSubstr("one YAML document")));
  EXPECT_THAT(ParseText("listen: &a x\nfolder: *a\n"), StatusIs(kInvalid, HasSubstr("anchors")));
  EXPECT_THAT(ParseText(std::string(kMaxConfigSize + 1, ' ')), StatusIs(kInvalid, HasSubstr("too long")));
}

class PassphraseFile : public ::testing::Test {
 protected:
  PassphraseFile() {
    char name[] = "/tmp/plumbline-config.XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~PassphraseFile() override { std::filesystem::remove_all(folder_); }
  std::string Write(const std::string& content, mode_t mode) const {
    const std::string path = folder_ + "/passphrase";
    std::ofstream(path) << content;
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }
  std::string folder_;
};

TEST_F(PassphraseFile, GivesTheOneLineWithoutItsEnd) {
  ASSERT_OK_AND_ASSIGN(const Secret passphrase, ReadPassphraseFile(Write("a long enough passphrase\n", 0600)));
  EXPECT_EQ(ToString(passphrase.view()), "a long enough passphrase");
}

TEST_F(PassphraseFile, RefusesOneThatOthersCanRead) {
  EXPECT_THAT(ReadPassphraseFile(Write("a long enough passphrase\n", 0640)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("chmod 600")));
}

TEST_F(PassphraseFile, RefusesEmptyShortLongAndSeveralLines) {
  EXPECT_THAT(ReadPassphraseFile(Write("", 0600)), StatusIs(kInvalid));
  EXPECT_THAT(ReadPassphraseFile(Write("short\n", 0600)), StatusIs(kInvalid));
  EXPECT_THAT(ReadPassphraseFile(Write(std::string(5000, 'x'), 0600)), StatusIs(kInvalid));
  EXPECT_THAT(ReadPassphraseFile(Write("first line is long\nsecond line\n", 0600)), StatusIs(kInvalid, HasSubstr("one line")));
  EXPECT_THAT(ReadPassphraseFile(folder_ + "/none"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(ReadPassphraseFile(folder_), StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace plumbline::config
