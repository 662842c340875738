#pragma once
// Planner: finds out what would be promoted and what that would change. Looks at registries and records; `plan`
// writes to neither.

#include "base/result.hpp"
#include "copy/events.hpp"
#include "copy/survey.hpp"
#include "pipeline/pipeline.hpp"
#include "promotion/places.hpp"
#include "promotion/plan.hpp"
#include "promotion/rules.hpp"
#include "records/store.hpp"

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

namespace sluice::promotion {

struct Request {
  std::string environment;
  std::optional<std::int64_t> release{};  ///< said by the user: may jump and go backwards
  records::PromotionKind kind = records::PromotionKind::promote;
};

/// A plan with the survey it was made from, so that acting on it asks no question twice.
struct Planned {
  Plan plan;
  records::Release release;  ///< number 0 while it is not stored
  copy::Survey survey;       ///< items in the order of targets and images
};

/// Thread: job; blocks. Borrows everything for its life.
class Planner {
 public:
  Planner(const pipeline::Pipeline& pipeline, Places& places, records::Store& store, copy::Events& events,
          std::stop_token stop)
      : pipeline_(pipeline), places_(places), store_(store), events_(events), stop_(std::move(stop)) {}

  /// `will_write`: the plan is to be acted on, so the right to push is asked for at once.
  /// Errors: config (unknown environment, the first one), usage (backwards without a word for it), blocked (mixed or
  /// drifted), not_found, and those of places and records.
  Result<Planned> plan(const Request& request, bool will_write);

  /// Resolves the source tags now. The release is looked up, and stored when `store_it`; else its number may be 0.
  Result<records::Release> release_from_source(bool store_it);

  /// Stores a release that has no number yet.
  Result<records::Release> keep(records::Release release);

  /// What an environment's tags show just now, and what that means.
  Result<Holding> observe(const pipeline::Environment& environment);

  /// The release that `rollback` goes back to: the last one that succeeded there before what is held now.
  Result<records::Release> release_before(const pipeline::Environment& environment, const Holding& now);

 private:
  Result<std::string> source_tag();
  Result<records::Release> choose(const Request& request, const pipeline::Environment& environment);
  Result<records::Release> held_by_predecessor(const pipeline::Environment& environment);
  Result<std::vector<records::ReleaseImage>> resolve(const pipeline::Target& target, const std::string& tag);
  Status refuse_backwards(const Request& request, const pipeline::Environment& environment, const Holding& now,
                          const records::Release& release);
  std::vector<pipeline::Target> origins_for(const pipeline::Environment& environment, const pipeline::Target& target,
                                            records::PromotionKind kind) const;
  Result<std::vector<Finding>> findings(const Request& request, const pipeline::Environment& environment,
                                        const Plan& plan);

  const pipeline::Pipeline& pipeline_;
  Places& places_;
  records::Store& store_;
  copy::Events& events_;
  std::stop_token stop_;
};

/// The items of a plan, for a survey: targets in order, images in order. With `back`, each tag goes back to what it was
/// before instead (images that were not there before are left out).
Result<std::vector<copy::Item>> items_of(const Plan& plan, Places& places);

}  // namespace sluice::promotion
