// ClusterTarget: content, tags, marks. What happens with workloads is in cluster_workloads.cpp.

#include "promotion/targets/cluster_target.hpp"

#include "base/task_pool.hpp"
#include "memory/stream_memory.hpp"
#include "oci/manifest.hpp"
#include "openshift/streams/state.hpp"
#include "openshift/streams/tags.hpp"
#include "promotion/steps/step_writer.hpp"
#include "promotion/targets/engine_road.hpp"
#include "promotion/targets/signatures.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::promotion {

namespace {

constexpr unsigned kWriters = 8;

template <class T>
Status ok(const Result<T>& result) {
  if (!result) return result.error();
  return {};
}

std::string brief(const std::optional<oci::Digest>& digest) { return digest ? digest->brief() : "nothing"; }

}  // namespace

Finding not_ours(const PlannedTarget& target, const PlannedImage& image, const std::string& stands) {
  const auto where = target.target.label() + "/" + image.name + ":" + image.tags.back().tag;
  return {"undo-not-ours", Severity::warning, where,
          fmt::format("{} stands for {} now, which this promotion did not write; it stays", where,
                      stands.empty() ? "nothing" : stands),
          "look who did that: sluice status"};
}

void ClusterTarget::say(std::string line) const {
  events_.emit({.kind = copy::EventKind::note, .target = planned_.target.label(), .detail = std::move(line)});
}

Status ClusterTarget::take_lease(const std::string& promotion, const LeaseWish& wish) {
  openshift::StreamLease wanted{
      .project = planned_.target.project, .stream = planned_.head().name, .promotion = promotion};
  wanted.who = wish.who;
  auto lease = StreamLeaseKeeper::take(client(), std::move(wanted), wish.take_over, context());
  if (lease) {
    lease_ = std::move(*lease);
    return {};
  }
  if (lease.error().kind() != ErrorKind::denied) return std::move(lease).error();
  say("the lease is kept in the local records only: " + lease.error().message());
  return {};
}

// An import takes a list apart unless it is told not to.
Result<bool> ClusterTarget::is_list(const PlannedImage& image) {
  SLUICE_TRY(const auto source, targets_.open(image.source));
  if (source.streams) {
    SLUICE_TRY(const auto facts, openshift::describe_image(*source.side.client, image.source.project, image.name,
                                                           image.after.text(), context()));
    return oci::media::is_index(facts.media_type);
  }
  SLUICE_TRY(auto* place, targets_.places().place_of(image.source));
  SLUICE_TRY(const auto manifest, place->manifest(repository_of(image.source, image.name),
                                                  places::ManifestName::digest(image.after), targets_.stop()));
  return manifest.is_index();
}

// So that the cluster's pruner leaves what one may have to go back to.
Status ClusterTarget::pin_what_was_before(const PlannedImage& image) {
  if (!image.before() || image.before() == image.after) return {};
  const auto old = image.before()->text();
  const auto& project = planned_.target.project;
  return ok(openshift::move_tag(client(), {project, image.name, openshift::pin_tag(old), project, image.name, old},
                                context()));
}

Status ClusterTarget::stage_image(const PlannedImage& image) {
  SLUICE_CHECK(still_ours());
  const auto digest = image.after.text();
  const auto pin = openshift::pin_tag(digest);
  const auto& project = planned_.target.project;
  if (image.by_api && image.road == copy::Road::import_images) {
    SLUICE_CHECK(pin_what_was_before(image));
    SLUICE_TRY(const auto registry, targets_.registry_for_import(image.source, planned_.target, image.name));
    SLUICE_TRY(const bool list, is_list(image));
    SLUICE_TRY(const auto settings, targets_.places().settings_of(image.source));
    return ok(openshift::import_image(client(),
                                      {.project = project,
                                       .stream = image.name,
                                       .tag = pin,
                                       .registry = registry,
                                       .repository = repository_of(image.source, image.name),
                                       .digest = digest,
                                       .insecure = settings.insecure,
                                       .is_list = list},
                                      context()));
  }
  SLUICE_CHECK(pin_what_was_before(image));
  // What was pushed is in the stream's own history by now.
  const auto& source = image.by_api ? image.source : planned_.target;
  return ok(openshift::move_tag(client(), {project, image.name, pin, source.project, image.name, digest}, context()));
}

Status ClusterTarget::stage() {
  if (planned_.push_tags) return {};  // the push under the pin was all that we may do
  TaskPool pool(targets_.stop(), kWriters);
  for (const auto& image : planned_.images) {
    pool.add({.run = [this, &image](const std::stop_token&) { return stage_image(image); }});
  }
  SLUICE_CHECK(pool.finish());
  SLUICE_CHECK(stage_attachments());
  for (const auto& image : planned_.images) drop_engine_tags(image);
  return carry_signatures();
}

// What an engine pushed has its pin by now. Care, not duty: the next promotion writes the tag again.
void ClusterTarget::drop_engine_tags(const PlannedImage& image) {
  if (image.road != copy::Road::docker) return;
  for (const auto& tag : engine_tags(image.of_release())) {
    const auto dropped =
        openshift::drop_tag(client(), planned_.target.project, image.name, tag, image.after.text(), context());
    if (!dropped) say(fmt::format("{}: the tag {} stays: {}", image.name, tag, dropped.error().message()));
  }
}

