#include "copy/publish.hpp"

#include "base/task_pool.hpp"
#include "base/text.hpp"
#include "copy/attachments.hpp"
#include "copy/manifest_writer.hpp"
#include "copy/prove.hpp"

#include <atomic>
#include <cstdint>
#include <set>
#include <utility>

namespace sluice::copy {

namespace {

std::string spoken(const SurveyedItem& item, const std::string& tag) {
  return item.item.dest->name() + "/" + item.item.dest_repository + ":" + tag;
}

class Publisher {
 public:
  Publisher(Survey& survey, const std::vector<std::size_t>& items, const Switched& switched,
            const PublishOptions& options, Events& events, const std::stop_token& stop)
      : survey_(survey),
        items_(items),
        switched_(switched),
        options_(options),
        events_(events),
        settling_{options.pauses},
        retries_(survey.items.size()),
        proof_(survey, {.retry_times = options.retry_times}, events),
        pool_(stop) {}

  Status run() {
    if (options_.prove) {
      for (const auto index : items_) proof_.add(pool_, index);
    }
    each_tag([this](std::size_t index, const std::string& tag) { return write(index, tag); });
    auto written = pool_.finish();
    count();
    if (!written) return options_.prove ? put_back_tags(std::move(written).error()) : written;
    unlisted_.list(pool_, events_);
    look_again(survey_, items_, settling_, events_, pool_);
    for (const auto index : items_) {
      const auto& item = survey_.items[index];
      if (item.item.tags.empty() && !item.all_equal && !item.attached)
        pool_.add(look(item, places::ManifestName::digest(item.root().digest)));
    }
    each_tag([this](std::size_t index, const std::string& tag) {
      return look(survey_.items[index], places::ManifestName::tag(tag));
    });
    return pool_.finish();
  }

 private:
  template <class TaskFor>
  void each_tag(const TaskFor& task_for) {
    for (const auto index : items_) {
      const auto& item = survey_.items[index];
      for (std::size_t t = 0; t < item.item.tags.size(); ++t) {
        if (item.before[t] != item.root().digest) pool_.add(task_for(index, item.item.tags[t]));
      }
    }
  }

  Task write(std::size_t index, const std::string& tag) {
    const auto& item = survey_.items[index];
    auto task = write_manifest(
        pool_, events_,
        {.item = item,
         .item_index = index,
         .manifest = item.root(),
         .name = places::ManifestName::tag(tag),
         .retry_times = options_.retry_times,
         .retries = &retries_[index],
         .brought =
             [this, index](const oci::Descriptor& blob) {
               brought_.with([&](auto& list) { list.emplace_back(index, blob); });
             },
         .unlisted = [this, &item](
                         const oci::Manifest& one) { unlisted_.add(*item.item.dest, item.item.dest_repository, one); },
         .then = [this, &item, &tag](const std::stop_token&) -> Status {
           note_may_stand(item, tag);
           return switched_ ? switched_(item, tag) : Status();
         }});
    task.run = [this, &item, &tag, work = std::move(task.run)](const std::stop_token& stop) -> Status {
      auto done = work(stop);
      // A write that was given up may have come through.
      if (!done && !is_refusal(done.error())) note_may_stand(item, tag);
      return done;
    };
    return task;
  }

  void note_may_stand(const SurveyedItem& item, const std::string& tag) {
    const bool fresh = may_stand_.with([&](auto& set) { return set.emplace(&item, tag).second; });
    if (fresh && options_.may_stand) options_.may_stand(item, tag);
  }

  Task look(const SurveyedItem& item, const places::ManifestName& name) {
    return {.hosts = {item.item.dest},
            .run = [this, &item, name](const std::stop_token& stop) { return look_until_right(item, name, stop); }};
  }

