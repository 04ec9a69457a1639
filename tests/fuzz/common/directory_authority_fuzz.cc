// What a key server without anybody's keys puts into its log behind an honest beginning, and opens: no device gets in that was not
// signed for, and no version counts without a cause that somebody signed.
#include "common/check.h"
#include "tests/common/directory/history.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using directory::History;
using identity::Action;

struct Known {
  History history;
  std::optional<directory::Authority> before;  // has seen the first `kBeginning` items
  std::set<identity::Hash> causes;
  std::set<identity::PublicKey> keys;
};
constexpr size_t kBeginning = 5;

const Known& TheKnown() {
  static const Known* const known = [] {
    auto* const out = new Known;
    History& h = out->history;
    for (const char* name : {"alice", "bob"}) {
      h.Append(name, h.Create(name));
      h.Append(name, h.Join(name));
    }
    h.Append("alice", h.Approve("alice", h.people["alice"].devices[0]));
    CHECK(h.items.size() == kBeginning);
    h.Append("alice", h.Remove("alice", h.people["alice"].devices[0], h.people["alice"].devices[1].id));
    h.Append("alice", h.Approve("alice", h.people["alice"].devices[0]));
    h.Append("bob", h.Act("bob", Action::kSuspendAccount));
    h.Append("bob", h.Act("bob", Action::kReactivateAccount));
    h.Append("bob", h.Join("bob"));
    h.Append("bob", h.Act("bob", Action::kRevokeDevice, h.people["bob"].devices[0].id));
    h.Append("alice", h.Act("alice", Action::kRemoveAccount));
    out->before = *directory::Authority::Create(h.Terms(), h.Genesis());
    for (size_t i = 0; i < h.items.size(); ++i) {
      const History::Item& item = h.items[i];
      if (i < kBeginning) CHECK(!out->before->Take(item.place, item.entry, item.opening));
      out->causes.insert(identity::ParseDirectoryRecord(item.opening.record->record)->cause);
    }
    for (const auto& person : h.people) {
      for (const directory::TestDevice& device : person.second.devices) out->keys.insert(device.mls_key());
    }
    return out;
  }();
  return *known;
}

// As a key server would make it fit: the record names its cause and follows the last one; no hash is the fuzzer's to find.
void MakeFit(History::Item& item, const Bytes& last) {
  if (!item.opening.record || !item.opening.cause) return;
  auto record = identity::ParseDirectoryRecord(item.opening.record->record);
  const auto cause = directory::ParseCause(item.opening.cause->cause);
  if (!record.ok() || !cause.ok()) return;
  record->version = item.entry.version;
  if (record->version > 1) record->previous_hash = Sha256(last);
  item.opening.record->record = identity::Encode(History::Named({*record, *cause, {}}).record);
}

}  // namespace

void Fuzz(ByteView input) {
  const Known& known = TheKnown();
  directory::Authority authority = *known.before;
  std::map<tlog::MapIndex, Bytes> last;  // record of each person
  for (size_t i = 0; i < kBeginning; ++i) last[known.history.items[i].entry.index] = known.history.items[i].opening.record->record;
  Reader in(input);
  for (size_t i = kBeginning; i < known.history.items.size() && !in.AtEnd(); ++i) {
    History::Item item = known.history.items[i];
    const absl::StatusOr<directory::Opening> opening = directory::ReadOpening(in);
    if (!opening.ok()) return;
    item.opening = *opening;
    MakeFit(item, last[item.entry.index]);
    History::Recommit(item);  // the log is the key server's own
    const directory::AuthorityCounts counts = authority.counts();
    const auto finding = authority.Take(item.place, item.entry, item.opening);
    CHECK(finding.has_value() == (authority.counts().violations == counts.violations + 1));
    CHECK(authority.counts().adopted == 0);
    if (authority.counts().checked == counts.checked) continue;
    last[item.entry.index] = item.opening.record->record;
    const auto record = identity::ParseDirectoryRecord(item.opening.record->record);
    CHECK(known.causes.contains(record->cause));
    for (const identity::RecordDevice& device : record->devices) CHECK(known.keys.contains(device.mls_signature_public_key));
  }
}

std::vector<Bytes> Seeds() {
  const std::vector<History::Item>& items = TheKnown().history.items;
  std::vector<Bytes> out;
  for (size_t end = kBeginning + 1; end <= items.size(); ++end) {
    Writer file;
    for (size_t i = kBeginning; i < end; ++i) file.Vector(directory::Encode(items[i].opening));
    out.push_back(file.TakeBytes());
  }
  return out;
}

}  // namespace plumbline::fuzz
