// privacypass-ts as the client of our services: it draws at the real key server, through a device of this organisation, and what it
// made is spent at the real delivery server and the real directory, once.
#include "common/rpc/tls_policy.h"
#include "tests/e2e/leaver.h"
#include "tests/interop/node_peer.h"
#include "tests/status_matchers.h"

namespace plumbline::interop {
namespace {

using nlohmann::json;
using plumbline::testing::StatusIs;
using ::testing::HasSubstr;

const bool kPinned = [] {  // before anything uses TLS
  CHECK(rpc::PinTls13().ok());
  return true;
}();

TEST(TokenServices, TakeWhatAnIndependentClientDrew) {
  if (const std::string why = WhyNoPeer("privacypass", "@cloudflare/privacypass-ts"); !why.empty()) GTEST_SKIP() << why;
  testing::ServiceFixture services{PLUMBLINE_BIN};
  testing::Leaver device(services, services.NewPerson("ivy"));
  NodePeer peer("privacypass");
  for (const char* purpose : {tokens::kPurposeDelivery, tokens::kPurposeDirectory}) {
    SCOPED_TRACE(purpose);
    const auto offered = device.KeyFor(purpose);
    ASSERT_OK_AND_ASSIGN(const json asked,
                         peer.Ask("request", {{"challenge", ToHex(tokens::ChallengeFor(device.domain(), purpose).Encode())},
                                              {"key", ToHex(offered.key.key.Serialize())}}));
    ASSERT_OK_AND_ASSIGN(const auto answers, device.DrawAnswers(purpose, {FromHex(asked.at("request"))}));
    ASSERT_EQ(answers.size(), 1u);
    ASSERT_OK_AND_ASSIGN(const json finished, peer.Ask("finish", {{"response", ToHex(AsBytes(answers[0]))}}));
    const tokens::ShownToken token{ToString(FromHex(finished.at("token"))), offered.statement};
    const auto spend = [&] {
      return purpose == std::string(tokens::kPurposeDelivery) ? device.OpenSession(token).status() : device.LookUp(device.user(), token);
    };
    const auto elsewhere = [&] {
      return purpose == std::string(tokens::kPurposeDelivery) ? device.LookUp(device.user(), token) : device.OpenSession(token).status();
    };
    EXPECT_THAT(elsewhere(), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("token_invalid")));
    EXPECT_OK(spend());
    EXPECT_THAT(spend(), StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("token_spent")));
  }
}

}  // namespace
}  // namespace plumbline::interop
