#pragma once
// MemoryWriter: what a promotion leaves in the memories of its places: that it begins, before anything moves, and how
// it ended. Who may not write there goes on without, and it is said.

#include "base/finding.hpp"
#include "base/guarded.hpp"
#include "base/result.hpp"
#include "base/task_pool.hpp"
#include "memory/changes.hpp"
#include "memory/place_memory.hpp"
#include "memory/registry_memory.hpp"
#include "memory/target_memory.hpp"
#include "promotion/plan/plan.hpp"
#include "promotion/targets/targets.hpp"
#include "records/records.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::promotion {

/// How a promotion ended at one target.
struct EndAtTarget {
  std::optional<memory::Stood> stood{};  ///< empty: its tags never moved there
};

/// Thread: job; renews from a thread of its own. Borrows `targets` for its life, and the plan from begin() to end().
class MemoryWriter {
 public:
  /// Memories of plain registries by id of the target: what was read of them a moment ago is not read again.
  using Registries = std::map<std::string, std::shared_ptr<memory::RegistryMemory>>;

  explicit MemoryWriter(Targets& targets);
  ~MemoryWriter() { stop_renewing(); }
  MemoryWriter(const MemoryWriter&) = delete;
  MemoryWriter& operator=(const MemoryWriter&) = delete;

  /// Opens the memories of a plan's targets. Errors: those of opening targets.
  Status open(const Plan& plan, const Registries& known);

  struct Begin {
    const records::Promotion& promotion;
    const records::Release& release;
    memory::Who who{};
    std::vector<std::int64_t> fences{};  ///< by target; 0: no lease
    std::set<std::string> adopts{};      ///< ids of targets that remember no release: what is there is kept as one
    std::string goes_over{};             ///< id of an unfinished promotion that this one replaces; empty: none
    bool take_over = false;              ///< also where somebody is at work on it
    bool undoing = false;                ///< it is put back, and something of it stands
    /// By target: workloads that will be paused meanwhile, as objects with `kind` and `name`. Empty: as the plan says.
    std::vector<Json> pauses{};
    /// By target: what our records tell of it. It goes where nothing was ever remembered, with the hold.
    std::vector<std::vector<memory::StoodRelease>> earlier{};
    std::optional<memory::Hold> hold{};
  };
  /// Errors: busy, when somebody else began there; blocked, when a memory cannot be read; those of the places.
  Status begin(const Plan& plan, const Begin& begin);

  /// Images of the plan came under another digest than the one that was tested: whoever goes on elsewhere has to know.
  /// After begin(), before a tag moves. Errors: those of the places.
  Status tell_arrivals(const Plan& plan, const std::string& promotion);

  /// A moving tag was written: what the end needs of its repository is asked for, and its image is pinned, while the
  /// tag is read back. Thread: any.
  void tag_written(std::size_t target, const std::string& image, const oci::Manifest& manifest);
  /// Workloads that whoever was at work there before may have left paused, as objects with `kind` and `name`. After
  /// begin().
  const Json& left_paused(std::size_t target) const { return left_paused_[target]; }

  /// By target. Best effort: what could not be written is a finding. `hold`: the environment stays as it is.
  std::vector<Finding> end(const Plan& plan, const records::Promotion& promotion, const std::vector<EndAtTarget>& ends,
                           const std::optional<memory::Hold>& hold);
  /// Whether a target's place remembers.
  bool remembers(std::size_t target) const {
    return target < memories_.size() && memories_[target] != nullptr && !refused_.contains(target);
  }

  /// The promotion that came last at one of the places, when it is not `promotion`; empty: none did. Also why the place
  /// is held. Reads every memory anew. Errors: those of the places; blocked (one cannot be read).
  struct Standing {
    std::string newer{};
    std::optional<memory::Hold> hold{};
    bool open = false;     ///< `promotion` is open at one of the places
    bool undoing = false;  ///< and it is being put back there, or was when somebody stopped
    std::string ended{};   ///< how it ended, where none of the places has it open; empty: they do not know
    /// What the tags are to stand for, as the places have it of a `promotion` that is open: by target and image.
    std::map<std::pair<std::size_t, std::string>, std::string> after{};
    std::vector<std::size_t> silent{};  ///< the targets whose places remember nothing: there our records say it
  };
  Result<Standing> standing(const Plan& plan, const records::Promotion& promotion);

  /// What could not be remembered, as findings; given out once.
  std::vector<Finding> take_findings() { return std::exchange(findings_, {}); }

 private:
  /// All places of a target side by side, with the pins of what is there before.
  Status begin_at(std::size_t target, const Plan& plan, const Begin& begin);
  Status begin_image(std::size_t target, const Plan& plan, const PlannedImage& image, const Begin& begin,
                     const memory::SharedJson& record, const std::stop_token& stop);
  Status pin_after(std::size_t target, const PlannedImage& image, const std::stop_token& stop);
  Status pin_before(std::size_t target, const PlannedImage& image, const std::stop_token& stop);
  void end_at(std::size_t target, const Plan& plan, const records::Promotion& promotion, const EndAtTarget& end,
              const std::optional<memory::Hold>& hold, std::vector<Finding>& out);
  Status for_each_place(const Plan& plan, std::size_t target,
                        const std::function<Status(const PlannedImage&, const std::stop_token&)>& act,
                        std::stop_token stop);

  /// Where no lease says that somebody is at work, the memory does: it is told again while the work goes on.
  void renew(const Plan& plan, const std::string& promotion, const std::stop_token& stop);
  void stop_renewing();
  std::optional<memory::Hold> hold_at(const Plan& plan, std::size_t target, const std::optional<memory::Hold>& hold);

  Targets& targets_;
  std::vector<std::shared_ptr<memory::PlaceMemory>> memories_;  ///< by target; null: it keeps none
  std::vector<memory::RegistryMemory*> registries_;             ///< the same, where a registry has it; else null
  std::set<std::size_t> refused_;                               ///< targets whose place takes no memory
  /// Why images could not be kept from being collected.
  Guarded<std::vector<Error>> unpinned_;
  Guarded<std::set<std::pair<std::size_t, std::string>>> pinned_;  ///< (target, image): asked for already
  std::vector<Json> left_paused_;  ///< by target; each written by the task of its head alone
  std::jthread renewer_;
  std::vector<Finding> findings_;
  std::unique_ptr<TaskPool> ahead_;  ///< last: its threads end before what they use
};

}  // namespace sluice::promotion
