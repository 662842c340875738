#pragma once
// Runner::Work: everything about one promotion while it is worked on. Private to this room.

#include "promotion/memory/place_keys.hpp"
#include "promotion/run/runner.hpp"
#include "promotion/targets/arrivals.hpp"
#include "promotion/targets/cluster_target.hpp"
#include "promotion/targets/engine_road.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace sluice::promotion {

/// Somebody else moved a tag.
Error changed_since(const std::string& where, const std::optional<oci::Digest>& before,
                    const std::optional<oci::Digest>& now);

struct Runner::Work {
  records::Promotion promotion;
  Plan plan;
  copy::Survey survey{};
  std::vector<CopyPlace> copied{};  ///< the image of each item of the survey
  std::vector<Arrival> arrivals{};  ///< that the plan does not know of yet
  std::unique_ptr<LeaseKeeper> leases{};
  std::unique_ptr<StepWriter> steps{};
  std::optional<RecordedStep> last{};                      ///< the step that it ends with; told when all is done
  std::vector<std::unique_ptr<ClusterTarget>> clusters{};  ///< by target; null without an API
  std::vector<TargetOutcome> targets{};
  std::vector<Finding> findings{};
  std::vector<TagPutBack> put_back{};
  /// Tags that were pushed, now or by an earlier attempt: (target, image, tag).
  std::set<std::tuple<std::string, std::string, std::string>> pushed{};
  /// Targets of which an earlier attempt put something back.
  std::set<std::string> undone_before{};
  bool back_already = false;  ///< somebody else put back all that it had moved
  /// Targets whose tags an undo found never to have been moved: the release did not stand there.
  std::set<std::string> untouched{};
  bool resumed = false;
  bool open_there = false;  ///< a place has it open, whatever our records say
  bool places_told = false;
  bool undoing = false;  ///< it is put back, and something of it stands or stood
  /// By target: workloads that putting back is going to pause. Empty: as the plan says.
  std::vector<Json> pauses{};
  /// Ids of the targets that are left out now; empty: it acts on all.
  std::set<std::string> left_out{};
  /// Ids of targets where it has ended, each when it was acted on alone.
  std::set<std::string> ended_at{};
  bool writes = true;                   ///< something is written at the places; else what is there is only followed
  std::string goes_over{};              ///< an interrupted promotion that this one replaces
  MemoryWriter::Registries memories{};  ///< that the planner has read
  std::set<std::string> adopts{};       ///< targets that remember no release: what is there is kept as one
  std::vector<std::vector<memory::StoodRelease>> earlier{};  ///< see Planned
  std::unique_ptr<MemoryWriter> memory{};
  records::Release release{};
  /// The targets whose tags were switched, now or by an earlier attempt, and how far: what is not among them is not
  /// ours to put back.
  std::map<std::string, records::PromotionState> switched{};
  /// Workloads that an earlier attempt paused and did not resume, by target.
  std::map<std::string, std::vector<openshift::WorkloadRef>> left_paused{};

  /// The number of the release, while it is asked for.
  struct Claiming {
    Numbering numbering;
    std::string release;
    Result<std::int64_t> number = std::int64_t{0};
    std::jthread naming{};
    std::jthread thread{};
  };
  std::unique_ptr<Claiming> claiming{};

  /// The survey's items of one target.
  std::vector<std::size_t> items_of(std::size_t target) const {
    std::vector<std::size_t> out;
    for (std::size_t k = 0; k < copied.size(); ++k) {
      if (copied[k].target == target) out.push_back(k);
    }
    return out;
  }
  const PlannedImage& image_of(std::size_t item) const {
    return plan.targets[copied[item].target].images[copied[item].image];
  }
  /// Keys of all places that it writes to.
  std::vector<std::string> places() const {
    std::vector<std::string> out;
    for (const auto& target : plan.targets) {
      for (const auto& image : target.images) {
        auto keys = place_keys(target.target, {image.name}, image.tags.back().tag);
        out.insert(out.end(), std::make_move_iterator(keys.begin()), std::make_move_iterator(keys.end()));
      }
    }
    return out;
  }
  ClusterTarget* cluster(std::size_t target) const {
    return target < clusters.size() ? clusters[target].get() : nullptr;
  }

  /// Learns from the journal what earlier attempts left switched and paused.
  void recall(const std::vector<records::JournalEntry>& journal) {
    using records::PromotionState;
    using records::Step;
    recall_arrivals(journal, plan);
    for (const auto& entry : journal) {
      switch (entry.step) {
        case Step::begin_switch:
          switched[entry.target] = PromotionState::switching;
          ended_at.erase(entry.target);
          break;
        case Step::ended_alone:
          ended_at.insert(entry.target);
          break;
        case Step::verified:
          switched[entry.target] = PromotionState::succeeded;
          break;
        case Step::switched:
          pushed.emplace(entry.target, entry.image, TagStep::of(entry).tag);
          break;
        case Step::undone:
          undone_before.insert(entry.target);
          pushed.erase({entry.target, entry.image, TagStep::of(entry).tag});
          break;
        case Step::put_back_done:
          switched.erase(entry.target);
          break;
        case Step::rolled_back:
          switched.clear();
          break;
        case Step::pause:
        case Step::resumed:
          recall_pause(entry);
          break;
        default:
          break;  // says nothing about where tags and workloads stand
      }
    }
  }
  void recall_pause(const records::JournalEntry& entry) {
    const auto workload = workload_from(entry.detail);
    if (!workload) return;
    auto& paused = left_paused[entry.target];
    std::erase_if(paused, [&](const auto& one) { return one.kind == workload->kind && one.name == workload->name; });
    if (entry.step == records::Step::pause) paused.push_back(*workload);
  }
  /// Whether it has ended at all targets that are left out now, as they were told.
  bool ended_elsewhere() const {
    return std::all_of(left_out.begin(), left_out.end(), [&](const std::string& id) { return ended_at.contains(id); });
  }
  /// How a promotion ends that did not succeed: partial as long as anything stands that it switched.
  records::PromotionState end_after(const Error& error) const {
    using records::PromotionState;
    if (!switched.empty()) return PromotionState::partial;
    return error.kind() == ErrorKind::cancelled ? PromotionState::cancelled : PromotionState::failed;
  }
};

}  // namespace sluice::promotion
