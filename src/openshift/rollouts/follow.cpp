#include "openshift/rollouts/follow.hpp"

#include "base/text.hpp"
#include "openshift/rollouts/feed.hpp"
#include "openshift/rollouts/sight.hpp"
#include "openshift/rollouts/view.hpp"
#include "openshift/rollouts/wiring.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::openshift {

namespace {

using Clock = Deadline::Clock;
using Step = RolloutDecision::Step;

// Watches end by the deadline themselves; this is for one that is stuck in a name look-up.
constexpr std::chrono::seconds kLastWords{1};

/// How far a rollout has come: as long as this changes, nothing stands still.
struct Progress {
  std::int64_t ready = 0;
  std::int64_t old = 0;
  std::size_t pods = 0;  ///< new ones
  friend bool operator==(const Progress&, const Progress&) = default;
};

/// One workload on its way.
struct Tracked {
  const Followed* followed = nullptr;
  RolloutDecision decision;
  std::string seen;
  std::vector<std::string> replaced;
  std::optional<RolloutCause> cause;
  Clock::time_point cause_since;
  Progress progress;
  std::optional<Clock::time_point> failed_since;  ///< and no evidence yet
  std::optional<LinesToShow> log;
  std::string line;
  std::optional<RolloutResult> result;
};

class Follower {
 public:
  Follower(kube::Client& client, const std::vector<Followed>& followed, const FollowOptions& options,
           const net::ExchangeContext& context, const OnRollout& on_progress)
      : client_(client),
        followed_(followed),
        options_(options),
        context_(context),
        on_progress_(on_progress),
        view_(followed),
        sight_(options.settle) {
    for (const auto& one : followed) tracked_.push_back({&one, {}, "", {}, {}, {}, {}, {}, {}, "", {}});
  }

  Result<std::vector<RolloutResult>> run(net::ReplyStreams& streams) {
    for (std::size_t i = 0; i < tracked_.size(); ++i) {
      if (const auto decision = decided_before(*tracked_[i].followed)) end(i, decision->end, decision->what);
    }
    std::vector<const Followed*> open;
    for (const auto& tracked : tracked_) {
      if (!tracked.result) open.push_back(tracked.followed);
    }
    if (!open.empty()) SLUICE_CHECK(watch(streams, open));
    std::vector<RolloutResult> out;
    for (auto& tracked : tracked_) out.push_back(std::move(*tracked.result));
    return out;
  }

 private:
  Status watch(net::ReplyStreams& streams, const std::vector<const Followed*>& open) {
    const auto resources = rollout_resources(open);
    const auto& project = open.front()->before.project;
    {
      RolloutFeed feed(client_, streams, project, resources, context_);
      open_watches_ = resources.size();
      while (!all_ended() && !context_.deadline.expired()) SLUICE_CHECK(listen(feed, project));
      if (all_ended()) return {};
      SLUICE_CHECK(hear_last_words(feed));
    }
    if (!trouble_.empty() || !sight_.is_settled(Clock::now())) return look_again(streams, project, resources);
    time_out();
    return {};
  }

  Status listen(RolloutFeed& feed, const std::string& project) {
    if (context_.stop.stop_requested()) {
      return Error(ErrorKind::cancelled,
                   "stopped while rollouts of " + project + " were followed; the tags stay where they are");
    }
    auto item = feed.next(next_look());
    if (item) SLUICE_CHECK(take(std::move(*item)));
    look_at_clocks();
    return {};
  }

  // The deadline has come, and nobody saw how things stand. So they are looked at when the server is back, and followed
  // for as long as nobody saw them: nodes could not report either, so a good rollout may need that time.
  Status look_again(net::ReplyStreams& streams, const std::string& project,
                    const std::vector<kube::Resource>& resources) {
    const auto now = Clock::now();
    const auto unseen = std::clamp(sight_.unseen(now), options_.settle, std::max(options_.settle, options_.restart));
    const auto back_by = Deadline::after(options_.restart);
    std::optional<Deadline> until;
    tell_open("no connection at the end of the time; looking again when there is one");
    view_ = RolloutView(followed_);  // what was deleted meanwhile must not stay in it
    sight_ = Sight(options_.settle);
    context_ = {Deadline::after(options_.restart + unseen + kLastWords), context_.stop};
    RolloutFeed feed(client_, streams, project, resources, context_);
    open_watches_ = resources.size();
    blind_ = true;
    while (!all_ended()) {
      if (!until && sight_.connected() >= open_watches_) {
        until = Deadline::after(unseen);
        see_again();
      }
      wake_at_ = until.value_or(back_by);
      if (wake_at_->expired()) break;
      SLUICE_CHECK(listen(feed, project));
    }
    if (all_ended()) return {};
    if (until && sight_.is_clear()) {
      time_out();
      return {};
    }
    return Error(ErrorKind::unreachable,
                 fmt::format("following rollouts of {} ended without a connection{}; the tags stay where they are, and "
                             "the rollouts go on",
                             project, trouble_.empty() ? std::string() : ": " + trouble_));
  }

