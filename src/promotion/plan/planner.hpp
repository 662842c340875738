#pragma once
// Planner: finds out what would be promoted and what that would change. Looks at registries and records; `plan`
// writes to neither.

#include "base/result.hpp"
#include "copy/events.hpp"
#include "copy/survey.hpp"
#include "pipeline/pipeline.hpp"
#include "promotion/memory/environment.hpp"
#include "promotion/plan/numbering.hpp"
#include "promotion/plan/plan.hpp"
#include "promotion/plan/release_choice.hpp"
#include "promotion/plan/rules.hpp"
#include "promotion/plan/running.hpp"
#include "promotion/steps/step_writer.hpp"
#include "promotion/targets/places.hpp"
#include "promotion/targets/targets.hpp"
#include "records/store.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::promotion {

struct Request {
  std::string environment;
  std::string release{};  ///< said by the user: number, id, tag or digest; may jump and go backwards; empty: chosen
  records::PromotionKind kind = records::PromotionKind::promote;
  std::optional<pipeline::Via> via{};         ///< the road for all targets of the environment
  std::optional<records::Release> exactly{};  ///< this content, whoever knows it; empty: chosen by what is above
  bool take_over = false;                     ///< somebody else's work there is taken over
  bool digest_may_change = false;             ///< see Plan
  bool leaves_attachments = false;            ///< see Plan
  findings::Accepted accepts{};               ///< beside those of the environment
  bool goes_on = false;                       ///< with a promotion whose places know what arrived
  /// By target of the environment; empty: as the pipeline says.
  std::vector<std::optional<pipeline::Via>> roads{};
  std::string target{};  ///< only this one: its label, or any part of it that fits one; empty: all
};

/// Writes the road of a request into the environment's targets. Errors: config (unknown environment), usage (a road
/// that only clusters have, to a plain registry).
Status take_road(const Request& request, pipeline::Pipeline& pipeline);
/// Leaves an environment only the target that fits a name; an empty name leaves all. Errors: config (unknown
/// environment), usage (it fits none, or several).
Status take_target(const std::string& name, const std::string& environment, pipeline::Pipeline& pipeline);
/// The target that a name fits: its label, or any part of it that fits one. Errors: usage (none, or several).
Result<std::size_t> target_meant(const std::string& name, const std::string& environment,
                                 const std::vector<pipeline::Target>& targets);

/// Where an item of a survey stands in the plan: indexes of target and image.
struct CopyPlace {
  std::size_t target = 0;
  std::size_t image = 0;
};

/// A plan with the survey it was made from, so that acting on it asks no question twice.
struct Planned {
  Plan plan;
  records::Release release;        ///< number 0 while it has none
  bool writes = true;              ///< tags move, or the places remember another release than the one that stands
  std::set<std::string> adopts{};  ///< ids of targets that remember no release: what is there is kept as one
  std::string goes_over{};         ///< id of an interrupted promotion that this one replaces
  /// Memories of plain registries that were read a moment ago, by id of the target.
  std::map<std::string, std::shared_ptr<memory::RegistryMemory>> memories{};
  Targets::Groups groups{};  ///< of the clusters, asked a moment ago
  /// By target: what our records tell of it, the release that stood last first, where its place remembers nothing.
  std::vector<std::vector<memory::StoodRelease>> earlier{};
  copy::Survey survey;            ///< of what the copy engine is to bring
  std::vector<CopyPlace> copied;  ///< the image of each item of the survey
};

/// Thread: job; blocks. Borrows everything for its life.
class Planner {
 public:
  Planner(const pipeline::Pipeline& pipeline, Places& places, records::Store& store, PromotionEvents& events,
          std::stop_token stop)
      : pipeline_(pipeline), places_(places), store_(store), events_(events), stop_(stop), targets_(places, stop) {}

  /// `will_write`: the plan is to be acted on, so the right to push is asked for at once.
  /// Errors: config (unknown environment, the first one), usage (backwards without a word for it), blocked (mixed or
  /// drifted; or a side that may not be looked at, with the findings of both: refused_look.hpp), not_found, and those
  /// of places and records.
  Result<Planned> plan(const Request& request, bool will_write);

