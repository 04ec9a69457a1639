#include "common/rpc/service_certificate.h"

#include "absl/strings/str_cat.h"
#include "common/codec.h"
#include "common/crypto/issue.h"
#include "common/file.h"
#include "common/rpc/caller.h"

namespace plumbline::rpc {
namespace {

constexpr absl::string_view kMagic = "PLTLSID1";
constexpr absl::string_view kContext = "service tls key";
constexpr size_t kMaxKey = 1024;
constexpr size_t kMaxFile = 64 * 1024;

absl::StatusOr<crypto::Certificate> ReadCertificate(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView der, in.Vector(crypto::kMaxCertificateSize));
  return crypto::Certificate::Parse(der);
}

absl::StatusOr<Bytes> ReadKey(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView key, in.Vector(kMaxKey));
  if (key.size() <= crypto::kWrapOverhead) return absl::InvalidArgumentError("a wrapped key is too short");
  return ToBytes(key);
}

absl::Status Unacceptable(absl::string_view cause) {
  return absl::PermissionDeniedError(absl::StrCat("certificate_unacceptable: the key server's answer cannot be used: ", cause));
}

}  // namespace

Bytes Encode(const KeptCertificate& kept) {
  Writer out;
  out.Fixed(AsBytes(kMagic)).Present(kept.current.has_value());
  if (kept.current) {
    out.Vector(kept.current->wrapped_key).Vector(kept.current->leaf.der()).Vector(kept.current->issuing.der());
  }
  out.Present(!kept.next_key.empty());
  if (!kept.next_key.empty()) out.Vector(kept.next_key);
  return out.TakeBytes();
}

absl::StatusOr<KeptCertificate> ParseKeptCertificate(ByteView wire) {
  Reader in(wire);
  ASSIGN_OR_RETURN(const ByteView magic, in.Fixed(kMagic.size()));
  if (!Equal(magic, AsBytes(kMagic))) return absl::InvalidArgumentError("this is not a kept certificate");
  KeptCertificate out;
  ASSIGN_OR_RETURN(const bool current, in.Present());
  if (current) {
    ASSIGN_OR_RETURN(Bytes key, ReadKey(in));
    ASSIGN_OR_RETURN(crypto::Certificate leaf, ReadCertificate(in));
    ASSIGN_OR_RETURN(crypto::Certificate issuing, ReadCertificate(in));
    out.current.emplace(KeptCertificate::Identity{std::move(key), std::move(leaf), std::move(issuing)});
  }
  ASSIGN_OR_RETURN(const bool next, in.Present());
  if (next) {
    ASSIGN_OR_RETURN(out.next_key, ReadKey(in));
  }
  RETURN_IF_ERROR(in.Done());
  return out;
}

Wear WearOf(const crypto::Certificate& certificate, absl::Time now) {
  if (now < crypto::RenewalTime(certificate)) return Wear::kGood;
  return certificate.not_after() - now < crypto::LifeOf(certificate) / 4 ? Wear::kOverdue : Wear::kDue;
}

absl::StatusOr<std::unique_ptr<ServiceCertificate>> ServiceCertificate::Open(Options options, absl::StatusOr<TlsIdentity> ceremony,
                                                                             LiveIdentity& live, absl::Time now) {
  ASSIGN_OR_RETURN(crypto::KeyWrap wrap, crypto::KeyWrap::Create(std::move(options.wrapping)));
  std::unique_ptr<ServiceCertificate> out(new ServiceCertificate(std::move(options), std::move(wrap), live));
  RETURN_IF_ERROR(out->Start(std::move(ceremony), now));
  return out;
}

absl::Status ServiceCertificate::Start(absl::StatusOr<TlsIdentity> ceremony, absl::Time now) {
  const MutexLock lock(mutex_);
  const absl::StatusOr<Secret> file = ReadSecretFile(options_.path, kMaxFile);
  if (!file.ok() && !absl::IsNotFound(file.status())) return file.status();
  if (file.ok()) {
    absl::StatusOr<KeptCertificate> parsed = ParseKeptCertificate(file->view());
    if (!parsed.ok()) {
      return absl::DataLossError(absl::StrCat("kept_certificate_damaged: ", options_.path, " does not parse; remove it, and have the "
                                              "service's certificate request signed again if its own certificate has ended"));
    }
    kept_ = *std::move(parsed);
  }
  std::optional<TlsIdentity> kept;
  if (kept_.current && Check(kept_.current->leaf, kept_.current->issuing, now).ok()) {
    ASSIGN_OR_RETURN(const crypto::P256PrivateKey key, Unwrap(kept_.current->wrapped_key));
    if (key.spki() != kept_.current->leaf.spki()) return absl::DataLossError("the kept key does not belong to its certificate");
    kept = TlsIdentity{crypto::ToPemChain({kept_.current->leaf, kept_.current->issuing, options_.root}), key.ToPem()};
  }
  if (!kept && !ceremony.ok()) return ceremony.status();
  if (kept && ceremony.ok()) {
    ASSIGN_OR_RETURN(const crypto::Certificate brought, crypto::Certificate::ParsePem(ceremony->chain_pem));
    if (brought.not_before() > kept_.current->leaf.not_before()) kept.reset();
  }
  if (kept) return Show(*std::move(kept));
  // What a ceremony certifies anew begins a new line of keys.
  if (kept_.current) {
    kept_ = {};
    RETURN_IF_ERROR(Keep());
  }
  return Show(*std::move(ceremony));
}

