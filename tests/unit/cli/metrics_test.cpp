// --metrics: the text format, what a run's file says, and how it is replaced.

#include "base/file.hpp"
#include "cli/view/run_metrics.hpp"
#include "support/checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace sluice::cli {
namespace {

using support::failed_with;
using support::why;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kLast = "sluice_run_last_success_timestamp_seconds";

TEST(MetricsText, IsTheFormatOfPrometheus) {
  EXPECT_EQ(
      metrics_text({{"sluice_a", "How much.", {{{}, 1.5}, {{{"road", "mount"}, {"how", "moved"}}, 1795488025.156}}},
                    {"sluice_none", "Nothing to say.", {}},
                    {"sluice_b", "A slash \\ and\na line.", {{{{"empty", ""}, {"x", "y"}}, 9007199254740992.0}}}}),
      "# HELP sluice_a How much.\n"
      "# TYPE sluice_a gauge\n"
      "sluice_a 1.5\n"
      "sluice_a{road=\"mount\",how=\"moved\"} 1795488025.156\n"
      "# HELP sluice_b A slash \\\\ and\\na line.\n"
      "# TYPE sluice_b gauge\n"
      "sluice_b{x=\"y\"} 9007199254740992\n");
}

TEST(MetricsText, EscapesLabelsSoThatTheyReadBackAsTheyWere) {
  for (const std::string value :
       {"plain", "a\"b", "back\\slash", "two\nlines", "\\n", "a,b}c=d", "\"} 1\nevil 2", "é"}) {
    const auto text = metrics_text({{"m", "h", {{{{"x", value}, {"y", "z"}}, 7}}}});
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text << "a value must not make a line";
    const auto read = read_samples(text, "m", 10);
    ASSERT_EQ(read.size(), 1U) << text;
    EXPECT_THAT(read[0].labels, ElementsAre(std::pair("x", value), std::pair("y", "z"))) << text;
    EXPECT_EQ(read[0].value, 7) << text;
  }
}

TEST(MetricsText, ReadsNothingThatIsNotExactlyASample) {
  for (const std::string line : {"m{x=\"a} 1", "m{x=\"a\" 1", "m{x=\"a\\", "m{=\"a\"} 1", "m{x\"a\"} 1", "m{x=a} 1",
                                 "m{x=\"a\"}1", "m{x=\"a\"} ", "m{x=\"a\"} 1 2", "m{x=\"a\"} nan", "m{x=\"a\"} inf",
                                 "m{x=\"a\"} one", "mm 1", "m", "m{", "#m 1", " m 1", "m{} 1"})
    EXPECT_THAT(read_samples(line + "\n", "m", 10), IsEmpty()) << line;
  EXPECT_EQ(read_samples("m 1\nm 2\nm 3\n", "m", 2).size(), 2U);
}

ImageReport image(copy::Road road, bool travelled, std::uint64_t moved, std::uint64_t present = 0) {
  ImageReport out{.image = "web", .target = "b/shop", .road = road};
  out.travelled = travelled;
  out.bytes = {.moved = moved, .mounted = 0, .present = present};
  out.blobs = {.moved = moved > 0 ? 2U : 0U, .mounted = 0, .present = present > 0 ? 1U : 0U};
  out.retries = 1;
  return out;
}

/// "name{labels} value" without help and types.
std::vector<std::string> samples(const std::vector<MetricFamily>& families, const std::string& prefix) {
  std::vector<std::string> out;
  std::istringstream in(metrics_text(families));
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(prefix)) out.push_back(line);
  }
  return out;
}

TEST(RunMetrics, OfACopySumUpByRoad) {
  RunReport report{.source = "a/p/x:v1", .destination = "b/p/x:v1", .app = {}, .environment = {}, .state = {}};
  report.images.push_back(image(copy::Road::stream, true, 100, 20));
  const auto metrics = run_metrics(report, {"copy", 0, 1.25, 9, 1000.5}, {});
  const std::string labels = R"(command="copy",source="a/p/x:v1",destination="b/p/x:v1")";
  EXPECT_THAT(
      samples(metrics, "sluice_run"),
      ElementsAre("sluice_run_exit_code{" + labels + "} 0", "sluice_run_success{" + labels + "} 1",
                  "sluice_run_seconds{" + labels + "} 1.25", "sluice_run_requests{" + labels + "} 9",
                  "sluice_run_retries{" + labels + "} 1", "sluice_run_end_timestamp_seconds{" + labels + "} 1000.5",
                  std::string(kLast) + "{" + labels + "} 1000.5"));
  EXPECT_THAT(samples(metrics, "sluice_copy"),
              ElementsAre("sluice_copy_bytes{" + labels + R"(,road="stream",how="moved"} 100)",
                          "sluice_copy_bytes{" + labels + R"(,road="stream",how="mounted"} 0)",
                          "sluice_copy_bytes{" + labels + R"(,road="stream",how="present"} 20)",
                          "sluice_copy_blobs{" + labels + R"(,road="stream",how="moved"} 2)",
                          "sluice_copy_blobs{" + labels + R"(,road="stream",how="mounted"} 0)",
                          "sluice_copy_blobs{" + labels + R"(,road="stream",how="present"} 1)",
                          "sluice_copy_images{" + labels + R"(,road="stream"} 1)"));
  EXPECT_THAT(samples(metrics, "sluice_promotion"), IsEmpty());
}

