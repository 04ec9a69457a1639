#include "tests/privacy/month.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "assess/tools/child.h"
#include "assess/tools/database.h"
#include "common/check.h"
#include "common/identity/padme.h"
#include "tests/common/certificates.h"

namespace plumbline::privacy {
namespace {

using server::TestMailbox;
using testing::ValueOf;
namespace v1 = delivery::v1;

constexpr int kDays = 28;  // the shortest life of a grant
constexpr int kDevices = 12;
constexpr int kGroups = 5;      // of 3 to 5
constexpr int kPairs = 6;
constexpr double kMessages = 1.5;       // a day and conversation
constexpr double kGoesAway = 0.1, kComesBack = 0.2;  // a day: a third are away
constexpr double kChanges = 0.1;        // of what is sent carries a commit
constexpr int kAhead = 3;              // steps from thirty-two bytes that may be a place

// Made once: its keys take a while.
const server::TestOrganisation& Organisation() {
  static const auto* const organisation = new server::TestOrganisation(absl::FromUnixSeconds(1'800'000'000));
  return *organisation;
}

void Ensure(const absl::Status& status) {
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  CHECK(status.ok());
}

uint64_t Prefix(ByteView bytes) {
  uint64_t value = 0;
  std::copy_n(bytes.begin(), sizeof value, reinterpret_cast<uint8_t*>(&value));
  return value;
}

// How a page of a table begins (SQLite's file format, 1.6): behind it pointers to the rows, then nothing, then the rows.
struct PageHeader {
  explicit PageHeader(const assess::DecryptedPage& page) {
    begin = page.number == 1 ? 100 - 16 : 0;
    kind = page.content[begin];
    rows = static_cast<size_t>(page.content[begin + 3] << 8 | page.content[begin + 4]);
    content = static_cast<size_t>(page.content[begin + 5] << 8 | page.content[begin + 6]);
  }
  bool IsGap(size_t at) const { return kind == 13 && at >= begin + 8 + 2 * rows && at + 8 <= content; }
  std::string ToText() const { return absl::StrCat("kind ", kind, ", ", rows, " rows from ", content, " on"); }
  size_t begin = 0, kind = 0, rows = 0, content = 0;
};

}  // namespace

struct Month::Device {
  bool away = false;
  std::vector<std::string> grants;
  std::map<int, TestMailbox> mailboxes;  // by conversation; -1: intake
};

struct Month::Conversation {
  std::vector<int> members;
  bool founded = false;
  server::TestGate gate;
  uint64_t epoch = 0;
  identity::Fixed<32> shared_capability = identity::RandomFixed<32>();
};

struct Month::Event {
  int64_t second = 0;
  enum class Kind { kFound, kSay, kFetch, kLook } kind = Kind::kSay;
  int subject = 0;
  bool operator<(const Event& other) const { return second < other.second; }
};

Month::Month(uint64_t seed, Planted planted) : random_(seed), planted_(planted), devices_(kDevices), conversations_(kGroups + kPairs) {
  server::StoreOptions options;
  options.path = directory_.File("server.db");
  clock_.Advance(absl::Hours(24 * Below(7)));  // months begin on all days of the week
  store_ = ValueOf(server::SqlcipherStore::Create(options, key_, log_key_, clock_));
  db::OpenOptions open;
  open.create = false;
  open.exclusive = false;
  aside_ = ValueOf(db::Database::Open(options.path, key_, open));
  if (planted_ == Planted::kKeptPlaces) Ensure(aside_->Execute("CREATE TABLE planted (mailbox BLOB PRIMARY KEY, place BLOB NOT NULL)"));
  delivery_.emplace(server::Delivery::Parts{*store_, *store_, *store_, sessions_, streams_, counters_, clock_}, Organisation().roles(),
                    server::kDomain);
  for (int c = 0; c < kGroups + kPairs; ++c) {
    const size_t size = c < kGroups ? static_cast<size_t>(3 + Below(3)) : 2;
    std::vector<int>& members = conversations_[static_cast<size_t>(c)].members;
    while (members.size() < size) {
      const int device = Below(kDevices);
      if (std::find(members.begin(), members.end(), device) == members.end()) members.push_back(device);
    }
  }
}

Month::~Month() = default;

std::string Month::NewSession() {
  const tokens::Redeemed token{identity::RandomFixed<32>(), identity::Hash{}, clock_.Now() - absl::Minutes(1), clock_.Now() + absl::Hours(1)};
  CHECK(ValueOf(store_->Spend(token)) == server::Spent::kNow);
  return ToString(ValueOf(sessions_.Open(token)).id);
}

TestMailbox& Month::MailboxOf(int device, int conversation) {
  Device& owner = devices_[static_cast<size_t>(device)];
  const auto known = owner.mailboxes.find(conversation);
  if (known != owner.mailboxes.end()) return known->second;
  TestMailbox& mailbox = owner.mailboxes[conversation];
  if (planted_ == Planted::kSharedCapability && conversation >= 0) {
    mailbox.capability = conversations_[static_cast<size_t>(conversation)].shared_capability;
  }
  OpenMailbox(owner, mailbox);
  truths_.push_back({mailbox.id, device, conversation});
  return mailbox;
}

void Month::OpenMailbox(Device& device, const TestMailbox& mailbox) {
  if (device.grants.empty()) {
    for (int i = 0; i < 2; ++i) device.grants.push_back(Organisation().NewGrant(clock_.Now()));
  }
  Ensure(delivery_->OpenMailbox(mailbox.Opening(device.grants.back())));
  device.grants.pop_back();
}

// Whoever is there opens a mailbox for it within minutes; the others when they come back.
void Month::Found(int conversation) {
  conversations_[static_cast<size_t>(conversation)].founded = true;
  for (const int device : conversations_[static_cast<size_t>(conversation)].members) {
    if (devices_[static_cast<size_t>(device)].away) continue;
    clock_.Advance(absl::Seconds(5 + Below(60)));
    MailboxOf(device, conversation);
  }
}

void Month::Say(int number) {
  Conversation& conversation = conversations_[static_cast<size_t>(number)];
  std::vector<int> present;
  for (const int device : conversation.members) {
    if (!devices_[static_cast<size_t>(device)].away) present.push_back(device);
  }
  if (!conversation.founded || present.empty()) return;
  const int sender = present[static_cast<size_t>(Below(static_cast<int>(present.size())))];
  v1::SubmitRequest request;
  request.set_session_id(NewSession());
  // Most are short; the rest have a long tail.
  const double length = 300 + 700 * -std::log(1.0 - static_cast<double>(Below(1000)) / 1000.0);
  const size_t size = identity::PadmeSize(std::max<size_t>(1024, static_cast<size_t>(length)));
  const Bytes shared = RandomBytes(16);
  for (const int device : conversation.members) {
    if (device == sender || !devices_[static_cast<size_t>(device)].mailboxes.contains(number)) continue;
    Bytes sealed = RandomBytes(size);
    if (planted_ == Planted::kSharedBytes) std::copy(shared.begin(), shared.end(), sealed.begin());
    AddEnvelope(request, MailboxOf(device, number), sealed);
  }
  if (Below(1000) < kChanges * 1000) {
    conversation.gate.Sign(request, conversation.epoch, conversation.epoch == 0, RandomBytes(identity::PadmeSize(2048)));
    ++conversation.epoch;
  }
  if (request.envelopes_size() == 0 && !request.has_commit()) return;
  v1::SubmitResponse response;
  Ensure(delivery_->Submit(request, response));
  clock_.Advance(absl::Seconds(1));
  for (const int device : conversation.members) {
    if (device != sender && !devices_[static_cast<size_t>(device)].away) Fetch(device);
  }
}

// Everything that waits for the device is read and acknowledged, and mailboxes that it lacks are opened.
void Month::Fetch(int number) {
  for (size_t c = 0; c < conversations_.size(); ++c) {
    const std::vector<int>& members = conversations_[c].members;
    const bool member = std::find(members.begin(), members.end(), number) != members.end();
    if (conversations_[c].founded && member) MailboxOf(number, static_cast<int>(c));
  }
  for (auto& [conversation, mailbox] : devices_[static_cast<size_t>(number)].mailboxes) {
    const server::Batch batch = ValueOf(delivery_->Fetch(mailbox.id, mailbox.begin, {10'000, 64 << 20}));
    std::vector<server::Row> rows;
    for (const server::StoredEnvelope& envelope : batch.envelopes) {
      rows.push_back(envelope.row);
      db::Statement read = ValueOf(aside_->Prepare("SELECT content FROM envelopes WHERE row = ?"));
      CHECK(ValueOf(read.Bind(1, static_cast<int64_t>(envelope.row)).Step()));
      gone_.push_back({Prefix(read.Blob(0).subspan(16)), clock_.Now()});
    }
    if (!rows.empty()) Ensure(store_->Ack(mailbox.id, rows));
    if (planted_ == Planted::kKeptPlaces) {
      db::Statement keep = ValueOf(aside_->Prepare("INSERT OR REPLACE INTO planted (mailbox, place) VALUES (?, ?)"));
      Ensure(keep.Bind(1, ByteView(mailbox.id)).Bind(2, batch.reached.view()).Run());
    }
  }
}

std::vector<Snapshot> Month::Run(int moments) {
  constexpr int64_t kDay = 24 * 3600;
  std::vector<Snapshot> snapshots;
  std::vector<Event> looks;
  for (int i = 0; i < moments; ++i) looks.push_back({(kDays - 7) * kDay + Below(7 * kDay), Event::Kind::kLook, 0});
  for (int device = 0; device < kDevices; ++device) {
    clock_.Advance(absl::Seconds(30 + Below(300)));
    MailboxOf(device, -1);
  }
  const absl::Time start = clock_.Now();
  for (int day = 0; day < kDays; ++day) {
    std::vector<Event> events;
    for (int device = 0; device < kDevices; ++device) {
      bool& away = devices_[static_cast<size_t>(device)].away;
      const bool comes_back = away && Below(1000) < kComesBack * 1000;
      if (comes_back) events.push_back({day * kDay + Below(kDay), Event::Kind::kFetch, device});
      if (comes_back || (!away && Below(1000) < kGoesAway * 1000)) away = !away;
    }
    for (int c = 0; c < kGroups + kPairs; ++c) {
      if (day < 6 && Below(6 - day) == 0 && !conversations_[static_cast<size_t>(c)].founded) {
        events.push_back({day * kDay + Below(kDay), Event::Kind::kFound, c});
      }
      for (int n = std::poisson_distribution<int>(kMessages)(random_); n > 0; --n) {
        events.push_back({day * kDay + Below(kDay), Event::Kind::kSay, c});
      }
    }
    for (const Event& look : looks) {
      if (look.second / kDay == day) events.push_back(look);
    }
    std::sort(events.begin(), events.end());
    for (const Event& event : events) {
      const absl::Duration ahead = start + absl::Seconds(event.second) - clock_.Now();
      if (ahead > absl::Seconds(20)) {  // as the server's upkeep does it
        clock_.Advance(absl::Seconds(20));
        Ensure(store_->Erase());
        clock_.Advance(ahead - absl::Seconds(20));
      }
      if (event.kind == Event::Kind::kFound && !conversations_[static_cast<size_t>(event.subject)].founded) Found(event.subject);
      if (event.kind == Event::Kind::kSay) Say(event.subject);
      if (event.kind == Event::Kind::kFetch) Fetch(event.subject);
      if (event.kind == Event::Kind::kLook) snapshots.push_back(Look());
    }
    Ensure(store_->Sweep(clock_.Now()).status());
  }
  return snapshots;
}

Snapshot Month::Look() {
  Snapshot out;
  {
    db::Statement read = ValueOf(aside_->Prepare("SELECT m.row, m.mailbox, m.expires_day, p.place, m.owner_key, m.grant_serial, m.capabilities "
                                                 "FROM mailboxes m JOIN mailbox_places p ON p.row = m.row"));
    while (ValueOf(read.Step())) {
      SeenMailbox mailbox;
      mailbox.row = read.Int64(0);
      mailbox.expires_day = read.Int64(2);
      mailbox.place = ValueOf(identity::MailboxPlace::Parse(read.Blob(3)));
      for (int column = 3; column < 7; ++column) mailbox.values.push_back(ToBytes(read.Blob(column)));
      for (const Truth& truth : truths_) {
        if (Equal(truth.id, read.Blob(1))) mailbox.truth = truth;
      }
      out.mailboxes.push_back(std::move(mailbox));
    }
  }
  {
    db::Statement read = ValueOf(aside_->Prepare("SELECT row, day, content FROM envelopes ORDER BY row"));
    while (ValueOf(read.Step())) {
      SeenRow row;
      row.row = read.Int64(0);
      row.day = read.Int64(1);
      row.content = ToBytes(read.Blob(2));
      out.rows.push_back(std::move(row));
    }
  }
  db::Statement read = ValueOf(aside_->Prepare("SELECT handle, row, day, LENGTH(sealed_commit) FROM commits"));
  while (ValueOf(read.Step())) {
    out.commits.push_back({ToBytes(read.Blob(0)), read.Int64(1), read.Int64(2), static_cast<size_t>(read.Int64(3))});
  }
  LookAtPages(out);
  return out;
}

void Month::FindOwners(Snapshot& snapshot, const assess::DecryptedDatabase& pages) {
  constexpr int kFar = 5000;  // as far as a mailbox can have been filled
  std::unordered_map<int64_t, SeenRow*> rows;
  for (SeenRow& row : snapshot.rows) rows[row.row] = &row;
  std::map<Bytes, size_t> ends;
  for (size_t m = 0; m < snapshot.mailboxes.size(); ++m) ends[ToBytes(snapshot.mailboxes[m].place.view())] = m;
  // The mailbox that this place leads to, and the rows on the way.
  const auto follow = [&](identity::MailboxPlace place) {
    std::vector<std::pair<SeenRow*, server::RowContent>> way;
    for (int i = 0; i < kFar; ++i) {
      if (const auto end = ends.find(ToBytes(place.view())); end != ends.end()) {
        for (auto& [row, content] : way) {
          if (row->mailbox) continue;
          ++snapshot.found;
          row->mailbox = end->second;
          std::vector<Bytes>& values = snapshot.mailboxes[end->second].values;
          for (size_t at = 0; at + 8 <= 64; at += 8) values.push_back(ToBytes(ByteView(content.sealed).subspan(at, 8)));
          db::Statement answer = ValueOf(aside_->Prepare("SELECT row, content_hash FROM answers WHERE envelope_id = ?"));
          if (!ValueOf(answer.Bind(1, ByteView(content.envelope_id)).Step())) continue;
          row->answer = answer.Int64(0);
          values.push_back(ToBytes(answer.Blob(1)));
        }
        return;
      }
      const server::ChainStep step(place);
      if (const auto row = rows.find(static_cast<int64_t>(step.row)); row != rows.end()) {
        if (auto content = server::OpenRow(step, row->second->content)) way.emplace_back(row->second, *std::move(content));
      }
      place = step.next;
    }
  };
  for (const assess::DecryptedPage& page : pages.pages) {
    const ByteView bytes(page.content);
    for (size_t at = 0; at + 32 <= bytes.size(); ++at) {
      const identity::MailboxPlace place = ValueOf(identity::MailboxPlace::Parse(bytes.subspan(at, 32)));
      // A few steps, for what came behind it at first may be gone.
      identity::MailboxPlace ahead = place;
      const bool aligned = bytes[at] != 0 || bytes[at + 31] != 0;  // most of a page is empty
      for (int i = 0; aligned && i < kAhead; ++i) {
        const server::ChainStep step(ahead);
        if (rows.contains(static_cast<int64_t>(step.row))) {
          follow(ahead);
          break;
        }
        ahead = step.next;
      }
    }
  }
}

void Month::LookAtPages(Snapshot& snapshot) {
  const std::string path = directory_.File("server.db");
  const assess::DecryptedDatabase database = ValueOf(assess::DecryptDatabase(path, key_.view()));
  CHECK(database.unreadable == 0);
  FindOwners(snapshot, database);
  // Which transaction brought each frame: its last one says how large the database is then.
  const std::string journal = assess::ReadFile(path + "-wal").value_or("");
  std::unordered_map<uint64_t, SeenRow*> begins, ends;
  std::unordered_map<uint64_t, SeenMailbox*> places;
  for (SeenRow& row : snapshot.rows) {
    begins[Prefix(row.content)] = &row;
    ends[Prefix(ByteView(row.content).last(8))] = &row;
  }
  for (SeenMailbox& mailbox : snapshot.mailboxes) places[Prefix(mailbox.place.view())] = &mailbox;
  std::set<uint64_t> gone;
  for (const Gone& left : gone_) {
    if (left.at + absl::Seconds(60) > clock_.Now()) continue;
    ++snapshot.acknowledged;
    gone.insert(left.prefix);
  }
  size_t frame = 0;
  int transaction = 0;
  for (const assess::DecryptedPage& page : database.pages) {
    const ByteView bytes(page.content);
    for (size_t at = 0; at + 8 <= bytes.size(); ++at) {
      const uint64_t here = Prefix(bytes.subspan(at, 8));
      if (gone.contains(here)) {
        const PageHeader header(page);
        snapshot.left_in_gaps += header.IsGap(at);
        snapshot.left_over.push_back(absl::StrCat("page ", page.number, page.from_wal ? " of the journal" : "", ", ", header.ToText(), ", at ", at));
      }
      if (const auto begin = begins.find(here); begin != begins.end()) {
        if (!page.from_wal) begin->second->page = page.number;
        if (page.from_wal && begin->second->page == 0 && begin->second->journal_commit < 0) begin->second->journal_commit = transaction;
      }
      if (const auto end = ends.find(here); end != ends.end() && !page.from_wal) end->second->last_page = page.number;
      if (const auto place = places.find(here); place != places.end() && page.from_wal && place->second->journal_commit < 0) {
        place->second->journal_commit = transaction;
      }
    }
    if (page.from_wal) {
      const ByteView header = AsBytes(journal).subspan(32 + frame * (24 + database.page_size) + 4, 4);
      transaction += std::any_of(header.begin(), header.end(), [](uint8_t byte) { return byte != 0; });
      ++frame;
    }
  }
}

}  // namespace plumbline::privacy
