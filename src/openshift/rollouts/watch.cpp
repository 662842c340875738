#include "openshift/rollouts/watch.hpp"

#include "base/text.hpp"
#include "openshift/rollouts/feed.hpp"
#include "openshift/rollouts/view.hpp"
#include "openshift/rollouts/wiring.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace sluice::openshift {

namespace {

using Clock = Deadline::Clock;
using Step = RolloutDecision::Step;

constexpr int kLogLines = 20;
// Watches end by the deadline themselves; this is for one that is stuck in a name look-up.
constexpr std::chrono::seconds kLastWords{1};
// The first lists of pods and controllers come one after the other: until then it is not known who is missing.
constexpr std::chrono::milliseconds kFirstLook{std::chrono::seconds(5)};

double seconds(std::chrono::milliseconds span) { return std::chrono::duration<double>(span).count(); }

/// One workload that is watched.
struct Steadiness {
  const Followed* followed = nullptr;
  std::string rollout;                           ///< whose pods have to stay
  RolloutDecision decision;                      ///< the last one that was about it
  std::optional<std::int64_t> need;              ///< ready pods: no more than at the start, whoever adds some
  std::map<std::string, std::int64_t> restarts;  ///< by "uid/container", when it was first seen
  bool was_ready = false;
  std::optional<Clock::time_point> unready_since;
  std::string line;
  bool open = true;
};

class Watcher {
 public:
  Watcher(kube::Client& client, const std::vector<Followed>& followed, const std::vector<RolloutResult>& results,
          std::chrono::milliseconds span, std::chrono::milliseconds grace, const net::ExchangeContext& context,
          const OnRollout& on_progress)
      : client_(client),
        span_(span),
        grace_(grace),
        until_(Deadline::after(span)),
        context_(context),
        on_progress_(on_progress),
        view_(followed) {
    for (std::size_t i = 0; i < followed.size(); ++i) {
      Steadiness one;
      one.followed = &followed[i];
      // A result that is missing is one that was not good.
      const bool runs = i < results.size() &&
                        (results[i].end == RolloutEnd::succeeded || results[i].end == RolloutEnd::already_running);
      if (runs) one.rollout = results[i].rollout;
      one.open = runs && followed[i].before.kind != WorkloadKind::cron_job;
      tracked_.push_back(std::move(one));
      outcome_.push_back({followed[i].before.kind, followed[i].before.name, true, false, ""});
    }
  }

  Result<std::vector<WatchedWorkload>> run(net::ReplyStreams& streams) {
    std::vector<const Followed*> open;
    for (const auto& one : tracked_) {
      if (one.open) open.push_back(one.followed);
    }
    if (!open.empty()) SLUICE_CHECK(watch(streams, open));
    return std::move(outcome_);
  }

 private:
  Status watch(net::ReplyStreams& streams, const std::vector<const Followed*>& open) {
    const auto& project = open.front()->before.project;
    const auto resources = rollout_resources(open);
    RolloutFeed feed(client_, streams, project, resources, {until_.earlier(context_.deadline), context_.stop});
    open_watches_ = resources.size();
    while (any_open()) {
      if (context_.stop.stop_requested()) {
        return Error(ErrorKind::cancelled,
                     "stopped while rollouts of " + project + " were watched; the tags stay where they are");
      }
      if (until_.expired() || context_.deadline.expired()) {
        SLUICE_CHECK(hear_last_words(feed));
        return look_back(project);
      }
      if (auto item = feed.next(next_look())) SLUICE_CHECK(take(std::move(*item)));
      look_at_clocks();
    }
    return {};
  }

  // What was told before the end counts, and so does that there was nobody to tell it.
  Status hear_last_words(RolloutFeed& feed) {
    while (open_watches_ > 0) {
      auto item = feed.next(Deadline::after(kLastWords));
      if (!item) break;
      SLUICE_CHECK(take(std::move(*item)));
    }
    return {};
  }

  // The end of the span: what nobody saw is not proved.
  Status look_back(const std::string& project) {
    look_at_clocks();
    for (std::size_t i = 0; i < tracked_.size(); ++i) {
      if (!tracked_[i].open) continue;
      const auto asked = fmt::format("watching {} for {}", project, text::human_seconds(seconds(span_)));
      if (!until_.expired()) return Error(ErrorKind::timeout, "the time was up while " + asked);
      if (!trouble_.empty()) {
        return Error(ErrorKind::unreachable, asked + " ended without a connection: " + trouble_)
            .with_hint("see what runs with: sluice status");
      }
      if (!tracked_[i].was_ready) {
        fail(i, fmt::format("its pods were not seen to be ready within {}", text::human_seconds(seconds(span_))));
      } else {
        end(i, fmt::format("steady for {}", text::human_seconds(seconds(span_))), false);
      }
    }
    return {};
  }

  bool any_open() const {
    return std::any_of(tracked_.begin(), tracked_.end(), [](const Steadiness& one) { return one.open; });
  }

  Status take(FeedItem item) {
    if (item.is_last()) --open_watches_;
    if (auto* error = std::get_if<Error>(&item.what)) {
      return judge_lost_watch(client_, item.kind, std::move(*error), trouble_);
    }
    const auto* event = std::get_if<kube::WatchEvent>(&item.what);
    if (event == nullptr) return {};
    for (const auto index : view_.apply(item.kind, *event)) step(index);
    return {};
  }