  /// What keeps us from writing the triggers of a plan: a blocker for each target where we may not change workloads.
  /// Errors: those of looking.
  Result<std::vector<Finding>> may_fix_triggers(const Plan& plan);

  /// Writes the image triggers that keep workloads of a plan from rolling, where it is clear which. Gives back a line
  /// for each. Errors: denied, conflict, and those of looking.
  Result<std::vector<std::string>> fix_triggers(const Plan& plan);

  /// Resolves the source tags now.
  Result<records::Release> release_from_source();

  /// Keeps a release in the records.
  Result<records::Release> keep(records::Release release);
  /// Gives a release a number, where we may; its number stays 0 elsewhere.
  Status number(records::Release& release);

  /// What an environment's tags show just now, and what that means.
  Result<Holding> observe(const pipeline::Environment& environment);

  /// What the places of an environment remember, else our records. Borrowed; asked once.
  Result<const EnvironmentMemory*> memory_of(const pipeline::Environment& environment);

  /// Takes over what an environment remembers, for who has read it already.
  void learn(const pipeline::Environment& environment, EnvironmentMemory memory) {
    memories_.insert_or_assign(environment.name, std::move(memory));
  }
  /// The tag that images of an environment are found under. Errors: not_found (no tag matches the pattern of the
  /// source), those of the first environment's place.
  Result<std::string> tag_shown(const pipeline::Environment& environment);
  /// What was observed at an environment, judged by what is known. Errors: those of the records.
  Result<Holding> judge_held(const pipeline::Environment& environment, const std::string& tag,
                             const Observed& observed);
  /// Images as a release, with the number that they are known under.
  Result<records::Release> release_of(const pipeline::Environment& environment,
                                      std::vector<records::ReleaseImage> images);

  /// All releases that are known for an environment, and who says so: its own places and our records.
  Result<std::vector<KnownRelease>> known_for(const pipeline::Environment& environment);

  Targets& targets() { return targets_; }
  /// Forgets what was read: the world may have changed.
  void forget() {
    targets_.forget();
    memories_.clear();
  }
  /// Looks anew. Errors: busy with who is at work there (base/lease_held.hpp); config; those of looking.
  Status nobody_works_at(const Request& request);

 private:
  Result<std::string> source_tag();
  Numbering numbering();
  /// Fills in the number that a release is known under, as far as that was read already.
  Status label(records::Release& release, const pipeline::Environment& environment);
  Result<records::Release> choose(const Request& request, const pipeline::Environment& environment);
  Result<records::Release> named(const Request& request, const pipeline::Environment& environment);
  Result<records::Release> last_good(const pipeline::Environment& environment);
  Result<records::Release> held_by_predecessor(const pipeline::Environment& environment);
  Result<std::string> why_no_image(const pipeline::Target& target, const std::string& image, const std::string& tag);
  Status look_at_source(const records::Release& release, Plan& plan);
  Result<std::vector<records::ReleaseImage>> resolve(const pipeline::Target& target, const std::string& tag);
  Status refuse_backwards(const Request& request, const pipeline::Environment& environment, const Holding& now,
                          const records::Release& release);
  std::vector<pipeline::Target> origins_for(const pipeline::Environment& environment, const pipeline::Target& target,
                                            records::PromotionKind kind) const;
  Result<PlannedTarget> plan_target(const Request& request, const pipeline::Environment& environment,
                                    const TargetRemembers& remembers, const records::Release& release);
  Result<std::optional<oci::Digest>> arrival_there(const Request& request, const TargetRemembers& remembers,
                                                   const std::string& release, const PlannedImage& image);
  Result<Planned> plan_as_seen(const Request& request, bool will_write);
  Status look_at_registries(Planned& planned, bool will_write);
  /// What choosing a release asks of plain registries, all of it at once.
  Status look_ahead(const Request& request, const pipeline::Environment& environment);
  /// What it brings is known without the environment before.
  static bool goes_back(const Request& request);

  const pipeline::Pipeline& pipeline_;
  Places& places_;
  records::Store& store_;
  ScopedEvents events_;
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
