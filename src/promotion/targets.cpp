#include "promotion/targets.hpp"

#include "cluster/discovery.hpp"
#include "cluster/stream_state.hpp"
#include "copy/crew.hpp"

#include <fmt/format.h>

#include <functional>

namespace sluice::promotion {

namespace {

// Few enough for an API server's limits per client (a guess).
constexpr unsigned kAskers = 8;

// Does one thing for each of `count` images, side by side.
Status for_each_image(std::size_t count, places::Place* host, const std::stop_token& stop,
                      const std::function<Status(std::size_t, const std::stop_token&)>& ask) {
  copy::Crew crew(stop, kAskers);
  for (std::size_t i = 0; i < count; ++i) {
    copy::Task task{.hosts = {}, .moves_bytes = false, .rank = copy::Rank::call(), .run = {}};
    if (host != nullptr) task.hosts.push_back(host);
    task.run = [&ask, i](const std::stop_token& token) { return ask(i, token); };
    crew.add(std::move(task));
  }
  return crew.finish();
}

void announce(places::Place& place, const pipeline::Target& target, const std::vector<std::string>& images) {
  std::vector<places::Access> accesses;
  for (const auto& image : images) accesses.push_back({repository_of(target, image), false});
  place.expect(accesses);
}

bool is_pin(const std::string& tag, const cluster::ImageStream& stream) {
  const auto top = stream.top(tag);
  return top && tag == cluster::pin_tag(top->image);
}

}  // namespace

bool same_cluster(const pipeline::Target& a, const pipeline::Target& b) {
  return a.has_api && b.has_api && a.server == b.server;
}

Result<TargetAccess> Targets::open(const pipeline::Target& target) {
  TargetAccess access{.target = target};
  if (!target.has_api) return access;
  SLUICE_TRY(access.side, places_.cluster_of(target));
  if (!access.side) return Error(ErrorKind::internal, "no API stands behind " + target.label());
  const auto known = has_streams_.find(target.server);
  if (known != has_streams_.end()) {
    access.streams = known->second;
    return access;
  }
  SLUICE_TRY(const auto groups, access.side.client->groups(context()).context("looking at " + target.label()));
  access.streams = groups.contains(std::string(cluster::ImageStream::kResource.group));
  has_streams_.emplace(target.server, access.streams);
  return access;
}

Result<std::string> Targets::registry_for_import(const pipeline::Target& source, const pipeline::Target& target,
                                                 const std::string& image) {
  if (same_cluster(source, target)) {
    SLUICE_TRY(const auto access, open(source));
    const auto stream = access.side.client->find<cluster::ImageStream>(source.project, image, context());
    // Who may not read it is told so by the preflight.
    if (!stream && stream.error().kind() != ErrorKind::denied) return stream.error();
    auto inside = stream && *stream ? cluster::registry_of((*stream)->repository()) : std::string();
    if (!inside.empty()) return inside;
  }
  return places_.registry_host_of(source);
}

Result<std::vector<std::optional<cluster::ImageStream>>> Targets::streams(const TargetAccess& access,
                                                                          const std::vector<std::string>& images) {
  std::vector<std::optional<cluster::ImageStream>> out(images.size());
  SLUICE_CHECK(for_each_image(images.size(), nullptr, stop_, [&](std::size_t i, const std::stop_token& stop) -> Status {
    SLUICE_TRY(out[i], access.side.client->find<cluster::ImageStream>(access.target.project, images[i],
                                                                      {context().deadline, stop}));
    return {};
  }));
  return out;
}

Result<std::vector<std::optional<oci::Digest>>> Targets::digests(const pipeline::Target& target,
                                                                 const std::vector<std::string>& images,
                                                                 const std::string& tag) {
  SLUICE_TRY(const auto access, open(target));
  std::vector<std::optional<oci::Digest>> out(images.size());
  if (access.streams) {
    SLUICE_TRY(const auto found, streams(access, images));
    for (std::size_t i = 0; i < images.size(); ++i) {
      const auto top = found[i] ? found[i]->top(tag) : std::nullopt;
      if (!top || top->image.empty()) continue;
      SLUICE_TRY(out[i], oci::Digest::parse(top->image));
    }
    return out;
  }
  SLUICE_TRY(auto* place, places_.place_of(target));
  announce(*place, target, images);
  SLUICE_CHECK(for_each_image(images.size(), place, stop_, [&](std::size_t i, const std::stop_token& stop) -> Status {
    SLUICE_TRY(out[i], place->digest_of(repository_of(target, images[i]), places::ManifestName::tag(tag), stop));
    return {};
  }));
  return out;
}

Result<std::vector<std::vector<std::string>>> Targets::tags(const pipeline::Target& target,
                                                            const std::vector<std::string>& images) {
  SLUICE_TRY(const auto access, open(target));
  std::vector<std::vector<std::string>> out(images.size());
  if (access.streams) {
    SLUICE_TRY(const auto found, streams(access, images));
    for (std::size_t i = 0; i < images.size(); ++i) {
      if (!found[i]) continue;
      for (const auto& history : found[i]->tags()) {
        if (history.top() != nullptr && !is_pin(history.tag, *found[i])) out[i].push_back(history.tag);
      }
    }
    return out;
  }
  SLUICE_TRY(auto* place, places_.place_of(target));
  SLUICE_CHECK(for_each_image(images.size(), place, stop_, [&](std::size_t i, const std::stop_token& stop) -> Status {
    SLUICE_TRY(out[i], place->tags(repository_of(target, images[i]), stop));
    return {};
  }));
  return out;
}

}  // namespace sluice::promotion
