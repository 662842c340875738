// What a killed process leaves to the next one, and what is made of it.

#include "copy/transfer_journal.hpp"

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "copy/blob_mover.hpp"
#include "unit/copy/copy_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>

namespace sluice::copy {
namespace {

namespace fs = std::filesystem;
using support::failed_with;
using support::fake_bytes;
using support::FakeFault;
using support::FakePlace;
using support::TempFolder;
using support::Verb;
using support::why;

constexpr std::uint64_t kMiB = 1024 * 1024;
const std::string kHost = "prod.example.com";

oci::Descriptor blob_of(const std::string& content) {
  return {"application/octet-stream", oci::Digest::of(content), content.size(), {}, {}, {}};
}

std::vector<fs::path> files(const fs::path& folder, const std::string& ending) {
  std::vector<fs::path> out;
  if (!fs::exists(folder)) return out;
  for (const auto& file : fs::directory_iterator(folder)) {
    if (file.path().extension() == ending) out.push_back(file.path());
  }
  return out;
}

class TransferJournalTest : public ::testing::Test {
 protected:
  TempFolder temp;
  fs::path folder = temp.path() / "state" / "transfers";
  TransferJournal journal{folder};
  oci::Descriptor blob = blob_of("what is moved");
  const std::string location = "https://prod.example.com/v2/shop/web/blobs/uploads/1?_state=hunter2";

