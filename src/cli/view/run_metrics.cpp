#include "cli/view/run_metrics.hpp"

#include "base/file.hpp"
#include "base/text.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace sluice::cli {

namespace {

constexpr const char* kLastSuccess = "sluice_run_last_success_timestamp_seconds";
// A file is meant for one copy or one environment; more than a few series in it are somebody's mistake (a guess).
constexpr std::size_t kMostSuccesses = 100;
constexpr std::size_t kMaxOldFile = std::size_t{1} * 1024 * 1024;
constexpr unsigned kReadableByAll = 0644;  // the collector is another user

MetricLabels with(MetricLabels labels, MetricLabels more) {
  std::move(more.begin(), more.end(), std::back_inserter(labels));
  return labels;
}

// A label with an empty value is the same as none.
MetricLabels present(MetricLabels labels) {
  std::erase_if(labels, [](const auto& label) { return label.second.empty(); });
  return labels;
}

MetricFamily one(std::string name, std::string help, const MetricLabels& labels, double value) {
  return {std::move(name), std::move(help), {{labels, value}}};
}

// The last success of this series is replaced or stays; others in the file are not ours to forget.
MetricFamily successes_with(const MetricLabels& labels, const RunFacts& facts, std::vector<MetricSample> known) {
  if (facts.exit == 0) {
    const auto mine = present(labels);
    std::erase_if(known, [&](const MetricSample& sample) { return sample.labels == mine; });
    known.insert(known.begin(), {labels, facts.ended_at});
  }
  return {kLastSuccess, "When such a run last ended with exit code 0, seconds since 1970.", std::move(known)};
}

struct Travelled {
  copy::Amounts bytes{};
  copy::Amounts blobs{};
  std::uint64_t images = 0;
};

void add_amounts(const MetricLabels& labels, const copy::Amounts& amounts, MetricFamily& family) {
  const std::pair<const char*, std::uint64_t> rows[] = {
      {"moved", amounts.moved}, {"mounted", amounts.mounted}, {"present", amounts.present}};
  for (const auto& [how, value] : rows)
    family.samples.push_back({with(labels, {{"how", how}}), static_cast<double>(value)});
}

// By road, of what really travelled.
void add_images(const std::string& prefix, const MetricLabels& labels, const RunReport& report,
                std::vector<MetricFamily>& out) {
  std::map<std::string, Travelled> roads;
  for (const auto& image : report.images) {
    if (!image.travelled) continue;
    auto& road = roads[std::string(to_string(image.road))];
    road.bytes += image.bytes;
    road.blobs += image.blobs;
    ++road.images;
  }
  MetricFamily bytes{prefix + "_bytes", "Bytes of layers and configs: moved, mounted, or present before.", {}};
  MetricFamily blobs{prefix + "_blobs", "Layers and configs: moved, mounted, or present before.", {}};
  MetricFamily images{prefix + "_images", "Images by the road they took.", {}};
  for (const auto& [road, sums] : roads) {
    const auto by_road = with(labels, {{"road", road}});
    add_amounts(by_road, sums.bytes, bytes);
    add_amounts(by_road, sums.blobs, blobs);
    images.samples.push_back({by_road, static_cast<double>(sums.images)});
  }
  for (auto* family : {&bytes, &blobs, &images}) out.push_back(std::move(*family));
}

}  // namespace

std::vector<MetricFamily> run_metrics(const RunReport& report, const RunFacts& facts,
                                      const std::vector<MetricSample>& successes) {
  constexpr std::size_t kLongestLabel = 500;  // a reference is shorter; a guess
  const auto shown = [](const std::string& value) { return text::printable(value, kLongestLabel); };
  const MetricLabels labels{{"command", facts.command},
                            {"source", shown(report.source)},
                            {"destination", shown(report.destination)},
                            {"app", shown(report.app)},
                            {"environment", shown(report.environment)}};
  std::vector<MetricFamily> out{
      one("sluice_run_exit_code", "Exit code of the last run.", labels, facts.exit),
      one("sluice_run_success", "1 when the last run ended with exit code 0.", labels, facts.exit == 0 ? 1 : 0),
      one("sluice_run_seconds", "How long the last run took.", labels, facts.seconds),
      one("sluice_run_requests", "HTTP requests of the last run, those to token servers included.", labels,
          static_cast<double>(facts.requests)),
      one("sluice_run_retries", "Transfers of blobs that the last run began again.", labels,
          static_cast<double>(report.retries())),
      one("sluice_run_end_timestamp_seconds", "When the last run ended, seconds since 1970.", labels, facts.ended_at),
      successes_with(labels, facts, successes)};
  if (facts.command == "copy") {
    add_images("sluice_copy", labels, report, out);
    return out;
  }
  const auto by_release = with(labels, {{"release", report.release ? std::to_string(*report.release) : ""}});
  add_images("sluice_promotion", by_release, report, out);
  if (!report.state.empty()) {
    out.push_back(one("sluice_promotion_state", "1 for the state that the last promotion is in.",
                      with(by_release, {{"state", report.state}}), 1));
  }
  return out;
}

Result<MetricsFile> MetricsFile::open(const std::string& path) {
  const auto unusable = [&](const std::string& why) {
    return Error(ErrorKind::usage, "cannot write metrics to " + text::printable(path) + ": " + why)
        .with_hint("name a file in a folder that is there and may be written to");
  };
  if (path == "-") return unusable("stdout is for the result");
  const std::filesystem::path file(path);
  std::error_code code;
  const auto status = std::filesystem::status(file, code);
  // Renaming over a device or a pipe would take it away from everybody.
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) return unusable("it is no file");
  if (file.filename().empty()) return unusable("it is no file");
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  if (!std::filesystem::is_directory(folder, code)) return unusable("there is no such folder");
  if (::access(folder.c_str(), W_OK) != 0) return unusable(std::strerror(errno));
  return MetricsFile(path);
}

Status MetricsFile::write(const RunReport& report, const RunFacts& facts) const {
  // A file that is missing or cannot be read has nothing to remember.
  const auto old = read_file(path_, kMaxOldFile);
  const auto successes = old ? read_samples(*old, kLastSuccess, kMostSuccesses) : std::vector<MetricSample>();
  return replace_file(path_, metrics_text(run_metrics(report, facts, successes)), kReadableByAll);
}

}  // namespace sluice::cli
