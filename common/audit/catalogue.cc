#include "common/audit/catalogue.h"

#include "common/check.h"

namespace plumbline::audit {
namespace {

struct Row {
  Event event;
  absl::string_view name;
  absl::string_view meaning;
};

constexpr Row kRows[] = {
#define PLUMBLINE_AUDIT_ROW(id, name, meaning) {Event::id, name, meaning},
    PLUMBLINE_AUDIT_EVENTS(PLUMBLINE_AUDIT_ROW)
#undef PLUMBLINE_AUDIT_ROW
};

const Row& RowOf(Event event) {
  const size_t index = static_cast<size_t>(event);
  CHECK(index < std::size(kRows));
  return kRows[index];
}

}  // namespace

absl::string_view Name(Event event) { return RowOf(event).name; }
absl::string_view Meaning(Event event) { return RowOf(event).meaning; }

std::optional<Event> FromName(absl::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.event;
  }
  return std::nullopt;
}

}  // namespace plumbline::audit
