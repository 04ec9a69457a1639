// Messages that carry a file: what parses encodes to the same bytes, its sizes fit, and its name becomes a safe one.
#include "client/files/file_reference.h"

#include "client/terminal_text.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {

void Fuzz(ByteView input) {
  const auto file = client::ParseFileReference(input);
  if (!file.ok()) return;
  CHECK(Equal(client::Encode(*file), input));
  CHECK(file->shape.size <= client::kMaxFile && file->shape == client::FileShape::Of(file->shape.size));
  const std::string safe = client::SafeFileName(file->name);
  CHECK(!safe.empty() && safe.size() <= client::kMaxSafeFileName && client::IsUtf8(safe));
  CHECK(safe[0] != '.' && safe[0] != '-' && safe.find('/') == std::string::npos);
}

std::vector<Bytes> Seeds() {
  client::FileReference file;
  file.name = "report.pdf";
  file.media_type = "application/pdf";
  file.shape = client::FileShape::Of(123'456);
  file.key = Secret(client::kFileKeySize);
  file.server = "127.0.0.1:7444";
  file.expires_day = 20'030;
  return {client::Encode(file)};
}

}  // namespace plumbline::fuzz
