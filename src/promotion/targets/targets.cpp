#include "promotion/targets/targets.hpp"

#include "base/guarded.hpp"
#include "base/task_pool.hpp"
#include "kube/objects/core.hpp"
#include "memory/numbers.hpp"
#include "oci/attachment.hpp"
#include "openshift/registry/discovery.hpp"

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <utility>

namespace sluice::promotion {

namespace {

// Few enough for an API server's limits per client (a guess).
constexpr unsigned kAskers = 8;
// From so many images on, one list of all streams of a project is less to ask than each of them (a guess).
constexpr std::size_t kListFrom = 4;

// Does one thing for each of `count` images, side by side.
Status for_each_image(std::size_t count, places::Place* host, const std::stop_token& stop,
                      const std::function<Status(std::size_t, const std::stop_token&)>& ask) {
  TaskPool pool(stop, kAskers);
  for (std::size_t i = 0; i < count; ++i) {
    Task task{.run = {}};
    if (host != nullptr) task.hosts.push_back(host);
    task.run = [&ask, i](const std::stop_token& token) { return ask(i, token); };
    pool.add(std::move(task));
  }
  return pool.finish();
}

std::string key_of(const pipeline::Target& target, const std::string& tag) { return target.id() + " " + tag; }

void announce(places::Place& place, const pipeline::Target& target, const std::vector<std::string>& images) {
  std::vector<places::Access> accesses;
  for (const auto& image : images) accesses.push_back({repository_of(target, image), false});
  place.expect(accesses);
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
  SLUICE_TRY(access.streams, has_streams(access));
  if (access.target.place.empty()) {
    SLUICE_TRY(access.target.place, place_of(access));
  }
  return access;
}

Result<bool> Targets::has_streams(const TargetAccess& access) {
  auto known = groups_.find(access.target.server);
  if (known == groups_.end()) {
    SLUICE_TRY(auto groups, access.side.client->groups(context()).context("looking at " + access.target.label()));
    known = groups_.emplace(access.target.server, std::move(groups)).first;
  }
  return known->second.contains(std::string(kube::ImageStream::kResource.group));
}

// The registry of OpenShift 3.11 takes Docker's manifests alone, and cosign writes OCI's. That of OpenShift 4 gives out
// what a tag of a stream stands for: a referrer has none.
copy::AttachmentsHeld Targets::attachments_held(const TargetAccess& access) const {
  if (!access.streams) return copy::AttachmentsHeld::all;
  const auto known = groups_.find(access.target.server);
  const bool v4 = known != groups_.end() && known->second.contains("config.openshift.io");
  return v4 ? copy::AttachmentsHeld::cosign_tags : copy::AttachmentsHeld::none;
}

// One cluster may be known by several addresses; the uid of its project is the same by all of them. What we may not
// read stays unknown.
Result<std::string> Targets::place_of(const TargetAccess& access) {
  const auto known = known_places_.find(access.target.id());
  if (known != known_places_.end()) return known->second;
  const bool projects = groups_[access.target.server].contains(std::string(kube::Project::kResource.group));
  const auto& resource = projects ? kube::Project::kResource : kube::Namespace::kResource;
  auto object = access.side.client->read(resource, "", access.target.project, "", context());
  std::string place;
  if (object) {
    const auto uid = kube::text_at(*object, {"metadata", "uid"});
    if (!uid.empty()) place = "uid:" + uid;
  } else if (object.error().kind() != ErrorKind::denied && object.error().kind() != ErrorKind::not_found) {
    auto error = std::move(object).error();
    return std::move(error).context("looking at " + access.target.label());
  }
  known_places_.emplace(access.target.id(), place);
  return place;
}

std::string Targets::known_place(const pipeline::Target& target) const {
  const auto known = target.has_api ? known_places_.find(target.id()) : known_places_.end();
  return known != known_places_.end() ? known->second : std::string();
}

Result<std::string> Targets::registry_for_import(const pipeline::Target& source, const pipeline::Target& target,
                                                 const std::string& image) {
  if (same_cluster(source, target)) {
    SLUICE_TRY(const auto access, open(source));
    const auto stream = access.side.client->find<kube::ImageStream>(source.project, image, context());
    // Who may not read it is told so by the preflight.
    if (!stream && stream.error().kind() != ErrorKind::denied) return stream.error();
    auto inside = stream && *stream ? openshift::registry_of((*stream)->repository()) : std::string();
    if (!inside.empty()) return inside;
  }
  return places_.registry_host_of(source);
}

Result<std::vector<std::optional<kube::ImageStream>>> Targets::streams(const TargetAccess& access,
                                                                       const std::vector<std::string>& images) {
  std::vector<std::optional<kube::ImageStream>> out(images.size());
  SLUICE_CHECK(for_each_image(images.size(), nullptr, stop_, [&](std::size_t i, const std::stop_token& stop) -> Status {
    SLUICE_TRY(out[i], access.side.client->find<kube::ImageStream>(access.target.project, images[i],
                                                                   {context().deadline, stop}));
    return {};
  }));
  return out;
}

std::string Targets::user_at(const TargetAccess& access) {
  const auto known = users_.find(access.target.server);
  if (known != users_.end()) return known->second;
  const auto user = access.side.client->who_am_i(context());
  return users_.emplace(access.target.server, user ? user->name() : std::string()).first->second;
}

Result<std::vector<std::optional<kube::ImageStream>>> Targets::seen(const TargetAccess& access,
                                                                    const std::vector<std::string>& images) {
  auto& known = seen_[access.target.id()];
  std::vector<std::string> missing;
  for (const auto& image : images) {
    if (!known.contains(image)) missing.push_back(image);
  }
  if (missing.size() >= kListFrom) {
    kube::Selection selection;
    selection.project = access.target.project;
    auto listed = access.side.client->list<kube::ImageStream>(selection, context());
    // Who may read single streams only asks for each.
    if (!listed && listed.error().kind() != ErrorKind::denied) return std::move(listed).error();
    if (listed) {
      for (const auto& image : std::exchange(missing, {})) known[image] = std::nullopt;
      for (auto& stream : listed->items) {
        const auto wanted = known.find(stream.name());
        if (wanted != known.end()) wanted->second = std::move(stream);
      }
    }
  }
  if (!missing.empty()) {
    SLUICE_TRY(auto found, streams(access, missing));
    for (std::size_t i = 0; i < missing.size(); ++i) known[missing[i]] = std::move(found[i]);
  }
  std::vector<std::optional<kube::ImageStream>> out;
  for (const auto& image : images) out.push_back(known[image]);
  return out;
}

Result<std::vector<std::optional<oci::Digest>>> Targets::digests(const pipeline::Target& target,
                                                                 const std::vector<std::string>& images,
                                                                 const std::string& tag) {
  SLUICE_TRY(const auto access, open(target));
  std::vector<std::optional<oci::Digest>> out(images.size());
  if (access.streams) {
    SLUICE_TRY(const auto found, seen(access, images));
    for (std::size_t i = 0; i < images.size(); ++i) {
      const auto top = found[i] ? found[i]->top(tag) : std::nullopt;
      if (!top || top->image.empty()) continue;
      SLUICE_TRY(out[i], oci::Digest::parse(top->image));
    }
    return out;
  }
  if (auto known = digests_ahead_.extract(key_of(target, tag))) return std::move(known.mapped());
  SLUICE_TRY(auto* place, places_.place_of(target));
  announce(*place, target, images);
  return ask_digests(*place, target, images, tag, stop_);
}

Result<Targets::Digests> Targets::ask_digests(places::Place& place, const pipeline::Target& target,
                                              const std::vector<std::string>& images, const std::string& tag,
                                              const std::stop_token& stop) {
  Digests out(images.size());
  SLUICE_CHECK(for_each_image(images.size(), &place, stop, [&](std::size_t i, const std::stop_token& token) -> Status {
    SLUICE_TRY(out[i], place.digest_of(repository_of(target, images[i]), places::ManifestName::tag(tag), token));
    return {};
  }));
  return out;
}

Status Targets::ask_ahead(const std::vector<Ahead>& questions, const std::vector<std::string>& images) {
  Guarded<std::map<std::string, Result<Digests>>> digests(std::move(digests_ahead_));
  Guarded<std::map<std::string, Result<Memories>>> memories(std::move(memories_ahead_));
  TaskPool pool(stop_, kAskers);
  const auto call = [&](auto run) { pool.add({.run = std::move(run)}); };
  for (const auto& question : questions) {
    // What an API says of a target comes with its streams.
    if (question.target.has_api) continue;
    const auto place = places_.place_of(question.target);
    const auto memory = registry_memory(question.target);
    // Said when it is asked for.
    if (!place || !memory) continue;
    announce(**place, question.target, images);
    const auto key = key_of(question.target, question.tag);
    if (!question.tag.empty() && digests.with([&](const auto& all) { return !all.contains(key); })) {
      call([&, key, place = *place](const std::stop_token& stop) {
        auto found = ask_digests(*place, question.target, images, question.tag, stop);
        digests.with([&](auto& all) { all.emplace(key, std::move(found)); });
        return Status();
      });
    }
    const bool asked = memories.with([&](const auto& all) { return all.contains(question.target.id()); });
    if (!question.memory || asked) continue;
    call([&, memory = *memory](const std::stop_token& stop) {
      auto found = memory->read(images, stop);
      memories.with([&](auto& all) { all.emplace(question.target.id(), std::move(found)); });
      return Status();
    });
  }
  auto done = pool.finish();
  digests.with([&](auto& all) { digests_ahead_ = std::move(all); });
  memories.with([&](auto& all) { memories_ahead_ = std::move(all); });
  return done;
}

Result<std::shared_ptr<memory::RegistryMemory>> Targets::registry_memory(const pipeline::Target& target) {
  auto& known = registries_[target.id()];
  if (known == nullptr) {
    SLUICE_TRY(auto* place, places_.place_of(target));
    known = std::make_shared<memory::RegistryMemory>(*place, target.project, places_.memory_options());
  }
  return known;
}

Result<Targets::Memories> Targets::remembered(const pipeline::Target& target, const std::vector<std::string>& images) {
  if (auto known = memories_ahead_.extract(target.id())) return std::move(known.mapped());
  SLUICE_TRY(const auto memory, registry_memory(target));
  return memory->read(images, stop_);
}

namespace {

// Neither pins of our own nor signatures are builds of anybody, whatever pattern they match.
bool is_no_version(const std::string& tag) { return memory::is_own_tag(tag) || oci::is_digest_tag(tag); }

}  // namespace

Result<std::vector<std::vector<std::string>>> Targets::tags(const pipeline::Target& target,
                                                            const std::vector<std::string>& images) {
  SLUICE_TRY(const auto access, open(target));
  std::vector<std::vector<std::string>> out(images.size());
  if (access.streams) {
    SLUICE_TRY(const auto found, seen(access, images));
    for (std::size_t i = 0; i < images.size(); ++i) {
      if (!found[i]) continue;
      for (const auto& history : found[i]->tags()) {
        if (history.top() != nullptr && !is_no_version(history.tag)) out[i].push_back(history.tag);
      }
    }
    return out;
  }
  SLUICE_TRY(auto* place, places_.place_of(target));
  SLUICE_CHECK(for_each_image(images.size(), place, stop_, [&](std::size_t i, const std::stop_token& stop) -> Status {
    SLUICE_TRY(out[i], place->tags(repository_of(target, images[i]), stop));
    std::erase_if(out[i], is_no_version);
    return {};
  }));
  return out;
}

}  // namespace sluice::promotion
