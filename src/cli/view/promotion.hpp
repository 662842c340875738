#pragma once
// Plans and outcomes as text and JSON.

#include "base/finding.hpp"
#include "base/json.hpp"
#include "cli/view/console.hpp"
#include "promotion/plan/plan.hpp"
#include "promotion/run/runner.hpp"

#include <string>

namespace sluice::cli {

/// "in api.example.com:6443 as ann, api.b.example.com:6443 as bob": the clusters that a plan writes to; "" without any.
std::string where_text(const promotion::Plan& plan);
std::string plan_text(const promotion::Plan& plan, const Console& console, bool for_out);
std::string finding_line(const Finding& finding, const Console& console, bool for_out);
std::string outcome_text(const promotion::Outcome& outcome, const Console& console);
/// The last lines of containers that would not run: for stderr, never for a record or document. Without `with_lines`,
/// and where none could be read, the command that shows them.
std::string log_lines(const promotion::Outcome& outcome, bool with_lines);
/// schemas/promote.schema.json; `command` goes into "schema".
Json outcome_json(const promotion::Outcome& outcome, const std::string& command);

}  // namespace sluice::cli
