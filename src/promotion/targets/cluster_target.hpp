#pragma once
// ClusterTarget: one target with image streams while a promotion works on it. Content goes into the streams' history
// under pins of our own; then all tags are set; then the workloads are followed until they run the digests.
// Every step can be repeated, and is journaled by the caller's functions.

#include "base/result.hpp"
#include "base/task_pool.hpp"
#include "copy/events.hpp"
#include "openshift/rollouts/follow.hpp"
#include "openshift/workloads/changes.hpp"
#include "promotion/leases/stream_keeper.hpp"
#include "promotion/leases/wait.hpp"
#include "promotion/plan/plan.hpp"
#include "promotion/plan/workload_plan.hpp"
#include "promotion/targets/targets.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::promotion {

/// How ClusterTarget writes to the journal. `note` appends a step; nothing is done when it fails.
struct TargetJournal {
  std::function<Status(records::Step step, const std::string& image, Json detail)> note;
};

/// A workload as the journal names it: what we paused.
Json to_json(const openshift::WorkloadRef& workload);
std::optional<openshift::WorkloadRef> workload_from(const Json& detail);

/// The finding about a tag that somebody else changed since: undo-not-ours. `stands`: what it stands for; may be empty.
Finding not_ours(const PlannedTarget& target, const PlannedImage& image, const std::string& stands);

/// What the workloads came to.
struct Verdict {
  bool good = true;
  bool superseded = false;  ///< somebody rolled something else out: no reason to put anything back
  std::string sentence;     ///< why not good
  std::vector<openshift::RolloutResult> rollouts;
  std::string note;  ///< "no workload uses the tags": worth a line; may be empty
};

/// Thread: job. Borrows everything for its life.
class ClusterTarget {
 public:
  ClusterTarget(Targets& targets, TargetAccess access, const Plan& plan, PlannedTarget& planned, TargetJournal journal,
                copy::Events& events)
      : targets_(targets),
        access_(std::move(access)),
        plan_(plan),
        planned_(planned),
        journal_(std::move(journal)),
        events_(events) {}

  /// Takes the lease on the first of the streams. Who may not write annotations goes on without, and it is said.
  /// Errors: busy with a LeaseHeld, when somebody else is at work.
  Status take_lease(const std::string& promotion, const LeaseWish& wish);
  /// As far as the last renewal knows. Errors: conflict, when somebody took the lease over.
  Status still_ours() const { return lease_ ? lease_->still_ours() : Status(); }
  /// Makes sure of the lease before something is written. Errors: conflict, when somebody took it over.
  Status confirm_lease() { return lease_ ? lease_->confirm({context().deadline, {}}) : Status(); }

  /// Brings what the API brings, and pins every image. Precondition: the copy engine has done its part.
  Status stage();
  /// What is no reason to stop: signatures-not-carried of stage(); of follow() what still runs another image, though
  /// every rollout ended well (container-not-followed, waits-for-delete). Gives each out once.
  std::vector<Finding> take_findings() { return std::exchange(findings_, {}); }

  /// Errors: blocked, when a tag stands neither for what was planned nor (with `resumed`) for what is promoted.
  Status check_unchanged(bool resumed);

  /// Looks who will roll, pauses, sets the tags (unless they were pushed), resumes, starts and patches. `push` pushes
  /// the tags where the API may not set them. `begun`: told once, right before the first tag moves.
  Status switch_over(const std::function<Status()>& begun, const std::function<Status()>& push);

  /// The workloads that put_back() would pause now. Errors: those of looking.
  Result<std::vector<openshift::WorkloadRef>> pauses_to_put_back();

  /// Sets the tags back to what was there before, with everything that belongs to a switch; findings say what could not
  /// be, and what is somebody else's by now (undo-not-ours). Follows nothing.
  /// `push_back` puts tags back that were pushed; false when it could not.
  std::vector<Finding> put_back(const std::string& promotion, const std::function<bool()>& push_back);

  /// Follows what switch_over() or put_back() began, until every workload has ended.
  /// Errors: those of looking; a rollout that fails is a verdict.
  Result<Verdict> follow();
  /// HTTP check and watch time. Precondition: follow() was good.
  Result<Verdict> watch(Verdict followed);

  /// Takes away pins that nobody needs any more.
  Status drop_outdated_pins();
  /// Of the lease; 0: there is none.
  std::int64_t fence() const { return lease_ ? lease_->fence() : 0; }

  /// Resumes what the journal says that we paused. Best effort for each; the first error is given back.
  Status resume_paused(std::vector<openshift::WorkloadRef> workloads);
  /// Those that we paused in this run.
  Status resume_all() { return resume_paused(paused_); }

  const PlannedTarget& planned() const { return planned_; }
  const TargetAccess& access() const { return access_; }

 private:
  Result<bool> is_list(const PlannedImage& image);
  Status pin_what_was_before(const PlannedImage& image);
  Status stage_image(const PlannedImage& image);
  Status pause(const TargetUses& uses);
  static std::vector<openshift::WorkloadRef> pauses_of(const TargetUses& uses);
  /// The target as it is to be, without what is somebody else's by now.
  PlannedTarget way_back(std::vector<Finding>& findings);
  Status carry_signatures();
  Status stage_attachments();
  void leave_what_others_set(PlannedImage& image, const std::optional<kube::ImageStream>& stream) const;
  Task attachment_task(const PlannedImage& image, const copy::AttachmentState& one);
  Status count_attachments();
  Result<std::vector<std::optional<kube::ImageStream>>> streams_now();
  Status move_tags();
  Status move_one(const PlannedImage& image, const PlannedTag& tag);
  std::optional<Finding> move_back(const PlannedImage& image, const PlannedTag& tag, const std::string& promotion);
  Status drop_outdated_pins(const std::string& image);
  void drop_engine_tags(const PlannedImage& image);
  std::vector<std::string> foreign_tags(std::vector<Finding>& findings);
  Status act(const TargetUses& uses);
  Status patch(const TargetUses& uses);
  Status release_paused(const TargetUses& uses);
  Status check_url(Verdict& verdict);
  void remember(const PlannedTarget& what, const TargetUses& uses);
  UseWish back_wish() const { return {.follow = false, .accepts = plan_.accepts}; }
  void tell_what_stays(const Verdict& verdict);
  void say(std::string line) const;
  kube::Client& client() { return *access_.side.client; }
  net::ExchangeContext context() const { return targets_.context(); }

  Targets& targets_;
  TargetAccess access_;
  const Plan& plan_;
  PlannedTarget& planned_;
  TargetJournal journal_;
  copy::Events& events_;
  std::unique_ptr<StreamLeaseKeeper> lease_;
  std::vector<openshift::WorkloadRef> paused_;  ///< by us, now
  std::vector<openshift::Followed> followed_;
  std::vector<Finding> stays_;  ///< what keeps another image, as judged before the switch
  std::vector<Finding> findings_;
};

}  // namespace sluice::promotion
