#include "kube/watch_frames.hpp"

#include "unit/kube/kube_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::kube {
namespace {

using ::testing::ElementsAre;
using testing::failed_with;
using testing::why;

std::vector<std::string> lines_of(LineSplitter& splitter) {
  std::vector<std::string> out;
  while (auto line = splitter.next()) out.push_back(*line);
  return out;
}

TEST(LineSplitter, GivesTheSameLinesHoweverTheBytesArrive) {
  const std::string text = "one\r\ntwo\n\n\nthree is longer\nhalf";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    LineSplitter splitter(100);
    std::vector<std::string> seen;
    for (std::size_t at = 0; at < text.size(); at += size) {
      ASSERT_TRUE(splitter.feed(std::string_view(text).substr(at, size)));
      for (auto& line : lines_of(splitter)) seen.push_back(line);
    }
    EXPECT_THAT(seen, ElementsAre("one", "two", "three is longer")) << "pieces of " << size;
    EXPECT_TRUE(splitter.in_a_line());
  }
}

TEST(LineSplitter, RefusesALineWithoutEnd) {
  LineSplitter splitter(8);
  EXPECT_TRUE(splitter.feed("12345678\n1234"));
  EXPECT_THAT(lines_of(splitter), ElementsAre("12345678"));
  EXPECT_TRUE(failed_with(splitter.feed("56789"), ErrorKind::protocol, "longer than the limit"));
  EXPECT_FALSE(splitter.feed("\nnext\n"));
  EXPECT_FALSE(splitter.next());
}

TEST(LineSplitter, ForgetsWhatWasRead) {
  LineSplitter splitter(1 << 20);
  const std::string line = std::string(1000, 'x') + "\n";
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(splitter.feed(line));
    ASSERT_TRUE(splitter.next());
  }
  EXPECT_EQ(splitter.held_bytes(), 0U);
}

TEST(WatchFrame, ReadsEachType) {
  struct Row {
    const char* type;
    WatchFrame::Type expected;
  };
  for (const auto& row : {Row{"ADDED", WatchFrame::Type::added}, Row{"MODIFIED", WatchFrame::Type::modified},
                          Row{"DELETED", WatchFrame::Type::deleted}, Row{"BOOKMARK", WatchFrame::Type::bookmark}}) {
    const auto frame = parse_frame(std::string(R"({"type":")") + row.type +
                                   R"(","object":{"kind":"ImageStream","metadata":{"resourceVersion":"7"}}})");
    ASSERT_TRUE(frame.ok()) << why(frame);
    EXPECT_EQ(frame->type, row.expected) << row.type;
    EXPECT_EQ(frame->version, "7");
  }
}

TEST(WatchFrame, ReadsErrorsWithTheirStatus) {
  const auto frame = parse_frame(R"({"type":"ERROR","object":{"kind":"Status","status":"Failure","reason":"Expired",
    "code":410,"message":"The resourceVersion for the provided watch is too old."}})");
  ASSERT_TRUE(frame.ok()) << why(frame);
  EXPECT_TRUE(frame->failure.is_expired());
  const auto odd = parse_frame(R"({"type":"ERROR","object":{"what":1}})");
  ASSERT_TRUE(odd.ok()) << why(odd);
  EXPECT_EQ(odd->failure.code, 500);
}

TEST(WatchFrame, RefusesWhatIsNone) {
  for (const auto* line :
       {"", "x", "{}", "[]", R"({"type":"ADDED"})", R"({"type":"ADDED","object":null})",
        R"({"type":"OTHER","object":{}})", R"({"type":7,"object":{}})", R"({"type":"ADDED","object":{)"}) {
    EXPECT_TRUE(failed_with(parse_frame(line), ErrorKind::protocol, "no frame")) << line;
  }
}

}  // namespace
}  // namespace sluice::kube
