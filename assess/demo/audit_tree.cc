#include "assess/demo/audit_tree.h"

#include <openssl/evp.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "common/codec.h"

namespace plumbline::assess {
namespace {

using Json = nlohmann::json;

std::string Text(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

uint64_t Number(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? found->get<uint64_t>() : 0;
}

// struct { uint64 sequence; uint64 time_unix; opaque name<V>; opaque actor<V>; opaque subject<V>; uint8 outcome;
//          opaque reason<V>; Detail details<V>; } Record;   Detail: opaque name<V>; opaque value<V>, sorted by name
Bytes Canonical(const AuditEvent& event) {
  Writer details;
  for (const auto& [name, value] : event.details) details.Vector(AsBytes(name)).Vector(AsBytes(value));
  Writer out;
  out.U64(event.sequence).U64(event.time_unix).Vector(AsBytes(event.name)).Vector(AsBytes(event.actor));
  out.Vector(AsBytes(event.subject)).U8(event.outcome == "success" ? 1 : 2).Vector(AsBytes(event.reason));
  out.Vector(details.view());
  return out.TakeBytes();
}

using Hash = std::array<uint8_t, 32>;

// RFC 6962 §2.1, as it is written there, over leaf hashes.
Hash TreeHash(std::span<const Hash> leaves) {
  if (leaves.empty()) return Sha256({});
  if (leaves.size() == 1) return leaves[0];
  size_t split = 1;
  while (split * 2 < leaves.size()) split *= 2;
  const uint8_t prefix[] = {1};
  return Sha256(Concat({prefix, TreeHash(leaves.first(split)), TreeHash(leaves.subspan(split))}));
}

Bytes Unbase64(absl::string_view text) {
  std::string bytes;
  return absl::Base64Unescape(text, &bytes) ? ToBytes(AsBytes(bytes)) : Bytes();
}

bool Ed25519Verifies(ByteView key, ByteView message, ByteView signature) {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> parsed(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()), EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return parsed && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, parsed.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()) == 1;
}

// <name>+<id>+<base 64 of 0x01 and the key>
struct VerifierKey {
  std::string name, id;
  Bytes key;
};

absl::StatusOr<VerifierKey> ParseKey(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits('+', 2));
  if (parts.size() != 3) return absl::DataLossError("there is no verifier key");
  Bytes key = Unbase64(parts[2]);
  if (key.size() != 33 || key[0] != 1) return absl::DataLossError("the verifier key is not an Ed25519 key");
  const uint8_t between[] = {'\n'};
  const Hash hash = Sha256(Concat({AsBytes(parts[0]), between, key}));
  if (ToHex(ByteView(hash).first(4)) != parts[1]) return absl::DataLossError("the verifier key's id is wrong");
  return VerifierKey{parts[0], parts[1], Bytes(key.begin() + 1, key.end())};
}

// A signed note of three lines: name, size, root; an empty line; one signature by `key`.
absl::Status VerifyCheckpoint(const std::string& note, const VerifierKey& key, size_t size, const Hash& root) {
  const size_t gap = note.find("\n\n");
  const absl::Status wrong = absl::DataLossError("the checkpoint is not the log's over these events");
  if (gap == std::string::npos) return wrong;
  const std::string text = note.substr(0, gap + 1);
  if (text != absl::StrCat(key.name, "\n", size, "\n", absl::Base64Escape(ToString(root)), "\n")) return wrong;
  const std::string prefix = absl::StrCat("\xE2\x80\x94 ", key.name, " ");
  const std::string line = note.substr(gap + 2);
  if (line.compare(0, prefix.size(), prefix) != 0 || line.back() != '\n') return wrong;
  const Bytes signature = Unbase64(line.substr(prefix.size(), line.size() - prefix.size() - 1));
  if (signature.size() != 68 || ToHex(ByteView(signature).first(4)) != key.id) return wrong;
  return Ed25519Verifies(key.key, AsBytes(text), ByteView(signature).subspan(4)) ? absl::OkStatus() : wrong;
}

}  // namespace

absl::StatusOr<AuditRecord> ParseAudit(const std::string& json) {
  const Json document = Json::parse(json, nullptr, false);
  if (!document.is_object() || !document.contains("events") || !document["events"].is_array()) {
    return absl::InvalidArgumentError("this is not an audit record");
  }
  AuditRecord record = {.events = {}, .checkpoint = Text(document, "checkpoint"), .audit_key = Text(document, "audit_key")};
  const auto intact = document.find("intact");
  record.intact = intact != document.end() && intact->is_boolean() && intact->get<bool>();
  for (const Json& each : document["events"]) {
    if (!each.is_object()) return absl::InvalidArgumentError("this is not an audit record");
    AuditEvent event = {.sequence = Number(each, "sequence"),
                        .time_unix = Number(each, "time_unix"),
                        .name = Text(each, "name"),
                        .actor = Text(each, "actor"),
                        .subject = Text(each, "subject"),
                        .outcome = Text(each, "outcome"),
                        .reason = Text(each, "reason")};
    event.signature = ToBytes(AsBytes(absl::HexStringToBytes(Text(each, "signature"))));
    if (each.contains("details") && each["details"].is_object()) {
      for (const auto& [name, value] : each["details"].items()) {
        if (value.is_string()) event.details[name] = value.get<std::string>();
      }
    }
    record.events.push_back(std::move(event));
  }
  return record;
}

absl::Status VerifyTree(const AuditRecord& record) {
  ASSIGN_OR_RETURN(const VerifierKey key, ParseKey(record.audit_key));
  const uint8_t prefix[] = {0};
  std::vector<Hash> leaves;
  for (const AuditEvent& event : record.events) {
    const uint64_t sequence = leaves.size() + 1;
    if (event.sequence != sequence) return absl::DataLossError(absl::StrCat("record ", sequence, " is missing or moved"));
    leaves.push_back(Sha256(Concat({prefix, Canonical(event)})));
    Writer message, content;
    message.U64(sequence).Fixed(TreeHash(leaves));
    content.Vector(AsBytes("plumbline audit record v1")).Vector(message.view());
    if (event.signature.size() != 64 || !Ed25519Verifies(key.key, content.view(), event.signature)) {
      return absl::DataLossError(absl::StrCat("record ", sequence, " was changed"));
    }
  }
  return VerifyCheckpoint(record.checkpoint, key, leaves.size(), TreeHash(leaves));
}

std::string AuditText(const std::vector<AuditEvent>& events) {
  std::string text;
  for (const AuditEvent& event : events) {
    const std::string actor = event.actor.size() == 64 ? "key " + event.actor.substr(0, 8) : event.actor;
    absl::StrAppendFormat(&text, "%3d  %s  %-26s %-9s %s%s%s\n", event.sequence,
                          absl::FormatTime("%H:%M:%S", absl::FromUnixSeconds(static_cast<int64_t>(event.time_unix)),
                                           absl::UTCTimeZone()),
                          event.name, event.outcome, event.reason.empty() ? "" : event.reason + "  ",
                          actor.empty() ? "" : "by " + actor + "  ", event.subject.empty() ? "" : "about " + event.subject);
  }
  return text;
}

}  // namespace plumbline::assess
