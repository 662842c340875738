#include "cli/view/metrics_text.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>

namespace sluice::cli {

namespace {

// Help texts escape backslash and line feed; label values the double quote as well.
std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
  return out;
}

std::string labels_text(const MetricLabels& labels) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : labels) {
    if (!value.empty()) parts.push_back(name + "=\"" + escaped(value, true) + "\"");
  }
  return parts.empty() ? std::string() : "{" + text::join(parts, ",") + "}";
}

// Reads what stands before the next character, and then that character.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string label_name() {
    std::string out;
    while (!rest_.empty() && (std::isalnum(static_cast<unsigned char>(rest_.front())) != 0 || rest_.front() == '_')) {
      out += rest_.front();
      rest_.remove_prefix(1);
    }
    return out;
  }
  std::optional<std::string> quoted() {
    if (!take('"')) return std::nullopt;
    std::string out;
    while (!rest_.empty() && rest_.front() != '"') {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '\\') {
        if (rest_.empty()) return std::nullopt;
        c = rest_.front() == 'n' ? '\n' : rest_.front();
        rest_.remove_prefix(1);
      }
      out += c;
    }
    if (!take('"')) return std::nullopt;
    return out;
  }
  std::optional<double> number_to_end() const {
    double value = 0;
    const auto [stopped, code] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (code != std::errc() || stopped != rest_.data() + rest_.size() || !std::isfinite(value)) return std::nullopt;
    return value;
  }

 private:
  std::string_view rest_;
};

std::optional<MetricSample> read_sample(std::string_view after_name) {
  Reader reader(after_name);
  MetricSample sample;
  if (reader.take('{')) {
    do {
      auto name = reader.label_name();
      if (name.empty() || !reader.take('=')) return std::nullopt;
      auto value = reader.quoted();
      if (!value) return std::nullopt;
      sample.labels.emplace_back(std::move(name), std::move(*value));
    } while (reader.take(','));
    if (!reader.take('}')) return std::nullopt;
  }
  if (!reader.take(' ')) return std::nullopt;
  const auto value = reader.number_to_end();
  if (!value) return std::nullopt;
  sample.value = *value;
  return sample;
}

}  // namespace

std::string metrics_text(const std::vector<MetricFamily>& families) {
  std::string out;
  for (const auto& family : families) {
    if (family.samples.empty()) continue;
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n", family.name, escaped(family.help, false));
    for (const auto& sample : family.samples)
      out += fmt::format("{}{} {}\n", family.name, labels_text(sample.labels), sample.value);
  }
  return out;
}

std::vector<MetricSample> read_samples(std::string_view text, std::string_view family, std::size_t most) {
  std::vector<MetricSample> out;
  while (!text.empty() && out.size() < most) {
    const auto [line, rest] = text::cut(text, '\n');
    text = rest;
    if (!line.starts_with(family)) continue;
    if (auto sample = read_sample(line.substr(family.size()))) out.push_back(std::move(*sample));
  }
  return out;
}

}  // namespace sluice::cli
