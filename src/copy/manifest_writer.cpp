#include "copy/manifest_writer.hpp"

#include "base/pause.hpp"
#include "copy/blob_mover.hpp"
#include "copy/labelled_events.hpp"
#include "copy/tags.hpp"
#include "net/retry.hpp"
#include "places/registry_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace sluice::copy {

namespace {

constexpr unsigned kMaxRounds = 2;  // a place that still misses what it took twice will not have it the third time
constexpr unsigned kMaxLooks = 5;   // at the blobs, while other copies write to the same repository

// What of a manifest the place misses, as far as this manifest names it: an answer cannot make us send anything else.
struct Missing {
  std::vector<oci::Descriptor> blobs;
  std::vector<const oci::Manifest*> children;
  bool empty() const { return blobs.empty() && children.empty(); }
};

Missing missing_of(const ManifestOrder& order, const Error& error) {
  Missing missing;
  const auto* said = places::unknown_content(error);
  if (said == nullptr) return missing;
  const auto named = [&](const oci::Digest& digest) {
    return std::find(said->digests.begin(), said->digests.end(), digest) != said->digests.end();
  };
  for (const auto& blob : order.manifest.blobs()) {
    const auto twice = [&](const oci::Descriptor& other) { return other.digest == blob.digest; };
    if (named(blob.digest) && std::none_of(missing.blobs.begin(), missing.blobs.end(), twice)) {
      missing.blobs.push_back(blob);
    }
  }
  for (const auto& child : order.item.manifests) {
    const auto own = [&](const oci::Descriptor& other) { return other.digest == child->digest; };
    const auto& children = order.manifest.children;
    if (named(child->digest) && std::any_of(children.begin(), children.end(), own))
      missing.children.push_back(child.get());
  }
  return missing;
}

std::string where(const ManifestOrder& order) {
  return order.item.item.dest->name() + "/" + order.item.item.dest_repository + ":" + order.name.text();
}

// Registries refuse a tag that may not change with all kinds of codes: 409, 412, or 400 with TAG_INVALID.
bool may_be_immutable(const Error& error) {
  return error.kind() == ErrorKind::conflict || error.kind() == ErrorKind::denied ||
         error.kind() == ErrorKind::unsupported;
}

// A right that is missing and a manifest of a kind that is not taken are refused in the same ways; the words decide.
bool says_immutable(const Error& error) {
  if (error.kind() == ErrorKind::conflict || error.registry_code() == "TAG_INVALID") return true;
  return error.message().find("immutable") != std::string::npos ||
         error.message().find("overwrit") != std::string::npos ||
         error.message().find("already exists") != std::string::npos;
}

std::string since_when(const ManifestOrder& order, const oci::Digest& now) {
  const auto& tags = order.item.item.tags;
  const auto found = std::find(tags.begin(), tags.end(), order.name.text());
  if (found == tags.end()) return "";
  const auto& before = order.item.before[static_cast<std::size_t>(found - tags.begin())];
  return before == now ? ", since before this copy began" : ", since somebody wrote it while this copy ran";
}

// Whether the tag is right although writing it was refused; else what to tell.
Status look_at_refused_tag(const ManifestOrder& order, Error refused, const std::stop_token& stop) {
  if (order.name.as_digest() || !may_be_immutable(refused)) return refused;
  const auto now = order.item.item.dest->digest_of(order.item.item.dest_repository, order.name, stop,
                                                   order.manifest.digest.algorithm());
  if (!now || !*now) return refused;  // the refusal says more than a look that failed
  if (**now == order.manifest.digest) return {};
  if (!says_immutable(refused)) return refused;
  return Error(ErrorKind::conflict, where(order) + " stands for " + (*now)->text() + since_when(order, **now) +
                                        ", and could not be changed to " + order.manifest.digest.text() + ": " +
                                        refused.message())
      .with_registry_code(refused.registry_code())
      .with_hint("if tags are immutable there, copy to a tag that is not in use");
}

// Said of a manifest that names its own digests rightly, and of missing content that the answer does not name.
bool is_mixed_up(const ManifestOrder& order, const Error& error) {
  // Who knows no sha512 says the same of every such name, and will go on saying it.
  const bool known = !order.name.as_digest() || order.name.as_digest()->algorithm() == HashAlgorithm::sha256;
  return (known && error.registry_code() == "DIGEST_INVALID") ||
         (error.registry_code() == "MANIFEST_BLOB_UNKNOWN" && places::unknown_content(error) == nullptr);
}

// Layers that are kept as references to where they may be had are no mistake of the image; a registry may not like
// them.
std::optional<Error> foreign_refused(const ManifestOrder& order, const Error& error) {
  const auto* said = places::unknown_content(error);
  if (said == nullptr) return std::nullopt;
  for (const auto& layer : order.manifest.layers) {
    const bool named = std::find(said->digests.begin(), said->digests.end(), layer.digest) != said->digests.end();
    if (!layer.is_foreign() || !named) continue;
    return Error(ErrorKind::unsupported,
                 where(order) + " is refused for its foreign layer " + layer.digest.text() +
                     ", which is not kept in registries but under the urls that the manifest names: " + error.message())
        .with_registry_code(error.registry_code())
        .with_hint("let the registry allow those urls (distribution: validation.manifests.urls.allow)");
  }
  return std::nullopt;
}

// A registry may take images and nothing else; the image itself need not stay behind for that.
Status attached_context(const ManifestOrder& order, Status done) {
  if (done || !order.item.attached || !is_refusal(done.error())) return done;
  const auto& what = order.item.attached->what;
  return std::move(done)
      .error()
      .context(fmt::format("the {} of {} is refused", oci::to_string(what.kind), what.subject.text()))
      .with_hint("copy the image without what is attached to it: --no-attachments");
}

class Writer : public std::enable_shared_from_this<Writer> {
 public:
  Writer(TaskPool& pool, Events& events, ManifestOrder order)
      : pool_(pool), events_(events), order_(std::move(order)) {}

