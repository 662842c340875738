// Who may write the records besides this user. Real files; root stands in for another user.

#include "records/sqlite.hpp"
#include "unit/records/records_testing.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace sluice::records {
namespace {

using testing::failed_with;
using testing::hold_of;
using testing::mode_of;
using testing::why;

constexpr uid_t kSomebody = 65534;

class Owners : public ::testing::Test {
 protected:
  Owners() {
    std::filesystem::create_directory(home_);
    ::chmod(home_.c_str(), 0700);
    testing::open(file_).reset();
  }
  static void expect_refused(const std::filesystem::path& file, std::string_view why_not, std::string_view command) {
    const auto looking = open_read_only(file.string(), testing::environment_with({}));
    const auto writing = open_sqlite(file);
    for (const auto* result : {&looking, &writing}) {
      EXPECT_TRUE(failed_with(*result, ErrorKind::config, why_not));
      EXPECT_TRUE(failed_with(*result, ErrorKind::config, command));
    }
  }
  static void expect_fine(const std::filesystem::path& file) {
    auto writing = open_sqlite(file);
    EXPECT_TRUE(writing.ok()) << why(writing);
    auto looking = open_read_only(file.string(), testing::environment_with({}));
    EXPECT_TRUE(looking.ok()) << why(looking);
  }

  testing::TempFolder folder_;
  std::filesystem::path home_ = folder_ / "home";
  std::filesystem::path file_ = home_ / "records.db";
};

TEST_F(Owners, OfAFileThatOthersMayWriteAreToldTheCommand) {
  for (const mode_t mode : {0666U, 0620U, 0602U, 0646U}) {
    ::chmod(file_.c_str(), mode);
    expect_refused(file_, "other users may write to them", "chmod 600 " + file_.string());
    EXPECT_EQ(mode_of(file_), mode) << "what was refused stays as it is";
  }
  ::chmod(file_.c_str(), 0600);
  expect_fine(file_);
}

TEST_F(Owners, OfAFolderThatOthersMayWriteAreToldTheCommand) {
  for (const mode_t mode : {0777U, 0770U, 0702U, 02775U}) {
    ::chmod(home_.c_str(), mode);
    expect_refused(file_, "other users may write to their folder " + home_.string(), "chmod go-w " + home_.string());
    expect_refused(home_ / "new.db", "other users may write to their folder", "in a folder of its own with --state");
  }
  EXPECT_FALSE(std::filesystem::exists(home_ / "new.db")) << "nothing is made there";
  ::chmod(home_.c_str(), 0755);
  expect_fine(file_);
}

TEST_F(Owners, MayKeepTheirFileInAStickyFolder) {
  ::chmod(home_.c_str(), 01777);
  expect_fine(file_);
  expect_fine(home_ / "new.db");
}

TEST_F(Owners, OfFilesBesideItAreCheckedToo) {
  for (const auto* ending : {"-wal", "-shm", "-journal"}) {
    const auto beside = file_.string() + ending;
    std::ofstream(beside).flush();
    ::chmod(beside.c_str(), 0666);
    expect_refused(file_, "other users may write to " + beside, "chmod 600 " + beside);
    std::filesystem::remove(beside);
    std::filesystem::create_symlink(folder_ / "elsewhere", beside);
    expect_refused(file_, "no regular file is at " + beside, "move it away");
    std::filesystem::remove(beside);
  }
  expect_fine(file_);
}

TEST_F(Owners, OfWhatALinkLeadsToAreCheckedToo) {
  const auto link = folder_ / "link.db";
  std::filesystem::create_symlink(file_, link);
  expect_fine(link);
  ::chmod(home_.c_str(), 0777);
  expect_refused(link, "other users may write to their folder " + home_.string(), "chmod go-w " + home_.string());
  ::chmod(home_.c_str(), 0700);
  ::chmod(file_.c_str(), 0666);
  expect_refused(link, "other users may write to " + file_.string(), "chmod 600 " + file_.string());
}

TEST_F(Owners, AloneMayReadAFileThatOthersCouldRead) {
  const auto store = testing::open(file_);
  ASSERT_TRUE(store->set_hold(hold_of("a")).ok());
  const auto names = {file_.string(), file_.string() + "-wal", file_.string() + "-shm"};
  for (const auto& name : names) ::chmod(name.c_str(), 0644);
  auto looked = open_read_only(file_.string(), testing::environment_with({}));
  ASSERT_TRUE(looked.ok()) << why(looked);
  for (const auto& name : names) EXPECT_EQ(mode_of(name), 0644U) << "looking changes nothing";
  testing::open(file_).reset();
  for (const auto& name : names) EXPECT_EQ(mode_of(name), 0600U) << name;
}

TEST_F(Owners, ThatAreSomebodyElseAreRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file to another user";
  const auto chown_to_us = "chown " + std::to_string(::geteuid()) + " ";
  for (const auto* ending : {"", "-wal", "-shm"}) {
    const auto name = file_.string() + ending;
    std::ofstream(name, std::ios::app).flush();
    ::chmod(name.c_str(), 0600);
    ASSERT_EQ(::chown(name.c_str(), kSomebody, kSomebody), 0);
    expect_refused(file_, "another user (uid 65534) owns ", chown_to_us + name);
    ::chmod(home_.c_str(), 01777);
    expect_refused(file_, "another user (uid 65534) owns ", chown_to_us + name);
    ::chmod(home_.c_str(), 0700);
    ASSERT_EQ(::chown(name.c_str(), 0, 0), 0);
  }
  for (const mode_t mode : {0700U, 0755U, 01777U}) {
    ASSERT_EQ(::chown(home_.c_str(), kSomebody, kSomebody), 0);
    ::chmod(home_.c_str(), mode);
    expect_refused(file_, "another user (uid 65534) owns " + home_.string(), chown_to_us + home_.string());
    ASSERT_EQ(::chown(home_.c_str(), 0, 0), 0);
  }
  ::chmod(home_.c_str(), 0700);
  expect_fine(file_);
}

}  // namespace
}  // namespace sluice::records