TEST(RunMetrics, OfAPromotionNameAppEnvironmentReleaseAndState) {
  RunReport report{
      .source = {}, .destination = {}, .app = "shop", .environment = "prod", .release = 4, .state = "partial"};
  report.images = {image(copy::Road::stream, true, 100), image(copy::Road::stream, true, 50),
                   image(copy::Road::tag, true, 0)};
  const auto metrics = run_metrics(report, {"promote", 4, 1, 1, 1}, {});
  const std::string labels = R"(command="promote",app="shop",environment="prod",release="4")";
  EXPECT_THAT(samples(metrics, "sluice_promotion_images"),
              ElementsAre("sluice_promotion_images{" + labels + R"(,road="stream"} 2)",
                          "sluice_promotion_images{" + labels + R"(,road="tag"} 1)"));
  EXPECT_THAT(samples(metrics, "sluice_promotion_bytes"),
              ::testing::Contains("sluice_promotion_bytes{" + labels + R"(,road="stream",how="moved"} 150)"));
  EXPECT_THAT(samples(metrics, "sluice_promotion_state"),
              ElementsAre("sluice_promotion_state{" + labels + R"(,state="partial"} 1)"));
  EXPECT_THAT(samples(metrics, "sluice_run_retries"), ElementsAre(HasSubstr("} 3")));
  EXPECT_THAT(samples(metrics, kLast), IsEmpty()) << "it never succeeded";
}

TEST(RunMetrics, CountNothingThatWasOnlyPlanned) {
  RunReport report;
  report.images.push_back(image(copy::Road::stream, false, 100));
  EXPECT_THAT(samples(run_metrics(report, {"copy", 7, 1, 1, 1}, {}), "sluice_copy"), IsEmpty());
}

TEST(RunMetrics, RememberTheLastSuccessOfEverySeries) {
  RunReport report{.source = {}, .destination = {}, .app = "shop", .environment = "prod", .state = {}};
  const MetricSample mine{{{"command", "promote"}, {"app", "shop"}, {"environment", "prod"}}, 10};
  const MetricSample other{{{"command", "rollback"}, {"app", "shop"}, {"environment", "prod"}}, 20};
  const auto after = [&](int exit) {
    std::vector<std::string> out = samples(run_metrics(report, {"promote", exit, 1, 1, 99}, {mine, other}), kLast);
    std::sort(out.begin(), out.end());
    return out;
  };
  EXPECT_THAT(after(1), ElementsAre(HasSubstr("promote\",app=\"shop\",environment=\"prod\"} 10"), HasSubstr("} 20")));
  EXPECT_THAT(after(0), ElementsAre(HasSubstr("promote\",app=\"shop\",environment=\"prod\"} 99"), HasSubstr("} 20")));
}

class MetricsFileTest : public ::testing::Test {
 protected:
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder.path()), std::filesystem::directory_iterator()));
  }
  std::string text() const {
    const auto read = read_file(folder / "m.prom", 100'000);
    return read ? *read : why(read);
  }
  support::TempFolder folder;
};

TEST_F(MetricsFileTest, IsReplacedWholeAndReadableForOthers) {
  const auto file = MetricsFile::open((folder / "m.prom").string());
  ASSERT_TRUE(file.ok()) << why(file);
  EXPECT_EQ(files(), 0U) << "nothing is written before the end";
  ASSERT_TRUE(file->write({}, {"copy", 0, 1, 1, 5}).ok());
  EXPECT_THAT(text(), HasSubstr(std::string(kLast) + "{command=\"copy\"} 5\n"));
  ASSERT_TRUE(file->write({}, {"copy", 7, 1, 1, 6}).ok());
  EXPECT_THAT(text(), HasSubstr("sluice_run_exit_code{command=\"copy\"} 7\n"));
  EXPECT_THAT(text(), HasSubstr(std::string(kLast) + "{command=\"copy\"} 5\n")) << "a failure forgets no success";
  EXPECT_EQ(files(), 1U) << "nothing is left beside it";
  EXPECT_EQ(std::filesystem::status(folder / "m.prom").permissions(), std::filesystem::perms(0644));
}

TEST_F(MetricsFileTest, TakesNothingOverFromAFileOfSomebodyElse) {
  std::ofstream(folder / "m.prom") << "\x7f"
                                      "ELF garbage\n"
                                   << kLast << "{x=\"\n"
                                   << kLast << " 1e400\n";
  const auto file = MetricsFile::open((folder / "m.prom").string());
  ASSERT_TRUE(file.ok()) << why(file);
  ASSERT_TRUE(file->write({}, {"copy", 1, 1, 1, 5}).ok());
  EXPECT_THAT(text(), Not(HasSubstr("garbage")));
  EXPECT_THAT(text(), Not(HasSubstr(kLast)));
}

TEST_F(MetricsFileTest, SaysBeforeTheRunThatItCannotBeWritten) {
  struct Row {
    std::string path;
    const char* part;
  };
  for (const auto& row :
       {Row{(folder / "none" / "m.prom").string(), "there is no such folder"},
        Row{folder.path().string(), "it is no file"}, Row{folder.path().string() + "/", "it is no file"},
        Row{"/dev/null", "it is no file"}, Row{"-", "stdout is for the result"}, Row{"", "it is no file"}})
    EXPECT_TRUE(failed_with(MetricsFile::open(row.path), ErrorKind::usage, row.part)) << row.path;
  EXPECT_EQ(files(), 0U);
}

}  // namespace
}  // namespace sluice::cli
