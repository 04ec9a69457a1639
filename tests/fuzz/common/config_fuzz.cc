// Configuration text: whatever it is, it is read or refused with a line, in bounded time.
#include "absl/strings/match.h"
#include "common/config/config.h"
#include "plumbline/config/v1/server.pb.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {

void Fuzz(ByteView input) {
  config::v1::ServerConfig message;
  const absl::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  const absl::Status status = config::Parse(text, "f", message);
  if (status.ok()) {
    CHECK(!message.listen().empty());
  } else {
    CHECK(absl::IsInvalidArgument(status) && absl::StartsWith(status.message(), "f:"));
  }
}

std::vector<Bytes> Seeds() {
  return {ToBytes(AsBytes("organisation_domain: example.org\n"
                          "root_fingerprint: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
                          "data_dir: /d\nlisten: a:1\ntrust_file: t\ncertificate_file: c\npassphrase_file: p\n"
                          "limits:\n  session_life: 10m\n  streams: 5\n"))};
}

}  // namespace plumbline::fuzz
