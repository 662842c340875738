#pragma once
// Finding: one thing that could stop a promotion; the same shape in plan, doctor and preflight.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

enum class Severity : std::uint8_t {
  info,     ///< worth knowing
  warning,  ///< goes on, but somebody should look
  blocker,  ///< stops the promotion (exit code 3)
};

constexpr std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::info:
      return "info";
    case Severity::warning:
      return "warning";
    case Severity::blocker:
      return "blocker";
  }
  return "info";
}

struct Finding {
  std::string code;  ///< stable, kebab-case: "target-held"
  Severity severity = Severity::info;
  std::string subject{};   ///< what it is about: an environment, a target, an image
  std::string sentence{};  ///< what is wrong, for people
  std::string fix{};       ///< the exact command or edit that mends it; may be empty
  bool accepted = false;   ///< somebody goes on in spite of it: findings/acceptance.hpp
};

/// Adds those that are not there yet: one is known by its code, its subject and its sentence.
inline void add_unique(std::vector<Finding>& findings, std::vector<Finding> more) {
  for (auto& finding : more) {
    const bool known = std::any_of(findings.begin(), findings.end(), [&](const Finding& other) {
      return other.code == finding.code && other.subject == finding.subject && other.sentence == finding.sentence;
    });
    if (!known) findings.push_back(std::move(finding));
  }
}

}  // namespace sluice