  Task put() {
    return {.hosts = {order_.item.item.dest},
            .run = [self = shared_from_this()](const std::stop_token& stop) { return self->put_once(stop); }};
  }

 private:
  Status put_once(const std::stop_token& stop) {
    const auto& item = order_.item.item;
    const auto done = item.dest->put_manifest(item.dest_repository, order_.name, order_.manifest, stop);
    if (done) return written(done->subject_listed, stop);
    if (auto foreign = foreign_refused(order_, done.error())) return std::move(*foreign);
    const auto missing = missing_of(order_, done.error());
    if (!missing.empty()) {
      // Beside a digest that the place read wrongly it may miss what is there: looking again mends that, bringing not.
      if (rounds_ >= kMaxRounds)
        return is_mixed_up(order_, done.error()) ? look_at_blobs(done.error(), stop) : done.error();
      ++rounds_;
      bring(missing);
      return {};
    }
    const bool sparse = order_.item.sparse && &order_.manifest == &order_.item.root();
    if (!sparse && is_mixed_up(order_, done.error())) return look_at_blobs(done.error(), stop);
    SLUICE_CHECK(attached_context(order_, look_at_refused_tag(order_, done.error(), stop)));
    return written(false, stop);
  }

  Status written(bool subject_listed, const std::stop_token& stop) {
    if (order_.manifest.subject && !subject_listed && order_.unlisted) order_.unlisted(order_.manifest);
    return order_.then(stop);
  }

  // The place says that a digest is wrong which was computed here: it has read a blob's entry while another upload
  // wrote it. What it can give is right; what it cannot give is brought again.
  Status look_at_blobs(const Error& refused, const std::stop_token& stop) {
    const auto& item = order_.item.item;
    if (looks_ >= kMaxLooks) {
      return Error(ErrorKind::busy, refused.message())
          .with_registry_code(refused.registry_code())
          .followed_by("its digests are right, so it must be busy with other uploads to " + item.dest_repository)
          .with_hint("try again later");
    }
    if (!pause_for(net::back_off(looks_++, std::nullopt, 1), stop))
      return Error(ErrorKind::cancelled, "stopped while waiting for " + item.dest->name());
    Missing missing;
    for (const auto& blob : order_.manifest.blobs()) {
      SLUICE_TRY(const bool there, item.dest->has_blob(item.dest_repository, blob, stop));
      if (!there) missing.blobs.push_back(blob);
    }
    if (missing.empty()) {
      pool_.add(put());
    } else {
      bring(missing);
    }
    return {};
  }

  // Whichever comes last puts the manifest again; nobody waits.
  void bring(const Missing& missing) {
    left_ = missing.blobs.size() + missing.children.size();
    for (const auto& blob : missing.blobs) pool_.add(move_task(blob));
    for (const auto* child : missing.children) {
      pool_.add(
          write_manifest(pool_, events_,
                         {.item = order_.item,
                          .item_index = order_.item_index,
                          .manifest = *child,
                          .name = places::ManifestName::digest(child->digest),
                          .retry_times = order_.retry_times,
                          .retries = order_.retries,
                          .brought = order_.brought,
                          .unlisted = order_.unlisted,
                          .then = [self = shared_from_this()](const std::stop_token&) { return self->one_done(); }}));
    }
  }

  Task move_task(const oci::Descriptor& blob) {
    const auto& item = order_.item;
    BlobMove move{.blob = blob,
                  .item = order_.item_index,
                  .dest = item.item.dest,
                  .dest_repository = item.item.dest_repository,
                  .how = BlobMove::How::stream,
                  .mount_from = {},
                  .after = std::nullopt,
                  .origin = item.origin};
    Task task{.hosts = {move.dest}, .moves_bytes = true, .priority = Priority::blob(blob.size_bytes), .run = {}};
    if (move.origin.place->name() != move.dest->name()) task.hosts.push_back(move.origin.place);
    task.run = [self = shared_from_this(), move = std::move(move)](const std::stop_token& stop) -> Status {
      LabelledEvents events(self->events_, self->order_.item.item.label, self->order_.retries);
      SLUICE_CHECK(move_blob(move, {.retry_times = self->order_.retry_times}, events, stop));
      if (self->order_.brought) self->order_.brought(move.blob);
      events.emit({.kind = EventKind::blob_done,
                   .target = move.dest->name(),
                   .digest = move.blob.digest.text(),
                   .bytes = move.blob.size_bytes,
                   .detail = "moved"});
      return self->one_done();
    };
    return task;
  }

  Status one_done() {
    if (--left_ == 0) pool_.add(put());
    return {};
  }

  TaskPool& pool_;
  Events& events_;
  ManifestOrder order_;
  unsigned rounds_ = 0;  // only the put touches these, and there is one at a time
  unsigned looks_ = 0;
  std::atomic<std::size_t> left_ = 0;
};

}  // namespace

Task write_manifest(TaskPool& pool, Events& events, ManifestOrder order) {
  return std::make_shared<Writer>(pool, events, std::move(order))->put();
}

}  // namespace sluice::copy
