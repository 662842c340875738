#pragma once
// Looks at this host for `sluice doctor`: its engine, its settings, and the registries of a pipeline as seen from here.

#include "app/session.hpp"
#include "base/finding.hpp"
#include "base/result.hpp"
#include "pipeline/pipeline.hpp"

#include <stop_token>
#include <string>
#include <vector>

namespace sluice::app {

/// Findings about this host, blockers first. `pipeline`: null when there is none; its registries are asked, not its
/// clusters, which have an examination of their own. `only`: an environment whose places, and those that its images
/// come from, are all that matters; empty: every environment. Nothing is changed anywhere; an upload that had to be
/// opened is given up. Errors: cancelled. Everything else is a finding. Precondition: `only` is in the
/// pipeline, and not its first one.
Result<std::vector<Finding>> look_at_host(Session& session, const pipeline::Pipeline* pipeline, const std::string& only,
                                          const std::stop_token& stop);

}  // namespace sluice::app
