#pragma once
// The text format of Prometheus, version 0.0.4, as node_exporter's textfile collector reads it. Pure.
// Source: prometheus.io/docs/instrumenting/exposition_formats, "Text-based format".

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::cli {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

struct MetricSample {
  MetricLabels labels;  ///< a label with an empty value is left out: it means the same
  double value = 0;
};

/// All samples of one name. They are gauges: a file holds one run, and the next one replaces it.
struct MetricFamily {
  std::string name;
  std::string help;
  std::vector<MetricSample> samples;
};

/// Families without samples are left out.
std::string metrics_text(const std::vector<MetricFamily>& families);

/// The samples of one family out of a text that metrics_text() wrote. What is not exactly that is left out: the file
/// may be anybody's. At most `most` samples.
std::vector<MetricSample> read_samples(std::string_view text, std::string_view family, std::size_t most);

}  // namespace sluice::cli
