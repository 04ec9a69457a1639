#include "client/sealing.h"

#include <sodium.h>

#include "common/check.h"
#include "common/crypto/ed25519.h"
#include "mls/crypto/hpke.h"

namespace plumbline::client {
namespace {

constexpr size_t kEncSize = 32;  // bytes of the HPKE KEM output
constexpr size_t kNonceSize = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagSize = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(kNonceSize + kTagSize == identity::kSealedCommitOverhead);

}  // namespace

absl::StatusOr<Mailbox> NewMailbox(ByteView group_id, ByteView grant, uint32_t expires_day) {
  ASSIGN_OR_RETURN(mls::HpkeKeyPair keys, mls::DeriveX25519KeyPair(Secret::Random(32).view()));
  Mailbox mailbox;
  mailbox.id = identity::RandomFixed<16>();
  mailbox.group_id = ToBytes(group_id);
  mailbox.owner_seed = Secret::Random(crypto::kEd25519SeedSize);
  mailbox.hpke_private = std::move(keys.private_key.bytes);
  ASSIGN_OR_RETURN(mailbox.hpke_public, identity::ToFixed<32>(keys.public_key));
  mailbox.capability = identity::RandomFixed<32>();
  mailbox.grant = ToBytes(grant);
  mailbox.expires_day = expires_day;
  mailbox.begin = mailbox.place = identity::MailboxPlace::Random();
  return mailbox;
}

identity::MailboxAddress AddressOf(const Mailbox& mailbox, absl::string_view server) {
  return {std::string(server), mailbox.id, mailbox.hpke_public, mailbox.capability};
}

absl::StatusOr<OutgoingEnvelope> SealEnvelope(const identity::MailboxAddress& address,
                                              const identity::EnvelopeContent& content) {
  ASSIGN_OR_RETURN(const Bytes padded, identity::EncodePadded(content));
  OutgoingEnvelope envelope;
  envelope.envelope_id = identity::RandomFixed<16>();
  envelope.mailbox_id = address.mailbox_id;
  envelope.capability = address.deposit_capability;
  ASSIGN_OR_RETURN(mls::HpkeSender sender,
                   mls::SetupHpkeSender(mls::AeadId::kChaCha20Poly1305, address.hpke_public_key,
                                        identity::EnvelopeInfo(address.mailbox_id)));
  ASSIGN_OR_RETURN(const Bytes ciphertext, sender.context.Seal(envelope.envelope_id, padded));
  envelope.sealed = Concat({sender.kem_output, ciphertext});
  return envelope;
}

absl::StatusOr<identity::EnvelopeContent> OpenEnvelope(const Mailbox& mailbox, const identity::EnvelopeId& envelope_id,
                                                       ByteView sealed) {
  if (!identity::IsPadmeSize(sealed.size())) return absl::InvalidArgumentError("an envelope has a size that is not allowed");
  const mls::HpkePrivateKey key{Secret::CopyOf(mailbox.hpke_private.view())};
  ASSIGN_OR_RETURN(mls::HpkeContext context,
                   mls::SetupHpkeRecipient(mls::AeadId::kChaCha20Poly1305, key, mailbox.hpke_public,
                                           sealed.first(kEncSize), identity::EnvelopeInfo(mailbox.id)));
  ASSIGN_OR_RETURN(const Secret plaintext, context.Open(envelope_id, sealed.subspan(kEncSize)));
  return identity::ParseEnvelopeContent(plaintext.view());
}

absl::StatusOr<Bytes> SealCommit(const Secret& key, const identity::GroupHandle& handle, uint64_t epoch,
                                 ByteView mls_message) {
  CHECK(key.size() == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
  ASSIGN_OR_RETURN(const Bytes plaintext, identity::EncodePaddedCommit(mls_message));
  const Bytes context = identity::SealedCommitContext(handle, epoch);
  Bytes sealed = RandomBytes(kNonceSize);
  const Bytes nonce = sealed;
  sealed.resize(kNonceSize + plaintext.size() + kTagSize);
  crypto_aead_xchacha20poly1305_ietf_encrypt(sealed.data() + kNonceSize, nullptr, plaintext.data(), plaintext.size(),
                                             context.data(), context.size(), nullptr, nonce.data(), key.view().data());
  return sealed;
}

absl::StatusOr<Bytes> OpenCommit(const Secret& key, const identity::GroupHandle& handle, uint64_t epoch,
                                 ByteView sealed) {
  CHECK(key.size() == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
  if (!identity::IsPadmeSize(sealed.size())) return absl::InvalidArgumentError("a sealed commit has a size that is not allowed");
  const Bytes context = identity::SealedCommitContext(handle, epoch);
  Secret plaintext(sealed.size() - kNonceSize - kTagSize);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(plaintext.span().data(), nullptr, nullptr, sealed.data() + kNonceSize,
                                                 sealed.size() - kNonceSize, context.data(), context.size(),
                                                 sealed.data(), key.view().data()) != 0) {
    return absl::InvalidArgumentError("a sealed commit is not under this epoch's key");
  }
  return identity::ParsePaddedCommit(plaintext.view());
}

}  // namespace plumbline::client
