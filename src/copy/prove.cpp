#include "copy/prove.hpp"

#include "copy/blob_mover.hpp"
#include "copy/decide.hpp"
#include "copy/labelled_events.hpp"
#include "copy/manifest_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::copy {

namespace {

std::string where(const SurveyedItem& item) { return item.item.dest->name() + "/" + item.item.dest_repository; }

Error cannot_be_read(const SurveyedItem& item, const oci::Descriptor& blob, const std::string& why) {
  return Error(ErrorKind::integrity,
               fmt::format("{} says that it has blob {} and cannot give it{}", where(item), blob.digest.text(), why))
      .with_hint(
          "the registry's storage or its cache of blob descriptors is wrong: have it restarted or that cache "
          "emptied, then copy again");
}

}  // namespace

Proof::Proof(Survey& survey, const ProofOptions& options, Events& events)
    : survey_(survey), options_(options), events_(events), retries_(survey.items.size()) {}

Proof::~Proof() = default;

void Proof::add(TaskPool& pool, std::size_t item) {
  const auto& surveyed = survey_.items[item];
  // Moves were decided by asking for each blob, and what was carried has arrived.
  if (!surveyed.moves.empty() && !options_.all) {
    for (const auto m : surveyed.moves) {
      const auto& move = survey_.moves[m];
      // A mount of what was uploaded there a moment ago needs no proof.
      if (options_.mounted && move.how == BlobMove::How::mount && !move.after) add_blob(pool, item, move.blob);
    }
    return;
  }
  for (const auto& blob : blobs_of(surveyed)) add_blob(pool, item, blob);
  for (const auto& manifest : surveyed.manifests) {
    if (manifest != surveyed.manifests.back()) add_manifest(pool, item, *manifest);
  }
}

void Proof::add_blob(TaskPool& pool, std::size_t item, const oci::Descriptor& blob) {
  auto* dest = survey_.items[item].item.dest;
  const auto& repository = survey_.items[item].item.dest_repository;
  if (!asked_.emplace(dest->name(), repository, blob.digest).second) return;
  pool.add(
      {.hosts = {dest}, .run = [this, &pool, item, blob, dest, &repository](const std::stop_token& stop) -> Status {
         SLUICE_TRY(const bool there, dest->has_blob(repository, blob, stop));
         if (there) return {};
         Task task{.hosts = {dest}, .moves_bytes = true, .priority = Priority::blob(blob.size_bytes), .run = {}};
         auto* source = survey_.items[item].origin.place;
         if (source->name() != dest->name()) task.hosts.push_back(source);
         task.run = [this, item, blob](const std::stop_token& token) { return bring(item, blob, token); };
         pool.add(std::move(task));
         return {};
       }});
}

// A child of an index is small: it is read whole.
void Proof::add_manifest(TaskPool& pool, std::size_t item, const oci::Manifest& manifest) {
  auto* dest = survey_.items[item].item.dest;
  const auto& repository = survey_.items[item].item.dest_repository;
  if (!asked_.emplace(dest->name(), repository, manifest.digest).second) return;
  pool.add({.hosts = {dest},
            .run = [this, &pool, item, &manifest, dest, &repository](const std::stop_token& stop) -> Status {
              const auto name = places::ManifestName::digest(manifest.digest);
              SLUICE_TRY(const auto found, dest->find_manifest(repository, name, stop));
              if (found) return {};
              // What it needs may be missing as well: that is brought when the place says so.
              pool.add(write_manifest(pool, events_,
                                      {.item = survey_.items[item],
                                       .item_index = item,
                                       .manifest = manifest,
                                       .name = name,
                                       .retry_times = options_.retry_times,
                                       .retries = &retries_[item],
                                       .brought =
                                           [this, item](const oci::Descriptor& blob) {
                                             brought_.with([&](auto& list) { list.emplace_back(item, blob); });
                                           },
                                       .then = [](const std::stop_token&) { return Status(); }}));
              return {};
            }});
}

Status Proof::bring(std::size_t item, const oci::Descriptor& blob, const std::stop_token& stop) {
  const auto& surveyed = survey_.items[item];
  auto* dest = surveyed.item.dest;
  const bool itself =
      surveyed.origin.place->name() == dest->name() && surveyed.origin.repository == surveyed.item.dest_repository;
  if (itself) return cannot_be_read(surveyed, blob, ", and there is no other place to bring it from");
  LabelledEvents events(events_, surveyed.item.label, &retries_[item]);
  events.emit({.kind = EventKind::note,
               .target = dest->name(),
               .digest = blob.digest.text(),
               .detail = where(surveyed) + " cannot give blob " + blob.digest.brief() + "; it is brought again"});
  const BlobMove move{.blob = blob,
                      .item = item,
                      .dest = dest,
                      .dest_repository = surveyed.item.dest_repository,
                      .how = BlobMove::How::stream,
                      .mount_from = {},
                      .after = std::nullopt,
                      .origin = surveyed.origin};
  auto moved = move_blob(move, {.retry_times = options_.retry_times}, events, stop);
  if (!moved) {
    return std::move(moved).error().context(where(surveyed) + " cannot give blob " + blob.digest.brief() +
                                            ", and it could not be brought again");
  }
  SLUICE_TRY(const bool there, dest->has_blob(surveyed.item.dest_repository, blob, stop));
  if (!there) return cannot_be_read(surveyed, blob, ", although it was just uploaded again");
  events.emit({.kind = EventKind::blob_done,
               .target = dest->name(),
               .digest = blob.digest.text(),
               .bytes = blob.size_bytes,
               .detail = "moved"});
  brought_.with([&](auto& list) { list.emplace_back(item, blob); });
  return {};
}

void Proof::count() {
  for (std::size_t i = 0; i < survey_.items.size(); ++i) survey_.items[i].retries += retries_[i].exchange(0);
  brought_.with([&](auto& list) {
    for (const auto& [item, blob] : std::exchange(list, {})) count_as_moved(survey_, item, blob);
  });
}

Status prove(Survey& survey, const std::vector<std::size_t>& items, const ProofOptions& options, Events& events,
             std::stop_token stop) {
  Proof proof(survey, options, events);
  TaskPool pool(std::move(stop));
  for (const auto item : items) proof.add(pool, item);
  auto proven = pool.finish();
  proof.count();
  return proven;
}

void count_as_moved(Survey& survey, std::size_t index, const oci::Descriptor& blob) {
  auto& item = survey.items[index];
  auto how = BlobMove::How::present;
  for (const auto m : item.moves) {
    auto& move = survey.moves[m];
    if (move.item == index && move.blob.digest == blob.digest) how = std::exchange(move.how, BlobMove::How::stream);
  }
  if (how == BlobMove::How::stream) return;
  const bool mounted = how == BlobMove::How::mount;
  auto& bytes = mounted ? item.bytes.mounted : item.bytes.present;
  auto& blobs = mounted ? item.blobs.mounted : item.blobs.present;
  bytes -= std::min(bytes, blob.size_bytes);
  blobs -= std::min<std::uint64_t>(blobs, 1);
  item.bytes.moved += blob.size_bytes;
  ++item.blobs.moved;
}

}  // namespace sluice::copy
