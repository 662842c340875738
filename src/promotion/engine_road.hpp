#pragma once
// The road docker: images of a plan that a container engine on this host pulls and pushes, as the classic playbook does
// it. They arrive under a pin of ours; tags are switched as on every road.

#include "base/finding.hpp"
#include "copy/events.hpp"
#include "copy/survey.hpp"
#include "engine/client.hpp"
#include "promotion/places.hpp"
#include "promotion/plan.hpp"
#include "promotion/planner.hpp"

#include <stop_token>
#include <string>
#include <vector>

namespace sluice::promotion {

/// What is known of an engine and an image before anything moves: engine-changes-digest (a blocker) when this engine
/// cannot push the image as it is. Pure. `subject`: for people.
std::vector<Finding> foresee(const engine::Facts& facts, const copy::SurveyedItem& item, const std::string& subject);

/// Asks the engine, once, and adds what it finds to the targets whose images take this road: engine-unusable, and what
/// foresee() says, and registries that must not be named to it. Nothing is asked when no image does. Errors: cancelled.
Status look_at_engine(Places& places, const copy::Survey& survey, const std::vector<CopyPlace>& copied, Plan& plan,
                      const std::stop_token& stop);

/// Brings every image whose road is docker to its destination, and takes it out of the engine again. Two promotions
/// with one engine go one after the other. Where there is none, what killed runs have left in an engine is removed.
/// Errors: integrity with the code engine-changes-digest, when another digest arrived; those of engine::Carrier and of
/// places.
Status carry_through_engine(Places& places, const copy::Survey& survey, const std::vector<CopyPlace>& copied,
                            const Plan& plan, copy::Events& events, const std::stop_token& stop);

}  // namespace sluice::promotion
