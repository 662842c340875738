#include "base/file.hpp"
#include "records/migrations.hpp"
#include "records/records_file.hpp"
#include "records/sqlite.hpp"
#include "unit/records/records_testing.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <grp.h>

namespace sluice::records {
namespace {

using testing::environment_with;
using testing::failed_with;
using testing::hold_of;
using testing::image;
using testing::mode_of;
using testing::release_of;
using testing::why;

constexpr std::chrono::milliseconds kShort{100};

void write_file(const std::filesystem::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

TEST(OpenStore, MakesThePrivateDefaultFile) {
  const testing::TempFolder folder;
  const auto state = folder / "a" / "state";
  auto store = open_store("", environment_with({{"XDG_STATE_HOME", state.string()}}));
  ASSERT_TRUE(store.ok()) << why(store);
  ASSERT_TRUE((*store)->set_hold(hold_of("r/shop/web:prod")).ok());
  EXPECT_EQ(mode_of(folder / "a"), 0700U);
  EXPECT_EQ(mode_of(state), 0700U);
  EXPECT_EQ(mode_of(state / "sluice"), 0700U);
  for (const auto* name : {"records.db", "records.db-wal", "records.db-shm"}) {
    EXPECT_EQ(mode_of(state / "sluice" / name), 0600U) << name;
  }
}

TEST(OpenStore, TakesAPathInSeveralSpellings) {
  const testing::TempFolder folder;
  const auto path = (folder / "records.db").string();
  std::size_t opened = 0;
  for (const auto& url : {path, "sqlite:" + path, "sqlite://" + path}) {
    auto store = open_store(url, environment_with({}));
    ASSERT_TRUE(store.ok()) << url << ": " << why(store);
    testing::kept(**store, url);
    auto all = (*store)->releases("shop", 10);
    ASSERT_TRUE(all.ok()) << url << ": " << why(all);
    EXPECT_EQ(all->size(), ++opened) << url << " is the same file";
  }
}

TEST(OpenStore, CallsTheHookAfterCommits) {
  const testing::TempFolder folder;
  std::int64_t last = 0;
  auto store =
      open_store((folder / "records.db").string(), environment_with({}), [&](std::int64_t writes) { last = writes; });
  ASSERT_TRUE(store.ok()) << why(store);
  ASSERT_TRUE((*store)->set_hold(hold_of("r/shop/web:prod")).ok());
  EXPECT_EQ(last, 1);
}

TEST(RecordsPath, IsTheDefaultOrWhatWasNamed) {
  const auto environment = environment_with({{"XDG_STATE_HOME", "/state"}});
  const struct {
    const char* url;
    const char* path;
  } rows[] = {
      {"", "/state/sluice/records.db"},        {"records.db", "records.db"}, {"/a/records.db", "/a/records.db"},
      {"sqlite:a/records.db", "a/records.db"}, {"a:b.db", "a:b.db"},
  };
  for (const auto& row : rows) {
    auto path = records_path(row.url, environment);
    ASSERT_TRUE(path.ok()) << row.url << ": " << why(path);
    EXPECT_EQ(path->string(), row.path) << row.url;
  }
  EXPECT_TRUE(failed_with(records_path("postgresql://db/x", environment), ErrorKind::config, "not supported yet"));
}

TEST(OpenStore, RefusesAddressesWithTheReason) {
  const testing::TempFolder folder;
  const struct {
    std::string url;
    const char* part;
  } rows[] = {
      {"postgresql://user:hunter2@db/sluice", "not supported yet"},
      {"postgres://user:hunter2@db/sluice", "not supported yet"},
      {"mysql://user:hunter2@db/sluice", "the scheme mysql: is unknown"},
      {"sqlite:", "names no file"},
      {"sqlite://host/records.db", "names no file"},
      {folder.path().string(), "it is a folder"},
      {folder.path().string() + "/", "it is a folder"},
  };
  for (const auto& row : rows) {
    auto store = open_store(row.url, environment_with({}));
    EXPECT_TRUE(failed_with(store, ErrorKind::config, row.part)) << row.url;
    EXPECT_EQ(why(store).find("hunter2"), std::string::npos) << why(store);
  }
}

TEST(OpenStore, UsesWalFullSyncAndForeignKeys) {
  const testing::TempFolder folder;
  testing::open(folder / "records.db").reset();
  auto database = Database::open(folder / "records.db", kShort);
  ASSERT_TRUE(database.ok()) << why(database);
  const struct {
    const char* pragma;
    const char* value;
  } rows[] = {{"journal_mode", "wal"}, {"synchronous", "2"}, {"foreign_keys", "1"}};
  for (const auto& row : rows) {
    auto value = (*database)->text(std::string("PRAGMA ") + row.pragma);
    ASSERT_TRUE(value.ok()) << why(value);
    EXPECT_EQ(*value, row.value) << row.pragma;
  }
  auto loose = (*database)->integer(
      "SELECT count(*) FROM pragma_table_list WHERE type = 'table' AND strict = 0"
      " AND name NOT LIKE 'sqlite_%'");
  ASSERT_TRUE(loose.ok()) << why(loose);
  EXPECT_EQ(*loose, 0) << "every table is STRICT";
}

TEST(OpenStore, DoesNothingToAFileThatIsUpToDate) {
  const testing::TempFolder folder;
  testing::open(folder / "records.db").reset();
  auto before = read_file(folder / "records.db", 1 << 20);
  testing::open(folder / "records.db").reset();
  auto after = read_file(folder / "records.db", 1 << 20);
  ASSERT_TRUE(before.ok() && after.ok());
  EXPECT_EQ(*before, *after);
}

TEST(OpenStore, RefusesANewerSchemaNamingBothVersions) {
  const testing::TempFolder folder;
  const auto file = folder / "records.db";
  auto open_before = testing::open(file);
  {
    auto database = Database::open(file, kShort);
    ASSERT_TRUE(database.ok()) << why(database);
    ASSERT_TRUE((*database)->run("INSERT INTO schema_versions VALUES (99, 'from the future', 'x', 0)").ok());
  }
  const auto sentence =
      "schema version 99, and this sluice knows versions up to " + std::to_string(migrations().back().version);
  EXPECT_TRUE(failed_with(open_sqlite(file), ErrorKind::storage, sentence));
  EXPECT_TRUE(failed_with(open_before->releases("shop", 1), ErrorKind::storage, sentence))
      << "a program that was running when the file was migrated stops too";
}

TEST(OpenStore, RefusesASchemaOfAnotherBuild) {
  const testing::TempFolder folder;
  const auto file = folder / "records.db";
  testing::open(file).reset();
  {
    auto database = Database::open(file, kShort);
    ASSERT_TRUE(database.ok()) << why(database);
    ASSERT_TRUE((*database)->run("UPDATE schema_versions SET checksum = 'other' WHERE version = 1").ok());
  }
  EXPECT_TRUE(failed_with(open_sqlite(file), ErrorKind::storage, "schema version 1 was made by another build"));
}

TEST(OpenStore, RefusesADatabaseOfAnotherProgramAndLeavesItAlone) {
  const testing::TempFolder folder;
  const auto file = folder / "other.db";
  write_file(file, "");
  {
    auto database = Database::open(file, kShort);
    ASSERT_TRUE(database.ok()) << why(database);
    ASSERT_TRUE((*database)->run("CREATE TABLE theirs (x)").ok());
  }
  auto before = read_file(file, 1 << 20);
  EXPECT_TRUE(failed_with(open_sqlite(file), ErrorKind::config, "a database of another program"));
  auto after = read_file(file, 1 << 20);
  ASSERT_TRUE(before.ok() && after.ok());
  EXPECT_EQ(*before, *after);
}

TEST(OpenStore, RefusesAFileThatIsNoDatabase) {
  const testing::TempFolder folder;
  write_file(folder / "records.db", std::string(8192, 'x'));
  EXPECT_TRUE(failed_with(open_sqlite(folder / "records.db"), ErrorKind::storage, "is no SQLite database"));
}

TEST(OpenStore, SaysWhenTheFileIsDamagedInside) {
  const testing::TempFolder folder;
  const auto file = folder / "records.db";
  {
    auto store = testing::open(file);
    for (int i = 0; i < 40; ++i) {
      ASSERT_TRUE(store->keep_release(release_of("shop", {image("web", std::to_string(i))})).ok());
    }
  }
  auto content = read_file(file, 16 << 20);
  ASSERT_TRUE(content.ok()) << why(content);
  // The first page tells where the tables are; all others become rubbish.
  ASSERT_GT(content->size(), 8192U);
  for (std::size_t at = 4096; at < content->size(); ++at) (*content)[at] = '\x5a';
  write_file(file, *content);

  auto store = open_sqlite(file);
  if (store.ok()) {
    EXPECT_TRUE(failed_with((*store)->releases("shop", 1000), ErrorKind::storage, "damaged"));
  } else {
    EXPECT_TRUE(failed_with(store, ErrorKind::storage, "damaged"));
  }
}

TEST(OpenStore, SaysWhenARowWasNotWrittenByThisProgram) {
  const testing::TempFolder folder;
  const auto file = folder / "records.db";
  auto store = testing::open(file);
  const auto id = testing::planned(*store).id;
  auto database = Database::open(file, kShort);
  ASSERT_TRUE(database.ok()) << why(database);
  ASSERT_TRUE((*database)->run("UPDATE promotions SET state = 'levitating'").ok());
  EXPECT_TRUE(failed_with(store->promotion(id), ErrorKind::storage, "the state 'levitating'"));
}

TEST(OpenStore, SaysWhenTheFileWentAwayWhileItWasOpen) {
  const testing::TempFolder folder;
  const auto file = folder / "records.db";
  auto store = testing::open(file);
  std::filesystem::rename(file, folder / "elsewhere.db");
  EXPECT_TRUE(failed_with(store->set_hold(hold_of("r/shop/web:prod")), ErrorKind::storage, "moved or deleted"));
  std::filesystem::rename(folder / "elsewhere.db", file);
  auto held = store->set_hold(hold_of("r/shop/web:prod"));
  EXPECT_TRUE(held.ok()) << why(held);
}

TEST(OpenStore, RefusesAFileThatCannotBeReached) {
  const testing::TempFolder folder;
  write_file(folder / "file", "");
  EXPECT_TRUE(failed_with(open_sqlite(folder / "file" / "records.db"), ErrorKind::storage, "Not a directory"));
  std::filesystem::create_symlink(folder / "nowhere", folder / "records.db");
  EXPECT_TRUE(failed_with(open_sqlite(folder / "records.db"), ErrorKind::storage, "No such file"));
}

// Runs as a user whom modes bind. 77 when that is not possible here.
int without_privileges(const std::filesystem::path& folder, const std::function<int()>& body) {
  constexpr unsigned kNobody = 65534;
  if (::geteuid() == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) return 77;
  }
  if (::access(folder.c_str(), R_OK | X_OK) != 0) return 77;
  return body();
}

TEST(OpenStore, RefusesWhatIsReadOnly) {
  const testing::TempFolder folder;
  const auto empty = folder / "empty";
  const auto existing = folder / "existing";
  std::filesystem::create_directory(empty);
  std::filesystem::create_directory(existing);
  testing::open(existing / "records.db").reset();
  ::chmod(folder.path().c_str(), 0755);
  const struct {
    const char* name;
    std::filesystem::path file;
    unsigned file_mode;
    unsigned folder_mode;
  } rows[] = {
      {"a new file in a read-only folder", empty / "records.db", 0, 0555},
      {"a new folder in a read-only folder", empty / "more" / "records.db", 0, 0555},
      {"a read-only file", existing / "records.db", 0444, 01777},
      {"a file in a read-only folder", existing / "records.db", 0644, 0555},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto parent = row.name == rows[1].name ? empty : row.file.parent_path();
    if (row.file_mode != 0) ::chmod(row.file.c_str(), row.file_mode);
    ::chmod(parent.c_str(), row.folder_mode);
    testing::Pipe said;
    const pid_t child = testing::start_child([&] {
      return without_privileges(folder.path(), [&] {
        auto store = open_sqlite(row.file);
        said.write(why(store));
        return !store.ok() && store.error().kind() == ErrorKind::storage &&
                       store.error().message().find(parent.string()) != std::string::npos
                   ? 0
                   : 1;
      });
    });
    said.close_write();
    const auto sentence = said.read_all();
    const int code = testing::wait_for(child);
    ::chmod(parent.c_str(), 0700);
    if (code == 77) GTEST_SKIP() << "cannot run as a user whom file modes bind, and root may write everywhere";
    EXPECT_EQ(code, 0) << sentence;
  }
}

TEST(RecordsFile, TellsNetworkFileSystems) {
  const struct {
    std::uint32_t magic;
    const char* name;  // empty: accepted
  } rows[] = {
      {0x6969, "NFS"},    {0x517B, "SMB"},      {0xFF534D42, "CIFS"}, {0xFE534D42, "SMB2"},
      {0x01021997, "9p"}, {0x00C36400, "Ceph"}, {0xEF53, ""},         {0x58465342, ""},
      {0x01021994, ""},   {0x65735546, ""},     {0x794C7630, ""},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(std::string(network_file_system(row.magic).value_or("")), row.name) << std::hex << row.magic;
  }
}

}  // namespace
}  // namespace sluice::records
