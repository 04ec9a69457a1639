#include "doctor/installation.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "assess/tools/child.h"
#include "common/check.h"
#include "tests/common/scratch.h"
#include "tests/doctor/findings.h"

namespace plumbline::doctor {
namespace {

using ::testing::HasSubstr;

constexpr char kKeyserver[] = R"(organisation_domain: example.org
display_name: Example
data_dir: /data
anonymous_listen: 0.0.0.0:7441
device_listen: 0.0.0.0:7442
admin_listen: 10.0.0.5:7443
published:
  keyserver_address: keys.example.org:7441
  device_address: keys.example.org:7442
  delivery_address: delivery.example.org:7444
revocation:
  delivery_address: 10.0.0.2:7445
  delivery_name: delivery.example.org
dns_names:
  - keys.example.org
passphrase_file: /secret
)";
constexpr char kServer[] = R"(organisation_domain: example.org
root_fingerprint: "1111 1111 1111 1111 1111 1111 1111 1111 1111 1111 1111 1111 1111 1111 1111 1111"
data_dir: /data
listen: "[::]:7444"
keyserver_listen: 10.0.0.2:7445
trust_file: /trust.pem
certificate_file: /server.pem
passphrase_file: /secret
)";
constexpr char kAdmin[] = R"(organisation_domain: example.org
root_fingerprint: "1111 1111 1111 1111 1111 1111 1111 1111 1111 1111 1111 1111 1111 1111 1111 1111"
data_dir: /data
listen: 127.0.0.1:7446
certificate_file: /admin.pem
keyserver_address: keys.example.org:7443
passphrase_file: /secret
)";
constexpr char kWitness[] = R"(name: witness.example/w1
data_dir: /data
listen: 127.0.0.1:7450
logs:
  - example.org/directory+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
passphrase_file: /secret
)";

class InstallationTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_ / name;
    CHECK(assess::WriteFile(path, text).ok());
    chmod(path.c_str(), 0644);
    return path;
  }
  Installation Load() {
    return LoadInstallation({Write("k.yaml", keyserver_), Write("s.yaml", server_), Write("a.yaml", admin_),
                             {Write("w.yaml", witness_)}},
                            report_);
  }
  static std::string With(const std::string& text, const std::string& from, const std::string& to) {
    const std::string out = absl::StrReplaceAll(text, {{from, to}});
    CHECK(out != text);
    return out;
  }

  const testing::ScratchDir folder_;
  std::string keyserver_ = kKeyserver, server_ = kServer, admin_ = kAdmin, witness_ = kWitness;
  Report report_;
};

TEST_F(InstallationTest, AllIsWell) {
  const Installation installation = Load();
  EXPECT_EQ(report_.ExitCode(), kExitOk) << report_.Text();
  ASSERT_EQ(installation.services.size(), 4u);
  EXPECT_THAT(Of(report_, "config.loads", "key server"), IsOk());
  EXPECT_THAT(Of(report_, "config.agrees"), IsOk());
}

TEST_F(InstallationTest, ListenersHaveTheNamesByWhichOthersReachThem) {
  const Installation installation = Load();
  std::vector<std::string> names;
  for (const Service& service : installation.services) {
    for (const Listener& listener : service.listeners) names.push_back(listener.name);
  }
  EXPECT_THAT(names, ::testing::ElementsAre("keys.example.org", "keys.example.org", "keys.example.org", "delivery.example.org",
                                            "delivery.example.org", "", ""));
  EXPECT_EQ(installation.services[0].listeners[0].LocalAddress(), "127.0.0.1:7441");
  EXPECT_EQ(installation.services[0].listeners[2].LocalAddress(), "10.0.0.5:7443");
  EXPECT_EQ(installation.services[1].listeners[0].LocalAddress(), "[::1]:7444");
}

TEST_F(InstallationTest, WhatIsNotGivenIsSaidToBeNotChecked) {
  EXPECT_TRUE(LoadInstallation({}, report_).services.empty());
  EXPECT_EQ(report_.findings().size(), 4u);
  for (const char* title : {"key server", "delivery server", "admin service", "witness"}) {
    EXPECT_THAT(Of(report_, "config.loads", title), IsNotChecked());
  }
}

TEST_F(InstallationTest, AnUnknownKeyIsNamed) {
  keyserver_ = absl::StrCat(kKeyserver, "tls_minimum: 1.2\n");
  EXPECT_EQ(Load().Find(ServiceKind::kKeyserver), nullptr);
  EXPECT_THAT(Of(report_, "config.loads", "key server"), IsFailed());
  EXPECT_THAT(Of(report_, "config.loads", "key server").found, HasSubstr("unknown key \"tls_minimum\""));
}

TEST_F(InstallationTest, AWeakSettingIsNamed) {
  keyserver_ = absl::StrCat(kKeyserver, "limits:\n  code_attempts: 1000\n");
  Load();
  EXPECT_THAT(Of(report_, "config.loads", "key server").found, HasSubstr("code_attempts: its value is above 10"));
}

TEST_F(InstallationTest, TheExamplesFingerprintIsNobodys) {
  server_ = With(kServer, "1111", "0000");
  Load();
  EXPECT_THAT(Of(report_, "config.loads", "delivery server"), IsFailed());
}

TEST_F(InstallationTest, AnAddressThatIsNoneIsNamed) {
  witness_ = With(kWitness, "127.0.0.1:7450", "everywhere");
  Load();
  EXPECT_THAT(Of(report_, "config.loads", "witness").found, HasSubstr("address_malformed"));
}

TEST_F(InstallationTest, ServicesOfTwoOrganisationsDoNotAgree) {
  admin_ = With(kAdmin, "domain: example.org", "domain: example.com");
  Load();
  EXPECT_THAT(Of(report_, "config.agrees"), IsFailed());
}

TEST_F(InstallationTest, TwoFingerprintsDoNotAgree) {
  admin_ = With(kAdmin, "\"1111", "\"2222");
  Load();
  EXPECT_THAT(Of(report_, "config.agrees"), IsFailed());
}

TEST_F(InstallationTest, AnInternalListenerForEverybodyIsAWarning) {
  keyserver_ = With(kKeyserver, "10.0.0.5:7443", "0.0.0.0:7443");
  witness_ = With(kWitness, "127.0.0.1:7450", "\"[::]:7450\"");
  Load();
  EXPECT_THAT(Of(report_, "config.exposure", "key server, admin_listen"), IsWarning());
  EXPECT_THAT(Of(report_, "config.exposure", "witness witness.example/w1, listen"), IsWarning());
  EXPECT_THAT(Of(report_, "config.exposure", "delivery server, keyserver_listen"), IsOk());
}

TEST_F(InstallationTest, ServersThatDoNotKnowEachOtherAreAWarning) {
  server_ = With(kServer, "keyserver_listen: 10.0.0.2:7445\n", "");
  Load();
  EXPECT_THAT(Of(report_, "config.revocation", "delivery server"), IsWarning());
  EXPECT_THAT(Of(report_, "config.revocation", "key server"), IsOk());
}

TEST_F(InstallationTest, AConfigurationThatOthersCanChange) {
  const std::string path = Write("a.yaml", kAdmin);
  chmod(path.c_str(), 0664);
  LoadInstallation({"", "", path, {}}, report_);
  EXPECT_THAT(Of(report_, "config.writable", "admin service"), IsFailed());
}

}  // namespace
}  // namespace plumbline::doctor
