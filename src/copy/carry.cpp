#include "copy/carry.hpp"

#include "base/task_pool.hpp"
#include "copy/attachments.hpp"
#include "copy/blob_mover.hpp"
#include "copy/decide.hpp"
#include "copy/labelled_events.hpp"
#include "copy/manifest_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <utility>

namespace sluice::copy {

namespace {

// A step that starts when the steps it waits for are done.
struct Step {
  std::size_t waits_for = 0;
  std::vector<std::size_t> unlocks;
  Task task;
  bool unlocks_itself = false;  // its work may go on in tasks that it adds
};

class Carrier {
 public:
  Carrier(Survey& survey, const CarryOptions& options, Events& events, std::stop_token stop)
      : survey_(survey),
        options_(options),
        events_(events),
        stop_(stop),
        retries_(survey.items.size()),
        pool_(std::move(stop)) {}

  Status run() {
    for (const auto& item : survey_.items) {
      if (item.attached) dressed_.insert(item.attached->to);
    }
    for (std::size_t m = 0; m < survey_.moves.size(); ++m) add_move(m);
    for (std::size_t m = 0; m < survey_.moves.size(); ++m) {
      if (const auto after = survey_.moves[m].after) depends(m, *after);
    }
    for (std::size_t i = 0; i < survey_.items.size(); ++i) add_manifests(i);
    // All are found before the first one starts: from then on, steps that end make others ready.
    std::vector<std::size_t> ready;
    for (std::size_t s = 0; s < steps_.size(); ++s) {
      if (steps_[s].waits_for == 0) ready.push_back(s);
    }
    for (const auto step : ready) start(step);
    auto done = pool_.finish();
    count();
    if (!done) return done;
    const bool any = std::any_of(survey_.items.begin(), survey_.items.end(),
                                 [](const SurveyedItem& item) { return item.attached && !item.attached->arrived; });
    if (!any && unlisted_.empty()) return {};
    return settle_attachments(survey_, unlisted_, {options_.pauses}, events_, stop_);
  }

 private:
  void depends(std::size_t step, std::size_t on) {
    ++steps_[step].waits_for;
    steps_[on].unlocks.push_back(step);
  }

  // Steps of moves have the same index as the move.
  void add_move(std::size_t index) {
    const auto& move = survey_.moves[index];
    Step step;
    if (move.how == BlobMove::How::stream || move.how == BlobMove::How::mount) {
      step.task.hosts = {move.dest};
      // A mount moves nothing as a rule; the source's slot is taken only where bytes are sure to flow.
      if (move.how == BlobMove::How::stream && move.origin.place->name() != move.dest->name())
        step.task.hosts.push_back(move.origin.place);
      step.task.moves_bytes = move.how == BlobMove::How::stream;
      step.task.priority = move.how == BlobMove::How::stream ? Priority::blob(move.blob.size_bytes) : Priority::call();
    }
    step.task.run = [this, index](const std::stop_token& stop) -> Status {
      const auto& what = survey_.moves[index];
      LabelledEvents events(events_, survey_.items[what.item].item.label, &retries_[what.item]);
      const MoveOptions how_to{.retry_times = options_.retry_times, .journal = options_.journal, .joint = joint_};
      SLUICE_TRY(const auto how, move_blob(what, how_to, events, stop));
      outcome_.with([&](auto& map) { map[index] = how; });
      events_.emit({.kind = EventKind::blob_done,
                    .image = survey_.items[what.item].item.label,
                    .target = what.dest->name(),
                    .digest = what.blob.digest.text(),
                    .bytes = what.blob.size_bytes,
                    .detail = how == BlobMove::How::stream  ? "moved"
                              : how == BlobMove::How::mount ? "mounted"
                                                            : "present"});
      return {};
    };
    steps_.push_back(std::move(step));
  }