  // What stood before the cut is judged by what stands now: its time begins anew.
  void see_again() {
    blind_ = false;
    for (auto& tracked : tracked_) tracked.cause_since = Clock::now();
  }

  // What was told before the deadline counts, and so does that there was nobody to tell it.
  Status hear_last_words(RolloutFeed& feed) {
    while (open_watches_ > 0) {
      auto item = feed.next(Deadline::after(kLastWords));
      if (!item) break;
      SLUICE_CHECK(take(std::move(*item)));
    }
    return {};
  }

  bool all_ended() const {
    return std::all_of(tracked_.begin(), tracked_.end(), [](const Tracked& one) { return one.result.has_value(); });
  }

  Status take(FeedItem item) {
    if (item.is_last()) {
      --open_watches_;
      sight_.ended(item.kind, Clock::now());
    }
    if (const auto* link = std::get_if<LinkChange>(&item.what)) {
      if (link->connected) sight_.back(item.kind, Clock::now());
      if (!link->connected) sight_.lost(item.kind, Clock::now());
      return {};
    }
    if (auto* error = std::get_if<Error>(&item.what)) {
      return judge_lost_watch(client_, item.kind, std::move(*error), trouble_);
    }
    const auto* event = std::get_if<kube::WatchEvent>(&item.what);
    if (event == nullptr) return {};
    for (const auto index : view_.apply(item.kind, *event)) step(index);
    return {};
  }

  void step(std::size_t index) {
    auto& tracked = tracked_[index];
    if (tracked.result) return;
    const auto live = view_.of(index);
    tracked.decision = decide_rollout(*tracked.followed, live, tracked.seen);
    const auto& decision = tracked.decision;
    if (live.object == nullptr && !live.deleted) return;  // its own watch has not told yet
    if (!decision.rollout.empty() && decision.rollout != tracked.seen) {
      if (!tracked.seen.empty()) tracked.replaced.push_back(tracked.seen);
      tracked.seen = decision.rollout;
      tracked.cause.reset();
    }
    look_for_cause(index, live);
    look_for_progress(tracked, live);
    switch (decision.step) {
      case Step::waiting:
      case Step::rolling:
        tracked.failed_since.reset();
        return tell(index, decision.what);
      case Step::complete:
        return check(index, live);
      case Step::ended:
        if (decision.end == RolloutEnd::failed) return fail(index);
        return end(index, decision.end, decision.what);
    }
  }

  void look_for_cause(std::size_t index, const LiveWorkload& live) {
    auto& tracked = tracked_[index];
    auto cause = first_cause(tracked.decision, *tracked.followed, live);
    if (!cause) {
      // Pods of a rollout that failed are removed: that they are gone mends nothing.
      const bool mended =
          tracked.decision.step == Step::complete ||
          (tracked.decision.step == Step::rolling && !new_pods(tracked.decision, *tracked.followed, live).empty());
      if (mended) tracked.cause.reset();
      return;
    }
    // What was said of the same before is better than that there is more to be said.
    const bool known = tracked.cause && cause->vague && is_pull(*tracked.cause) && tracked.cause->pod == cause->pod;
    if (known) return;
    const bool is_new = !tracked.cause || tracked.cause->kind != cause->kind || tracked.cause->vague != cause->vague ||
                        tracked.cause->lasting != cause->lasting;
    if (is_new) tracked.cause_since = Clock::now();
    if (cause->kind == CauseKind::crash_loop && !cause->pod.empty()) read_log(tracked, *cause);
    tracked.cause = std::move(cause);
    if (is_new) report(index, tracked.cause->sentence, true, false);
  }

