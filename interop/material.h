// From the wire's words to mls/ values, and fresh keys. Private to interop/harness*.cc.
#pragma once

#include <optional>
#include <string>

#include "common/bytes.h"
#include "common/status.h"
#include "interop/harness.h"
#include "mls/external.h"
#include "mls/group.h"

namespace plumbline::interop {

inline const EveryCredential kEveryone;
absl::Time Now();

// UNIMPLEMENTED for a suite this build does not have.
absl::StatusOr<const mls::CipherSuite*> SuiteOf(uint32_t cipher_suite);
// INVALID_ARGUMENT for a type beyond uint16.
absl::StatusOr<mls::Extensions> ExtensionsOf(
    const google::protobuf::RepeatedPtrField<pb::Extension>& extensions);
std::optional<Bytes> TreeOf(const std::string& ratchet_tree);  // none if empty
inline Bytes BytesOf(const std::string& text) { return ToBytes(AsBytes(text)); }

mls::GroupPolicy Policy();
mls::Lifetime LeafLifetime();
mls::SignatureKeyPair CopyOf(const mls::SignatureKeyPair& key);
mls::SignaturePrivateKey CopyOf(const mls::SignaturePrivateKey& key);
mls::HandshakeFraming FramingOf(const State& state);
// Fresh keys and a key package of the suite.
absl::StatusOr<Joiner> NewJoiner(const mls::CipherSuite& suite, const mls::Credential& credential);
// INVALID_ARGUMENT if no member has this basic credential, or two have.
absl::StatusOr<mls::LeafIndex> MemberNamed(const mls::Group& group, ByteView identity);

// An epoch as outsiders are told of it; the signature is not verified.
absl::StatusOr<mls::GroupEpoch> EpochOf(const mls::GroupInfo& info);

}  // namespace plumbline::interop
