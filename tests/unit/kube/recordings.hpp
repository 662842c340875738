#pragma once
// The transcripts of a running cluster in tests/data/openshift-wire (format: the README there).

#include "base/file.hpp"
#include "base/json.hpp"

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::kube::testing {

struct Transcript {
  std::string name;
  Json json;

  /// All steps of setup and scenario that are requests.
  std::vector<const Json*> requests() const {
    std::vector<const Json*> out;
    for (const auto* part : {"setup", "steps"}) {
      const auto* steps = json.find(part);
      if (steps == nullptr) continue;
      for (const auto& step : steps->items()) {
        if (step.find("request") != nullptr) out.push_back(&step);
      }
    }
    return out;
  }
};

inline std::filesystem::path wire_folder() {
  return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path() / "data" / "openshift-wire";
}

inline Transcript read_transcript(const std::filesystem::path& path) {
  const auto text = read_file(path, std::size_t{16} * 1024 * 1024);
  if (!text) throw std::runtime_error(text.error().sentence());
  auto json = parse_json(*text, {.max_bytes = text->size(), .max_depth = 64, .max_values = 1'000'000});
  if (!json) throw std::runtime_error(path.string() + ": " + json.error().sentence());
  return {path.stem().string(), std::move(*json)};
}

inline Transcript transcript(const std::string& name) { return read_transcript(wire_folder() / (name + ".json")); }

inline std::vector<Transcript> all_transcripts() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(wire_folder())) {
    if (entry.path().extension() == ".json") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Transcript> out;
  for (const auto& path : paths) out.push_back(read_transcript(path));
  return out;
}

/// The bytes that stand for a recorded body: JSON as text, {"$text"} as it is, {"$frames"} one a line.
inline std::string body_text(const Json* body) {
  if (body == nullptr) return {};
  if (auto text = body->string_at("$text")) return std::move(*text);
  if (const auto* frames = body->find("$frames")) {
    std::string out;
    for (const auto& frame : frames->items()) out += frame.dump() + "\n";
    return out;
  }
  return body->dump();
}

}  // namespace sluice::kube::testing