  // Children by digest always; the image's own manifest by digest where that helps.
  void add_manifests(std::size_t index) {
    const auto& item = survey_.items[index];
    const auto bearer = traits_of(item.road).bearer;
    if (bearer == Bearer::nobody || bearer == Bearer::engine) return;
    std::map<oci::Digest, std::size_t> move_of;
    for (const auto m : item.moves) move_of.emplace(survey_.moves[m].blob.digest, m);
    std::map<oci::Digest, std::size_t> step_of;
    for (const auto& held : item.manifests) {
      const auto& manifest = *held;
      const bool root = &manifest == &item.root();
      const bool staged = !item.item.stage_tag.empty() ||
                          (item.item.dest->traits().push_by_digest && (options_.stage_roots || item.item.tags.empty() ||
                                                                       (dressed_.contains(index) && !item.sparse)));
      if (root && !staged) return;
      const auto name = name_of(item, manifest);
      const auto key = std::tuple(item.item.dest->name(), item.item.dest_repository, name.text());
      if (const auto twin = manifest_steps_.find(key); twin != manifest_steps_.end()) {
        step_of.emplace(manifest.digest, twin->second);
        continue;
      }
      const auto step = steps_.size();
      steps_.push_back(manifest_step(step, index, manifest));
      manifest_steps_.emplace(key, step);
      step_of.emplace(manifest.digest, step);
      for (const auto& blob : manifest.blobs()) {
        if (const auto found = move_of.find(blob.digest); found != move_of.end()) depends(step, found->second);
      }
      for (const auto& child : manifest.children) {
        if (const auto found = step_of.find(child.digest); found != step_of.end()) depends(step, found->second);
      }
    }
  }

  static places::ManifestName name_of(const SurveyedItem& item, const oci::Manifest& manifest) {
    const bool root = &manifest == &item.root();
    return root && !item.item.stage_tag.empty() ? places::ManifestName::tag(item.item.stage_tag)
                                                : places::ManifestName::digest(manifest.digest);
  }

  Step manifest_step(std::size_t own, std::size_t index, const oci::Manifest& manifest) {
    const auto& item = survey_.items[index];
    const bool root = &manifest == &item.root();
    ManifestOrder order{
        .item = item,
        .item_index = index,
        .manifest = manifest,
        .name = name_of(item, manifest),
        .retry_times = options_.retry_times,
        .retries = &retries_[index],
        .brought = [this, &item](const oci::Descriptor& blob) { note_brought(item, blob); },
        .unlisted =
            [this, &item](const oci::Manifest& one) { unlisted_.add(*item.item.dest, item.item.dest_repository, one); },
        .then = {}};
    order.then = [this, own, &item, &manifest](const std::stop_token&) -> Status {
      events_.emit({.kind = EventKind::manifest,
                    .image = item.item.label,
                    .target = item.item.dest->name(),
                    .digest = manifest.digest.text(),
                    .bytes = manifest.bytes.size()});
      unlock(own);
      return {};
    };
    Step step;
    if (root && item.attached && !item.attached->what.tag.empty()) {
      step.task = tag_task(std::move(order));
      step.unlocks_itself = true;
      return step;
    }
    step.task = write_manifest(pool_, events_, std::move(order));
    step.unlocks_itself = true;
    return step;
  }

  // Others may have signed since the survey: the tag is looked at again, and gets what it lacks.
  Task tag_task(ManifestOrder order) {
    return {.hosts = {order.item.item.dest},
            .run = [this, order = std::move(order)](const std::stop_token& stop) mutable -> Status {
              SLUICE_TRY(auto missing, look_at_tag(order.item, stop));
              if (!missing) return order.then(stop);
              if (missing->digest == order.manifest.digest) {
                pool_.add(write_manifest(pool_, events_, std::move(order)));
                return {};
              }
              return both_written(order, std::make_shared<const oci::Manifest>(std::move(*missing)));
            }};
  }