  // A quota that only slows a rollout down lets pods come as others go: nothing is given up while something moves.
  static void look_for_progress(Tracked& tracked, const LiveWorkload& live) {
    const auto& decision = tracked.decision;
    const Progress now{decision.ready, decision.old, new_pods(decision, *tracked.followed, live).size()};
    if (now == tracked.progress) return;
    tracked.progress = now;
    tracked.cause_since = Clock::now();
  }

  static bool is_pull(const RolloutCause& cause) {
    return cause.kind == CauseKind::pull_denied || cause.kind == CauseKind::pull_failed;
  }

  // The pod may be gone soon, and its log with it: it is read at once, and again only when there was nothing in it.
  void read_log(Tracked& tracked, const RolloutCause& cause) {
    const bool is_read = tracked.log && tracked.log->pod == cause.pod && !tracked.log->lines.empty();
    if (is_read) return;
    auto lines = last_lines(client_, tracked.followed->before.project, cause, options_.log_lines, context_);
    if (!tracked.log || !lines.lines.empty()) tracked.log = std::move(lines);
  }

  void check(std::size_t index, const LiveWorkload& live) {
    auto& tracked = tracked_[index];
    const auto& decision = tracked.decision;
    const auto checked = check_pods(new_pods(decision, *tracked.followed, live), tracked.followed->images);
    if (!checked.wrong.empty()) {
      end(index, RolloutEnd::wrong_image, checked.wrong.front());
    } else if (checked.unknown.empty() && checked.right >= decision.wanted) {
      const auto what = decision.wanted == 0
                            ? decision.what + "; it is scaled to no pods"
                            : fmt::format("{}; {} of {} pods run {}", decision.what, checked.right, decision.wanted,
                                          text::join({checked.digests.begin(), checked.digests.end()}, ", "));
      end(index, decision.end, what);
    } else {
      return tell(index, fmt::format("{}; {} of {} pods are known to run the image", decision.what, checked.right,
                                     decision.wanted));
    }
    tracked.result->pods = checked.right;
    tracked.result->digests = checked.digests;
  }

  void fail(std::size_t index) {
    auto& tracked = tracked_[index];
    const auto now = Clock::now();
    if (!tracked.cause && !tracked.failed_since) tracked.failed_since = now;
    if (!tracked.cause && now < *tracked.failed_since + options_.settle) return;
    if (!tracked.cause) tracked.cause = cause_of_silence(tracked);
    end(index, RolloutEnd::failed, tracked.decision.what);
  }

  // It failed, and nothing that could be seen was wrong: the deployer's log tells, if there is one.
  RolloutCause cause_of_silence(Tracked& tracked) {
    const bool config = tracked.followed->before.kind == WorkloadKind::deployment_config;
    if (!config || tracked.decision.timed_out) {
      return {CauseKind::deadline, "its pods were not ready within the deadline"};
    }
    const auto deployer = tracked.decision.rollout + "-deploy";
    RolloutCause cause{CauseKind::deployer, fmt::format("the deployer pod {} gave up", deployer), deployer,
                       "deployment"};
    read_log(tracked, cause);
    return cause;
  }

  // What ends by time alone.
  void look_at_clocks() {
    const auto now = Clock::now();
    for (std::size_t i = 0; i < tracked_.size(); ++i) {
      auto& tracked = tracked_[i];
      if (tracked.result) continue;
      if (tracked.failed_since && now >= *tracked.failed_since + options_.settle) {
        fail(i);
      } else if (const auto end_of_patience = given_up_at(tracked); end_of_patience && now >= *end_of_patience) {
        give_up(i);
      }
    }
  }

  void give_up(std::size_t index) {
    auto& tracked = tracked_[index];
    if (!is_lasting(tracked)) return end(index, RolloutEnd::failed, "given up, as nothing got better");
    const auto standing = still_stands(client_, tracked.followed->before.project, *tracked.cause, context_);
    if (standing != Standing::stands) {
      // The cluster tries again by itself, or nobody is there to say that it does not.
      tracked.cause_since = Clock::now();
      return;
    }
    const auto span = std::chrono::duration<double>(*options_.grace).count();
    end(index, RolloutEnd::failed, fmt::format("given up after {:g} s, as waiting does not heal it", span));
  }

