#include "copy/attachments.hpp"

#include "base/pause.hpp"
#include "base/text.hpp"
#include "net/retry.hpp"
#include "places/registry_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::copy {

namespace {

constexpr unsigned kMaxRounds = 8;  // of others who write to one list at the same moment

using Stored = std::optional<oci::Manifest>;

// What stands under a tag, read as a manifest; empty: nothing.
Result<Stored> stands_at(places::Place& place, const std::string& repository, const std::string& tag,
                         const std::stop_token& stop) {
  auto found = place.find_manifest(repository, places::ManifestName::tag(tag), stop);
  if (!found && places::means_missing(found.error())) return Stored();
  if (!found) return std::move(found).error();
  if (!*found) return Stored();
  SLUICE_TRY(auto read, oci::parse_manifest(std::move((*found)->bytes), (*found)->media_type)
                            .context(place.name() + "/" + repository + ":" + tag));
  return Stored(std::move(read));
}

std::set<oci::Digest> digests_of(const std::vector<oci::Descriptor>& list) {
  std::set<oci::Digest> out;
  for (const auto& one : list) out.insert(one.digest);
  return out;
}

std::string spoken(const SurveyedItem& item) {
  const auto& what = item.attached->what;
  return fmt::format("the {} {} of {}", oci::to_string(what.kind),
                     what.tag.empty() ? what.digest.text() : what.tag + " (" + what.digest.brief() + ")",
                     what.subject.text());
}

Task call(places::Place* place, std::function<Status(const std::stop_token&)> run) {
  return {.hosts = {place}, .run = std::move(run)};
}

}  // namespace

Result<ReferrerList> referrers_at(places::Place& place, const std::string& repository, const oci::Digest& subject,
                                  const std::stop_token& stop) {
  SLUICE_TRY(const auto own, place.referrers(repository, subject, stop));
  if (own) return ReferrerList{digests_of(*own), true};
  SLUICE_TRY(const auto list, stands_at(place, repository, oci::referrers_tag(subject), stop));
  return ReferrerList{list && list->is_index() ? digests_of(list->children) : std::set<oci::Digest>(), false};
}

Result<Stored> look_at_tag(const SurveyedItem& item, const std::stop_token& stop) {
  const auto& source = item.root();
  SLUICE_TRY(const auto there, stands_at(*item.item.dest, item.item.dest_repository, item.attached->what.tag, stop));
  if (!there) return Stored(source);
  if (there->digest == source.digest) return Stored();
  if (there->is_index() || source.is_index()) {
    return Error(ErrorKind::unsupported,
                 fmt::format("{}/{}:{} stands for {}, to which {} cannot be added", item.item.dest->name(),
                             item.item.dest_repository, item.attached->what.tag, there->digest.text(), spoken(item)));
  }
  switch (oci::compare_layers(source, *there)) {
    case oci::TagContent::has_all:
      return Stored();
    case oci::TagContent::adds:
      return Stored(source);
    case oci::TagContent::diverged:
      break;
  }
  SLUICE_TRY(auto both, oci::with_layers_of(*there, source));
  return Stored(std::move(both));
}

Status write_tag(const SurveyedItem& item, const std::stop_token& stop) {
  SLUICE_TRY(const auto missing, look_at_tag(item, stop));
  if (!missing) return {};
  SLUICE_CHECK(item.item.dest->put_manifest(item.item.dest_repository,
                                            places::ManifestName::tag(item.attached->what.tag), *missing, stop));
  return {};
}

