#include "base/file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class File : public testing::Test {
 protected:
  void SetUp() override {
    auto name = testing::TempDir() + "sluice-file-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, std::string_view content) const {
    std::ofstream(folder_ / name) << content;
    return folder_ / name;
  }
  static unsigned mode_of(const fs::path& path) {
    struct stat info{};
    EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 0777U;
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator{}));
  }

  fs::path folder_;
};

TEST_F(File, IsReadWhole) {
  const std::string content = std::string("a\0b\n", 4) + std::string(100'000, 'x');
  const auto read = read_file(write("a", content), 1'000'000);
  ASSERT_TRUE(read.ok()) << read.error().sentence();
  EXPECT_EQ(*read, content);
}

TEST_F(File, IsReadUpToTheLimit) {
  const auto path = write("a", std::string(100, 'x'));
  EXPECT_TRUE(read_file(path, 100).ok());
  const auto over = read_file(path, 99);
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error().kind(), ErrorKind::config);
  EXPECT_THAT(over.error().message(), HasSubstr("larger than the limit of 99 bytes"));
}

TEST_F(File, ThatWouldMakeUsWaitIsRefused) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  for (const auto& path : {folder_ / "pipe", fs::path("/dev/zero"), folder_}) {
    const auto read = read_file(path, 10);
    ASSERT_FALSE(read.ok()) << path;
    EXPECT_EQ(read.error().kind(), ErrorKind::config) << path;
    EXPECT_THAT(read.error().message(), HasSubstr("it is a ")) << path;
  }
  const auto null = read_file("/dev/null", 10);
  ASSERT_TRUE(null.ok()) << null.error().sentence();
  EXPECT_EQ(*null, "");
}

TEST_F(File, WithSecretsIsClosedToOthers) {
  for (const unsigned mode : {0666U, 0640U, 0604U}) {
    const auto path = write("a", "old");
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    const auto was_open = replace_private_file(path, "new");
    ASSERT_TRUE(was_open.ok()) << was_open.error().sentence();
    EXPECT_TRUE(*was_open) << mode;
    EXPECT_EQ(mode_of(path), 0600U);
  }
  const auto again = replace_private_file(folder_ / "a", "newer");
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(*again);
  const auto fresh = replace_private_file(folder_ / "b", "new");
  ASSERT_TRUE(fresh.ok());
  EXPECT_FALSE(*fresh);
  EXPECT_EQ(mode_of(folder_ / "b"), 0600U);
}

TEST_F(File, ThatIsNoFileIsToldApart) {
  const auto absent = read_file(folder_ / "absent", 10);
  ASSERT_FALSE(absent.ok());
  EXPECT_EQ(absent.error().kind(), ErrorKind::not_found);
  EXPECT_THAT(absent.error().message(), HasSubstr("absent"));

  const auto folder = read_file(folder_, 10);
  ASSERT_FALSE(folder.ok());
  EXPECT_EQ(folder.error().kind(), ErrorKind::config);
  EXPECT_THAT(folder.error().message(), HasSubstr("it is a folder"));
}

TEST_F(File, ThatMayNotBeReadIsDenied) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const auto path = write("a", "x");
  fs::permissions(path, fs::perms::none);
  const auto read = read_file(path, 10);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().kind(), ErrorKind::denied);
}

TEST_F(File, IsCreatedWithItsModeAndAPrivateFolder) {
  const auto path = folder_ / "new" / "deep" / "file";
  const auto status = replace_file(path, "content", 0600);
  ASSERT_TRUE(status.ok()) << status.error().sentence();
  EXPECT_EQ(read_file(path, 100).value(), "content");
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(mode_of(path.parent_path()), 0700U);
}

TEST_F(File, KeepsItsModeWhenReplaced) {
  const auto path = write("a", "old and longer");
  fs::permissions(path, fs::perms(0640));
  ASSERT_TRUE(replace_file(path, "new", 0600).ok());
  EXPECT_EQ(read_file(path, 100).value(), "new");
  EXPECT_EQ(mode_of(path), 0640U);
  EXPECT_EQ(entries(), 1U) << "something was left beside the file";
}

TEST_F(File, StaysWholeForWhoeverHasItOpen) {
  const auto path = write("a", "old");
  std::ifstream reader(path);
  ASSERT_TRUE(replace_file(path, "new", 0600).ok());
  std::string seen;
  reader >> seen;
  EXPECT_EQ(seen, "old");
}

TEST_F(File, IsReplacedBehindASymbolicLink) {
  fs::create_directory(folder_ / "real");
  const auto path = write("real/a", "old");
  fs::create_symlink(fs::path("real") / "a", folder_ / "link");
  ASSERT_TRUE(replace_file(folder_ / "link", "new", 0600).ok());
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(read_file(path, 100).value(), "new");
}

TEST_F(File, ThatCannotBeReplacedLeavesNothingBehind) {
  fs::create_directory(folder_ / "a");
  write("a/inside", "x");
  EXPECT_FALSE(replace_file(folder_ / "a", "new", 0600).ok()) << "a folder was replaced by a file";
  EXPECT_EQ(entries(), 1U);

  write("file", "x");
  const auto below_a_file = replace_file(folder_ / "file" / "x", "new", 0600);
  ASSERT_FALSE(below_a_file.ok());
  EXPECT_EQ(below_a_file.error().kind(), ErrorKind::storage);
}

}  // namespace
}  // namespace sluice
