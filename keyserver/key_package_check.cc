#include "keyserver/key_package_check.h"

#include "absl/strings/str_cat.h"
#include "common/identity/mailbox_address.h"
#include "common/identity/reason.h"
#include "mls/key_package.h"

namespace plumbline::keyserver {
namespace {

absl::Status Invalid(absl::string_view why) {
  return identity::Refuse(absl::StatusCode::kInvalidArgument, "key_package_invalid", why);
}

absl::Status CheckCredential(const mls::LeafNode& leaf, const Device& device,
                             ByteView issuing) {
  if (!Equal(leaf.signature_key, device.mls_key))
    return Invalid("it is under another key than this device's");
  const absl::StatusOr<std::vector<ByteView>> chain = mls::CertificateChain(leaf.credential);
  if (!chain.ok() || chain->size() != 2 || !Equal((*chain)[0], device.credential) ||
      !Equal((*chain)[1], issuing)) {
    return Invalid("its credential is not this device's certificate and the issuing one");
  }
  return absl::OkStatus();
}

absl::Status CheckLifetime(const mls::Lifetime& lifetime, const Device& device) {
  if (lifetime.not_after < lifetime.not_before ||
      lifetime.not_after - lifetime.not_before >
          static_cast<uint64_t>(absl::ToInt64Seconds(kMaxKeyPackageLife))) {
    return Invalid("it lives too long");
  }
  // Whoever claims it later could bring nobody in by it.
  const absl::StatusOr<crypto::Certificate> own = crypto::Certificate::Parse(device.credential);
  if (!own.ok() || lifetime.not_after > static_cast<uint64_t>(absl::ToUnixSeconds(own->not_after()))) {
    return Invalid("it lives longer than its credential");
  }
  return absl::OkStatus();
}

absl::Status CheckAddress(const mls::LeafNode& leaf) {
  const Bytes* const address = mls::FindExtension(leaf.extensions, identity::kMailboxAddressExtension);
  if (address == nullptr) return Invalid("its leaf has no mailbox address");
  if (!identity::ParseMailboxAddress(*address).ok())
    return Invalid("the mailbox address in its leaf is malformed");
  return absl::OkStatus();
}

}  // namespace

bool IsKnownCipherSuite(uint32_t suite) { return suite == 0x0001 || suite == 0x0003; }

absl::StatusOr<PublishedKeyPackage> CheckKeyPackage(ByteView message, const Device& device,
                                                    ByteView issuing, bool last_resort,
                                                    absl::Time now) {
  if (message.size() > kMaxKeyPackage) return Invalid("it is longer than 16 KiB");
  const absl::StatusOr<mls::KeyPackage> parsed = mls::ParseKeyPackageMessage(message);
  if (!parsed.ok() || !Equal(mls::EncodeKeyPackageMessage(*parsed), message))
    return Invalid("it does not parse");
  if (!IsKnownCipherSuite(parsed->cipher_suite)) return Invalid("its cipher suite is neither 1 nor 3");
  RETURN_IF_ERROR(CheckCredential(parsed->leaf_node, device, issuing));
  RETURN_IF_ERROR(CheckLifetime(parsed->leaf_node.lifetime, device));
  RETURN_IF_ERROR(CheckAddress(parsed->leaf_node));
  if (parsed->last_resort() != last_resort)
    return Invalid("its last-resort mark does not fit how it was published");
  const absl::Status valid = mls::ValidateKeyPackage(*parsed, now);
  if (!valid.ok()) return Invalid(valid.message());
  return PublishedKeyPackage{parsed->cipher_suite, parsed->leaf_node.lifetime.not_after, ToBytes(message)};
}

}  // namespace plumbline::keyserver