crypto::Certificate ServiceCertificate::leaf() const {
  const MutexLock lock(mutex_);
  return *leaf_;
}

TlsIdentity ServiceCertificate::identity() const {
  const MutexLock lock(mutex_);
  return shown_.Copy();
}

absl::StatusOr<Bytes> ServiceCertificate::Request() {
  const MutexLock lock(mutex_);
  if (!kept_.next_key.empty()) {
    ASSIGN_OR_RETURN(const crypto::P256PrivateKey key, Unwrap(kept_.next_key));
    return crypto::CertificateRequest::Create(key);
  }
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate();
  ASSIGN_OR_RETURN(kept_.next_key, wrap_.Wrap(Secret::CopyOf(key.der()), AsBytes(kContext)));
  if (const absl::Status status = Keep(); !status.ok()) {
    kept_.next_key.clear();
    return status;
  }
  return crypto::CertificateRequest::Create(key);
}

absl::Status ServiceCertificate::Install(ByteView leaf_der, ByteView issuing_der, absl::Time now) {
  const MutexLock lock(mutex_);
  if (kept_.next_key.empty()) {
    return absl::FailedPreconditionError("certificate_unexpected: this service has asked for no certificate");
  }
  const auto leaf = crypto::Certificate::Parse(leaf_der), issuing = crypto::Certificate::Parse(issuing_der);
  if (!leaf.ok() || !issuing.ok()) return Unacceptable("it is no certificate");
  ASSIGN_OR_RETURN(const crypto::P256PrivateKey key, Unwrap(kept_.next_key));
  if (leaf->spki() != key.spki()) return Unacceptable("it is for another key than was asked for");
  RETURN_IF_ERROR(Check(*leaf, *issuing, now));
  if (leaf->not_after() <= leaf_->not_after()) return Unacceptable("it does not last longer than the present one");
  const KeptCertificate before = kept_;
  kept_ = {KeptCertificate::Identity{before.next_key, *leaf, *issuing}, {}};
  if (const absl::Status status = Keep(); !status.ok()) {
    kept_ = before;
    return status;
  }
  return Show(TlsIdentity{crypto::ToPemChain({*leaf, *issuing, options_.root}), key.ToPem()});
}

absl::Status ServiceCertificate::Check(const crypto::Certificate& leaf, const crypto::Certificate& issuing, absl::Time now) const {
  const absl::Status chain = crypto::VerifyChain(leaf, {issuing}, options_.root, now, crypto::Purpose::kTlsPeer);
  if (!chain.ok()) return Unacceptable(chain.message());
  if (!IsServiceCertificate(leaf, options_.uri)) return Unacceptable("it is not in the name of this service");
  return absl::OkStatus();
}

absl::Status ServiceCertificate::Keep() { return WriteFileAtomically(options_.path, Encode(kept_), 0600); }

absl::Status ServiceCertificate::Show(TlsIdentity identity) {
  ASSIGN_OR_RETURN(crypto::Certificate leaf, crypto::Certificate::ParsePem(identity.chain_pem));
  RETURN_IF_ERROR(live_.Replace(identity, options_.root.ToPem()));
  shown_ = std::move(identity);
  leaf_ = std::move(leaf);
  return absl::OkStatus();
}

absl::StatusOr<crypto::P256PrivateKey> ServiceCertificate::Unwrap(ByteView wrapped) const {
  const absl::StatusOr<Secret> der = wrap_.Unwrap(wrapped, AsBytes(kContext));
  if (!der.ok()) {
    return absl::DataLossError(absl::StrCat("kept_certificate_damaged: ", options_.path, " is not of this service's keys; remove it"));
  }
  return crypto::P256PrivateKey::FromDer(der->view());
}

}  // namespace plumbline::rpc