  std::unique_ptr<JournalPage> open() {
    auto page = journal.open(kHost, "shop/web", blob);
    EXPECT_TRUE(page.ok()) << why(page);
    return page ? std::move(*page) : nullptr;
  }
  void leave_a_page(const std::string& at) {
    const auto page = open();
    ASSERT_TRUE(page);
    page->keep({"shop/web", at, 7});
    page->add({5, hasher_of("what ")});
  }
  static Hasher hasher_of(std::string_view text) {
    Hasher hasher(HashAlgorithm::sha256);
    hasher.update(text);
    return hasher;
  }
  void change_page(const std::string& from, const std::string& to) {
    const auto pages = files(folder, ".json");
    ASSERT_EQ(pages.size(), 1U);
    auto text = *read_file(pages[0], 100'000);
    const auto at = text.find(from);
    ASSERT_NE(at, std::string::npos) << text;
    text.replace(at, from.size(), to);
    std::ofstream(pages[0]) << text;
  }
};

TEST_F(TransferJournalTest, GivesTheNextOneTheSessionAndARunningHash) {
  leave_a_page(location);
  const auto page = open();
  ASSERT_TRUE(page && page->found());
  EXPECT_EQ(page->found()->session.location, location);
  EXPECT_EQ(page->found()->session.repository, "shop/web");
  ASSERT_EQ(page->found()->checkpoints.size(), 1U);
  EXPECT_EQ(page->found()->checkpoints[0].offset, 5U);
  auto hasher = page->found()->checkpoints[0].hasher;
  hasher.update("is moved");
  EXPECT_EQ(hasher.finish_hex(), blob.digest.hex());
}

TEST_F(TransferJournalTest, IsReadableByItsOwnerAlone) {
  leave_a_page(location);
  struct stat status{};
  ASSERT_EQ(::stat(folder.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  const auto pages = files(folder, ".json");
  ASSERT_EQ(pages.size(), 1U);
  ASSERT_EQ(::stat(pages[0].c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(TransferJournalTest, LeavesNothingBehindWhenTheBlobIsDone) {
  leave_a_page(location);
  {
    const auto page = open();
    ASSERT_TRUE(page);
    page->keep(page->found()->session);
    page->forget();
  }
  EXPECT_EQ(files(folder, ".json").size(), 0U);
  EXPECT_EQ(files(folder, ".lock").size(), 0U);
}

TEST_F(TransferJournalTest, GivesAPageToOneAtATime) {
  const auto first = open();
  ASSERT_TRUE(first);
  TransferJournal other(folder);
  const auto second = other.open(kHost, "shop/web", blob);
  ASSERT_TRUE(second.ok()) << why(second);
  EXPECT_EQ(*second, nullptr);
  const auto elsewhere = other.open(kHost, "shop/api", blob);
  ASSERT_TRUE(elsewhere.ok()) << why(elsewhere);
  EXPECT_NE(*elsewhere, nullptr);
}

TEST_F(TransferJournalTest, KeepsNoSessionThatIsAtAnotherHost) {
  for (const auto* at : {"https://evil.example.com/v2/", "https://prod.example.com:444/v2/", "ftp://prod.example.com/",
                         "https://prod.example.com@evil.example.com/", "session-1", ""}) {
    leave_a_page(at);
    EXPECT_EQ(files(folder, ".json").size(), 0U) << at;
  }
}

TEST_F(TransferJournalTest, BelievesNoPageThatWasChanged) {
  struct Row {
    const char* from;
    const char* to;
  };
  for (const auto& row : std::vector<Row>{{"https://prod.example.com/", "https://evil.example.com/"},
                                          {"\"version\":1", "\"version\":2"},
                                          {"shop/web", "shop/api"},
                                          {"\"offset\":5", "\"offset\":0"},
                                          {"\"offset\":5", "\"offset\":-5"},
                                          {"\"offset\":5", "\"offset\":13"},
                                          {"\"hash\":\"", "\"hash\":\"AAAA"},
                                          {"\"size\":13", "\"size\":14"},
                                          {"{", "["}}) {
    leave_a_page(location);
    change_page(row.from, row.to);
    const auto page = open();
    ASSERT_TRUE(page);
    EXPECT_FALSE(page->found()) << row.to;
    page->forget();
  }
}

TEST_F(TransferJournalTest, DropsPagesThatAreOldOrTooMany) {
  leave_a_page(location);
  const auto now = fs::file_time_type::clock::now();
  const auto page_at = [&](const std::string& name, fs::file_time_type written) {
    std::ofstream(folder / name) << "{}";
    fs::last_write_time(folder / name, written);
  };
  page_at("old.json", now - TransferJournal::kOldest - std::chrono::hours(1));
  page_at("old.lock", now - TransferJournal::kOldest - std::chrono::hours(1));
  page_at("other.txt", now - TransferJournal::kOldest - std::chrono::hours(1));
  for (std::size_t i = 0; i < TransferJournal::kMostEntries; ++i) {
    page_at("n" + std::to_string(i) + ".json", now - std::chrono::hours(1) - std::chrono::seconds(i));
  }
  TransferJournal next(folder);
  const auto page = next.open(kHost, "shop/api", blob);
  ASSERT_TRUE(page.ok()) << why(page);
  EXPECT_EQ(files(folder, ".json").size(), TransferJournal::kMostEntries);
  EXPECT_FALSE(fs::exists(folder / "old.json"));
  EXPECT_FALSE(fs::exists(folder / "old.lock"));
  EXPECT_TRUE(fs::exists(folder / "other.txt")) << "what is not ours stays";
  EXPECT_FALSE(fs::exists(folder / ("n" + std::to_string(TransferJournal::kMostEntries - 1) + ".json")))
      << "the oldest of too many";
  EXPECT_TRUE(fs::exists(folder / "n0.json"));
}

// ---- with a mover

class JournaledMove : public ::testing::Test {
 protected:
  TempFolder temp;
  fs::path folder = temp.path() / "transfers";
  FakePlace dev{"dev.example.com"};
  FakePlace prod{"prod.example.com"};
  support::RecordedEvents events;
  std::stop_source stop;
  const std::string content = fake_bytes("journaled", 40 * kMiB);
  BlobMove move{.blob = blob_of(content),
                .item = 0,
                .dest = &prod,
                .dest_repository = "shop/web",
                .how = BlobMove::How::stream,
                .mount_from = {},
                .after = {},
                .origin = {&dev, "dev/web"}};

  void SetUp() override { dev.hold_blob("dev/web", content); }
  /// As a process of its own would.
  Result<BlobMove::How> bring(unsigned retry_times = 0) {
    TransferJournal journal(folder);
    return move_blob(move, {.retry_times = retry_times, .journal = &journal}, events, stop.get_token());
  }
  /// The first process moves 36 MiB and ends in failure.
  void fail_first() {
    prod.script({.verb = Verb::write_blob, .effect = FakeFault::Effect::cut, .at = 36 * kMiB});
    const auto moved = bring();
    ASSERT_TRUE(failed_with(moved, ErrorKind::unreachable));
    ASSERT_EQ(files(folder, ".json").size(), 1U);
  }
};

TEST_F(JournaledMove, TheNextProcessSendsOnlyTheRest) {
  fail_first();
  const auto read = dev.bytes_read();
  const auto moved = bring();
  ASSERT_TRUE(moved.ok()) << why(moved);
  EXPECT_TRUE(prod.has("shop/web", move.blob.digest));
  EXPECT_EQ(prod.bytes_written(), 40 * kMiB);
  EXPECT_EQ(dev.bytes_read() - read, 8 * kMiB) << "from the checkpoint at 32 MiB";
  EXPECT_EQ(prod.calls_of(Verb::begin_upload).size(), 1U);
  EXPECT_EQ(prod.open_uploads(), 0U);
  EXPECT_EQ(files(folder, ".json").size(), 0U);
}

TEST_F(JournaledMove, ASessionThatIsGoneIsReplacedByItself) {
  fail_first();
  const auto locations = prod.calls_of(Verb::write_blob);
  prod.abandon_upload({"shop/web", locations.front().from, 0});
  const auto moved = bring();
  ASSERT_TRUE(moved.ok()) << why(moved);
  EXPECT_TRUE(prod.has("shop/web", move.blob.digest));
  EXPECT_EQ(prod.calls_of(Verb::begin_upload).size(), 2U);
  EXPECT_EQ(files(folder, ".json").size(), 0U);
}

TEST_F(JournaledMove, AnUploadThatHoldsForeignBytesIsNotBuiltUponTwice) {
  fail_first();
  // What the first process sent is not what the source has now.
  prod.script({.verb = Verb::write_blob, .effect = FakeFault::Effect::fail, .kind = ErrorKind::integrity});
  const auto moved = bring();
  ASSERT_TRUE(moved.ok()) << why(moved);
  EXPECT_TRUE(prod.has("shop/web", move.blob.digest));
  EXPECT_EQ(prod.calls_of(Verb::begin_upload).size(), 2U);
}

TEST_F(JournaledMove, AFolderThatCannotBeWrittenIsANoteAndNoFailure) {
  std::ofstream(folder) << "a file where the folder should be";
  const auto moved = bring();
  ASSERT_TRUE(moved.ok()) << why(moved);
  EXPECT_TRUE(prod.has("shop/web", move.blob.digest));
  EXPECT_EQ(events.of(EventKind::note).size(), 1U);
}

TEST_F(JournaledMove, ASecondProcessAtTheSameTimeOpensAnUploadOfItsOwn) {
  fail_first();
  TransferJournal other(folder);
  const auto held = other.open(prod.name(), "shop/web", move.blob);
  ASSERT_TRUE(held.ok() && *held);
  const auto moved = bring();
  ASSERT_TRUE(moved.ok()) << why(moved);
  EXPECT_EQ(prod.calls_of(Verb::begin_upload).size(), 2U);
}

TEST_F(JournaledMove, NeverSpeaksOfTheLocation) {
  fail_first();
  ASSERT_TRUE(bring().ok());
  for (const auto& event : events.all()) EXPECT_THAT(event.detail, ::testing::Not(::testing::HasSubstr("session-")));
}

}  // namespace
}  // namespace sluice::copy
