#include "cli/view/run_report.hpp"

namespace sluice::cli {

std::uint64_t RunReport::retries() const {
  std::uint64_t sum = 0;
  for (const auto& image : images) sum += image.retries;
  return sum;
}

ImageReport image_report(const copy::SurveyedItem& item, const std::string& target, bool travelled) {
  return {.image = item.item.label,
          .target = target,
          .road = item.road,
          .considered = item.considered,
          .travelled = travelled,
          .bytes = item.bytes,
          .blobs = item.blobs,
          .retries = item.retries};
}

void report_plan(const promotion::Plan& plan, bool travelled, RunReport& report) {
  report.app = plan.app;
  report.environment = plan.environment;
  report.release = plan.release;
  report.images.clear();
  for (const auto& target : plan.targets) {
    for (const auto& image : target.images) {
      report.images.push_back({.image = image.name,
                               .target = target.target.label(),
                               .road = image.road,
                               .considered = image.considered,
                               .travelled = travelled,
                               .bytes = image.bytes,
                               .blobs = image.blobs,
                               .retries = image.retries});
    }
  }
}

}  // namespace sluice::cli