void ArrivalLook::ask() {
  std::map<std::tuple<std::string, std::string, oci::Digest>, std::vector<SurveyedItem*>> by_subject;
  for (auto& item : survey_.items) {
    if (!item.attached) continue;
    const auto& what = item.attached->what;
    if (what.tag.empty()) {
      by_subject[{item.item.dest->name(), item.item.dest_repository, what.subject}].push_back(&item);
      continue;
    }
    pool_.add(call(item.item.dest, [&item](const std::stop_token& stop) -> Status {
      SLUICE_TRY(const auto missing, look_at_tag(item, stop));
      item.all_equal = item.attached->arrived = !missing;
      return {};
    }));
  }
  for (auto& [where, items] : by_subject) {
    const auto& first = items.front()->item;
    pool_.add(call(first.dest, [items = std::move(items)](const std::stop_token& stop) -> Status {
      const auto& item = items.front()->item;
      SLUICE_TRY(const auto listed,
                 referrers_at(*item.dest, item.dest_repository, items.front()->attached->what.subject, stop));
      for (auto* one : items) one->all_equal = one->attached->arrived = listed.digests.contains(one->root().digest);
      return {};
    }));
  }
}

void Unlisted::add(places::Place& place, const std::string& repository, const oci::Manifest& manifest) {
  entries_.with([&](auto& entries) {
    auto [entry, fresh] = entries.try_emplace({place.name(), repository, manifest.subject->digest},
                                              Entry{&place, repository, manifest.subject->digest, {}});
    entry->second.referrers.emplace(manifest.digest, manifest);
  });
}

void Unlisted::list(TaskPool& pool, Events& events) {
  auto entries = entries_.with([](auto& all) { return std::exchange(all, {}); });
  for (auto& [where, entry] : entries) {
    auto* place = entry.place;
    pool.add(call(place, [entry = std::move(entry), &events](const std::stop_token& stop) {
      std::vector<oci::Manifest> referrers;
      for (const auto& [digest, manifest] : entry.referrers) referrers.push_back(manifest);
      return list_under_tag(*entry.place, entry.repository, entry.subject, referrers, events, stop);
    }));
  }
}

Status list_under_tag(places::Place& place, const std::string& repository, const oci::Digest& subject,
                      const std::vector<oci::Manifest>& referrers, Events& events, const std::stop_token& stop) {
  const auto tag = oci::referrers_tag(subject);
  const auto where = place.name() + "/" + repository + ":" + tag;
  for (unsigned round = 0; round < kMaxRounds; ++round) {
    // The first look comes right away; whoever lost an entry to another writer lets that one end.
    if (round > 0 && !pause_for(net::back_off(round - 1, std::nullopt, 1), stop))
      return Error(ErrorKind::cancelled, "stopped while " + where + " was written");
    SLUICE_TRY(auto list, stands_at(place, repository, tag, stop));
    bool changed = false;
    for (const auto& referrer : referrers) {
      SLUICE_TRY(auto longer, oci::with_referrer(list, referrer).context(where));
      if (!longer) continue;
      list = std::move(longer);
      changed = true;
    }
    if (!changed) return {};
    SLUICE_CHECK(place.put_manifest(repository, places::ManifestName::tag(tag), *list, stop).context(where));
    SLUICE_TRY(const auto now, stands_at(place, repository, tag, stop));
    const auto kept = now ? digests_of(now->children) : std::set<oci::Digest>();
    const bool whole = std::all_of(referrers.begin(), referrers.end(),
                                   [&](const oci::Manifest& one) { return kept.contains(one.digest); });
    if (whole) return {};
    events.emit({.kind = EventKind::note,
                 .target = where,
                 .digest = subject.text(),
                 .detail = where + " was overwritten by somebody else, or reads back late; writing it again"});
  }
  return Error(ErrorKind::busy, where + ", which lists what is attached to " + subject.text() + ", was overwritten " +
                                    std::to_string(kMaxRounds) + " times while it was written")
      .with_hint("try again when nobody else attaches anything to this image");
}