  void step(std::size_t index) {
    auto& one = tracked_[index];
    if (!one.open) return;
    const auto live = view_.of(index);
    if (live.object == nullptr && !live.deleted) return;  // its own watch has not told yet
    auto decision = decide_rollout(*one.followed, live, one.rollout);
    if (one.rollout.empty()) one.rollout = decision.rollout;
    if (decision.step == Step::ended && decision.end == RolloutEnd::superseded) return supersede(index, decision.what);
    if (decision.step == Step::ended && decision.end == RolloutEnd::gone) return fail(index, decision.what);
    if (!decision.rollout.empty() && decision.rollout != one.rollout) {
      return supersede(index, fmt::format("{} was replaced by {}", one.rollout, decision.rollout));
    }
    const bool failed = decision.step == Step::ended && decision.end == RolloutEnd::failed;
    // One that is paused or between two states runs the pods that it had.
    if (!decision.owner_uid.empty()) one.decision = std::move(decision);
    if (one.decision.owner_uid.empty()) return;
    if (failed) return fail_with_cause(index, live, one.decision.what);
    look_at_pods(index, live);
  }

  void look_at_pods(std::size_t index, const LiveWorkload& live) {
    auto& one = tracked_[index];
    const auto pods = new_pods(one.decision, *one.followed, live);
    if (const auto checked = check_pods(pods, one.followed->images); !checked.wrong.empty()) {
      return fail(index, checked.wrong.front());
    }
    for (const auto* pod : pods) {
      if (const auto crash = new_crash(one, *pod)) {
        outcome_[index].log = log_of(one, *crash);
        return fail(index, crash->sentence);
      }
    }
    const auto ready = std::count_if(pods.begin(), pods.end(), [](const kube::Pod* pod) { return pod->ready(); });
    if (!one.need) one.need = one.decision.wanted;
    const auto need = std::min(*one.need, one.decision.wanted);
    tell(index, fmt::format("{} of {} pods ready", ready, one.decision.wanted));
    if (ready >= need) {
      one.was_ready = true;
      one.unready_since.reset();
    } else if (!one.unready_since) {
      one.unready_since = Clock::now();
    }
  }

  // A container that ended since it was first seen. It may be running again by now.
  static std::optional<RolloutCause> new_crash(Steadiness& one, const kube::Pod& pod) {
    for (const auto& status : pod.statuses()) {
      if (status.init) continue;
      const auto before = one.restarts.emplace(pod.uid() + "/" + status.name, status.restarts).first->second;
      const bool down = status.state == "terminated" || status.reason == "CrashLoopBackOff";
      if (down || status.restarts > before) return crash_of(pod, status);
    }
    return std::nullopt;
  }

  std::optional<LinesToShow> log_of(const Steadiness& one, const RolloutCause& cause) {
    if (cause.pod.empty()) return std::nullopt;
    return last_lines(client_, one.followed->before.project, cause, kLogLines, context_);
  }

  std::chrono::milliseconds patience_of(const Steadiness& one) const {
    return one.was_ready ? grace_ : std::max(grace_, kFirstLook);
  }

  // What ends by time alone.
  void look_at_clocks() {
    const auto now = Clock::now();
    for (std::size_t i = 0; i < tracked_.size(); ++i) {
      const auto& one = tracked_[i];
      if (!one.open || !one.unready_since || now < *one.unready_since + patience_of(one)) continue;
      fail_with_cause(i, view_.of(i),
                      fmt::format("{} for longer than {}", one.line, text::human_seconds(seconds(patience_of(one)))));
    }
  }

  Deadline next_look() const {
    auto until = until_.earlier(context_.deadline);
    for (const auto& one : tracked_) {
      if (!one.open || !one.unready_since) continue;
      const auto left = *one.unready_since + patience_of(one) - Clock::now();
      until = until.earlier(
          Deadline::after(std::chrono::ceil<std::chrono::milliseconds>(std::max(left, Clock::duration::zero()))));
    }
    return until;
  }

  void fail_with_cause(std::size_t index, const LiveWorkload& live, std::string what) {
    const auto& one = tracked_[index];
    if (const auto cause = first_cause(one.decision, *one.followed, live)) {
      outcome_[index].log = log_of(one, *cause);
      what += "; " + cause->sentence;
    }
    fail(index, what);
  }

  void fail(std::size_t index, const std::string& what) {
    outcome_[index].steady = false;
    outcome_[index].sentence = tracked_[index].followed->before.shown() + ": " + what;
    end(index, what, true);
  }

  void supersede(std::size_t index, const std::string& what) {
    outcome_[index].superseded = true;
    fail(index, what);
  }

  void end(std::size_t index, const std::string& what, bool trouble) {
    tracked_[index].open = false;
    report(index, what, trouble, true);
  }

  void tell(std::size_t index, const std::string& line) {
    auto& one = tracked_[index];
    if (one.line == line) return;
    one.line = line;
    report(index, line, false, false);
  }

  void report(std::size_t index, const std::string& line, bool trouble, bool ended) const {
    if (!on_progress_) return;
    const auto& before = tracked_[index].followed->before;
    on_progress_({index, before.kind, before.name, before.name + ": " + line, trouble, ended});
  }

  kube::Client& client_;
  const std::chrono::milliseconds span_;
  const std::chrono::milliseconds grace_;
  const Deadline until_;
  const net::ExchangeContext context_;
  const OnRollout& on_progress_;
  RolloutView view_;
  std::vector<Steadiness> tracked_;
  std::vector<WatchedWorkload> outcome_;
  std::size_t open_watches_ = 0;
  std::string trouble_;  ///< why a watch had no connection at the end
};

}  // namespace

Result<std::vector<WatchedWorkload>> watch_rollouts(kube::Client& client, net::ReplyStreams& streams,
                                                    const std::vector<Followed>& followed,
                                                    const std::vector<RolloutResult>& results,
                                                    std::chrono::milliseconds span, std::chrono::milliseconds grace,
                                                    const net::ExchangeContext& context, const OnRollout& on_progress) {
  return Watcher(client, followed, results, span, grace, context, on_progress).run(streams);
}

}  // namespace sluice::openshift
