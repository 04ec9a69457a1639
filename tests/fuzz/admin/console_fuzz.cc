// What comes back to an administrator's tool, and what it shows of it: no byte that could command a terminal gets through.
#include <nlohmann/json.hpp>

#include "admin/console/describe.h"
#include "admin/console/output.h"
#include "common/identity/intent.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using namespace admin;  // NOLINT: a list of its functions

void CheckShown(const std::string& text) {
  for (const char c : text) CHECK((static_cast<uint8_t>(c) >= 0x20 && c != 0x7f) || c == '\n');
}
void CheckJson(const std::string& text) { CHECK(!nlohmann::json::parse(text, nullptr, false).is_discarded()); }

template <typename Message>
void Show(ByteView body, std::string (*as_text)(const Message&), std::string (*as_json)(const Message&)) {
  Message message;
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size()))) return;
  CheckShown(as_text(message));
  CheckJson(as_json(message));
}

}  // namespace

// The first byte says what the rest is.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  const ByteView body = input.subspan(1);
  const std::string text = ToString(body);
  switch (input[0]) {
    case 0: Show<keys::v1::AccountView>(body, AccountText, AccountJson); break;
    case 1: Show<keys::v1::AccountList>(body, AccountsText, AccountsJson); break;
    case 2:
      Show<plumbline::audit::v1::AuditPage>(body, AuditText, [](const plumbline::audit::v1::AuditPage& page) {
        return AuditJson(page, "example.org/audit+00+key");
      });
      break;
    case 3: {
      const auto description = DescribeIntent(body);
      CHECK(description.ok() == identity::ParseIntent(body).ok());
      if (!description.ok()) return;
      CheckShown(ToText(*description));
      CheckJson(ObjectJson(*description));
      break;
    }
    case 4:
      CheckShown(Printable(text));
      CheckShown(ErrorText(absl::InternalError(text)));
      CheckJson(ErrorJson(absl::InternalError(text)));
      break;
    default: break;
  }
}

std::vector<Bytes> Seeds() {
  const auto seed = [](uint8_t what, const google::protobuf::Message& message) {
    return Concat({Bytes{what}, ToBytes(AsBytes(message.SerializeAsString()))});
  };
  keys::v1::AccountView account;
  account.set_user("mimi://example.org/u/alice");
  account.set_display_name("Alice");
  keys::v1::AccountList accounts;
  *accounts.add_accounts() = account;
  plumbline::audit::v1::AuditPage page;
  page.add_events()->set_sequence(1);
  identity::Intent intent;
  intent.action = identity::Action::kListAccounts;
  intent.issued_unix = 1'800'000'000;
  intent.expires_unix = 1'800'000'600;
  return {seed(0, account), seed(1, accounts), seed(2, page), Concat({Bytes{3}, Encode(intent)}),
          Bytes{4, 'a', 0x1b, '['}};
}

}  // namespace plumbline::fuzz
