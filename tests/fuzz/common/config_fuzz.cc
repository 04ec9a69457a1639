// Configuration text: whatever it is, it is read or refused with a line, in bounded time.
#include "absl/strings/match.h"
#include "common/config/config.h"
#include "plumbline/config/v1/admin.pb.h"
#include "plumbline/config/v1/keyserver.pb.h"
#include "plumbline/config/v1/server.pb.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

template <typename Config>
bool Reads(absl::string_view text) {
  Config message;
  const absl::Status status = config::Parse(text, "f", message);
  CHECK(status.ok() || (absl::IsInvalidArgument(status) && absl::StartsWith(status.message(), "f:")));
  return status.ok();
}

}  // namespace

void Fuzz(ByteView input) {
  const absl::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  (void)Reads<config::v1::ServerConfig>(text);
  (void)Reads<config::v1::KeyserverConfig>(text);
  (void)Reads<config::v1::AdminConfig>(text);
  (void)Reads<config::v1::AdminProfile>(text);
}

std::vector<Bytes> Seeds() {
  constexpr absl::string_view kServer =
      "organisation_domain: example.org\n"
      "root_fingerprint: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
      "data_dir: /d\nlisten: a:1\ntrust_file: t\ncertificate_file: c\npassphrase_file: p\n"
      "limits:\n  session_life: 10m\n  streams: 5\n";
  constexpr absl::string_view kKeyserver =
      "organisation_domain: example.org\ndisplay_name: Example\ndata_dir: /d\nanonymous_listen: 127.0.0.1:0\n"
      "device_listen: 127.0.0.1:0\nadmin_listen: 127.0.0.1:0\npublished:\n  keyserver_address: k:1\n  device_address: k:2\n  delivery_address: d:3\n"
      "dns_names:\n  - localhost\npassphrase_file: p\nlimits:\n  tokens_per_day: 100\n";
  CHECK(Reads<config::v1::ServerConfig>(kServer));
  CHECK(Reads<config::v1::KeyserverConfig>(kKeyserver));
  return {ToBytes(AsBytes(kServer)), ToBytes(AsBytes(kKeyserver))};
}

}  // namespace plumbline::fuzz
