// What the assessment reads: a recorded connection with its key log, and the audit record that an
// administrator's tool printed.
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "assess/demo/audit_tree.h"
#include "assess/tools/tls_capture.h"
#include "common/audit/log_key.h"
#include "common/audit/record.h"
#include "common/codec.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using namespace assess;  // NOLINT: a list of its functions

enum Kind : uint8_t { kAudit, kConnection };

// struct { opaque key_log<V>; opaque from_client<V>; opaque from_server<V>; } Connection;
void FuzzConnection(ByteView body) {
  Reader in(body);
  const auto log = in.Vector(kMaxInput), client = in.Vector(kMaxInput),
             server = in.Vector(kMaxInput);
  if (!log.ok() || !client.ok() || !server.ok()) return;
  const KeyLog keys = ParseKeyLog(ToString(*log));
  const auto opened = Decrypt({ToBytes(*client), ToBytes(*server)}, keys);
  if (opened.ok())
    CHECK(opened->from_client.size() <= client->size() &&
          opened->from_server.size() <= server->size());
}

}  // namespace

// The first byte says what the rest is.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  const ByteView body = input.subspan(1);
  if (input[0] == kConnection) return FuzzConnection(body);
  if (input[0] != kAudit) return;
  const absl::StatusOr<AuditRecord> record = ParseAudit(ToString(body));
  if (!record.ok()) return;
  (void)AuditText(record->events);
  const absl::Status verified = VerifyTree(*record);
  CHECK(verified.ok() || absl::IsDataLoss(verified));
}

namespace {

std::string& Log() {
  static auto* const log = new std::string;
  return *log;
}

// Moves what `from` wants to send to `to`, and keeps it.
void Carry(BIO* from, BIO* to, Bytes& kept) {
  uint8_t buffer[4096];
  for (int n = 0; (n = BIO_read(from, buffer, sizeof buffer)) > 0;) {
    kept.insert(kept.end(), buffer, buffer + n);
    CHECK(BIO_write(to, buffer, n) == n);
  }
}

// A TLS 1.3 connection of OpenSSL with itself: "hello", a key update, "world".
RecordedConnection Talk() {
  SSL_CTX* const servers = SSL_CTX_new(TLS_server_method());
  SSL_CTX* const clients = SSL_CTX_new(TLS_client_method());
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
  CHECK(SSL_CTX_use_certificate(servers, certificate) == 1 &&
        SSL_CTX_use_PrivateKey(servers, key) == 1);
  SSL_CTX_set_keylog_callback(
      clients, [](const SSL*, const char* line) { absl::StrAppend(&Log(), line, "\n"); });
  SSL* const server = SSL_new(servers);
  SSL* const client = SSL_new(clients);
  for (SSL* const side : {server, client})
    SSL_set_bio(side, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(server);
  SSL_set_connect_state(client);
  RecordedConnection recorded;
  const auto exchange = [&] {
    Carry(SSL_get_wbio(client), SSL_get_rbio(server), recorded.from_client);
    Carry(SSL_get_wbio(server), SSL_get_rbio(client), recorded.from_server);
  };
  for (int i = 0; i < 4; ++i) {
    (void)SSL_do_handshake(client);
    exchange();
    (void)SSL_do_handshake(server);
    exchange();
  }
  CHECK(SSL_is_init_finished(client) && SSL_is_init_finished(server));
  for (const char* text : {"hello", "world"}) {
    char buffer[16];
    CHECK(SSL_write(client, text, 5) == 5);
    exchange();
    CHECK(SSL_read(server, buffer, sizeof buffer) == 5 && SSL_write(server, buffer, 5) == 5);
    exchange();
    CHECK(SSL_read(client, buffer, sizeof buffer) == 5);
    CHECK(SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED) == 1);
  }
  SSL_free(client);
  SSL_free(server);
  X509_free(certificate);
  EVP_PKEY_free(key);
  SSL_CTX_free(clients);
  SSL_CTX_free(servers);
  return recorded;
}

// Three events, as the tool prints them.
std::string Printed() {
  const auto key = *audit::LogKey::Create("example.org/audit/keyserver",
                                          *crypto::Ed25519KeyPair::FromSeed(Secret(32)));
  tlog::CompactRange tree;
  std::string events;
  for (uint64_t n = 1; n <= 3; ++n) {
    audit::Record record{};
    record.sequence = n;
    record.time = absl::FromUnixSeconds(1'800'000'000);
    record.name = "account.created";
    record.actor = "admin";
    record.outcome = audit::Outcome::kSuccess;
    tree.Append(tlog::LeafHash(audit::EncodeRecord(record)));
    absl::StrAppend(&events, n == 1 ? "" : ",", "{\"sequence\":", n,
                    ",\"time_unix\":1800000000,\"name\":\"account.created\",\"actor\":\"admin\","
                    "\"subject\":\"\",\"outcome\":\"success\","
                    "\"reason\":\"\",\"details\":{},\"signature\":\"",
                    ToHex(*key.SignRecord(n, tree.Root())), "\"}");
  }
  const std::string note = *key.SignCheckpoint(3, tree.Root());
  return absl::StrCat("{\"events\":[", events, "],\"intact\":true,\"checkpoint\":\"",
                      absl::StrReplaceAll(note, {{"\n", "\\n"}}), "\",\"audit_key\":\"",
                      key.verifier().ToText(), "\"}");
}

}  // namespace

std::vector<Bytes> Seeds() {
  const RecordedConnection recorded = Talk();
  const auto opened = Decrypt(recorded, ParseKeyLog(Log()));
  CHECK(opened.ok() && Equal(opened->from_client, AsBytes("helloworld")));
  Writer connection;
  connection.U8(kConnection)
      .Vector(AsBytes(Log()))
      .Vector(recorded.from_client)
      .Vector(recorded.from_server);
  const std::string printed = Printed();
  CHECK(VerifyTree(*ParseAudit(printed)).ok());
  return {Concat({Bytes{kAudit}, AsBytes(printed)}), connection.TakeBytes()};
}

}  // namespace plumbline::fuzz
