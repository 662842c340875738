#pragma once
// The road docker: images of a plan that a container engine on this host pulls and pushes, as the classic playbook does
// it. They arrive under memory::kEngineTag, which no workload follows; tags are switched as on every road.

#include "base/finding.hpp"
#include "copy/events.hpp"
#include "copy/survey.hpp"
#include "engine/client.hpp"
#include "promotion/plan/plan.hpp"
#include "promotion/plan/planner.hpp"
#include "promotion/targets/places.hpp"

#include <cstddef>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::promotion {

/// The tags that an image may have been pushed under: memory::kEngineTag, and one of its own where the engine has
/// another image of that name.
std::vector<std::string> engine_tags(const oci::Digest& digest);

/// What is known of an engine and an image before anything moves: engine-changes-digest when this engine cannot push
/// the image as it is: a blocker, or a warning where that is `accepted`. Pure. `subject`: for people.
std::vector<Finding> foresee(const engine::Facts& facts, const copy::SurveyedItem& item, const std::string& subject,
                             bool accepted);

/// Asks the engine, once, and adds what it finds to the targets whose images take this road: engine-unusable, and what
/// foresee() says, and registries that must not be named to it. Nothing is asked when no image does. Errors: cancelled.
Status look_at_engine(Places& places, const copy::Survey& survey, const std::vector<CopyPlace>& copied, Plan& plan,
                      const std::stop_token& stop);

/// An image that an engine pushed under another digest than the one that was tested.
struct Arrival {
  std::size_t item = 0;  ///< of the survey
  oci::Digest digest;
  Finding finding;  ///< engine-changes-digest, a warning: from what to what, why, and what got lost
};

/// Brings every image whose road is docker to its destination, and takes it out of the engine again. Two promotions
/// with one engine go one after the other. Where there is none, what killed runs have left in an engine is removed.
/// Gives those that arrived under another digest, where the plan accepts that.
/// Errors: integrity with the code engine-changes-digest, when another digest arrived and nobody accepted it; those of
/// engine::Carrier and of places.
Result<std::vector<Arrival>> carry_through_engine(Places& places, const copy::Survey& survey,
                                                  const std::vector<CopyPlace>& copied, const Plan& plan,
                                                  copy::Events& events, const std::stop_token& stop);

}  // namespace sluice::promotion
