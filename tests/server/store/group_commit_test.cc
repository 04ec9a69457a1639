#include "server/store/group_commit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "absl/time/clock.h"
#include "common/clock.h"
#include "tests/server/temporary_directory.h"
#include "tests/status_matchers.h"

namespace plumbline::server {
namespace {

using testing::StatusIs;

constexpr db::Migration kMigrations[] = {{"first", "CREATE TABLE words (word TEXT NOT NULL UNIQUE)"}};

absl::Status Insert(db::Transaction& transaction, absl::string_view word) {
  ASSIGN_OR_RETURN(db::Statement insert, transaction.database().Prepare("INSERT INTO words (word) VALUES (?)"));
  return insert.Bind(1, word).Run();
}

struct World {
  World() {
    database = *db::Database::Open(directory.File("words.db"), key);
    EXPECT_OK(database->Migrate(kMigrations));
    writer = std::make_unique<GroupCommit>(std::move(database), GroupCommit::Hooks{.undone = [this] { ++forgotten; }});
  }
  std::vector<std::string> Words() {
    std::vector<std::string> words;
    EXPECT_OK(writer->RunAlone([&](db::Database& connection) -> absl::Status {
      ASSIGN_OR_RETURN(db::Statement read, connection.Prepare("SELECT word FROM words ORDER BY word"));
      ASSIGN_OR_RETURN(bool found, read.Step());
      while (found) {
        words.emplace_back(read.Text(0));
        ASSIGN_OR_RETURN(found, read.Step());
      }
      return absl::OkStatus();
    }));
    return words;
  }
  // Runs the jobs in one transaction: they queue up behind something that takes as long as they need for it.
  std::vector<absl::Status> RunTogether(const std::vector<GroupCommit::Job>& jobs) {
    std::atomic<size_t> queued{0};
    std::atomic<bool> held{false};
    std::thread holder([&] {
      EXPECT_OK(writer->RunAlone([&](db::Database&) {
        held = true;
        while (queued < jobs.size()) std::this_thread::yield();
        for (int i = 0; i < 5000; ++i) std::this_thread::yield();  // from the count to the queue
        return absl::OkStatus();
      }));
    });
    while (!held) std::this_thread::yield();
    std::vector<absl::Status> statuses(jobs.size());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < jobs.size(); ++i) {
      threads.emplace_back([&, i] {
        ++queued;
        statuses[i] = writer->Run(1, jobs[i]);
      });
    }
    for (std::thread& thread : threads) thread.join();
    holder.join();
    return statuses;
  }

