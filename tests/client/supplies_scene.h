// A device and the services as its supplies see them: one object that answers as they do and remembers what it was asked.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "client/supplies.h"
#include "common/identity/grant.h"
#include "common/tokens/redeemer.h"
#include "tests/client/people.h"

namespace plumbline::client {

// The key server and the delivery server for what Supplies asks of them. Anything else is refused.
class Services final : public Network {
 public:
  explicit Services(const Clock& clock) : clock_(clock) {}

  absl::StatusOr<keys::v1::PublishKeyPackagesResponse> PublishKeyPackages(
      const keys::v1::PublishKeyPackagesRequest& request) override {
    published.push_back(request);
    keys::v1::PublishKeyPackagesResponse response;
    response.set_available(static_cast<uint32_t>(request.key_packages_size()));
    return response;
  }
  absl::StatusOr<keys::v1::GetTokenKeysResponse> GetTokenKeys() override {
    keys::v1::GetTokenKeysResponse response;
    const tokens::Mint& now = successor ? *successor : mint;
    for (const tokens::TokenKey& key : offered) response.add_token_keys(ToString(now.Signed(key)));
    for (const char* purpose : {"delivery", "directory"})
      if (offered.empty()) response.add_token_keys(ToString(now.Signed(mint.KeyFor(purpose, Time()))));
    return response;
  }
  absl::StatusOr<keys::v1::DrawTokensResponse> DrawTokens(
      const keys::v1::DrawTokensRequest& request) override {
    drawn.push_back(request);
    keys::v1::DrawTokensResponse response;
    for (const std::string& each : request.token_requests()) {
      const auto asked = testing::ValueOf(tokens::ParseTokenRequest(AsBytes(each)));
      response.add_token_responses(
          ToString(tokens::Encode(tokens::Mint::Answer(request.purpose(), asked))));
    }
    if (change_answer) change_answer(response);
    return response;
  }
  // What is new in the log, as far as it is about keys for tokens.
  absl::Status ReadLogInto(Stores& stores) {
    ++syncs;
    if (say_replaced) say_replaced();
    Change change = testing::ValueOf(stores.store.Begin());
    for (const char* purpose : {"delivery", "directory"})
      RETURN_IF_ERROR(stores.log.SetTokenKey(change, mint.KeyFor(purpose, Time()).leaf));
    return change.Commit();
  }
  absl::StatusOr<keys::v1::DrawGrantsResponse> DrawGrants(
      const keys::v1::DrawGrantsRequest& request) override {
    keys::v1::DrawGrantsResponse response;
    for (uint32_t i = 0; i < request.count(); ++i) {
      response.add_grants(ToString(identity::Encode(*identity::IssueGrant(role, Time()))));
    }
    return response;
  }
  absl::StatusOr<keys::v1::RenewCertificateResponse> RenewCertificate(
      const keys::v1::RenewCertificateRequest& request) override {
    ++renewals;
    return renew ? renew(request) : absl::UnavailableError("server_unreachable: nothing answers");
  }
  absl::StatusOr<keys::v1::RenewCredentialResponse> RenewCredential(const keys::v1::RenewCredentialRequest& request) override {
    credential_renewals.push_back(request);
    return renew_credential ? renew_credential(request) : absl::UnavailableError("server_unreachable: nothing answers");
  }
  absl::Status OpenMailbox(const delivery::v1::OpenMailboxRequest& request) override {
    if (!open_answer.ok()) return std::exchange(open_answer, absl::OkStatus());
    opened.insert(request.mailbox_id());
    return absl::OkStatus();
  }

  absl::StatusOr<keys::v1::EnrolResponse> Enrol(const keys::v1::EnrolRequest&) override {
    return NotHere();
  }
  absl::StatusOr<keys::v1::ReadLogResponse> ReadLog(const keys::v1::ReadLogRequest&) override {
    return NotHere();
  }
  absl::StatusOr<keys::v1::LookUpResponse> LookUp(const keys::v1::LookUpRequest&) override {
    return NotHere();
  }
  absl::StatusOr<keys::v1::ClaimKeyPackagesResponse> ClaimKeyPackages(
      const keys::v1::ClaimKeyPackagesRequest&) override {
    return claimed;
  }
  absl::StatusOr<keys::v1::GetOwnAccountResponse> GetOwnAccount() override { return NotHere(); }
  absl::StatusOr<std::unique_ptr<SendConnection>> Connect() override { return NotHere(); }
  absl::StatusOr<std::unique_ptr<FileConnection>> ConnectFiles() override { return NotHere(); }
  absl::StatusOr<std::unique_ptr<MailboxStream>> Receive(const Mailbox&, uint64_t,
                                                         EventQueue&) override {
    return NotHere();
  }

  const crypto::Ed25519KeyPair role = crypto::Ed25519KeyPair::Generate();
  const tokens::Mint mint{"example.org", tokens::TestTokensRole()};
  std::optional<tokens::Mint> successor;  // once the key of the tokens role was replaced
  std::function<void()> say_replaced;     // what the log says then
  std::vector<tokens::TokenKey> offered;  // in the place of those of now
  std::function<void(keys::v1::DrawTokensResponse&)> change_answer;
  std::vector<keys::v1::DrawTokensRequest> drawn;
  int syncs = 0;
  absl::Duration ahead;  // of the device's clock, compared to the services'
  std::function<absl::StatusOr<keys::v1::RenewCertificateResponse>(
      const keys::v1::RenewCertificateRequest&)>
      renew;
  std::function<absl::StatusOr<keys::v1::RenewCredentialResponse>(const keys::v1::RenewCredentialRequest&)> renew_credential;
  std::vector<keys::v1::RenewCredentialRequest> credential_renewals;
  keys::v1::ClaimKeyPackagesResponse claimed;
  absl::Status open_answer;  // for the next OpenMailbox only
  int renewals = 0;
  std::set<std::string> opened;
  std::vector<keys::v1::PublishKeyPackagesRequest> published;

  absl::Time Time() const { return clock_.Now() - ahead; }

 private:
  static absl::Status NotHere() {
    return absl::UnimplementedError("not_here: supplies do not ask for this");
  }
  const Clock& clock_;
};

struct Scene {
  FixedClock clock{absl::FromUnixSeconds(1'790'000'000)};
  testing::TestOrganisation organisation{clock.Now()};
  Device alice{organisation, "alice", clock};
  Services services{clock};
  Supplies supplies{*alice.stores, *alice.self, services, clock};
  Scene() {
    supplies.SyncWith([this] { return services.ReadLogInto(*alice.stores); });
  }

  void AdvanceDays(int days) { clock.Advance(absl::Hours(24 * days)); }
  std::vector<Mailbox> Mailboxes() { return testing::ValueOf(alice.stores->mailboxes.All()); }
  size_t KeyPackageCount() {
    return testing::ValueOf(alice.stores->supply.KeyPackages(true)).size() +
           testing::ValueOf(alice.stores->supply.KeyPackages(false)).size();
  }
};

}  // namespace plumbline::client
