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

constexpr int kDays = 30;
constexpr int kDevices = 12;
constexpr int kGroups = 5;      // of 3 to 5
constexpr int kPairs = 6;
constexpr double kMessages = 1.5;       // a day and conversation
constexpr double kGoesAway = 0.1, kComesBack = 0.2;  // a day: a third are away
constexpr double kChanges = 0.1;        // of what is sent carries a commit

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
  store_ = ValueOf(server::SqlcipherStore::Create(options, key_, log_key_, clock_));
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
    const server::Batch batch = ValueOf(delivery_->Fetch(mailbox.id, server::Row{0}, {10'000, 64 << 20}));
    std::vector<server::Row> rows;
    for (const server::StoredEnvelope& envelope : batch.envelopes) {
      rows.push_back(envelope.row);
      gone_.push_back({Prefix(ByteView(envelope.sealed).subspan(16)), mailbox.id, clock_.Now()});
    }
    if (!rows.empty()) Ensure(store_->Ack(mailbox.id, rows));
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
  db::OpenOptions options;
  options.create = false;
  options.exclusive = false;
  const std::unique_ptr<db::Database> database = ValueOf(db::Database::Open(directory_.File("server.db"), key_, options));
  std::map<Bytes, size_t> index;
  {
    db::Statement read = ValueOf(database->Prepare("SELECT row, mailbox, expires_day, owner_key, grant_serial, capabilities FROM mailboxes "
                                                   "WHERE mailbox IN (SELECT mailbox FROM envelopes)"));
    while (ValueOf(read.Step())) {
      SeenMailbox mailbox;
      mailbox.row = read.Int64(0);
      mailbox.expires_day = read.Int64(2);
      for (int column = 3; column < 6; ++column) mailbox.values.push_back(ToBytes(read.Blob(column)));
      for (const Truth& truth : truths_) {
        if (Equal(truth.id, read.Blob(1))) mailbox.truth = truth;
      }
      index[ToBytes(read.Blob(1))] = out.mailboxes.size();
      out.mailboxes.push_back(std::move(mailbox));
    }
  }
  {
    db::Statement read = ValueOf(database->Prepare(
        "SELECT e.row, e.mailbox, e.day, e.sealed, e.envelope_id, IFNULL(a.row, 0), IFNULL(a.content_hash, x'') FROM envelopes e "
        "LEFT JOIN answers a ON a.envelope_id = e.envelope_id ORDER BY e.row"));
    while (ValueOf(read.Step())) {
      SeenRow row;
      row.row = read.Int64(0);
      row.mailbox = index.at(ToBytes(read.Blob(1)));
      row.day = read.Int64(2);
      row.sealed = ToBytes(read.Blob(3));
      row.answer = read.Int64(5);
      std::vector<Bytes>& values = out.mailboxes[row.mailbox].values;
      values.push_back(ToBytes(read.Blob(4)));
      if (!read.Blob(6).empty()) values.push_back(ToBytes(read.Blob(6)));
      for (size_t at = 0; at + 8 <= 64; at += 8) values.push_back(ToBytes(ByteView(row.sealed).subspan(at, 8)));
      out.rows.push_back(std::move(row));
    }
  }
  db::Statement read = ValueOf(database->Prepare("SELECT handle, row, day, LENGTH(sealed_commit) FROM commits"));
  while (ValueOf(read.Step())) {
    out.commits.push_back({ToBytes(read.Blob(0)), read.Int64(1), read.Int64(2), static_cast<size_t>(read.Int64(3))});
  }
  LookAtPages(out);
  return out;
}

void Month::LookAtPages(Snapshot& snapshot) {
  const std::string path = directory_.File("server.db");
  const assess::DecryptedDatabase database = ValueOf(assess::DecryptDatabase(path, key_.view()));
  CHECK(database.unreadable == 0);
  // Which transaction brought each frame: its last one says how large the database is then.
  const std::string journal = assess::ReadFile(path + "-wal").value_or("");
  std::unordered_map<uint64_t, SeenRow*> begins, ends;
  for (SeenRow& row : snapshot.rows) {
    begins[Prefix(row.sealed)] = &row;
    ends[Prefix(ByteView(row.sealed).last(8))] = &row;
  }
  std::unordered_map<uint64_t, size_t> gone;
  for (const Gone& left : gone_) {
    const auto owner = std::find_if(snapshot.mailboxes.begin(), snapshot.mailboxes.end(),
                                    [&](const SeenMailbox& m) { return m.truth.id == left.mailbox; });
    if (left.at + absl::Seconds(60) > clock_.Now()) continue;
    ++snapshot.acknowledged;
    gone[left.prefix] = owner == snapshot.mailboxes.end() ? SIZE_MAX : static_cast<size_t>(owner - snapshot.mailboxes.begin());
  }
  size_t frame = 0;
  int transaction = 0;
  for (const assess::DecryptedPage& page : database.pages) {
    const ByteView bytes(page.content);
    for (size_t at = 0; at + 8 <= bytes.size(); ++at) {
      const uint64_t here = Prefix(bytes.subspan(at, 8));
      if (const auto left = gone.find(here); left != gone.end()) {
        const PageHeader header(page);
        snapshot.left_in_gaps += header.IsGap(at);
        snapshot.left_over.push_back(absl::StrCat("page ", page.number, page.from_wal ? " of the journal" : "", ", ", header.ToText(), ", at ", at));
        if (left->second != SIZE_MAX) snapshot.mailboxes[left->second].left_over_pages.insert(page.number);
      }
      if (const auto begin = begins.find(here); begin != begins.end()) {
        if (!page.from_wal) begin->second->page = page.number;
        if (page.from_wal && begin->second->page == 0 && begin->second->journal_commit < 0) begin->second->journal_commit = transaction;
      }
      if (const auto end = ends.find(here); end != ends.end() && !page.from_wal) end->second->last_page = page.number;
    }
    if (page.from_wal) {
      const ByteView header = AsBytes(journal).subspan(32 + frame * (24 + database.page_size) + 4, 4);
      transaction += std::any_of(header.begin(), header.end(), [](uint8_t byte) { return byte != 0; });
      ++frame;
    }
  }
}

}  // namespace plumbline::privacy