  Status look_until_right(const SurveyedItem& item, const places::ManifestName& name, const std::stop_token& stop) {
    const auto& digest = item.root().digest;
    const auto place = item.item.dest->name() + "/" + item.item.dest_repository;
    const auto where = place + (name.as_digest() ? "@" : ":") + name.text();
    const ReadBack how{.pauses = options_.pauses, .lagging = [&](const std::optional<oci::Digest>& now) {
                         tell(EventKind::note, item, where,
                              where + " still reads back as " + (now ? now->text() : "nothing") + "; looking again");
                       }};
    SLUICE_TRY(const auto now, read_back(*item.item.dest, item.item.dest_repository, name, digest, how, stop));
    if (now != digest) {
      return Error(ErrorKind::integrity, where + " should stand for " + digest.text() + " now, but reads back as " +
                                             (now ? now->text() : "nothing"));
    }
    if (!name.as_digest()) tell(EventKind::tag, item, where, name.text());
    return {};
  }

  void tell(EventKind kind, const SurveyedItem& item, const std::string& where, std::string detail) {
    events_.emit({.kind = kind,
                  .image = item.item.label,
                  .target = where,
                  .digest = item.root().digest.text(),
                  .detail = std::move(detail)});
  }

  void count() {
    for (const auto index : items_) survey_.items[index].retries += retries_[index].exchange(0);
    brought_.with([&](auto& list) {
      for (const auto& [index, blob] : std::exchange(list, {})) count_as_moved(survey_, index, blob);
    });
    proof_.count();
  }

  // Nobody can pull what is not there whole: a tag that was written stands for what it stood for before.
  Error put_back_tags(Error error) {
    std::vector<std::string> said;
    for (const auto index : items_) {
      const auto& item = survey_.items[index];
      for (std::size_t t = 0; t < item.item.tags.size(); ++t) {
        if (item.before[t] == item.root().digest) continue;
        if (auto what = put_back_tag(item, item.item.tags[t], item.before[t]); !what.empty())
          said.push_back(std::move(what));
      }
    }
    if (said.empty()) return error;
    return std::move(error).followed_by(text::join(said, "; "));
  }

  // The user may have asked to stop; what was switched is put back all the same, bounded by the usual time-outs. A
  // write that was given up may have come through, and a read may lag behind.
  std::string put_back_tag(const SurveyedItem& item, const std::string& tag, const std::optional<oci::Digest>& before) {
    if (!may_stand_.with([&](const auto& set) { return set.contains({&item, tag}); })) return {};
    auto& dest = *item.item.dest;
    const auto name = places::ManifestName::tag(tag);
    const auto where = spoken(item, tag);
    const ReadBack how{.pauses = options_.pauses};
    const auto now = read_back(dest, item.item.dest_repository, name, item.root().digest, how, {});
    if (!now) return where + " could not be looked at: " + now.error().sentence();
    const bool written = *now == item.root().digest;
    if (!written && *now != before) return {};  // somebody else's by now
    if (!before) return written ? where + " stood for nothing before, and stands for the new image now" : std::string();
    const auto back = put_back(dest, item.item.dest_repository, tag, *before, how, {});
    if (!back && !written) return {};
    if (!back) return where + " stands for the new image now and could not be put back: " + back.error().sentence();
    events_.emit({.kind = EventKind::put_back,
                  .image = item.item.label,
                  .target = where,
                  .digest = before->text(),
                  .detail = "put back to " + before->text()});
    return where + " was put back to " + before->text();
  }

  Survey& survey_;
  const std::vector<std::size_t>& items_;
  const Switched& switched_;
  const PublishOptions& options_;
  Events& events_;
  Guarded<std::vector<std::pair<std::size_t, oci::Descriptor>>> brought_;
  Guarded<std::set<std::pair<const SurveyedItem*, std::string>>> may_stand_;  // tags
  Unlisted unlisted_;
  SettleOptions settling_;
  std::vector<std::atomic<std::uint64_t>> retries_;  // by item
  Proof proof_;
  TaskPool pool_;  // last: its threads end before what they use
};

}  // namespace

Status publish(Survey& survey, const std::vector<std::size_t>& items, const Switched& switched,
               const PublishOptions& options, Events& events, std::stop_token stop) {
  return Publisher(survey, items, switched, options, events, stop).run();
}

}  // namespace sluice::copy