// Signatures are kept with the Image object, of which each cluster has its own.
Status ClusterTarget::carry_signatures() {
  for (const auto& image : planned_.images) {
    const auto* origin = signature_source(planned_, image);
    if (origin == nullptr) continue;
    if (image.openshift_signatures == 0) continue;  // the plan looked
    SLUICE_TRY(const auto source, targets_.open(*origin));
    if (!source.streams) continue;
    SLUICE_TRY(const auto carried, openshift::carry_signatures(*source.side.client, origin->project, image.name,
                                                               client(), image.after.text(), context()));
    const int expected = std::max(carried.expected, image.openshift_signatures.value_or(0));
    if (expected == 0) continue;
    say(fmt::format("{}: {} of {} signatures carried", image.name, carried.carried, expected));
    if (!carried.sentence.empty()) {
      findings_.push_back(signatures_not_carried({*origin, planned_.target, image.name, image.after.text()}, carried));
    }
  }
  return {};
}

Status ClusterTarget::check_unchanged(bool resumed) {
  SLUICE_CHECK(still_ours());
  std::vector<std::string> names;
  for (const auto& image : planned_.images) names.push_back(image.name);
  SLUICE_TRY(const auto streams, targets_.streams(access_, names));
  for (std::size_t i = 0; i < planned_.images.size(); ++i) {
    const auto& image = planned_.images[i];
    if (lease_ && streams[i]) SLUICE_CHECK(lease_->check(*streams[i]));
    for (const auto& tag : image.tags) {
      const auto top = streams[i] ? streams[i]->top(tag.tag) : std::nullopt;
      std::optional<oci::Digest> stands;
      if (top && !top->image.empty()) {
        SLUICE_TRY(stands, oci::Digest::parse(top->image));
      }
      if (stands == tag.before || (resumed && stands == image.after)) continue;
      return Error(ErrorKind::blocked,
                   fmt::format("{}/{}:{} changed since the plan: it stood for {} and stands for {} now",
                               planned_.target.label(), image.name, tag.tag, brief(tag.before), brief(stands)))
          .with_hint("look who did that, then plan again");
    }
  }
  return {};
}

Status ClusterTarget::move_one(const PlannedImage& image, const PlannedTag& tag) {
  SLUICE_CHECK(still_ours());
  const auto digest = image.after.text();
  const auto& project = planned_.target.project;
  SLUICE_TRY(const auto moved,
             openshift::move_tag(client(), {project, image.name, tag.tag, project, image.name, digest}, context()));
  SLUICE_CHECK(journal_.note(records::Step::switched, image.name,
                             TagStep{tag.tag, image.after}.to_json().set("written", moved.written)));
  events_.emit({.kind = copy::EventKind::tag,
                .image = image.name,
                .target = planned_.target.label() + "/" + image.name + ":" + tag.tag,
                .digest = digest,
                .detail = tag.tag});
  return {};
}

// All tags of the release side by side; the moving ones of all images after the pins of their version.
Status ClusterTarget::move_tags() {
  for (const bool watched : {false, true}) {
    TaskPool pool(targets_.stop(), kWriters);
    for (const auto& image : planned_.images) {
      for (const auto& tag : image.tags) {
        if ((&tag == &image.tags.back()) != watched) continue;
        pool.add({.run = [this, &image, &tag](const std::stop_token&) { return move_one(image, tag); }});
      }
    }
    SLUICE_CHECK(pool.finish());
  }
  return {};
}

std::optional<Finding> ClusterTarget::move_back(const PlannedImage& image, const PlannedTag& tag,
                                                const std::string& promotion) {
  if (tag.before == image.after) return std::nullopt;
  const auto& project = planned_.target.project;
  const auto where = planned_.target.label() + "/" + image.name + ":" + tag.tag;
  const auto again = "sluice undo " + promotion;
  // The user may have asked to stop; what was switched is put back all the same.
  const net::ExchangeContext unstopped{context().deadline, {}};
  const auto stream = client().find<kube::ImageStream>(project, image.name, unstopped);
  if (!stream)
    return Finding{"undo-unknown", Severity::warning, where, "cannot be looked at: " + stream.error().sentence(),
                   again};
  const auto top = *stream ? (*stream)->top(tag.tag) : std::nullopt;
  if (!top || top->image != image.after.text()) return std::nullopt;  // never switched, or put back already
  const auto back = [&]() -> Status {
    if (!tag.before) return openshift::drop_tag(client(), project, image.name, tag.tag, image.after.text(), unstopped);
    return ok(openshift::move_tag(client(), {project, image.name, tag.tag, project, image.name, tag.before->text()},
                                  unstopped));
  }();
  if (!back) return Finding{"undo-failed", Severity::warning, where, back.error().sentence(), again};
  const auto noted = journal_.note(records::Step::undone, image.name, TagStep{tag.tag, tag.before}.to_json());
  if (!noted) return Finding{"undo-failed", Severity::warning, where, noted.error().sentence(), again};
  return std::nullopt;
}

Status ClusterTarget::drop_outdated_pins() {
  for (const auto& image : planned_.images) SLUICE_CHECK(drop_outdated_pins(image.name));
  return {};
}

// Care, not duty: a pin that stays keeps an image a little longer.
Status ClusterTarget::drop_outdated_pins(const std::string& image) {
  if (planned_.push_tags) return {};
  SLUICE_TRY(const auto stream, client().get<kube::ImageStream>(planned_.target.project, image, context()));
  for (const auto& pin : memory::outdated_pins(stream)) {
    const auto top = stream.top(pin);
    if (!top) continue;
    const auto dropped = openshift::drop_tag(client(), planned_.target.project, image, pin, top->image, context());
    if (!dropped) say(fmt::format("{}: the pin {} stays: {}", image, pin, dropped.error().message()));
  }
  return {};
}

}  // namespace sluice::promotion
