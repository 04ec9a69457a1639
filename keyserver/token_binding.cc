#include "keyserver/token_binding.h"

#include "common/codec.h"
#include "common/config/config.h"
#include "common/crypto/key_wrap.h"
#include "common/identity/reason.h"
#include "plumbline/config/v1/keyserver.pb.h"

namespace plumbline::keyserver {
namespace {

constexpr absl::string_view kMagic = "PLBOUND1";
constexpr char kLabel[] = "plumbline bound key ring v1";
constexpr size_t kSaltSize = 32;
constexpr size_t kMaxName = 64;

absl::StatusOr<crypto::KeyWrap> WrapOf(const pkcs11::DerivationKey& key, ByteView salt) {
  ASSIGN_OR_RETURN(Secret derived, key.Derive(kLabel, salt));
  return crypto::KeyWrap::Create(std::move(derived));
}

Bytes Head(const pkcs11::KeyName& name, ByteView salt) {
  return Writer().Fixed(AsBytes(kMagic)).Vector(AsBytes(name.label)).Vector(name.id).Fixed(salt).TakeBytes();
}

absl::Status Damaged() { return absl::DataLossError("the sealed keys were not bound to the token by this program, or were changed"); }

struct BoundRing {
  pkcs11::KeyName name;
  ByteView salt, box;
};
absl::StatusOr<BoundRing> Parse(ByteView content) {
  Reader in(content.subspan(kMagic.size()));
  ASSIGN_OR_RETURN(const ByteView label, in.Vector(kMaxName));
  ASSIGN_OR_RETURN(const ByteView id, in.Vector(kMaxName));
  ASSIGN_OR_RETURN(const ByteView salt, in.Fixed(kSaltSize));
  ASSIGN_OR_RETURN(const ByteView box, in.Vector(crypto::kMaxWrapped));
  RETURN_IF_ERROR(in.Done());
  return BoundRing{{ToString(label), ToBytes(id)}, salt, box};
}

}  // namespace

absl::StatusOr<std::unique_ptr<pkcs11::Module>> LoadTokenModule(const config::v1::KeyserverConfig& config) {
  if (!config.has_pkcs11()) return std::unique_ptr<pkcs11::Module>();
  return pkcs11::Module::Load(config.pkcs11().module());
}

absl::StatusOr<std::shared_ptr<pkcs11::Token>> OpenToken(const config::v1::KeyserverConfig& config) {
  ASSIGN_OR_RETURN(std::unique_ptr<pkcs11::Module> module, LoadTokenModule(config));
  if (module == nullptr) return std::shared_ptr<pkcs11::Token>();
  ASSIGN_OR_RETURN(Secret pin, config::ReadPinFile(config.pkcs11().pin_file()));
  return pkcs11::Token::Open(std::move(module), config.pkcs11().token_label(), std::move(pin));
}

bool IsBound(ByteView content) { return content.size() > kMagic.size() && Equal(content.first(kMagic.size()), AsBytes(kMagic)); }

absl::StatusOr<Bytes> Bind(const pkcs11::DerivationKey& key, const Secret& ring) {
  const Bytes salt = RandomBytes(kSaltSize);
  const Bytes head = Head(key.name(), salt);
  ASSIGN_OR_RETURN(const crypto::KeyWrap wrap, WrapOf(key, salt));
  ASSIGN_OR_RETURN(const Bytes box, wrap.Wrap(ring, head));
  return Writer().Fixed(head).Vector(box).TakeBytes();
}

absl::StatusOr<Unbound> Unbind(const std::shared_ptr<pkcs11::Token>& token, ByteView content) {
  if (!IsBound(content)) return Damaged();
  const absl::StatusOr<BoundRing> bound = Parse(content);
  if (!bound.ok()) return Damaged();
  if (token == nullptr) {
    return identity::Refuse(absl::StatusCode::kFailedPrecondition, "pkcs11_not_configured",
                            "these keys are in a token; write the section pkcs11 into the configuration");
  }
  ASSIGN_OR_RETURN(std::shared_ptr<const pkcs11::DerivationKey> key, pkcs11::DerivationKey::Open(token, bound->name));
  ASSIGN_OR_RETURN(const crypto::KeyWrap wrap, WrapOf(*key, bound->salt));
  absl::StatusOr<Secret> ring = wrap.Unwrap(bound->box, Head(bound->name, bound->salt));
  if (!ring.ok()) return Damaged();
  return Unbound{*std::move(ring), std::move(key)};
}

}  // namespace plumbline::keyserver
