// Which privacy notice this device's owner accepted, and which one the services offer since (docs/protocols/manifest.md).
#pragma once

#include <optional>

#include "absl/time/time.h"
#include "client/store/store.h"
#include "plumbline/metadata/v1/manifest.pb.h"

namespace plumbline::client {

struct KnownNotice {
  metadata::v1::Notice accepted;
  absl::Time accepted_at;
  std::optional<metadata::v1::Notice> offered;  // another one than accepted
  absl::Time asked_at = absl::InfinitePast();   // when the services were last asked
};

// Each method is one change, on disk on return. DATA_LOSS for a row that does not parse.
class NoticeStore final {
 public:
  explicit NoticeStore(Store& store) : store_(store) {}

  // None before the first was accepted.
  absl::StatusOr<std::optional<KnownNotice>> Get();
  absl::Status Accept(const metadata::v1::Notice& notice, absl::Time now);
  // What the services said at `now`. Nothing without an accepted one, which is asked for first.
  absl::Status Offer(const metadata::v1::Notice& notice, absl::Time now);
  // They were asked at `now`, and did not answer.
  absl::Status Asked(absl::Time now);

 private:
  Store& store_;
};

}  // namespace plumbline::client