  // What stands there already with the source's layers behind it; it lives as long as the writing.
  Status both_written(const ManifestOrder& order, const std::shared_ptr<const oci::Manifest>& both) {
    pool_.add(write_manifest(pool_, events_,
                             {.item = order.item,
                              .item_index = order.item_index,
                              .manifest = *both,
                              .name = order.name,
                              .retry_times = order.retry_times,
                              .retries = order.retries,
                              .brought = order.brought,
                              .unlisted = order.unlisted,
                              .then = [both, then = order.then](const std::stop_token& stop) { return then(stop); }}));
    return {};
  }

  void note_brought(const SurveyedItem& item, const oci::Descriptor& blob) {
    for (const auto m : item.moves) {
      if (survey_.moves[m].blob.digest != blob.digest) continue;
      outcome_.with([&](auto& map) { map[m] = BlobMove::How::stream; });
    }
  }

  void start(std::size_t index) {
    auto task = std::move(steps_[index].task);
    if (!steps_[index].unlocks_itself) {
      task.run = [this, index, work = std::move(task.run)](const std::stop_token& stop) -> Status {
        SLUICE_CHECK(work(stop));
        unlock(index);
        return {};
      };
    }
    pool_.add(std::move(task));
  }

  void unlock(std::size_t index) {
    std::vector<std::size_t> ready;
    unlock_.with([&](int&) {
      for (const auto next : steps_[index].unlocks) {
        if (--steps_[next].waits_for == 0) ready.push_back(next);
      }
    });
    for (const auto next : ready) start(next);
  }

  // What really happened replaces the estimate.
  void count() {
    for (std::size_t i = 0; i < survey_.items.size(); ++i) survey_.items[i].retries = retries_[i].load();
    outcome_.with([&](const auto& outcome) {
      for (auto& item : survey_.items) {
        if (item.moves.empty()) continue;  // nothing travelled: the estimate stands
        item.bytes = item.blobs = Amounts{};
        for (const auto m : item.moves) {
          auto& move = survey_.moves[m];
          const bool mine = &survey_.items[move.item] == &item;
          const auto known = outcome.find(m);
          if (mine && known == outcome.end()) continue;  // not done: something failed first
          const auto how = mine ? known->second : BlobMove::How::present;
          if (mine) move.how = how;
          const auto size = move.blob.size_bytes;
          item.bytes += {how == BlobMove::How::stream ? size : 0, how == BlobMove::How::mount ? size : 0,
                         how == BlobMove::How::present ? size : 0};
          item.blobs += {how == BlobMove::How::stream ? 1U : 0U, how == BlobMove::How::mount ? 1U : 0U,
                         how == BlobMove::How::present ? 1U : 0U};
        }
        if (item.road == Road::mount && item.bytes.moved > 0) {
          take_instead(item, Road::stream, "same registry, but it refused to link some layers",
                       fmt::format("it refused to link {} of {} blobs", item.blobs.moved, item.blobs.total()));
        }
      }
    });
  }

  Survey& survey_;
  CarryOptions options_;
  Events& events_;
  std::stop_token stop_;
  std::set<std::size_t> dressed_;  // items that something is attached to: it may be listed only once they are there
  Unlisted unlisted_;
  std::vector<std::atomic<std::uint64_t>> retries_;  // by item
  std::vector<Step> steps_;
  std::map<std::tuple<std::string, std::string, std::string>, std::size_t> manifest_steps_;  // host, repository, name
  const std::shared_ptr<places::JointHash> joint_ = std::make_shared<places::JointHash>();
  Guarded<int> unlock_;  // guards waits_for while the pool is at work
  Guarded<std::map<std::size_t, BlobMove::How>> outcome_;
  TaskPool pool_;  // last: its threads end before what they use
};

}  // namespace

Status carry(Survey& survey, const CarryOptions& options, Events& events, std::stop_token stop) {
  return Carrier(survey, options, events, std::move(stop)).run();
}

}  // namespace sluice::copy
