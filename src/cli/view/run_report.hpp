#pragma once
// RunReport: what a command found out that others tell besides its result: metrics and explanations. Commands fill it
// as they go, so that it says what is known also when they fail.

#include "copy/survey.hpp"
#include "promotion/plan/plan.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

/// One image on its way to one place.
struct ImageReport {
  std::string image;
  std::string target;  ///< a reference, or REGISTRY/PROJECT
  copy::Road road = copy::Road::stream;
  std::vector<copy::ConsideredRoad> considered{};
  bool travelled = false;  ///< the amounts are what happened; else nothing has happened yet
  copy::Amounts bytes{};
  copy::Amounts blobs{};
  std::uint64_t retries = 0;
};

struct RunReport {
  std::string source;       ///< copy: the references
  std::string destination;  ///< copy
  std::string app;          ///< promotions: empty until the pipeline is read
  std::string environment;
  std::optional<std::int64_t> release{};
  std::string state;  ///< in which the promotion ended; empty while there is none
  std::vector<ImageReport> images{};

  std::uint64_t retries() const;
};

ImageReport image_report(const copy::SurveyedItem& item, const std::string& target, bool travelled);
/// Takes over app, environment, release and images.
void report_plan(const promotion::Plan& plan, bool travelled, RunReport& report);

}  // namespace sluice::cli
