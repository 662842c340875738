// The arithmetic of rollouts.
#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/counts.hpp"
#include "unit/sandbox/workload_harness.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice::sandbox {
namespace {

TEST(WorkloadCounts, LimitsAreRoundedUpForSurgeAndDownForMissingPods) {
  struct Row {
    const char* name;
    Json surge;
    Json unavailable;
    std::int64_t replicas;
    std::int64_t expected_surge;
    std::int64_t expected_unavailable;
  };
  const std::vector<Row> rows{
      {"a quarter of 1", "25%", "25%", 1, 1, 0},
      {"a quarter of 4", "25%", "25%", 4, 1, 1},
      {"a quarter of 5", "25%", "25%", 5, 2, 1},
      {"numbers", 2, 3, 10, 2, 3},
      {"neither is allowed", 0, 0, 4, 0, 1},
      {"percent of nothing", "25%", "25%", 0, 0, 1},
      {"nonsense reads as 0", "many", "-5%", 4, 0, 1},
      {"all at once", "100%", "100%", 3, 3, 3},
      {"below nothing", -4, 1, 3, 0, 1},
  };
  for (const auto& row : rows) {
    const auto seen = fences(row.surge, row.unavailable, row.replicas);
    EXPECT_EQ(seen.surge, row.expected_surge) << row.name;
    EXPECT_EQ(seen.unavailable, row.expected_unavailable) << row.name;
  }
}

TEST(WorkloadCounts, PodsCountByPhaseReadinessAndTime) {
  const auto pod_with = [](std::string_view phase, std::string_view ready, std::string_view since) {
    auto pod = json_of(R"({"metadata":{"labels":{"app":"x"}}})");
    set_at(pod, {"status", "phase"}, phase);
    auto condition = Json::object();
    condition.set("type", "Ready");
    condition.set("status", ready);
    condition.set("lastTransitionTime", since);
    make_at(pod, {"status", "conditions"}).push(std::move(condition));
    return std::make_shared<const Json>(std::move(pod));
  };
  const auto now = parse_time("2026-01-05T10:00:00Z");
  const std::vector<ObjectRef> pods{pod_with("Running", "True", "2026-01-05T09:00:00Z"),
                                    pod_with("Running", "True", "2026-01-05T09:59:55Z"),
                                    pod_with("Pending", "False", ""), pod_with("Failed", "False", "")};
  const auto counts =
      count_pods(pods, json_of(R"({"metadata":{"labels":{"app":"x","tier":"y"}}})"), std::chrono::seconds(10), now);
  EXPECT_EQ(counts.active, 3);
  EXPECT_EQ(counts.labelled, 0);
  EXPECT_EQ(counts.ready, 2);
  EXPECT_EQ(counts.available, 1);
}

TEST(WorkloadCounts, AConditionKeepsItsTransitionUntilItsStatusChanges) {
  auto status = Json::object();
  set_condition(status, {"Progressing", "True", "A", "first"}, "t1");
  set_condition(status, {"Progressing", "True", "A", "same reason"}, "t2");
  EXPECT_EQ(text_at(*find_condition(status, "Progressing"), {"message"}), "first");
  set_condition(status, {"Progressing", "True", "B", "another reason"}, "t3");
  EXPECT_EQ(text_at(*find_condition(status, "Progressing"), {"lastTransitionTime"}), "t1");
  EXPECT_EQ(text_at(*find_condition(status, "Progressing"), {"lastUpdateTime"}), "t3");
  refresh_condition(status, {"Progressing", "True", "B", "progress"}, "t4");
  EXPECT_EQ(text_at(*find_condition(status, "Progressing"), {"lastUpdateTime"}), "t4");
  set_condition(status, {"Progressing", "False", "C", "over"}, "t5");
  EXPECT_EQ(text_at(*find_condition(status, "Progressing"), {"lastTransitionTime"}), "t5");
  EXPECT_EQ(at(status, {"conditions"}).items().size(), 1U);
}

TEST(WorkloadCounts, TimesAndNumbersOfTextsAreReadWithoutTrust) {
  EXPECT_EQ(rfc3339(parse_time("2026-01-05T10:00:00Z")), "2026-01-05T10:00:00Z");
  EXPECT_EQ(parse_time("soon"), TimePoint{});
  EXPECT_EQ(number_in("12"), 12);
  EXPECT_EQ(number_in("x"), 0);
  EXPECT_EQ(number_in(""), 0);
  EXPECT_EQ(number_in("99999999999999999999"), 0);
}

}  // namespace
}  // namespace sluice::sandbox