  TemporaryDirectory directory;
  db::Key key = db::Key::Random();
  std::unique_ptr<db::Database> database;
  std::atomic<int> forgotten{0};
  std::unique_ptr<GroupCommit> writer;
};

TEST(GroupCommit, AJobThatFailsIsUndoneAloneAndItsNeighboursStay) {
  World w;
  const auto statuses = w.RunTogether({
      [](db::Transaction& t) { return Insert(t, "one"); },
      [](db::Transaction& t) {
        EXPECT_OK(Insert(t, "undone"));
        return absl::NotFoundError("changed its mind");
      },
      [](db::Transaction& t) { return Insert(t, "two"); },
  });
  EXPECT_OK(statuses[0]);
  EXPECT_THAT(statuses[1], StatusIs(absl::StatusCode::kNotFound));
  EXPECT_OK(statuses[2]);
  EXPECT_EQ(w.Words(), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(w.forgotten, 1);
}

TEST(GroupCommit, AJobThatRefusesBeforeItHasWrittenCostsItsNeighboursNothing) {
  World w;
  std::atomic<int> runs{0};
  const auto statuses = w.RunTogether({
      [&](db::Transaction& t) { return ++runs, Insert(t, "one"); },
      [](db::Transaction&) { return absl::NotFoundError("no such thing"); },
      [&](db::Transaction& t) { return ++runs, Insert(t, "two"); },
  });
  EXPECT_THAT(statuses[1], StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(w.Words(), (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(w.forgotten, 0);
}

TEST(GroupCommit, TellsInTheOrderOfTheCallsAndNotOnTheThreadThatWrites) {
  World w;
  std::vector<int> told;
  std::set<std::thread::id> writing, telling;
  for (int i = 0; i < 100; ++i) {
    w.writer->Start(
        1,
        [&writing, i](db::Transaction& t) {
          writing.insert(std::this_thread::get_id());
          return Insert(t, std::to_string(i));
        },
        [&, i](const absl::Status& status) {
          EXPECT_OK(status);
          telling.insert(std::this_thread::get_id());
          told.push_back(i);
        });
  }
  w.writer->Drain();
  ASSERT_EQ(told.size(), 100u);
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_EQ(writing.size(), 1u);
  EXPECT_EQ(telling.size(), 1u);
  EXPECT_NE(writing, telling);
  EXPECT_EQ(telling.count(std::this_thread::get_id()), 0u);
}

TEST(GroupCommit, WhereTheTransactionIsLostNobodyHasSucceeded) {
  World w;
  const auto statuses = w.RunTogether({
      [](db::Transaction& t) { return Insert(t, "one"); },
      [](db::Transaction& t) {
        EXPECT_OK(t.database().Execute("ROLLBACK"));  // as the engine does when a disk is full
        return absl::ResourceExhaustedError("the disk is full");
      },
      [](db::Transaction& t) { return Insert(t, "two"); },
  });
  // A job that came into an earlier or a later transaction may have succeeded, and then its word is there.
  size_t succeeded = 0;
  for (const absl::Status& status : statuses) succeeded += status.ok();
  EXPECT_THAT(statuses[1], StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(w.Words().size(), succeeded);
  EXPECT_EQ(w.forgotten, 1);
  EXPECT_OK(w.writer->Run(1, [](db::Transaction& t) { return Insert(t, "three"); }));
}

// Nothing else is to be done, so it is done by itself, and whoever drains waits for it.
TEST(GroupCommit, WhatIsPatientIsDoneAlthoughNobodyWaitsForAnything) {
  World w;
  std::atomic<bool> told{false};
  w.writer->StartPatient(1, [](db::Transaction& t) { return Insert(t, "patient"); }, [&](const absl::Status& status) { told = status.ok(); });
  const absl::Time cap = absl::Now() + absl::Seconds(60);
  while (!told && absl::Now() < cap) std::this_thread::yield();
  EXPECT_TRUE(told);
  EXPECT_EQ(w.Words(), std::vector<std::string>{"patient"});
  std::atomic<int> drained{0};
  for (int i = 0; i < 3; ++i) {
    w.writer->StartPatient(1, [i](db::Transaction& t) { return Insert(t, std::to_string(i)); }, [&](const absl::Status&) { ++drained; });
  }
  w.writer->Drain();
  EXPECT_EQ(drained, 3);
}

TEST(GroupCommit, WhatIsPatientSharesTheTransactionOfWhatIsNot) {
  World w;
  std::vector<std::string> order;
  const auto statuses = w.RunTogether({[&](db::Transaction& t) {
    // Queued in front of the next transaction's end.
    w.writer->StartPatient(1, [&](db::Transaction& p) { return order.push_back("patient"), Insert(p, "patient"); }, [](const absl::Status&) {});
    w.writer->Start(1, [&](db::Transaction& n) { return order.push_back("next"), Insert(n, "next"); }, [](const absl::Status&) {});
    return Insert(t, "first");
  }});
  EXPECT_OK(statuses[0]);
  w.writer->Drain();
  EXPECT_EQ(order, (std::vector<std::string>{"next", "patient"}));
}

// More comes all the time than one transaction takes.
TEST(GroupCommit, PatienceHasAnEndHoweverMuchThereIsOfTheRest) {
  World w;
  std::vector<std::string> order;
  const auto log = [&](const char* what) {
    return [&order, what](db::Transaction& t) { return order.push_back(what), Insert(t, std::to_string(order.size())); };
  };
  EXPECT_OK(w.writer->RunAlone([&](db::Database&) {
    w.writer->StartPatient(1, log("patient"), [](const absl::Status&) {});
    for (int i = 0; i < 3; ++i) w.writer->Start(256, log("large"), [](const absl::Status&) {});
    const absl::Duration due = Uptime() + GroupCommit::kPatience;
    while (Uptime() < due) std::this_thread::yield();
    return absl::OkStatus();
  }));
  w.writer->Drain();
  EXPECT_EQ(order, (std::vector<std::string>{"patient", "large", "large", "large"}));
}

// It may have left something half done that counts as no change, so nothing of that transaction is kept.
TEST(GroupCommit, WhoMeetsADamagedPageIsUndoneThoughNothingWasCounted) {
  World w;
  std::atomic<int> runs{0};
  const auto statuses = w.RunTogether({
      [&](db::Transaction& t) { return ++runs, Insert(t, "one"); },
      [](db::Transaction&) { return absl::DataLossError("a page is damaged"); },
      [&](db::Transaction& t) { return ++runs, Insert(t, "two"); },
  });
  EXPECT_THAT(statuses[1], StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(w.Words(), (std::vector<std::string>{"one", "two"}));
  EXPECT_GE(w.forgotten, 1);
}

}  // namespace
}  // namespace plumbline::server
