// --events: numbers, times, steps of progress, and that the schema knows every kind.

#include "cli/view/event_log.hpp"

#include "base/file.hpp"
#include "support/checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

namespace sluice::cli {
namespace {

using copy::EventKind;
using support::why;
using ::testing::ElementsAre;

/// Every kind. A new one does not compile here until it is in the list below as well.
constexpr EventKind kKinds[] = {EventKind::road,          EventKind::total,     EventKind::blob_started,
                                EventKind::blob_progress, EventKind::blob_done, EventKind::blob_retried,
                                EventKind::blob_resumed,  EventKind::wait,      EventKind::put_back,
                                EventKind::manifest,      EventKind::tag,       EventKind::rollout,
                                EventKind::attachment,    EventKind::note};
constexpr bool is_listed(EventKind kind) {
  switch (kind) {
    case EventKind::road:
    case EventKind::total:
    case EventKind::blob_started:
    case EventKind::blob_progress:
    case EventKind::blob_done:
    case EventKind::blob_retried:
    case EventKind::blob_resumed:
    case EventKind::wait:
    case EventKind::put_back:
    case EventKind::manifest:
    case EventKind::tag:
    case EventKind::rollout:
    case EventKind::attachment:
    case EventKind::note:
      return true;
  }
  return false;
}

class EventLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = EventLog::open((folder / "events.jsonl").string());
    ASSERT_TRUE(opened.ok()) << why(opened);
    log = std::move(*opened);
  }
  void emit(EventKind kind, std::uint64_t bytes, const std::string& digest = "sha256:1",
            const std::string& target = "b") {
    log->emit({.kind = kind, .image = "web", .target = target, .digest = digest, .bytes = bytes});
  }
  std::vector<Json> lines() {
    std::vector<Json> out;
    std::ifstream in(folder / "events.jsonl");
    for (std::string line; std::getline(in, line);) {
      auto json = parse_json(line);
      EXPECT_TRUE(json.ok()) << line;
      if (json) out.push_back(std::move(*json));
    }
    return out;
  }
  /// "kind bytes" of each line.
  std::vector<std::string> told() {
    std::vector<std::string> out;
    for (const auto& line : lines())
      out.push_back(line.string_at("kind").value_or("?") + " " + std::to_string(line.integer_at("bytes").value_or(-1)));
    return out;
  }

  static constexpr std::uint64_t kStep = EventLog::kProgressStep;
  support::TempFolder folder;
  std::unique_ptr<EventLog> log;
};

TEST_F(EventLogTest, NumbersLinesInTheirOrderHoweverManyThreadsWrite) {
  constexpr std::size_t kThreads = 8;
  constexpr std::size_t kEach = 200;
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (std::size_t i = 0; i < kEach; ++i) emit(EventKind::note, i);
      });
    }
  }
  const auto all = lines();
  ASSERT_EQ(all.size(), kThreads * kEach);
  std::string before;
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(all[i].integer_at("sequence"), static_cast<std::int64_t>(i + 1)) << "line " << i + 1;
    const auto time = all[i].string_at("time").value_or("");
    ASSERT_LE(before, time) << "line " << i + 1 << " is older than the one before it";
    before = time;
  }
}

TEST_F(EventLogTest, TellsProgressInSteps) {
  emit(EventKind::blob_started, 3 * kStep);
  emit(EventKind::blob_progress, kStep - 1);
  emit(EventKind::blob_progress, 1);
  emit(EventKind::blob_progress, kStep + 5);
  emit(EventKind::blob_progress, 7);
  emit(EventKind::blob_done, 3 * kStep);
  EXPECT_THAT(told(),
              ElementsAre("blob-started " + std::to_string(3 * kStep), "blob-progress " + std::to_string(kStep),
                          "blob-progress " + std::to_string(kStep + 5), "blob-done " + std::to_string(3 * kStep)));
}

TEST_F(EventLogTest, AddsUpTheProgressOfEachBlobAndTargetByItself) {
  emit(EventKind::blob_progress, kStep - 1, "sha256:1", "b");
  emit(EventKind::blob_progress, kStep - 1, "sha256:2", "b");
  emit(EventKind::blob_progress, kStep - 1, "sha256:1", "c");
  EXPECT_THAT(told(), ElementsAre());
  emit(EventKind::blob_progress, 1, "sha256:1", "b");
  EXPECT_THAT(told(), ElementsAre("blob-progress " + std::to_string(kStep)));
}

TEST_F(EventLogTest, BeginsAgainFromZeroAfterARetry) {
  emit(EventKind::blob_progress, kStep - 1);
  emit(EventKind::blob_retried, 10);
  emit(EventKind::blob_progress, kStep - 1);
  EXPECT_THAT(told(), ElementsAre("blob-retried 10"));
}

TEST_F(EventLogTest, HasASchemaForEveryKind) {
  const auto file = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().parent_path() /
                    "schemas" / "event.schema.json";
  const auto text = read_file(file, 1'000'000);
  ASSERT_TRUE(text.ok()) << why(text);
  const auto schema = parse_json(*text);
  ASSERT_TRUE(schema.ok()) << why(schema);
  std::vector<std::string> listed;
  std::vector<std::string> described;
  for (const auto& kind : schema->find("properties")->find("kind")->find("enum")->items())
    listed.push_back(kind.as_string().value_or(""));
  for (const auto& rule : schema->find("allOf")->items())
    described.push_back(rule.find("if")->find("properties")->find("kind")->string_at("const").value_or(""));
  std::vector<std::string> ours;
  for (const auto kind : kKinds) {
    EXPECT_TRUE(is_listed(kind));
    ours.emplace_back(to_string(kind));
  }
  ours.insert(ours.end(), {"state", "step"});  // steps of a promotion; one that puts a tag back has a kind of its own
  EXPECT_THAT(listed, ::testing::UnorderedElementsAreArray(ours));
  EXPECT_THAT(described, ::testing::UnorderedElementsAreArray(ours));
}

TEST(EventLogOfAFullDisk, SaysThatEventsAreMissing) {
  auto log = EventLog::open("/dev/full");
  if (!log) GTEST_SKIP() << "no /dev/full here: " << why(log);
  (*log)->emit({.kind = EventKind::note, .detail = "x"});
  EXPECT_TRUE(support::failed_with((*log)->complete(), ErrorKind::storage, "/dev/full"));
}

}  // namespace
}  // namespace sluice::cli
