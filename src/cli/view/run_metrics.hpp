#pragma once
// --metrics: what a run came to, as a file that Prometheus can be fed with. docs/metrics.md says what each name means.

#include "base/result.hpp"
#include "cli/view/metrics_text.hpp"
#include "cli/view/run_report.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::cli {

/// What is known of a run beside its report, when it has ended.
struct RunFacts {
  std::string command;
  int exit = 0;
  double seconds = 0;
  std::uint64_t requests = 0;
  double ended_at = 0;  ///< seconds since 1970
};

/// All families of a run. `successes`: when runs ended well before this one, as an older file said.
std::vector<MetricFamily> run_metrics(const RunReport& report, const RunFacts& facts,
                                      const std::vector<MetricSample>& successes);

/// The file that the metrics go to.
class MetricsFile {
 public:
  /// Writes nothing yet. Errors: usage, when it is clear already that it could not be written.
  static Result<MetricsFile> open(const std::string& path);
  /// Replaces the file, so that a reader sees the old one or the new one. Errors: storage, denied.
  Status write(const RunReport& report, const RunFacts& facts) const;

 private:
  explicit MetricsFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace sluice::cli
