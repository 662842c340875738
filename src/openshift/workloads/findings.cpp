#include "openshift/workloads/findings.hpp"

#include "base/text.hpp"
#include "findings/catalogue.hpp"
#include "openshift/workloads/commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace sluice::openshift {

namespace {

bool is_of_tag(const WorkloadUse& use, const StreamTag& tag) {
  return use.tag.project == tag.project && use.tag.stream == tag.stream && use.tag.tag == tag.tag;
}

// What the pods of one use are known to run.
enum class Seen : std::uint8_t {
  unknown,   ///< nobody can tell
  accepted,  ///< the image, or there are no pods and there need not be any
  other,
};

// How the catalogue offers to mend a trigger.
constexpr std::string_view kOrSluice = "  # or let sluice do it: --fix-triggers";

std::string shown_digests(const std::set<std::string>& digests) {
  if (digests.empty()) return "nothing that can be seen";
  return text::join({digests.begin(), digests.end()}, ", ");
}

class UseJudge {
 public:
  UseJudge(const UseRequest& request, const std::vector<RunningWorkload>& running, const Needs& needs)
      : request_(request), needs_(needs) {
    for (const auto& one : running) running_[{one.kind, one.name}] = &one;
  }

  JudgedUses run(const std::vector<WorkloadUse>& uses, const std::vector<UnreadKind>& unread) {
    bool near = false;
    for (const auto& use : uses) {
      if (!is_of_tag(use, request_.tag)) continue;
      near = near || is_near(use);
      used_ = used_ || (use.kind != WorkloadKind::build_config && !is_near(use));
    }
    for (const auto& use : uses) {
      if (!is_of_tag(use, request_.tag)) continue;
      auto action = judge(use);
      // The last finding is the one that blocks.
      if (action == UseAction::blocked && out_.findings.back().accepted) action = UseAction::none;
      out_.uses.push_back({use, action});
      if (use.kind != WorkloadKind::build_config) judge_surroundings(use, action);
    }
    judge_needs();
    judge_unread(unread);
    if (!used_ && !near) {
      add("nothing-uses-tag", request_.tag.shown(), {{"project", request_.tag.project}, {"tag", request_.tag.name()}});
    }
    std::stable_sort(out_.findings.begin(), out_.findings.end(),
                     [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
    return std::move(out_);
  }

 private:
  void add(std::string_view code, std::string subject, findings::FindingValues values, bool lower = false) {
    auto finding = findings::make_finding(code, std::move(subject), values);
    if (lower && finding.severity == Severity::blocker) finding.severity = Severity::warning;
    if (!request_.follow) finding.severity = Severity::info;
    findings::accept(finding, request_.accepts);
    out_.findings.push_back(std::move(finding));
  }
  void make_blocker() {
    if (!request_.follow) return;
    out_.findings.back().severity = Severity::blocker;
    findings::accept(out_.findings.back(), request_.accepts);
  }
  // The verdict on a use; `harmless`: told, and no more.
  void tell(std::string_view code, const WorkloadUse& use, bool harmless = false) {
    add(code, use.shown(),
        {{"why", use.why}, {"workload", use.shown()}, {"tag", request_.tag.name()}, {"fix", use.fix}});
    if (harmless) out_.findings.back().severity = Severity::info;
    // Where images are patched, triggers are nobody's business.
    auto& fix_told = out_.findings.back().fix;
    if (request_.patch && fix_told.ends_with(kOrSluice)) fix_told.resize(fix_told.size() - kOrSluice.size());
  }

  UseAction judge(const WorkloadUse& use) {
    if (use.kind == WorkloadKind::build_config) return judge_build(use);
    if (use.verdict == TriggerVerdict::fires) return judge_firing(use);
    if (is_near(use)) return judge_near(use);
    if (request_.patch) {
      if (const auto action = judge_patched(use)) return *action;
    }
    // It runs the image all the same, and nothing is about to change.
    const bool right = !request_.tag_moves && seen_of(use) == Seen::accepted;
    const bool stuck = use.verdict == TriggerVerdict::paused && has_image(use) && seen_of(use) == Seen::other;
    if (stuck) {
      tell_other_image(use, "it is paused, so that no rollout can be started", use.fix);
      make_blocker();
      return UseAction::blocked;
    }
    tell(code_of(use.verdict), use, right);
    return right ? UseAction::none : UseAction::blocked;
  }

  static bool is_near(const WorkloadUse& use) {
    return use.verdict == TriggerVerdict::other_tag || use.verdict == TriggerVerdict::no_such_tag;
  }

  // A canary follows a tag of its own. Where it is the only workload, the promotion would move a tag that nobody uses.
  // A tag that is not there is no canary's.
  UseAction judge_near(const WorkloadUse& use) {
    const bool canary = use.verdict == TriggerVerdict::other_tag;
    const auto* then = !used_   ? "nothing of this project would roll"
                       : canary ? "it is left alone, which is right for a canary"
                                : "it goes on running what it runs";
    auto fix = use.fix;
    if (!used_ && !request_.patch) fix += kOrSluice;
    add(code_of(use.verdict), use.shown(), {{"why", use.why}, {"then", then}, {"fix", fix}});
    if (used_ || !request_.follow) return UseAction::none;
    make_blocker();
    return UseAction::blocked;
  }

  // What is wrong beside the trigger that fires.
  void judge_surroundings(const WorkloadUse& use, UseAction action) {
    const bool rolls = action == UseAction::rolls || action == UseAction::start || action == UseAction::patch ||
                       (has_image(use) && seen_of(use) == Seen::other);
    std::vector<std::string> left;
    for (const auto& container : use.left) {
      if (container.differs) left.push_back((container.init ? "init container " : "") + container.name);
    }
    const auto stream = request_.tag.project + "/" + request_.tag.stream;
    if (!left.empty()) {
      add("container-not-followed", use.shown(),
          {{"workload", use.shown()},
           {"stream", stream},
           {"containers", text::join(left, ", ")},
           {"fix", use.follow_left}});
    }
    if (!use.twice.empty()) {
      add("trigger-twice", use.shown(), {{"why", use.twice}, {"fix", use.untwice}});
      if (use.takes_turns) make_blocker();
    }
    if (!use.on_delete || !rolls) return;
    add("waits-for-delete", use.shown(),
        {{"workload", use.shown()},
         {"tag", request_.tag.name()},
         {"fix", rolling_update_command({use.kind, use.project, use.name}) + "  # or delete its pods afterwards"}});
  }

  UseAction judge_build(const WorkloadUse& use) {
    if (use.verdict != TriggerVerdict::fires || !request_.tag_moves) return UseAction::none;
    tell("build-will-start", use);
    return UseAction::build;
  }

  // A trigger sets the image and the cluster rolls it out, unless it is in the template already: then nothing will ever
  // happen by itself, whatever pods run.
  UseAction judge_firing(const WorkloadUse& use) {
    if (!has_image(use)) return UseAction::rolls;
    const auto* running = running_of(use);
    if (running != nullptr && running->rolling) return UseAction::rolls;
    switch (seen_of(use)) {
      case Seen::accepted:
        return UseAction::none;
      case Seen::unknown:
        return request_.tag_moves ? UseAction::rolls : UseAction::none;
      case Seen::other:
        break;
    }
    // Nobody but a person replaces its pods.
    if (use.on_delete) return UseAction::none;
    tell_other_image(use, "a rollout is started", "");
    return UseAction::start;
  }

  // `deploy: patch`: a trigger that does nothing is not in the way. One that works would put its own image back, and
  // what is paused or held does not roll whoever sets the image.
  std::optional<UseAction> judge_patched(const WorkloadUse& use) {
    const bool free = use.verdict == TriggerVerdict::missing || use.verdict == TriggerVerdict::manual ||
                      use.verdict == TriggerVerdict::malformed || use.verdict == TriggerVerdict::wrong_container;
    if (!free) return std::nullopt;
    if (use.containers.empty()) {
      tell("cannot-patch", use);
      return UseAction::blocked;
    }
    if (use.verdict != TriggerVerdict::missing) tell(code_of(use.verdict), use, true);
    if (!has_image(use)) return UseAction::patch;
    if (seen_of(use) != Seen::other) return UseAction::none;
    if (const auto* running = running_of(use); running != nullptr && running->rolling) return UseAction::rolls;
    tell_other_image(use, "a rollout is started", "");
    return UseAction::start;
  }

  void tell_other_image(const WorkloadUse& use, std::string_view then, std::string_view fix) {
    std::set<std::string> digests;
    for (const auto* container : running_containers(use)) {
      digests.insert(container->digests.begin(), container->digests.end());
    }
    add("runs-other-image", use.shown(),
        {{"workload", use.shown()},
         {"digest", request_.tag.digest},
         {"running", shown_digests(digests)},
         {"then", then},
         {"fix", fix}});
  }

  static std::string_view code_of(TriggerVerdict verdict) {
    switch (verdict) {
      case TriggerVerdict::paused:
        return "workload-paused";
      case TriggerVerdict::manual:
        return "trigger-manual";
      case TriggerVerdict::wrong_container:
        return "trigger-wrong-container";
      case TriggerVerdict::other_tag:
        return "trigger-other-tag";
      case TriggerVerdict::no_such_tag:
        return "trigger-no-such-tag";
      case TriggerVerdict::other_project:
        return "trigger-other-project";
      case TriggerVerdict::malformed:
        return "trigger-malformed";
      case TriggerVerdict::held:
        return "trigger-held";
      case TriggerVerdict::fires:
      case TriggerVerdict::missing:
        break;
    }
    return "trigger-missing";
  }

  // Whether the template names the digest in every container that is bound to the tag.
  bool has_image(const WorkloadUse& use) const {
    if (use.containers.empty() || request_.tag.digest.empty()) return false;
    return std::all_of(use.containers.begin(), use.containers.end(), [&](const BoundContainer& container) {
      return digest_in(container.image) == request_.tag.digest;
    });
  }

  const RunningWorkload* running_of(const WorkloadUse& use) const {
    const auto found = running_.find({use.kind, use.name});
    return found != running_.end() ? found->second : nullptr;
  }

  std::vector<const RunningContainer*> running_containers(const WorkloadUse& use) const {
    std::vector<const RunningContainer*> out;
    const auto* running = running_of(use);
    if (running == nullptr) return out;
    for (const auto& container : running->containers) {
      const auto bound = std::any_of(use.containers.begin(), use.containers.end(), [&](const BoundContainer& wanted) {
        return wanted.name == container.name && wanted.init == container.init;
      });
      if (bound) out.push_back(&container);
    }
    return out;
  }

  bool is_accepted(const std::string& digest) const {
    return digest == request_.tag.digest || request_.accepted.contains(digest);
  }

  Seen seen_of(const WorkloadUse& use) const {
    const auto by_template = has_image(use) ? Seen::accepted : Seen::unknown;
    if (use.kind == WorkloadKind::cron_job) return by_template;
    const auto* running = running_of(use);
    if (running == nullptr || use.containers.empty()) return Seen::unknown;
    const auto containers = running_containers(use);
    if (containers.empty()) return Seen::unknown;
    const bool any = std::any_of(containers.begin(), containers.end(),
                                 [](const RunningContainer* container) { return !container->digests.empty(); });
    if (!any && running->wanted == 0) return by_template;
    // Its last rollout has ended, and no pod says what it runs: it does not run the image.
    if (!any) return running->rolling ? Seen::unknown : Seen::other;
    bool all_known = containers.size() == use.containers.size();
    for (const auto* container : containers) {
      all_known = all_known && !container->digests.empty();
      for (const auto& digest : container->digests) {
        if (!is_accepted(digest)) return Seen::other;
      }
    }
    return all_known ? Seen::accepted : Seen::unknown;
  }

  // Pods that are there go on running without what they have been given before; new ones do not start.
  void judge_needs() {
    std::map<std::string, bool> starts;  // workload -> whether new pods will start
    for (const auto& judged : out_.uses) {
      if (judged.use.kind == WorkloadKind::build_config) continue;
      const bool starting =
          judged.action == UseAction::rolls || judged.action == UseAction::start || judged.action == UseAction::patch;
      starts[judged.use.shown()] = starts[judged.use.shown()] || starting;
    }
    for (const auto& need : needs_.missing) {
      const auto workload = starts.find(need.workload);
      if (workload != starts.end()) tell_missing(need, !workload->second);
    }
    if (needs_.unread.empty() || starts.empty()) return;
    add("needs-unknown", request_.tag.project,
        {{"kinds", text::join(needs_.unread, ", ")}, {"project", request_.tag.project}});
  }

  void tell_missing(const MissingNeed& need, bool lower) {
    const bool secret = need.kind == "Secret";
    std::string_view code = "missing-key";
    if (need.key.empty()) code = secret ? "missing-secret" : "missing-configmap";
    if (need.kind == "ServiceAccount") code = "missing-service-account";
    add(code, need.workload,
        {{"workload", need.workload},
         {"kind", need.kind},
         {"name", need.name},
         {"key", need.key},
         {"object", (secret ? "secret/" : "configmap/") + need.name},
         {"member", secret ? "stringData" : "data"},
         {"project", request_.tag.project}},
        lower);
  }

  void judge_unread(const std::vector<UnreadKind>& unread) {
    for (const auto& kind : unread) {
      if (!kind.denied) continue;  // the server has none of these
      add("workloads-unread", request_.tag.project,
          {{"what", kind.sentence},
           {"tag", request_.tag.name()},
           {"user", request_.user.empty() ? "USER" : request_.user},
           {"project", request_.tag.project}});
    }
  }

  const UseRequest& request_;
  const Needs& needs_;
  bool used_ = false;  ///< something follows the tag itself, or should
  std::map<std::pair<WorkloadKind, std::string>, const RunningWorkload*> running_;
  JudgedUses out_;
};

}  // namespace

std::string_view to_string(UseAction action) {
  switch (action) {
    case UseAction::none:
      return "none";
    case UseAction::rolls:
      return "rolls";
    case UseAction::start:
      return "start";
    case UseAction::patch:
      return "patch";
    case UseAction::blocked:
      return "blocked";
    case UseAction::build:
      return "build";
  }
  return "";
}

JudgedUses judge_uses(const UseRequest& request, const std::vector<WorkloadUse>& uses,
                      const std::vector<RunningWorkload>& running, const Needs& needs,
                      const std::vector<UnreadKind>& unread) {
  return UseJudge(request, running, needs).run(uses, unread);
}

}  // namespace sluice::openshift
