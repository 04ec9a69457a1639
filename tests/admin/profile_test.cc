#include "admin/console/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "common/crypto/issue.h"
#include "tests/common/identity/replaced_authority.h"
#include "tests/status_matchers.h"

namespace plumbline::admin {
namespace {

using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

constexpr crypto::SealCost kCheap{.passes = 1, .memory_kib = 8192};

class Folder final {
 public:
  Folder() {
    char name[] = "/tmp/plumbline-profile-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string home() const { return path_ + "/home"; }

 private:
  std::string path_;
};

crypto::Certificate NewRoot() {
  const absl::Time now = absl::Now();
  return *crypto::MakeRoot(crypto::P256PrivateKey::Generate(), "example.org",
                           {now - absl::Hours(1), now + absl::Hours(1)});
}

Profile Sample() {
  const crypto::Certificate root = NewRoot();
  return {.server = "admin.example.org:7446",
          .server_name = "",
          .domain = "example.org",
          .organisation = root.fingerprint(),
          .root_pem = root.ToPem()};
}

Secret Passphrase(const char* text) { return Secret::CopyOf(AsBytes(text)); }

// What the key server showed with the audit record: which issuing authorities end, for the next connection.
TEST(Profile, KeepsTheNewestStatementOfTheOrganisationsKeys) {
  const Folder folder;
  const identity::ReplacedAuthority organisation(absl::FromUnixSeconds(1795392000));
  ASSERT_OK(SaveProfile(folder.home(), Sample()));
  EXPECT_TRUE(LoadProfile(folder.home())->replaced.empty());
  ASSERT_OK(KeepOrganisationKeys(folder.home(), {}));
  const absl::Time first = organisation.now + absl::Hours(1), second = organisation.now + absl::Hours(2);
  const auto end = [&] { return LoadProfile(folder.home())->replaced.EndOf(organisation.former); };
  ASSERT_OK(KeepOrganisationKeys(folder.home(), organisation.authority.Sign(organisation.Keys(2, first))));
  EXPECT_EQ(end(), first);
  ASSERT_OK(KeepOrganisationKeys(folder.home(), organisation.authority.Sign(organisation.Keys(1, second))));
  EXPECT_EQ(end(), first) << "an older one does not come back";
  ASSERT_OK(KeepOrganisationKeys(folder.home(), organisation.authority.Sign(organisation.Keys(3, second))));
  EXPECT_EQ(end(), second);
  std::ofstream(folder.home() + "/organisation.keys", std::ios::app) << "x";
  EXPECT_THAT(LoadProfile(folder.home()), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("organisation.keys")));
}

TEST(Profile, ComesBackAsItWasSavedAndIsPrivate) {
  const Folder folder;
  const Profile profile = Sample();
  ASSERT_OK(SaveProfile(folder.home(), profile));
  ASSERT_OK_AND_ASSIGN(const Profile loaded, LoadProfile(folder.home()));
  EXPECT_EQ(loaded.server, profile.server);
  EXPECT_EQ(loaded.domain, profile.domain);
  EXPECT_EQ(loaded.organisation, profile.organisation);
  EXPECT_EQ(loaded.root_pem, profile.root_pem);
  struct stat info;
  ASSERT_EQ(::stat(folder.home().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  ASSERT_EQ(::stat((folder.home() + "/profile.yaml").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(Profile, ARootWithAnotherFingerprintIsRefused) {
  const Folder folder;
  Profile profile = Sample();
  profile.root_pem = NewRoot().ToPem();
  EXPECT_THAT(SaveProfile(folder.home(), profile),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("root_mismatch")));
}

TEST(Profile, ARootExchangedOnDiskIsNoticed) {
  const Folder folder;
  ASSERT_OK(SaveProfile(folder.home(), Sample()));
  std::ofstream(folder.home() + "/root.pem") << NewRoot().ToPem();
  EXPECT_THAT(LoadProfile(folder.home()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("profile_damaged")));
}

TEST(Profile, NamesThatCouldBreakOutOfTheFileAreRefused) {
  const Folder folder;
  for (const char* address : {"host", "host:0", "a\"b:1", "host:1\n", ""}) {
    Profile profile = Sample();
    profile.server = address;
    EXPECT_THAT(SaveProfile(folder.home(), profile), StatusIs(absl::StatusCode::kInvalidArgument)) << address;
  }
  Profile profile = Sample();
  profile.domain = "Example.org";
  EXPECT_THAT(SaveProfile(folder.home(), profile),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("domain_wrong")));
}

TEST(Profile, AFolderThatWasNotSetUpSaysWhatToDo) {
  const Folder folder;
  EXPECT_THAT(LoadProfile(folder.home()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("plumbline-admin setup")));
}

TEST(AdministratorKey, OpensWithItsPassphraseOnly) {
  const Folder folder;
  ASSERT_OK_AND_ASSIGN(const auto made,
                       CreateAdministratorKey(folder.home(), Passphrase("correct horse battery"), kCheap));
  ASSERT_OK_AND_ASSIGN(const auto opened,
                       OpenAdministratorKey(folder.home(), Passphrase("correct horse battery")));
  EXPECT_EQ(opened.public_key(), made);
  EXPECT_THAT(OpenAdministratorKey(folder.home(), Passphrase("another horse entirely")),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("passphrase_wrong")));
}

TEST(AdministratorKey, IsNeverOverwritten) {
  const Folder folder;
  ASSERT_OK_AND_ASSIGN(const auto made,
                       CreateAdministratorKey(folder.home(), Passphrase("correct horse battery"), kCheap));
  EXPECT_THAT(CreateAdministratorKey(folder.home(), Passphrase("correct horse battery"), kCheap),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("key_exists")));
  ASSERT_OK_AND_ASSIGN(const auto opened,
                       OpenAdministratorKey(folder.home(), Passphrase("correct horse battery")));
  EXPECT_EQ(opened.public_key(), made);
}

TEST(AdministratorKey, AbsentSaysHowToMakeOne) {
  const Folder folder;
  EXPECT_THAT(OpenAdministratorKey(folder.home(), Passphrase("correct horse battery")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("key create")));
}

}  // namespace
}  // namespace plumbline::admin
