#include "cli/view/progress.hpp"

#include "base/environment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <unistd.h>

namespace sluice::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

Frame sample() {
  return {.blobs = {{"sha256:0123456789abcdef", "prod.example.com", 100 * kMiB, 50 * kMiB},
                    {"sha256:fedcba9876543210", "prod.example.com", 3 * kMiB, 0}},
          .total_bytes = 200 * kMiB,
          .moved_bytes = 50 * kMiB,
          .bytes_per_second = 10.0 * kMiB};
}

TEST(Draw, ShowsEachBlobAndTheTotal) {
  EXPECT_THAT(draw(sample(), 100, 12),
              ElementsAre("  0123456789ab [============>           ]   50.0 MiB / 100.0 MiB  prod.example.com",
                          "  fedcba987654 [>                       ]        0 B / 3.0 MiB    prod.example.com",
                          "  total  25%  50.0 MiB / 200.0 MiB  10.0 MiB/s, 15.0 s left"));
}

TEST(Draw, MakesBarsShorterOnANarrowTerminal) {
  EXPECT_EQ(draw(sample(), 60, 12).front(), "  0123456789ab [=====>    ]   50.0 MiB / 100.0 MiB  prod.ex");
}

TEST(Draw, NeverFillsTheLastColumnNorMoreLinesThanThereAre) {
  auto frame = sample();
  for (int i = 0; i < 30; ++i) frame.blobs.push_back(frame.blobs.front());
  for (const unsigned width : {0U, 1U, 2U, 20U, 40U, 70U, 71U, 80U, 200U}) {
    for (const std::size_t height : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{12}}) {
      const auto lines = draw(frame, width, height);
      EXPECT_LE(lines.size(), height) << "width " << width << ", height " << height;
      for (const auto& line : lines) EXPECT_LT(line.size(), std::max(width, 1U)) << "width " << width << ": " << line;
    }
  }
}

TEST(Draw, KeepsTheTotalAndSaysWhatIsHidden) {
  auto frame = sample();
  for (int i = 0; i < 8; ++i) frame.blobs.push_back(frame.blobs.front());
  const auto lines = draw(frame, 120, 4);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines.back(), "  total  25%  50.0 MiB / 200.0 MiB  10.0 MiB/s, 15.0 s left, 7 more blobs");
  EXPECT_EQ(draw(frame, 120, 1).size(), 1U) << "only the total";
}

TEST(Draw, ShowsNothingWhereNoBytesMove) {
  EXPECT_THAT(draw({.blobs = {}, .total_bytes = 0, .moved_bytes = 0, .bytes_per_second = 0}, 100, 12), IsEmpty());
}

TEST(Draw, ShowsAnEndWithoutATimeThatIsLeft) {
  struct Row {
    const char* name;
    Frame frame;
    const char* expected;
  };
  const std::vector<Row> rows{
      {"not begun",
       {.blobs = {}, .total_bytes = 2048, .moved_bytes = 0, .bytes_per_second = 0},
       "  total   0%  0 B / 2.0 KiB  0 B/s"},
      {"done",
       {.blobs = {}, .total_bytes = 2048, .moved_bytes = 2048, .bytes_per_second = 1024},
       "  total 100%  2.0 KiB / 2.0 KiB  1.0 KiB/s"},
      {"minutes",
       {.blobs = {}, .total_bytes = 76 * 1024, .moved_bytes = 1024, .bytes_per_second = 1024},
       "  total   1%  1.0 KiB / 76.0 KiB  1.0 KiB/s, 1m15s left"},
  };
  for (const auto& row : rows) EXPECT_THAT(draw(row.frame, 100, 12), ElementsAre(row.expected)) << row.name;
}

TEST(Draw, FillsTheBarAtTheEnd) {
  const Frame frame{
      .blobs = {{"sha256:0123456789abcdef", "r", 10, 10}, {"sha256:0", "r", 0, 0}, {"sha256:1", "r", 5, 9}},
      .total_bytes = 15,
      .moved_bytes = 19,
      .bytes_per_second = 0};
  for (const auto& line : draw(frame, 60, 12)) {
    EXPECT_THAT(line, ::testing::AnyOf(HasSubstr("total"), HasSubstr("[==========]")));
  }
}

TEST(StillText, TellsHowLongHowMuchAndWhatWasLast) {
  EXPECT_EQ(still_text(std::chrono::seconds(45), 50 * kMiB, 200 * kMiB, "dc/web 0 of 1 pods ready"),
            "45.0 s  50.0 MiB of 200.0 MiB  dc/web 0 of 1 pods ready");
  EXPECT_EQ(still_text(std::chrono::seconds(45), 200 * kMiB, 200 * kMiB, "switching"), "45.0 s  switching");
  EXPECT_EQ(still_text(std::chrono::seconds(45), 0, 0, ""), "45.0 s");
}

/// Whatever is written to stderr meanwhile, read as it comes.
class StandardError {
 public:
  StandardError() : saved_(::dup(STDERR_FILENO)) {
    EXPECT_EQ(::pipe(pipe_.data()), 0);
    ::dup2(pipe_[1], STDERR_FILENO);
  }
  ~StandardError() {
    ::dup2(saved_, STDERR_FILENO);
    for (const int one : {saved_, pipe_[0], pipe_[1]}) ::close(one);
  }
  StandardError(const StandardError&) = delete;
  StandardError& operator=(const StandardError&) = delete;
  /// Waits until the text has come.
  std::string until(const std::string& text) {
    std::array<char, 256> buffer{};
    while (seen_.find(text) == std::string::npos) {
      const auto count = ::read(pipe_[0], buffer.data(), buffer.size());
      if (count <= 0) break;
      seen_.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return seen_;
  }

 private:
  std::array<int, 2> pipe_{};
  int saved_;
  std::string seen_;
};

// Jenkins and others end a job that says nothing for long.
TEST(PlainProgress, SaysThatWorkGoesOnWhenNothingHappens) {
  StandardError errors;
  Console console(Environment([](std::string_view) -> std::optional<std::string> { return std::nullopt; }));
  ProgressView view(console, ProgressMode::plain, std::chrono::milliseconds(20));
  view.emit({.kind = copy::EventKind::rollout, .target = "prod", .detail = "0 of 1 pods ready"});
  const auto said = errors.until("... ");
  EXPECT_THAT(said, ::testing::StartsWith("prod 0 of 1 pods ready\n"));
  EXPECT_THAT(errors.until("s  prod 0 of 1 pods ready\n"), HasSubstr("... 0.00 s  prod 0 of 1 pods ready\n"));
}

}  // namespace
}  // namespace sluice::cli
