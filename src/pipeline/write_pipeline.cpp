#include "pipeline/write_pipeline.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::pipeline {

namespace {

constexpr std::size_t kMaxLine = 110;  // a guess at what people read on one line

using Field = std::pair<std::string, std::string>;  // key and value, as they stand in the file

// Text that every YAML reader takes for a string without quotes: not a number, a boolean or null in YAML 1.1 or 1.2.
bool is_plain_text(std::string_view text) {
  static constexpr auto kWords = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
  constexpr std::string_view kSafe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/-";
  if (text.empty() || text.find_first_not_of(kSafe) != std::string_view::npos) return false;
  const bool letter_first =
      (text.front() >= 'a' && text.front() <= 'z') || (text.front() >= 'A' && text.front() <= 'Z');
  return letter_first &&
         std::none_of(kWords.begin(), kWords.end(), [&](const char* word) { return text::iequals(text, word); });
}

// Source: YAML 1.2, 7.3.1: escapes of double-quoted scalars.
std::string scalar(std::string_view text) {
  if (is_plain_text(text)) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string duration(std::chrono::seconds span) {
  static constexpr std::pair<int, char> kUnits[] = {{86'400, 'd'}, {3'600, 'h'}, {60, 'm'}};
  for (const auto& [seconds, unit] : kUnits) {
    if (span.count() > 0 && span.count() % seconds == 0) return fmt::format("{}{}", span.count() / seconds, unit);
  }
  return fmt::format("{}s", span.count());
}

std::string flow_map(const std::vector<Field>& fields) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : fields) parts.push_back(key + ": " + value);
  return "{" + text::join(parts, ", ") + "}";
}

std::string source_text(const Pipeline& pipeline) {
  std::vector<Field> fields{{"tag", scalar(pipeline.source.tag)}};
  if (pipeline.source.is_pattern() && pipeline.images.size() > 1) fields.emplace_back("match", "same-tag");
  return "source: " + flow_map(fields) + "\n";
}

std::string images_text(const Pipeline& pipeline) {
  std::vector<std::string> names;
  for (const auto& image : pipeline.images) names.push_back(scalar(image));
  auto line = "images: [" + text::join(names, ", ") + "]\n";
  if (line.size() <= kMaxLine) return line;
  line = "images:\n";
  for (const auto& name : names) line += "  - " + name + "\n";
  return line;
}

std::string verify_value(const Verify& verify) {
  const Verify usual;
  std::vector<Field> fields;
  if (!verify.rollout) {
    fields.emplace_back("rollout", "none");
  } else if (verify.rollout_time != usual.rollout_time) {
    fields.emplace_back("rollout", duration(verify.rollout_time));
  }
  if (verify.grace != usual.grace) fields.emplace_back("grace", verify.grace ? duration(*verify.grace) : "none");
  if (verify.watch != usual.watch) fields.emplace_back("watch", duration(verify.watch));
  if (!verify.http.empty()) fields.emplace_back("http", scalar(verify.http));
  return fields.empty() ? std::string() : flow_map(fields);
}

void add_place(const Target& target, std::vector<Field>& fields) {
  if (!target.cluster.empty()) {
    fields.emplace_back("cluster", scalar(target.cluster));
  } else if (!target.has_api) {
    fields.emplace_back("registry", scalar(target.registry));
  }
  fields.emplace_back("project", scalar(target.project));
}

void add_ways(std::optional<Via> via, Deploy deploy, std::vector<Field>& fields) {
  if (via) fields.emplace_back("via", std::string(to_string(*via)));
  if (deploy == Deploy::patch) fields.emplace_back("deploy", "patch");
}

// What all targets have in common stands at the environment.
std::optional<Via> common_via(const Environment& environment) {
  const auto& first = environment.targets.front().via;
  const bool same = std::all_of(environment.targets.begin(), environment.targets.end(),
                                [&](const Target& target) { return target.via == first; });
  return same ? first : std::nullopt;
}

Deploy common_deploy(const Environment& environment) {
  const bool patched = std::all_of(environment.targets.begin(), environment.targets.end(),
                                   [](const Target& target) { return target.deploy == Deploy::patch; });
  return patched ? Deploy::patch : Deploy::trigger;
}

std::string targets_text(const Environment& environment, std::optional<Via> shared_via, Deploy shared_deploy) {
  std::string out = "    targets:\n";
  for (const auto& target : environment.targets) {
    std::vector<Field> fields;
    add_place(target, fields);
    add_ways(shared_via ? std::nullopt : target.via, shared_deploy == target.deploy ? Deploy::trigger : target.deploy,
             fields);
    out += "      - " + flow_map(fields) + "\n";
  }
  return out;
}

std::string environment_text(const Environment& environment) {
  const bool single = environment.targets.size() == 1;
  const auto via = common_via(environment);
  const auto deploy = common_deploy(environment);
  const auto verify = verify_value(environment.verify);
  std::vector<Field> fields{{"name", scalar(environment.name)}};
  if (single) add_place(environment.targets.front(), fields);
  if (environment.tag) fields.emplace_back("tag", scalar(*environment.tag));
  add_ways(via, deploy, fields);
  if (!verify.empty()) fields.emplace_back("verify", verify);
  if (environment.rollback_on_failure) fields.emplace_back("on-failure", "rollback");
  if (!environment.accepts.empty()) fields.emplace_back("accept", "[" + text::join(environment.accepts, ", ") + "]");
  auto line = "  - " + flow_map(fields) + "\n";
  if (single && verify.empty() && line.size() <= kMaxLine) return line;
  std::string out;
  for (const auto& [key, value] : fields) out += (out.empty() ? "  - " : "    ") + key + ": " + value + "\n";
  return single ? out : out + targets_text(environment, via, deploy);
}

}  // namespace

std::string write_pipeline(const Pipeline& pipeline, const std::vector<std::string>& comments) {
  std::string out;
  for (const auto& comment : comments) out += "# " + text::printable(comment, 500) + "\n";
  out += "app: " + scalar(pipeline.app) + "\n";
  out += images_text(pipeline);
  out += source_text(pipeline);
  out += "environments:\n";
  for (const auto& environment : pipeline.environments) out += environment_text(environment);
  return out;
}

}  // namespace sluice::pipeline
