#pragma once
// --explain-auth and --explain-road: in words for stderr, and as the "explanations" of a JSON document. Pure.

#include "auth/explain.hpp"
#include "base/json.hpp"
#include "cli/view/run_report.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

/// What was asked to be explained; empty where it was not.
struct Explanations {
  std::optional<std::vector<auth::LoginExplanation>> logins{};
  std::optional<std::vector<ImageReport>> roads{};
};

/// Empty when nothing was asked for.
std::string explanations_text(const Explanations& explanations);
/// {"auth": [...]|null, "roads": [...]|null}; null when nothing was asked for.
Json explanations_json(const Explanations& explanations);

}  // namespace sluice::cli
