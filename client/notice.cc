#include "client/notice.h"

#include "common/identity/reason.h"

namespace plumbline::client {

bool IsNoticeDue(const std::optional<KnownNotice>& known, absl::Time now) {
  return known.has_value() && (now - known->asked_at >= kAskAgain || now < known->asked_at);
}

absl::Status CheckNotice(const std::optional<KnownNotice>& known) {
  if (known.has_value() && !known->offered.has_value()) return absl::OkStatus();
  return identity::Refuse(absl::StatusCode::kFailedPrecondition, "notice_not_accepted",
                          known.has_value() ? "what the services do with data about you has changed: read what with `plumbline notice`, then "
                                              "agree to it with `plumbline notice --accept`"
                                            : "read with `plumbline notice` what the services do with data about you, then agree to it with "
                                              "`plumbline notice --accept`");
}

}  // namespace plumbline::client
