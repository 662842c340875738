#include "base/guarded.hpp"
#include "unit/records/records_testing.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <set>
#include <sstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>

namespace sluice::records {
namespace {

using testing::image;
using testing::Pipe;
using testing::release_of;
using testing::start_child;
using testing::TempFolder;
using testing::wait_for;
using testing::why;

Release unique_release(const std::string& who, int round) {
  return release_of("shop", {image("web", who + "/" + std::to_string(round))});
}

struct Seen {
  std::set<std::string> ids;
  std::vector<std::string> errors;
};

void expect_kept(std::size_t count, const Guarded<Seen>& seen, Store& store) {
  seen.with([&](const Seen& all) {
    for (const auto& error : all.errors) ADD_FAILURE() << error;
    EXPECT_EQ(all.ids.size(), count);
  });
  auto kept = store.releases("shop", 1000);
  ASSERT_TRUE(kept.ok()) << why(kept);
  EXPECT_EQ(kept->size(), count) << "each once";
}

void make_releases(Store& store, const std::string& who, int rounds, Guarded<Seen>& seen) {
  for (int round = 0; round < rounds; ++round) {
    auto made = store.keep_release(unique_release(who, round));
    seen.with([&](Seen& all) {
      if (made.ok()) {
        all.ids.insert(made->id);
      } else {
        all.errors.push_back(why(made));
      }
    });
  }
}

TEST(ConcurrentWriters, ThreadsOfOneStoreLoseNothing) {
  const TempFolder folder;
  std::atomic<std::int64_t> commits{0};
  auto store = testing::open(folder / "records.db", [&](std::int64_t) { ++commits; });
  Guarded<Seen> seen;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, who = std::to_string(i)] { make_releases(*store, who, 15, seen); });
    }
  }
  expect_kept(60, seen, *store);
  EXPECT_EQ(commits.load(), 60);
}

TEST(ConcurrentWriters, ThreadsThatOpenANewFileAtOnceLoseNothing) {
  const TempFolder folder;
  Guarded<Seen> seen;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, who = std::to_string(i)] {
        auto store = open_sqlite(folder / "records.db");
        if (store.ok()) return make_releases(**store, who, 10, seen);
        seen.with([&](Seen& all) { all.errors.push_back(why(store)); });
      });
    }
  }
  expect_kept(40, seen, *testing::open(folder / "records.db"));
}

TEST(ConcurrentWriters, ThatKeepTheSameReleaseKeepItOnce) {
  const TempFolder folder;
  Guarded<Seen> seen;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        auto store = open_sqlite(folder / "records.db");
        if (store.ok()) return make_releases(**store, "same", 5, seen);
        seen.with([&](Seen& all) { all.errors.push_back(why(store)); });
      });
    }
  }
  expect_kept(5, seen, *testing::open(folder / "records.db"));
}

TEST(ConcurrentWriters, ProcessesThatOpenANewFileAtOnceLoseNothing) {
  constexpr int kProcesses = 6;
  constexpr int kRounds = 10;
  const TempFolder folder;
  Pipe start;
  Pipe results;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    children.push_back(start_child([&, who = std::to_string(i)] {
      start.close_write();
      start.read_one();  // the end of the file lets all of them go at once
      auto store = open_sqlite(folder / "records.db");
      if (!store.ok()) {
        results.write(why(store) + "\n");
        return 1;
      }
      for (int round = 0; round < kRounds; ++round) {
        auto made = (*store)->keep_release(unique_release(who, round));
        results.write((made.ok() ? made->id : why(made)) + "\n");
      }
      return 0;
    }));
  }
  start.close_write();
  results.close_write();
  Guarded<Seen> seen;
  std::istringstream lines(results.read_all());
  for (std::string line; std::getline(lines, line);) {
    const bool is_id = line.find_first_not_of("0123456789abcdef") == std::string::npos;
    seen.with([&](Seen& all) { is_id ? static_cast<void>(all.ids.insert(line)) : all.errors.push_back(line); });
  }
  for (const auto child : children) EXPECT_EQ(wait_for(child), 0);
  expect_kept(std::size_t{kProcesses * kRounds}, seen, *testing::open(folder / "records.db"));
}

TEST(ConcurrentWriters, ThatGiveOneNumberToDifferentReleasesLetOneWin) {
  const TempFolder folder;
  std::atomic<int> kept{0};
  std::atomic<int> refused{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        auto wanted = unique_release("mine", i);
        wanted.number = 7;
        auto made = testing::open(folder / "records.db")->keep_release(std::move(wanted));
        if (made.ok()) ++kept;
        if (!made.ok() && made.error().kind() == ErrorKind::conflict) ++refused;
      });
    }
  }
  EXPECT_EQ(kept.load(), 1);
  EXPECT_EQ(refused.load(), 3);
}

