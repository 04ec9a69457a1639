// Sealed files and boxes from outside: refused, or what was sealed.
#include "common/check.h"
#include "common/codec.h"
#include "common/crypto/sealed_box.h"
#include "common/crypto/sealed_file.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

constexpr crypto::SealCost kCheapest{1, 8 * 1024};
const Secret& Passphrase() {
  static const Secret* const passphrase =
      new Secret(Secret::CopyOf(AsBytes("correct horse battery")));
  return *passphrase;
}
const crypto::SealedBoxKeyPair& Key() {
  static const auto* const key = new crypto::SealedBoxKeyPair(
      *crypto::SealedBoxKeyPair::FromPrivateKey(Secret::CopyOf(Bytes(32, 1))));
  return *key;
}

// A header may ask for a gigabyte and for seconds: within the limits, but not here.
bool AsksForMore(ByteView sealed) {
  Reader in(sealed);
  if (!in.Fixed(8).ok()) return false;
  const auto passes = in.U32(), memory_kib = in.U32();
  if (!passes.ok() || !memory_kib.ok() || *passes < 1 || *passes > 16) return false;
  return *memory_kib >= kCheapest.memory_kib && *memory_kib <= 1024 * 1024 &&
         (*passes > kCheapest.passes || *memory_kib > kCheapest.memory_kib);
}

}  // namespace

// The first byte says what the rest is.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  const ByteView sealed = input.subspan(1);
  if (input[0] == 0 && !AsksForMore(sealed)) {
    const absl::StatusOr<Secret> content = crypto::Unseal(Passphrase(), sealed);
    if (content.ok()) CHECK(Equal(content->view(), AsBytes("content")));
    if (!content.ok())
      CHECK(absl::IsDataLoss(content.status()) || absl::IsPermissionDenied(content.status()));
  }
  if (input[0] == 1) {
    const absl::StatusOr<Secret> content = Key().Open(sealed);
    if (content.ok()) CHECK(Equal(content->view(), AsBytes("content")));
    (void)crypto::SealedBoxPublicKey::Parse(sealed).ok();
  }
}

std::vector<Bytes> Seeds() {
  return {Concat({Bytes{0}, *crypto::Seal(Passphrase(), AsBytes("content"), kCheapest)}),
          Concat({Bytes{1}, *Key().public_key().Seal(AsBytes("content"))}),
          Concat({Bytes{1}, Key().public_key().view()})};
}

}  // namespace plumbline::fuzz
