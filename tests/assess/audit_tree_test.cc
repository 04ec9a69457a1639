#include "assess/demo/audit_tree.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "common/codec.h"
#include "tests/status_matchers.h"

namespace plumbline::assess {
namespace {

using ::plumbline::testing::IsOk;
using ::plumbline::testing::StatusIs;
using ::testing::HasSubstr;

using Hash = std::array<uint8_t, 32>;

// Roots of one to four leaves, spelt out.
Hash Node(const Hash& left, const Hash& right) {
  const uint8_t prefix[] = {1};
  return Sha256(Concat({prefix, left, right}));
}
Hash Root(const std::vector<Hash>& l) {
  switch (l.size()) {
    case 1: return l[0];
    case 2: return Node(l[0], l[1]);
    case 3: return Node(Node(l[0], l[1]), l[2]);
    default: return Node(Node(l[0], l[1]), Node(l[2], l[3]));
  }
}

struct Key {
  Key() {
    const Bytes seed(32, 3);
    crypto_sign_seed_keypair(public_key, secret_key, seed.data());
  }
  Bytes Sign(ByteView message) const {
    Bytes out(64);
    crypto_sign_detached(out.data(), nullptr, message.data(), message.size(), secret_key);
    return out;
  }
  uint8_t public_key[32], secret_key[64];
};

// A record made by the rule as it is written down, not by the code under test.
std::string ARecord() {
  const Key key;
  const std::string name = "example.org/audit/keyserver";
  const uint8_t leaf_prefix[] = {0}, typed[] = {'\n', 1};
  std::string json;
  std::vector<Hash> leaves;
  for (uint64_t n = 1; n <= 4; ++n) {
    Writer detail, record, message, content;
    detail.Vector(AsBytes("a")).Vector(AsBytes("b"));
    record.U64(n).U64(1700000000 + n).Vector(AsBytes("account.created")).Vector(AsBytes("actor")).Vector(AsBytes(""));
    record.U8(n == 3 ? 2 : 1).Vector(AsBytes(n == 3 ? "why" : "")).Vector(detail.view());
    leaves.push_back(Sha256(Concat({leaf_prefix, record.view()})));
    message.U64(n).Fixed(Root(leaves));
    content.Vector(AsBytes("plumbline audit record v1")).Vector(message.view());
    json += std::string(n == 1 ? "" : ",") + "{\"sequence\":" + std::to_string(n) + ",\"time_unix\":" +
            std::to_string(1700000000 + n) + ",\"name\":\"account.created\",\"actor\":\"actor\",\"subject\":\"\",\"outcome\":\"" +
            (n == 3 ? "refused" : "success") + "\",\"reason\":\"" + (n == 3 ? "why" : "") +
            "\",\"details\":{\"a\":\"b\"},\"signature\":\"" + ToHex(key.Sign(content.view())) + "\"}";
  }
  const auto base64 = [](ByteView bytes) { return absl::Base64Escape(ToString(bytes)); };
  const Hash id = Sha256(Concat({AsBytes(name), typed, key.public_key}));
  const std::string text = name + "\n4\n" + base64(Root(leaves)) + "\n";
  const std::string note = text + "\n\xE2\x80\x94 " + name + " " +
                           base64(Concat({ByteView(id).first(4), key.Sign(AsBytes(text))})) + "\n";
  const std::string vkey = name + "+" + ToHex(ByteView(id).first(4)) + "+" + base64(Concat({ByteView(typed).subspan(1), key.public_key}));
  return "{\"events\":[" + json + "],\"intact\":true,\"checkpoint\":\"" + absl::StrReplaceAll(note, {{"\n", "\\n"}}) +
         "\",\"audit_key\":\"" + vkey + "\"}";
}

TEST(VerifyTree, AcceptsARecordThatFollowsTheRule) {
  ASSERT_OK_AND_ASSIGN(const auto record, ParseAudit(ARecord()));
  EXPECT_EQ(record.events.size(), 4u);
  EXPECT_TRUE(record.intact);
  EXPECT_OK(VerifyTree(record));
}

TEST(VerifyTree, FindsAChangedField) {
  for (auto change : {+[](AuditEvent& e) { e.actor = "x"; }, +[](AuditEvent& e) { e.outcome = "refused"; },
                      +[](AuditEvent& e) { e.time_unix += 1; }, +[](AuditEvent& e) { e.details["a"] = "c"; },
                      +[](AuditEvent& e) { e.signature[0] ^= 1; }}) {
    ASSERT_OK_AND_ASSIGN(auto record, ParseAudit(ARecord()));
    change(record.events[1]);
    EXPECT_THAT(VerifyTree(record), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("record 2")));
  }
}

TEST(VerifyTree, FindsARemovedAndAMovedRecordAndACutEnd) {
  ASSERT_OK_AND_ASSIGN(const auto record, ParseAudit(ARecord()));
  auto removed = record, moved = record, cut = record;
  removed.events.erase(removed.events.begin() + 1);
  EXPECT_THAT(VerifyTree(removed), StatusIs(absl::StatusCode::kDataLoss));
  std::swap(moved.events[1], moved.events[2]);
  EXPECT_THAT(VerifyTree(moved), StatusIs(absl::StatusCode::kDataLoss));
  cut.events.pop_back();
  EXPECT_THAT(VerifyTree(cut), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("checkpoint")));
}

TEST(VerifyTree, FindsACheckpointOrKeyThatDoesNotBelong) {
  ASSERT_OK_AND_ASSIGN(const auto record, ParseAudit(ARecord()));
  auto size = record, name = record, signature = record, key = record, none = record;
  size.checkpoint = absl::StrReplaceAll(size.checkpoint, {{"\n4\n", "\n5\n"}});
  name.checkpoint = absl::StrReplaceAll(name.checkpoint, {{"example.org", "example.net"}});
  signature.checkpoint[signature.checkpoint.size() - 10] ^= 1;
  key.audit_key = absl::StrReplaceAll(key.audit_key, {{"example.org", "example.net"}});
  none.checkpoint.clear();
  for (const AuditRecord& each : {size, name, signature, key, none}) {
    EXPECT_THAT(VerifyTree(each), StatusIs(absl::StatusCode::kDataLoss));
  }
}

TEST(ParseAudit, RefusesOtherText) {
  for (const char* text : {"", "{}", "[1]", "{\"events\":[1]}", "not json"}) {
    EXPECT_THAT(ParseAudit(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

}  // namespace
}  // namespace plumbline::assess
