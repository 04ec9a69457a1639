#include "keyserver/token_issuer.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/identity/reason.h"

namespace plumbline::keyserver {
namespace {

using identity::Refuse;

constexpr char kWrapLabel[] = "plumbline token secret v1";
// Devices' clocks differ: what was asked for a moment after the key closed is still signed.
constexpr absl::Duration kGrace = absl::Minutes(2);

uint64_t Seconds(absl::Duration duration) { return static_cast<uint64_t>(absl::ToInt64Seconds(duration)); }

// The part of an epoch in which the next one's key is there too.
absl::Duration OverlapOf(absl::Duration epoch) { return epoch / 6; }

std::shared_ptr<pkcs11::Token> TokenOf(const KeyRing& keys) { return keys.bound_to ? keys.bound_to->token() : nullptr; }

std::string LabelOf(const KeyRing& keys) {
  return keys.bound_to ? absl::StrCat("plumbline tokens ", ToHex(keys.bound_to->name().id)) : std::string();
}

}  // namespace

TokenIssuer::TokenIssuer(const Organisation& organisation, TokenStore& store, Publisher& publisher, const Clock& clock,
                         crypto::KeyWrap wrap)
    : organisation_(organisation), store_(store), publisher_(publisher), clock_(clock), wrap_(std::move(wrap)),
      token_(TokenOf(organisation.keys())), label_(LabelOf(organisation.keys())) {}

absl::StatusOr<crypto::KeyWrap> TokenIssuer::WrapOf(const KeyRing& keys) {
  return keys.WrapFor(kWrapLabel);
}

absl::Status TokenIssuer::Load(absl::Time now) {
  ASSIGN_OR_RETURN(const std::vector<StoredTokenKey> stored, store_.Live(now));
  // Reading a secret takes a tenth of a second: not while those who draw and redeem wait.
  std::map<tokens::Hash, Live> before, next;
  {
    MutexLock lock(mutex_);
    before = live_;
  }
  for (const StoredTokenKey& key : stored) {
    Live live{key.leaf, key.statement, nullptr, key.is_void};
    const auto known = before.find(key.leaf.token_key_id);
    if (key.wrapped_secret.empty()) {
      // Nothing more is signed with it.
    } else if (known != before.end() && known->second.secret != nullptr) {
      live.secret = known->second.secret;
    } else {
      absl::StatusOr<Secret> unwrapped = wrap_.Unwrap(key.wrapped_secret, key.leaf.token_key_id);
      if (!unwrapped.ok()) return absl::DataLossError("the secret of a token key cannot be read");
      absl::StatusOr<BlindKey> secret = BlindKey::Parse(*std::move(unwrapped), token_);
      if (secret.ok() ? tokens::TokenKeyId(secret->public_key()) != key.leaf.token_key_id : absl::IsInvalidArgument(secret.status()))
        return absl::DataLossError("the secret of a token key is not its own");
      // After a backup was restored: the token has forgotten it since. Another is made in its place.
      if (identity::ReasonOf(secret.status()) != "pkcs11_key_missing") {
        RETURN_IF_ERROR(secret.status());
        live.secret = std::make_shared<const BlindKey>(*std::move(secret));
      }
    }
    next.emplace(key.leaf.token_key_id, std::move(live));
  }
  MutexLock lock(mutex_);
  live_.swap(next);
  return absl::OkStatus();
}

absl::StatusOr<StoredTokenKey> TokenIssuer::Make(absl::string_view purpose, absl::Time now) {
  ASSIGN_OR_RETURN(std::optional<tlog::TokenKeyLeaf> last, store_.Newest(purpose, tokens::kClassMember));
  if (!last) {
    ASSIGN_OR_RETURN(last, store_.Restored(purpose, tokens::kClassMember));
    // No two epochs open within a minute, so no more can have begun since.
    if (last) last->epoch += static_cast<uint64_t>(std::max<int64_t>(0, absl::ToUnixSeconds(now) - static_cast<int64_t>(last->opens))) / tlog::kMinTokenEpoch;
  }
  std::set<uint8_t> taken;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, live] : live_) taken.insert(id.back());
  }
  // An issuer is told the last byte alone (RFC 9578 §6.1).
  ASSIGN_OR_RETURN(BlindKey secret, BlindKey::Generate(token_, label_));
  while (taken.contains(tokens::TruncatedTokenKeyId(secret.public_key()))) {
    ASSIGN_OR_RETURN(secret, BlindKey::Generate(token_, label_));
  }
  const absl::Duration epoch = organisation_.limits().token_epoch;
  StoredTokenKey out;
  out.leaf.purpose = std::string(purpose);
  out.leaf.token_class = tokens::kClassMember;
  out.leaf.epoch = last ? last->epoch + 1 : 1;
  // After a clock that was set back: never before the one that is there.
  out.leaf.opens = std::max(static_cast<uint64_t>(absl::ToUnixSeconds(now)), last ? last->opens + tlog::kMinTokenEpoch : 0);
  out.leaf.closes = out.leaf.opens + Seconds(epoch);
  out.leaf.ends = out.leaf.closes + Seconds(OverlapOf(epoch));
  out.leaf.token_key_id = tokens::TokenKeyId(secret.public_key());
  ASSIGN_OR_RETURN(out.statement, tokens::SignTokenKey({organisation_.domain(), secret.public_key(), out.leaf}, organisation_.keys().tokens.key));
  ASSIGN_OR_RETURN(out.wrapped_secret, wrap_.Wrap(secret.Serialize(), out.leaf.token_key_id));
  return out;
}

absl::Status TokenIssuer::Sweep() {
  if (token_ == nullptr) return absl::OkStatus();
  std::set<pkcs11::KeyName> in_use;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, live] : live_) {
      if (live.secret != nullptr && live.secret->name() != nullptr) in_use.insert(*live.secret->name());
    }
  }
  return pkcs11::DestroyOthers(*token_, label_, in_use);
}

