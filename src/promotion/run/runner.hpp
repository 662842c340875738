#pragma once
// Runner: carries a plan out, step by step, with a journal before and after each. Resume and undo act from the
// journal's plan alone. What is journaled when: docs/architecture.md, "The life of a promotion".

#include "base/result.hpp"
#include "copy/carry.hpp"
#include "copy/events.hpp"
#include "copy/tags.hpp"
#include "openshift/rollouts/follow.hpp"
#include "promotion/leases/keeper.hpp"
#include "promotion/leases/wait.hpp"
#include "promotion/memory/writer.hpp"
#include "promotion/plan/plan.hpp"
#include "promotion/plan/planner.hpp"
#include "promotion/steps/step_writer.hpp"
#include "promotion/targets/places.hpp"
#include "promotion/targets/targets.hpp"
#include "records/store.hpp"

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::promotion {

/// How far one target got.
struct TargetOutcome {
  std::string target;
  records::PromotionState state = records::PromotionState::planned;
  std::vector<openshift::RolloutResult>
      rollouts{};      ///< of workloads that were followed; lines of logs are for a terminal only
  std::string note{};  ///< why nothing was followed; may be empty
};

/// A tag that stands for what it stood for before the promotion.
struct TagPutBack {
  std::string target;  ///< its id
  std::string image;
  std::string tag;
  std::optional<oci::Digest> digest;  ///< empty: the tag is gone, as it was before
};

/// How a promotion is carried out, beside what its plan says.
struct RunnerOptions {
  copy::CarryOptions carry{};
  std::vector<std::chrono::milliseconds> pauses = copy::read_back_pauses();  ///< until a pushed tag is judged
  memory::Who who{};                                                         ///< who asks for it
  LeaseWish leases{};  ///< what to do when somebody else is at work
};

/// The end of a promotion, or of an attempt to resume or undo one.
struct Outcome {
  records::Promotion promotion;  ///< as it is recorded now
  Plan plan;                     ///< with the roads and bytes that were really taken
  std::vector<TargetOutcome> targets;
  std::optional<Error> error;          ///< why it did not succeed
  std::vector<Finding> findings;       ///< what an undo could not put back, what arrived otherwise or not at all
  std::vector<TagPutBack> put_back{};  ///< during this attempt
  bool places_told = true;             ///< other machines can see it; false: it ended before any place had heard of it
};

struct Arrival;

/// Thread: job; blocks. Borrows everything for its life.
class Runner {
 public:
  Runner(Places& places, records::Store& store, PromotionEvents& events, RunnerOptions options, std::stop_token stop)
      : store_(store), events_(events), options_(std::move(options)), stop_(stop), targets_(places, stop) {}

  /// Does what was planned. An Error means that no promotion came about (records; busy: somebody else's lease, see
  /// lease_wait.hpp); whatever happens later is an Outcome.
  Result<Outcome> run(Planned planned);

  /// Goes on with a promotion that was interrupted, failed, or ended partial: to the same end as without the
  /// interruption. Errors: not_found, usage (it succeeded, or a later one came after it), blocked (a target changed
  /// meanwhile), busy (somebody is at work on it).
  /// `only`: at this target alone, by its label or a part of it; empty: at all. While others are left to do, the
  /// promotion stays partial, and the outcome has no error.
  Result<Outcome> resume(const std::string& promotion, const std::string& only = {});

  /// Puts back what was there before, at every target that this promotion switched. One that was interrupted before
  /// anything moved ends cancelled. Errors: as resume; conflict, when nothing of it stands, nor what was there before.
  Result<Outcome> undo(const std::string& promotion, const std::string& only = {});

 private:
  struct Work;
  /// How one target's switch and verification ended when it did not end well.
  struct Setback {
    Error error;
    bool verified_bad = false;  ///< what was promoted does not run; else something kept us from switching or looking
    bool superseded = false;
  };
  Result<Work> reopen(const std::string& promotion, const std::string& only);
  Status take_leases(Work& work);
  Status open_clusters(Work& work);
  /// The places hear of it before a tag moves.
  Status begin_at_places(Work& work);
  /// The release gets its number meanwhile, where we may: nothing but the end waits for that.
  void ask_for_number(Work& work);
  void take_number(Work& work);
  /// The leases on the targets themselves, for those who have other records.
  Status lease_targets(Work& work);
  /// It ends before anything moved.
  Result<Outcome> give_up(Work& work, Error error);
  void end_at_places(Work& work);
  std::optional<memory::Hold> hold_after(const Work& work) const;
  void hold_in_records(Work& work, const memory::Hold& hold);
  /// Errors: usage (a later promotion came), blocked (held).
  Status check_places(Work& work, bool undoing);
  Status check_ours(Work& work);
  void foresee_pauses(Work& work);
  Status check_all_unchanged(Work& work);
  Outcome end_undo(Work& work, bool clean, bool went_back);
  Status recall_paused(Work& work);
  Status resume_left_paused(Work& work);
  Outcome drive(Work& work);
  /// Phase 1 is invisible to workloads: what begins at the places begins beside it.
  struct Ready {
    Status begun{};
    Status copied{};
  };
  Ready begin_and_copy(Work& work);
  void set_out(Work& work);
  Outcome switch_all(Work& work);
  Status copy_content(Work& work, const std::stop_token& stop);
  /// What comes next is about the image that arrived.
  Status note_arrival(Work& work, const Arrival& arrival, const std::stop_token& stop);
  /// The plan and the places hear of what arrived; nobody else may be reading the plan.
  Status take_arrivals(Work& work);
  Status stage_at_clusters(Work& work);
  std::optional<Setback> bring(Work& work, std::size_t target);
  Status switch_target(Work& work, std::size_t target);
  std::optional<Setback> verify_target(Work& work, std::size_t target);
  Status push_tags(Work& work, std::size_t target);
  Status check_unchanged(Work& work, std::size_t target);
  Outcome end_with(Work& work, std::size_t target, Setback setback);
  Outcome roll_back(Work& work, std::size_t target, Setback setback);
  /// True when nothing of this target's tags is left switched.
  bool put_back(Work& work, std::size_t target);
  /// After put_back(): true when the workloads run what was there before.
  bool follow_back(Work& work, std::size_t target);
  bool put_back_tags(Work& work, std::size_t target);
  std::optional<Finding> put_back_tag(Work& work, const PlannedTarget& target, const PlannedImage& image,
                                      const PlannedTag& tag, places::Place& place);
  Outcome finish(Work& work, records::PromotionState state, std::optional<Error> error);
  Outcome leave_open(Work& work, Error error);
  Outcome conclude(Work& work, std::optional<Error> error);
  /// All that is written about a promotion from here on carries its id.
  void open_journal(Work& work);
  static Status advance(Work& work, records::PromotionState state, records::Step step, const std::string& target = {});
  static Status note(Work& work, records::Step step, const std::string& target = {}, const std::string& image = {},
                     Json detail = {});

  records::Store& store_;
  ScopedEvents events_;
  RunnerOptions options_;
  std::stop_token stop_;
  Targets targets_;
};

}  // namespace sluice::promotion
