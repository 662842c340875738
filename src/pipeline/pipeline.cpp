#include "pipeline/pipeline.hpp"

#include "base/file.hpp"
#include "base/text.hpp"
#include "base/yaml.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::pipeline {

namespace {

struct ViaRow {
  Via via;
  std::string_view name;
  bool needs_api;
};
constexpr std::array kVias{ViaRow{Via::tag, "tag", true}, ViaRow{Via::mount, "mount", false},
                           ViaRow{Via::stream, "stream", false}, ViaRow{Via::import_images, "import", true},
                           ViaRow{Via::docker, "docker", false}};

}  // namespace

std::string_view to_string(Via via) {
  for (const auto& row : kVias) {
    if (row.via == via) return row.name;
  }
  return "?";
}

bool needs_api(Via via) {
  return std::any_of(kVias.begin(), kVias.end(), [&](const ViaRow& row) { return row.via == via && row.needs_api; });
}

std::optional<Via> parse_via(std::string_view text) {
  for (const auto& row : kVias) {
    if (row.name == text) return row.via;
  }
  return std::nullopt;
}

Result<const Environment*> Pipeline::environment(std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& candidate : environments) {
    if (candidate.name == name) return &candidate;
    names.push_back(candidate.name);
  }
  std::string message = "unknown environment '" + text::printable(name, 80) + "'";
  if (const auto meant = text::nearest(name, names); !meant.empty()) message += "; did you mean '" + meant + "'?";
  return Error(ErrorKind::config, std::move(message))
      .at({file.string(), 0, 0})
      .with_hint("environments of '" + app + "': " + text::join(names, ", "));
}

std::size_t Pipeline::order_of(const Environment& environment) const {
  const auto found = std::find_if(environments.begin(), environments.end(),
                                  [&](const Environment& candidate) { return candidate.name == environment.name; });
  return static_cast<std::size_t>(found - environments.begin());
}

Result<Pipeline> load_pipeline(const std::filesystem::path& file, const Clusters& clusters) {
  auto text = read_file(file, yaml::Limits{}.max_bytes);
  if (!text) {
    if (text.error().kind() != ErrorKind::not_found) return std::move(text).error();
    return Error(ErrorKind::not_found, "there is no pipeline file " + file.string())
        .with_hint("write one, or name another with -f");
  }
  return parse_pipeline(*text, file, clusters);
}

std::string_view to_string(TellWho who) {
  switch (who) {
    case TellWho::full:
      return "full";
    case TellWho::identity:
      return "identity";
    case TellWho::none:
      return "none";
  }
  return "none";
}

std::optional<TellWho> parse_tell_who(std::string_view text) {
  for (const auto who : {TellWho::full, TellWho::identity, TellWho::none}) {
    if (to_string(who) == text) return who;
  }
  return std::nullopt;
}

}  // namespace sluice::pipeline
