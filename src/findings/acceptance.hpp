#pragma once
// Findings that somebody accepts: `accept:` of an environment, and --accept. Pure.

#include "base/finding.hpp"
#include "base/result.hpp"

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::findings {

/// Codes of findings, sorted.
using Accepted = std::set<std::string, std::less<>>;

/// The codes that may be accepted, in the order of the document. A right that is missing, or an image that is not
/// there, is not among them: no word of ours makes the promotion possible.
std::span<const std::string_view> acceptable();
bool may_accept(std::string_view code);

/// Errors: usage (no such finding, with the one that is meant; or one that cannot be accepted).
Status check_acceptance(std::string_view code);

/// Marks the findings that are accepted. A blocker among them becomes a warning.
void accept(std::vector<Finding>& findings, const Accepted& accepted);
void accept(Finding& finding, const Accepted& accepted);

}  // namespace sluice::findings
