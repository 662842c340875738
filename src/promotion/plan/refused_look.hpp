#pragma once
// What is told when a side of a promotion may not be looked at: the findings of both sides, all at once, each with the
// command that mends it. Only projects and rights are looked at, since the image is not known. Nothing is written.

#include "base/error.hpp"
#include "base/finding.hpp"
#include "pipeline/pipeline.hpp"
#include "promotion/targets/targets.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace sluice::promotion {

/// The findings that an error stands for, blockers first. Its sentence is that of the first blocker.
struct FindingsBehind final : ErrorDetail {
  explicit FindingsBehind(std::vector<Finding> all) : findings(std::move(all)) {}
  std::vector<Finding> findings;
};
/// Null for other errors. Borrowed.
const std::vector<Finding>* findings_behind(const Error& error);

enum class SideRole : std::uint8_t { source, target };

/// Why the image streams of a project could not be read: it is hidden or missing (with the name of one that is written
/// alike), or the right to read them. Asks for the project, and who we are. Precondition: access.side.
Finding why_unread(Targets& targets, const TargetAccess& access, SideRole role);

/// The same as an error (denied, or not_found for a project that is missing) with the command as its hint.
/// Another error than a refusal of an API stays as it is.
Error explain_unread(Targets& targets, const TargetAccess& access, SideRole role, Error error);

/// `error` kept a promotion to `environment` from being planned. A refusal becomes `blocked` with the findings of both
/// sides behind it; credentials that are not accepted stay `unauthenticated`, with those findings. Anything else, and a
/// refusal that nothing explains, stays as it is. `goes_back`: a rollback, which asks only the environment itself.
Error explain_refused(Targets& targets, const pipeline::Pipeline& pipeline, const pipeline::Environment& environment,
                      bool goes_back, Error error);

}  // namespace sluice::promotion