TEST(AfterCommit, IsCalledOncePerCommittedWrite) {
  const TempFolder folder;
  std::vector<std::int64_t> calls;
  Store* inside = nullptr;
  auto store = testing::open(folder / "records.db", [&](std::int64_t writes) {
    calls.push_back(writes);
    EXPECT_TRUE(inside->releases("shop", 1).ok()) << "the hook may use the store";
  });
  inside = store.get();
  EXPECT_TRUE(calls.empty()) << "opening is no write";
  const auto id = testing::planned(*store).id;  // a release and a promotion
  EXPECT_EQ(calls, (std::vector<std::int64_t>{1, 2}));

  ASSERT_TRUE(store->keep_release(release_of("shop", {image("web", "first")})).ok());
  ASSERT_TRUE(store->clear_holds({"r/shop/web:prod"}).ok());
  ASSERT_TRUE(store->journal(id).ok());
  ASSERT_FALSE(store->append("p1", testing::step("left"), {}).ok());
  EXPECT_EQ(calls.size(), 2U) << "what changes nothing is no write";

  ASSERT_TRUE(store->advance(id, PromotionState::copying, "", testing::step("copying"), {}).ok());
  ASSERT_TRUE(store->append(id, testing::step("switch"), {}).ok());
  ASSERT_TRUE(store->acquire("b/shop", "me", std::chrono::seconds(60)).ok());
  EXPECT_EQ(calls, (std::vector<std::int64_t>{1, 2, 3, 4, 5}));
}

TEST(AfterCommit, FindsTheWriteOnDiskWhenTheProcessIsKilledInIt) {
  const TempFolder folder;
  const pid_t child = start_child([&] {
    auto store = open_sqlite(folder / "records.db", [](std::int64_t writes) {
      if (writes == 3) ::kill(::getpid(), SIGKILL);
    });
    if (!store.ok()) return 1;
    for (int round = 0; round < 10; ++round) {
      if (!(*store)->keep_release(unique_release("killed", round)).ok()) return 2;
    }
    return 3;
  });
  ASSERT_EQ(wait_for(child), 128 + SIGKILL);
  auto store = testing::open(folder / "records.db");
  auto all = store->releases("shop", 100);
  ASSERT_TRUE(all.ok()) << why(all);
  EXPECT_EQ(all->size(), 3U);
}

// A limit on the size of files stands in for a full disk. Returns the sentence of the error, after "kind: ", or what
// went wrong instead.
std::string fill_up(const std::filesystem::path& file, std::size_t& written) {
  std::string last;
  auto store = open_sqlite(file);
  if (!store.ok()) return why(store);
  struct stat about{};
  ::signal(SIGXFSZ, SIG_IGN);  // NOLINT: the write then fails with EFBIG
  ::stat((file.string() + "-wal").c_str(), &about);
  const auto bytes = static_cast<rlim_t>(about.st_size) + 100'000;
  const rlimit limit{bytes, bytes};
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return "setrlimit failed";
  for (int round = 0; round < 10'000; ++round) {
    auto made = (*store)->keep_release(unique_release("full", round));
    if (made.ok()) {
      last = made->id;
      ++written;
      continue;
    }
    auto readable = (*store)->release("shop", last);
    if (!readable.ok() || !readable->has_value()) return "not readable any more: " + why(readable);
    return why(made);
  }
  return "the disk was never full";
}

TEST(FullDisk, IsAStorageErrorAndLosesNothing) {
  const TempFolder folder;
  const auto file = folder / "records.db";
  Pipe said;
  const pid_t child = start_child([&] {
    std::size_t written = 0;
    const auto sentence = fill_up(file, written);
    said.write(std::to_string(written) + " " + sentence);
    return 0;
  });
  said.close_write();
  const auto text = said.read_all();
  ASSERT_EQ(wait_for(child), 0) << text;
  const auto written = std::stoull(text);
  EXPECT_GT(written, 0U) << text;
  EXPECT_NE(text.find("storage: cannot read or write the records " + file.string()), std::string::npos) << text;

  auto store = testing::open(file);
  auto all = store->releases("shop", 100'000);
  ASSERT_TRUE(all.ok()) << why(all);
  EXPECT_EQ(all->size(), written) << "what was reported as written, no more and no less";
  auto next = store->keep_release(unique_release("after", 0));
  EXPECT_TRUE(next.ok()) << "with space again it goes on: " << why(next);
}

}  // namespace
}  // namespace sluice::records