  bool is_lasting(const Tracked& tracked) const { return options_.grace && tracked.cause && tracked.cause->lasting; }

  // When the workload is given up if its trouble stays; empty: never.
  std::optional<Clock::time_point> given_up_at(const Tracked& tracked) const {
    if (!tracked.cause || blind_) return std::nullopt;
    auto span = options_.patience;
    if (is_lasting(tracked)) span = span ? std::min(*span, *options_.grace) : *options_.grace;
    if (!span) return std::nullopt;
    return sight_.seen_for(tracked.cause_since, tracked.cause->vague ? std::max(*span, options_.settle) : *span);
  }

  Deadline next_look() const {
    auto until = wake_at_ ? context_.deadline.earlier(*wake_at_) : context_.deadline;
    const auto now = Clock::now();
    const auto at = [&](Clock::time_point when) {
      const auto span = std::chrono::ceil<std::chrono::milliseconds>(std::max(when - now, Clock::duration::zero()));
      until = until.earlier(Deadline::after(span));
    };
    for (const auto& tracked : tracked_) {
      if (tracked.result) continue;
      if (tracked.failed_since) at(*tracked.failed_since + options_.settle);
      if (const auto end_of_patience = given_up_at(tracked)) at(*end_of_patience);
    }
    return until;
  }

  void time_out() {
    for (std::size_t i = 0; i < tracked_.size(); ++i) {
      auto& tracked = tracked_[i];
      if (tracked.result) continue;
      auto what = tracked.decision.what.empty() ? std::string("it was not seen") : tracked.decision.what;
      what = "the time was up: " + what;
      end(i, tracked.decision.step == Step::ended ? tracked.decision.end : RolloutEnd::timed_out, what);
    }
  }

  void end(std::size_t index, RolloutEnd how, const std::string& what) {
    auto& tracked = tracked_[index];
    const auto& before = tracked.followed->before;
    RolloutResult result{before.kind, before.project, before.name, how, tracked.followed->verdict, ""};
    result.sentence = before.shown() + ": " + what;
    result.rollout = tracked.decision.rollout;
    result.replaced = tracked.replaced;
    if (how == RolloutEnd::failed || how == RolloutEnd::timed_out) {
      if (tracked.cause) result.sentence += "; " + tracked.cause->sentence;
      result.cause = tracked.cause;
      result.log = std::move(tracked.log);
      // What was not read now can be asked for later.
      if (!result.log && tracked.cause && !tracked.cause->pod.empty()) {
        result.log = LinesToShow{before.project, tracked.cause->pod, tracked.cause->container, tracked.cause->previous};
      }
    }
    tracked.result = std::move(result);
    report(index, what, !is_good(how), true);
  }

  void tell_open(const std::string& line) {
    for (std::size_t i = 0; i < tracked_.size(); ++i) {
      if (!tracked_[i].result) tell(i, line);
    }
  }

  void tell(std::size_t index, const std::string& line) {
    auto& tracked = tracked_[index];
    if (tracked.line == line) return;
    tracked.line = line;
    report(index, line, false, false);
  }

  void report(std::size_t index, const std::string& line, bool trouble, bool ended) const {
    if (!on_progress_) return;
    const auto& before = tracked_[index].followed->before;
    on_progress_({index, before.kind, before.name, before.name + ": " + line, trouble, ended});
  }

  kube::Client& client_;
  const std::vector<Followed>& followed_;
  const FollowOptions options_;
  net::ExchangeContext context_;
  const OnRollout& on_progress_;
  RolloutView view_;
  std::vector<Tracked> tracked_;
  Sight sight_;
  std::optional<Deadline> wake_at_;  ///< earlier than the deadline
  bool blind_ = false;               ///< nothing was seen yet since the connection was away at the deadline
  std::size_t open_watches_ = 0;
  std::string trouble_;  ///< why a watch had no connection at the deadline
};

}  // namespace

Result<std::vector<RolloutResult>> follow_rollouts(kube::Client& client, net::ReplyStreams& streams,
                                                   const std::vector<Followed>& followed, const FollowOptions& options,
                                                   const net::ExchangeContext& context, const OnRollout& on_progress) {
  return Follower(client, followed, options, context, on_progress).run(streams);
}

}  // namespace sluice::openshift