absl::Status TokenIssuer::Prepare() {
  MutexLock making(making_);
  const absl::Time now = clock_.Now();
  RETURN_IF_ERROR(store_.Forget(now - kGrace, now));
  RETURN_IF_ERROR(Load(now));
  RETURN_IF_ERROR(Sweep());
  std::vector<StoredTokenKey> made;
  const absl::Duration overlap = OverlapOf(organisation_.limits().token_epoch);
  for (const char* purpose : {tokens::kPurposeDelivery, tokens::kPurposeDirectory}) {
    bool there = false;
    {
      MutexLock lock(mutex_);
      for (const auto& [id, live] : live_) {
        const absl::Time closes = absl::FromUnixSeconds(static_cast<int64_t>(live.leaf.closes));
        there = there || (live.leaf.purpose == purpose && live.secret != nullptr && closes - now > overlap);
      }
    }
    if (there) continue;
    ASSIGN_OR_RETURN(made.emplace_back(), Make(purpose, now));
  }
  if (made.empty()) return absl::OkStatus();
  audit::Entry entry;
  entry.event = audit::Event::kTokenKeysMade;
  entry.actor = "keyserver";
  for (const StoredTokenKey& key : made) entry.details[key.leaf.purpose] = absl::StrCat("epoch ", key.leaf.epoch);
  RETURN_IF_ERROR(store_.Add(made, entry));
  RETURN_IF_ERROR(Load(now));
  Sweep().IgnoreError();  // keys that were made and not taken, for the end of their id; the next Prepare sweeps again
  publisher_.PublishAndWait();
  return absl::OkStatus();
}

std::vector<Bytes> TokenIssuer::Statements() const {
  MutexLock lock(mutex_);
  std::vector<const Live*> good;
  for (const auto& [id, live] : live_) {
    if (!live.is_void) good.push_back(&live);
  }
  std::sort(good.begin(), good.end(), [](const Live* a, const Live* b) {
    return std::pair(a->leaf.epoch, a->leaf.purpose) < std::pair(b->leaf.epoch, b->leaf.purpose);
  });
  std::vector<Bytes> out;
  for (const Live* live : good) out.push_back(live->statement);
  return out;
}

absl::StatusOr<std::vector<std::shared_ptr<const BlindKey>>> TokenIssuer::KeysFor(
    absl::string_view purpose, const std::vector<tokens::TokenRequest>& requests) const {
  const absl::Time now = clock_.Now();
  std::map<uint8_t, std::shared_ptr<const BlindKey>> keys;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, live] : live_) {
      const absl::Time closes = absl::FromUnixSeconds(static_cast<int64_t>(live.leaf.closes));
      if (live.leaf.purpose == purpose && live.secret != nullptr && now < closes + kGrace) keys[id.back()] = live.secret;
    }
  }
  std::vector<std::shared_ptr<const BlindKey>> out;
  for (const tokens::TokenRequest& request : requests) {
    const auto key = keys.find(request.truncated_token_key_id);
    if (key == keys.end()) {
      return Refuse(absl::StatusCode::kNotFound, "token_key_unknown",
                    "no key with that id is in use for this purpose; fetch the keys again");
    }
    out.push_back(key->second);
  }
  return out;
}

absl::Status TokenIssuer::CheckRequests(absl::string_view purpose, const std::vector<tokens::TokenRequest>& requests) const {
  return KeysFor(purpose, requests).status();
}

absl::StatusOr<std::vector<tokens::TokenResponse>> TokenIssuer::Issue(absl::string_view purpose,
                                                                      const std::vector<tokens::TokenRequest>& requests) const {
  ASSIGN_OR_RETURN(const auto keys, KeysFor(purpose, requests));
  std::vector<tokens::TokenResponse> out;
  for (size_t i = 0; i < requests.size(); ++i) {
    absl::StatusOr<tokens::TokenResponse> response = tokens::Issue(*keys[i], requests[i]);
    if (absl::IsInvalidArgument(response.status()))
      return Refuse(absl::StatusCode::kInvalidArgument, "request_malformed", "a token request is beyond the key's modulus");
    RETURN_IF_ERROR(response.status());
    out.push_back(*std::move(response));
  }
  return out;
}

absl::Status TokenIssuer::EndEpoch(const IntentTrace& trace) {
  MutexLock making(making_);
  const absl::Time now = clock_.Now();
  std::vector<StoredTokenKey> made;
  for (const char* purpose : {tokens::kPurposeDelivery, tokens::kPurposeDirectory}) {
    ASSIGN_OR_RETURN(const std::optional<tlog::TokenKeyLeaf> last, store_.Newest(purpose, tokens::kClassMember));
    const absl::Time earliest =
        last ? absl::FromUnixSeconds(static_cast<int64_t>(last->opens + tlog::kMinTokenEpoch)) : absl::InfinitePast();
    if (now < earliest) {
      return Refuse(absl::StatusCode::kFailedPrecondition, "epoch_too_young",
                    absl::StrCat("the tokens in use began less than a minute ago, and keys that few people share would tell them "
                                 "apart; try again in ", absl::ToInt64Seconds(earliest - now) + 1, " seconds"));
    }
    ASSIGN_OR_RETURN(made.emplace_back(), Make(purpose, now));
  }
  RETURN_IF_ERROR(store_.EndEpoch(made, trace));
  RETURN_IF_ERROR(Load(now));
  Sweep().IgnoreError();  // the intent is carried out; Prepare sweeps again within a minute
  publisher_.PublishAndWait();
  return absl::OkStatus();
}

}  // namespace plumbline::keyserver
