#pragma once
// Planner: finds out what would be promoted and what that would change. Looks at registries and records; `plan`
// writes to neither.

#include "base/result.hpp"
#include "copy/events.hpp"
#include "copy/survey.hpp"
#include "pipeline/pipeline.hpp"
#include "promotion/cluster_memory.hpp"
#include "promotion/places.hpp"
#include "promotion/plan.hpp"
#include "promotion/rules.hpp"
#include "promotion/running.hpp"
#include "promotion/targets.hpp"
#include "records/store.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::promotion {

struct Request {
  std::string environment;
  std::optional<std::int64_t> release{};  ///< said by the user: may jump and go backwards
  records::PromotionKind kind = records::PromotionKind::promote;
  std::optional<pipeline::Via> via{};  ///< the road for all targets of the environment
};

/// Writes the road of a request into the environment's targets. Errors: config (unknown environment), usage (a road
/// that only clusters have, to a plain registry).
Status take_road(const Request& request, pipeline::Pipeline& pipeline);

/// Where an item of a survey stands in the plan: indexes of target and image.
struct CopyPlace {
  std::size_t target = 0;
  std::size_t image = 0;
};

/// A plan with the survey it was made from, so that acting on it asks no question twice.
struct Planned {
  Plan plan;
  records::Release release;       ///< number 0 while it is not stored
  copy::Survey survey;            ///< of what the copy engine is to bring
  std::vector<CopyPlace> copied;  ///< the image of each item of the survey
};

/// Thread: job; blocks. Borrows everything for its life.
class Planner {
 public:
  Planner(const pipeline::Pipeline& pipeline, Places& places, records::Store& store, copy::Events& events,
          std::stop_token stop)
      : pipeline_(pipeline), places_(places), store_(store), events_(events), stop_(stop), targets_(places, stop) {}

  /// `will_write`: the plan is to be acted on, so the right to push is asked for at once.
  /// Errors: config (unknown environment, the first one), usage (backwards without a word for it), blocked (mixed or
  /// drifted), not_found, and those of places and records.
  Result<Planned> plan(const Request& request, bool will_write);

  /// Writes the image triggers that keep workloads of a plan from rolling, where it is clear which. Gives back a line
  /// for each. Errors: denied, conflict, and those of looking.
  Result<std::vector<std::string>> fix_triggers(const Plan& plan);

  /// Resolves the source tags now. The release is looked up, and stored when `store_it`; else its number may be 0.
  Result<records::Release> release_from_source(bool store_it);

  /// Stores a release that has no number yet.
  Result<records::Release> keep(records::Release release);

  /// What an environment's tags show just now, and what that means.
  Result<Holding> observe(const pipeline::Environment& environment);

  /// What the streams of an environment remember; null: nothing, or nobody may look.
  const EnvironmentMemory* memory_of(const pipeline::Environment& environment);

  /// What runs in an environment, where it has an API.
  Result<std::vector<RunningHere>> running(const pipeline::Environment& environment) {
    return what_runs(targets_, pipeline_, environment, moving_tag(pipeline_, environment));
  }

  /// Writes a hold (or takes it away, with an empty reason) on the streams of an environment, where there are any.
  /// Errors: those of the API.
  Status mark_hold(const pipeline::Environment& environment, const std::string& reason);

  /// The release that `rollback` goes back to: the last one that succeeded there before what is held now.
  Result<records::Release> release_before(const pipeline::Environment& environment, const Holding& now);

 private:
  Result<std::string> source_tag();
  void learn(const pipeline::Environment& environment);
  Result<std::vector<records::Release>> known_releases();
  Result<std::optional<records::Release>> known_release_with(const std::vector<records::ReleaseImage>& images);
  Result<records::Release> choose(const Request& request, const pipeline::Environment& environment);
  Result<records::Release> held_by_predecessor(const pipeline::Environment& environment);
  Result<std::vector<records::ReleaseImage>> resolve(const pipeline::Target& target, const std::string& tag);
  Status refuse_backwards(const Request& request, const pipeline::Environment& environment, const Holding& now,
                          const records::Release& release);
  std::vector<pipeline::Target> origins_for(const pipeline::Environment& environment, const pipeline::Target& target,
                                            records::PromotionKind kind) const;
  Status look_at_registries(Planned& planned, bool will_write);
  Result<std::vector<Finding>> findings(const Request& request, const pipeline::Environment& environment,
                                        const Plan& plan);

  const pipeline::Pipeline& pipeline_;
  Places& places_;
  records::Store& store_;
  copy::Events& events_;
  std::stop_token stop_;
  Targets targets_;
  std::map<std::string, EnvironmentMemory> memories_;  // by environment
};

struct CopyItems {
  std::vector<copy::Item> items;
  std::vector<CopyPlace> places;  ///< of each
};
/// What the copy engine is to bring, for a survey: targets in order, images in order.
Result<CopyItems> items_of(const Plan& plan, Places& places);

/// Takes over what the survey, or the copy after it, found out about roads, bytes and digests.
void adopt_survey(const copy::Survey& survey, const std::vector<CopyPlace>& copied, Plan& plan);

}  // namespace sluice::promotion