namespace {

Result<bool> stands(const SurveyedItem& item, const std::stop_token& stop) {
  const auto& what = item.attached->what;
  if (!what.tag.empty()) {
    SLUICE_TRY(const auto missing, look_at_tag(item, stop));
    return !missing;
  }
  SLUICE_TRY(const auto listed, referrers_at(*item.item.dest, item.item.dest_repository, what.subject, stop));
  return listed.digests.contains(item.root().digest);
}

// A place that lists referrers itself needs nothing but time.
Status write_again(const SurveyedItem& item, Events& events, const std::stop_token& stop) {
  const auto& what = item.attached->what;
  if (!what.tag.empty()) return write_tag(item, stop);
  auto& dest = *item.item.dest;
  SLUICE_TRY(const auto listed, referrers_at(dest, item.item.dest_repository, what.subject, stop));
  if (listed.by_place) return {};
  return list_under_tag(dest, item.item.dest_repository, what.subject, {item.root()}, events, stop);
}

// Replicas may lag behind, and others may write at the same moment: both are looked at again.
Status settle(SurveyedItem& item, const SettleOptions& options, Events& events, const std::stop_token& stop) {
  for (std::size_t look = 0;; ++look) {
    SLUICE_TRY(item.attached->arrived, stands(item, stop));
    if (item.attached->arrived || look >= options.pauses.size()) return {};
    if (!pause_for(options.pauses[look], stop))
      return Error(ErrorKind::cancelled, "stopped while " + spoken(item) + " was looked for");
    SLUICE_CHECK(write_again(item, events, stop));
  }
}

// All that was expected, or the copy failed.
Status count(const Survey& survey) {
  std::size_t expected = 0;
  std::vector<std::string> missing;
  for (const auto& item : survey.items) {
    if (!item.attached) continue;
    ++expected;
    if (!item.attached->arrived) missing.push_back(spoken(item) + " at " + item.item.dest->name());
  }
  if (missing.empty()) return {};
  const auto shown = std::min<std::size_t>(missing.size(), 3);
  return Error(ErrorKind::integrity,
               fmt::format("of {} attachments {} arrived; missing: {}{}", expected, expected - missing.size(),
                           text::join({missing.begin(), missing.begin() + static_cast<std::ptrdiff_t>(shown)}, ", "),
                           shown < missing.size() ? ", ..." : ""))
      .with_hint("try again, or copy the image without what is attached to it: --no-attachments");
}

}  // namespace

Status settle_attachments(Survey& survey, Unlisted& unlisted, const SettleOptions& options, Events& events,
                          const std::stop_token& stop) {
  {
    TaskPool pool(stop);
    unlisted.list(pool, events);
    SLUICE_CHECK(pool.finish());
  }
  TaskPool pool(stop);
  for (auto& item : survey.items) {
    if (!item.attached || item.attached->arrived) continue;
    pool.add(call(item.item.dest, [&survey, &item, &options, &events](const std::stop_token& token) -> Status {
      SLUICE_CHECK(settle(item, options, events, token));
      if (!item.attached->arrived) return {};
      events.emit({.kind = EventKind::attachment,
                   .image = survey.items[item.attached->to].item.label,
                   .target = item.item.dest->name() + "/" + item.item.dest_repository,
                   .digest = item.attached->what.digest.text(),
                   .bytes = item.root().bytes.size(),
                   .detail = std::string(oci::to_string(item.attached->what.kind))});
      return {};
    }));
  }
  SLUICE_CHECK(pool.finish());
  return count(survey);
}

void look_again(Survey& survey, const std::vector<std::size_t>& images, const SettleOptions& options, Events& events,
                TaskPool& pool) {
  for (auto& item : survey.items) {
    const bool brought = item.attached && !item.all_equal;
    if (!brought || std::find(images.begin(), images.end(), item.attached->to) == images.end()) continue;
    pool.add(call(item.item.dest, [&item, &options, &events](const std::stop_token& token) -> Status {
      SLUICE_CHECK(settle(item, options, events, token));
      if (item.attached->arrived) return {};
      return Error(ErrorKind::integrity,
                   spoken(item) + " had arrived at " + item.item.dest->name() + ", and cannot be found there any more")
          .with_hint("somebody else writes there at the same time; try again");
    }));
  }
}

}  // namespace sluice::copy
