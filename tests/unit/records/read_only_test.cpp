// Records that are only looked at: nothing is written, whatever the disk is like.

#include "base/file.hpp"
#include "records/migrations.hpp"
#include "records/sqlite.hpp"
#include "unit/records/records_testing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <thread>

namespace sluice::records {
namespace {

using std::chrono::seconds;
using testing::failed_with;
using testing::hold_of;
using testing::kept;
using testing::why;

constexpr std::chrono::milliseconds kShort{100};

class ReadOnly : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Store>> look() const { return look_at(file_); }
  static Result<std::unique_ptr<Store>> look_at(const std::filesystem::path& file) {
    return open_read_only(file.string(), testing::environment_with({}));
  }
  /// Releases that are seen, or -1 with a failure.
  static int seen(const Result<std::unique_ptr<Store>>& store) {
    EXPECT_TRUE(store.ok()) << why(store);
    if (!store.ok()) return -1;
    auto all = (*store)->releases("shop", 100'000);
    EXPECT_TRUE(all.ok()) << why(all);
    return all.ok() ? static_cast<int>(all->size()) : -1;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& each : std::filesystem::recursive_directory_iterator(folder_.path())) {
      out.push_back(each.path().filename().string());
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  testing::TempFolder folder_;
  std::filesystem::path file_ = folder_ / "records.db";
};

TEST_F(ReadOnly, OfNoFileIsEmptyAndMakesNone) {
  for (const auto& file : {file_, folder_ / "a" / "b" / "records.db"}) EXPECT_EQ(seen(look_at(file)), 0);
  auto by_default = open_read_only("", testing::environment_with({{"XDG_STATE_HOME", (folder_ / "state").string()}}));
  EXPECT_EQ(seen(by_default), 0);
  EXPECT_TRUE(names().empty());
}

TEST_F(ReadOnly, SeesWhatIsThereAndLeavesTheFolderAsItWas) {
  const auto id = kept(*testing::open(file_), "a", 7).id;
  auto before = read_file(file_, 1 << 20);
  const auto store = look();
  EXPECT_EQ(seen(store), 1);
  auto release = (*store)->release("shop", id);
  ASSERT_TRUE(release.ok() && release->has_value()) << why(release);
  EXPECT_EQ((*release)->number, 7);
  EXPECT_EQ(names(), std::vector<std::string>{"records.db"});
  auto after = read_file(file_, 1 << 20);
  ASSERT_TRUE(before.ok() && after.ok());
  EXPECT_EQ(*before, *after);
}

TEST_F(ReadOnly, TakesPathsWithCharactersThatAddressesGiveAMeaning) {
  for (const auto* name : {"a?b=c.db", "a%41.db", "a#b.db", "a b;&c.db"}) {
    kept(*testing::open(folder_ / name), "a");
    EXPECT_EQ(seen(look_at(folder_ / name)), 1) << name;
  }
}

TEST_F(ReadOnly, SeesWhatAnotherConnectionHasNotCopiedFromItsWal) {
  const auto writer = testing::open(file_);
  kept(*writer, "a");
  const auto early = look();
  kept(*writer, "b");
  EXPECT_EQ(seen(early), 1) << "as it was when it was opened";
  EXPECT_EQ(seen(look()), 2);
  auto database = Database::open(file_, kShort);
  ASSERT_TRUE(database.ok()) << why(database);
  auto held = Transaction::begin(**database, Transaction::Mode::write);
  ASSERT_TRUE(held.ok()) << why(held);
  EXPECT_EQ(seen(look()), 2) << "a writer in the middle of its work does not matter";
}

TEST_F(ReadOnly, IsWholeWhileOthersWriteAndClose) {
  std::jthread writer([&](const std::stop_token& stop) {
    for (int round = 0; !stop.stop_requested(); ++round) kept(*testing::open(file_), std::to_string(round));
  });
  int last = 0;
  for (int round = 0; round < 40; ++round) {
    const int now = seen(look());
    EXPECT_GE(now, last);
    last = now;
  }
}

TEST_F(ReadOnly, RefusesToWrite) {
  const auto id = testing::planned(*testing::open(file_)).id;
  const auto store = look();
  ASSERT_TRUE(store.ok()) << why(store);
  const auto* sentence = "a command that only looks tried to write";
  auto& looking = **store;
  EXPECT_TRUE(failed_with(looking.keep_release(testing::release_of("shop", {testing::image("web", "b")})),
                          ErrorKind::internal, sentence));
  EXPECT_TRUE(failed_with(looking.label_release("shop", std::string(64, '0'), "", 1), ErrorKind::internal, sentence));
  auto promotion = looking.promotion(id);
  ASSERT_TRUE(promotion.ok() && promotion->has_value()) << why(promotion);
  EXPECT_TRUE(failed_with(looking.add_promotion(**promotion), ErrorKind::internal, sentence));
  EXPECT_TRUE(failed_with(looking.append(id, testing::step("left"), {}), ErrorKind::internal, sentence));
  EXPECT_TRUE(failed_with(looking.advance(id, PromotionState::failed, "", testing::step("left"), {}),
                          ErrorKind::internal, sentence));
  EXPECT_TRUE(failed_with(looking.set_hold(hold_of("a")), ErrorKind::internal, sentence));
  EXPECT_TRUE(failed_with(looking.clear_holds({"a"}), ErrorKind::internal, sentence));
  EXPECT_TRUE(failed_with(looking.clear_old_hold("shop", "prod"), ErrorKind::internal, sentence));
  EXPECT_TRUE(failed_with(looking.acquire("b/shop", "me", seconds(60)), ErrorKind::internal, sentence));
}

TEST_F(ReadOnly, ReadsAnOlderSchemaAndLeavesIt) {
  std::ofstream(file_).flush();
  ::chmod(file_.c_str(), 0600);
  {
    auto database = Database::open(file_, kShort);
    ASSERT_TRUE(database.ok()) << why(database);
    ASSERT_TRUE(migrate(**database, migrations().first(1)).ok());
    ASSERT_TRUE((*database)
                    ->run("INSERT INTO releases VALUES ('shop', 4, '" + release_id({testing::image("web", "a")}) +
                          "', 0, 0, '', 1); INSERT INTO release_images VALUES ('shop', 4, 0, 'web', '" +
                          oci::Digest::of("a").text() + "', 'v1')")
                    .ok());
  }
  const auto store = look();
  EXPECT_EQ(seen(store), 1);
  auto numbered = (*store)->numbered("shop", 4);
  ASSERT_TRUE(numbered.ok()) << why(numbered);
  EXPECT_EQ(numbered->size(), 1U);
  auto database = Database::open(file_, kShort);
  ASSERT_TRUE(database.ok()) << why(database);
  auto version = (*database)->integer("SELECT max(version) FROM schema_versions");
  ASSERT_TRUE(version.ok()) << why(version);
  EXPECT_EQ(*version, 1);
}

TEST_F(ReadOnly, ReadsAnEmptyFileAsEmptyRecords) {
  std::ofstream(file_).flush();
  ::chmod(file_.c_str(), 0600);
  EXPECT_EQ(seen(look()), 0);
  EXPECT_EQ(std::filesystem::file_size(file_), 0U);
}

TEST_F(ReadOnly, RefusesWhatWritingRefuses) {
  testing::open(file_).reset();
  {
    auto database = Database::open(file_, kShort);
    ASSERT_TRUE(database.ok()) << why(database);
    ASSERT_TRUE((*database)->run("INSERT INTO schema_versions VALUES (99, 'from the future', 'x', 0)").ok());
  }
  EXPECT_TRUE(failed_with(look(), ErrorKind::storage, "schema version 99, and this sluice knows versions up to"));
  EXPECT_TRUE(failed_with(look_at(folder_.path()), ErrorKind::config, "it is a folder"));
  EXPECT_TRUE(failed_with(open_read_only("postgresql://db/x", testing::environment_with({})), ErrorKind::config,
                          "not supported yet"));
  const auto write_private = [](const std::filesystem::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
    ::chmod(path.c_str(), 0600);
  };
  write_private(folder_ / "text.db", std::string(8192, 'x'));
  EXPECT_TRUE(failed_with(look_at(folder_ / "text.db"), ErrorKind::storage, "is no SQLite database"));
  write_private(folder_ / "other.db", "");
  ASSERT_TRUE(Database::open(folder_ / "other.db", kShort).value()->run("CREATE TABLE theirs (x)").ok());
  EXPECT_TRUE(failed_with(look_at(folder_ / "other.db"), ErrorKind::config, "a database of another program"));
}

// A process that was killed leaves its -wal behind.
void leave_a_wal(const std::filesystem::path& file) {
  const pid_t child = testing::start_child([&] {
    auto store = open_sqlite(file, [](std::int64_t writes) {
      if (writes == 2) ::kill(::getpid(), SIGKILL);
    });
    if (!store.ok()) return 1;
    kept(**store, "a");
    kept(**store, "b");
    return 2;
  });
  ASSERT_EQ(testing::wait_for(child), 128 + SIGKILL);
  ASSERT_GT(std::filesystem::file_size(file.string() + "-wal"), 0U);
}

TEST_F(ReadOnly, SeesWhatAProcessThatWasKilledLeftInItsWal) {
  leave_a_wal(file_);
  EXPECT_EQ(seen(look()), 2);
}

// Runs in a child as a user whom modes bind, who gets the folder. 77 when that is not possible here.
int as_owner_without_privileges(const std::filesystem::path& folder, const std::function<int()>& body) {
  constexpr unsigned kNobody = 65534;
  if (::geteuid() == 0) {
    for (const auto& each : std::filesystem::directory_iterator(folder)) {
      if (::chown(each.path().c_str(), kNobody, kNobody) != 0) return 77;
    }
    if (::chown(folder.c_str(), kNobody, kNobody) != 0) return 77;
    if (::setgroups(0, nullptr) != 0 || ::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) return 77;
  }
  return body();
}

TEST_F(ReadOnly, WorksInAFolderThatIsReadOnly) {
  const struct {
    const char* name;
    bool with_wal;
    bool with_shm;
    int releases;
  } rows[] = {
      {"a file alone", false, false, 2},
      {"with -wal and -shm", true, true, 2},
      // Without -shm nobody can tell what of the -wal is valid: what was copied to the file is seen.
      {"with a -wal alone", true, false, 0},
  };
  ::chmod(folder_.path().c_str(), 0711);
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto home = folder_ / row.name;
    std::filesystem::create_directory(home);
    const auto file = home / "records.db";
    testing::open(file).reset();
    leave_a_wal(file);
    if (!row.with_wal) testing::open(file).reset();  // closing copies it
    if (!row.with_shm) std::filesystem::remove(file.string() + "-shm");
    testing::Pipe said;
    const pid_t child = testing::start_child([&] {
      return as_owner_without_privileges(home, [&] {
        ::chmod(home.c_str(), 0500);
        auto store = look_at(file);
        said.write(why(store));
        return store.ok() ? 10 + seen(store) : 1;
      });
    });
    said.close_write();
    const auto sentence = said.read_all();
    const int code = testing::wait_for(child);
    ::chmod(home.c_str(), 0700);
    if (code == 77) GTEST_SKIP() << "cannot run as a user whom file modes bind";
    EXPECT_EQ(code, 10 + row.releases) << sentence;
  }
}

TEST_F(ReadOnly, WorksOnAFileSystemThatIsMountedReadOnly) {
  leave_a_wal(file_);
  const pid_t child = testing::start_child([&] {
    const char* folder = folder_.path().c_str();
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 77;
    if (::mount(folder, folder, nullptr, MS_BIND, nullptr) != 0) return 77;
    if (::mount("none", folder, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) != 0) return 77;
    return 10 + seen(look());
  });
  const int code = testing::wait_for(child);
  if (code == 77) GTEST_SKIP() << "cannot mount here";
  EXPECT_EQ(code, 12);
}

// A limit on the size of files stands in for a full disk: no byte can be written, not even to -shm.
TEST_F(ReadOnly, WorksOnAFullDisk) {
  for (const bool with_wal : {false, true}) {
    leave_a_wal(file_);
    if (!with_wal) testing::open(file_).reset();
    std::filesystem::remove(file_.string() + "-shm");
    const pid_t child = testing::start_child([&] {
      ::signal(SIGXFSZ, SIG_IGN);  // NOLINT: a write then fails with EFBIG
      const rlimit limit{0, 0};
      if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
      return look().ok() ? 0 : 2;
    });
    EXPECT_EQ(testing::wait_for(child), 0) << (with_wal ? "with a -wal" : "a file alone");
    std::filesystem::remove(file_);
    std::filesystem::remove(file_.string() + "-wal");
    std::filesystem::remove(file_.string() + "-shm");
  }
}

}  // namespace
}  // namespace sluice::records
