#include "sandbox/images/world_backend.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/images/mapping.hpp"
#include "sandbox/images/pull_through.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kStreams = "imagestreams.image.openshift.io";
constexpr std::string_view kImages = "images.image.openshift.io";

Key stream_key(std::string_view ns, std::string_view stream) {
  return {std::string(kStreams), std::string(ns), std::string(stream)};
}

}  // namespace

std::optional<Caller> WorldBackend::authenticate(std::string_view token) {
  return world_.with([&](World& world) { return world.authenticate(token); });
}

bool WorldBackend::may(const Caller& caller, const Attributes& wanted) {
  return world_.with([&](const World& world) { return world.may(caller, wanted); });
}

std::string WorldBackend::internal_host() {
  return world_.with([](const World& world) { return world.registry.internal; });
}

bool WorldBackend::stream_exists(std::string_view ns, std::string_view stream) {
  return world_.with([&](const World& world) { return world.store.get(stream_key(ns, stream)) != nullptr; });
}

std::vector<std::string> WorldBackend::tags(std::string_view ns, std::string_view stream) {
  const auto object = world_.with([&](const World& world) { return world.store.get(stream_key(ns, stream)); });
  std::vector<std::string> names;
  if (!object) return names;
  for (const auto& tag : at(*object, {"status", "tags"}).items()) {
    if (!at(tag, {"items"}).items().empty()) names.push_back(text_at(tag, {"tag"}));
  }
  return names;
}

std::optional<std::string> WorldBackend::digest_of_tag(std::string_view ns, std::string_view stream,
                                                       std::string_view tag) {
  return world_.with([&](const World& world) { return sandbox::digest_of_tag(world, ns, stream, tag); });
}

bool WorldBackend::history_has(std::string_view ns, std::string_view stream, std::string_view digest) {
  return world_.with([&](const World& world) { return sandbox::history_has(world, ns, stream, digest); });
}

bool WorldBackend::history_references_blob(std::string_view ns, std::string_view stream, std::string_view digest) {
  return world_.with([&](const World& world) { return sandbox::history_references_blob(world, ns, stream, digest); });
}

std::vector<std::string> WorldBackend::streams() {
  auto names = world_.with([](const World& world) {
    std::vector<std::string> all;
    for (const auto& key : world.store.keys(kStreams)) all.push_back(key.ns + "/" + key.name);
    return all;
  });
  std::sort(names.begin(), names.end());
  return names;
}

std::optional<RemoteImage> WorldBackend::remote(std::string_view ns, std::string_view stream, std::string_view digest) {
  return world_.with([&](const World& world) { return remote_image(world, ns, stream, digest); });
}

std::optional<Json> WorldBackend::image(std::string_view digest) {
  const auto object =
      world_.with([&](const World& world) { return world.store.get({std::string(kImages), "", std::string(digest)}); });
  if (!object) return std::nullopt;
  return *object;
}

Verdict WorldBackend::add_mapping(std::string_view ns, std::string_view stream, std::string_view tag, Json image) {
  return world_.update([&](World& world) { return add_image_mapping(world, ns, stream, tag, std::move(image)); });
}

Verdict WorldBackend::add_image(std::string_view ns, std::string_view stream, Json image) {
  return world_.update([&](World& world) { return add_pushed_image(world, ns, stream, std::move(image)); });
}

Verdict WorldBackend::create_stream(const Caller& caller, std::string_view ns, std::string_view stream) {
  return world_.update([&](World& world) -> Verdict {
    const Attributes wanted{"create", "image.openshift.io", "imagestreams", "", std::string(ns), ""};
    const auto decision = decide(world.store, caller, wanted);
    if (!decision.allowed) {
      return forbidden(
          wanted.group, wanted.resource, "",
          fmt::format("User \"{}\" cannot create imagestreams.image.openshift.io in the namespace \"{}\": {}",
                      caller.name, ns, decision.reason));
    }
    auto* resource = catalog_.find(kStreams);
    if (resource == nullptr) return no_such_resource();
    ApiRequest request;
    request.method = "POST";
    request.verb = "create";
    request.ns = std::string(ns);
    request.caller = caller;
    set_at(request.body, {"metadata", "name"}, stream);
    set_at(request.body, {"spec"}, Json::object());
    SLUICE_CHECK(create_object(world, *resource, request, request.body));
    return {};
  });
}

Answer<Json> WorldBackend::add_signature(const Caller& caller, Json signature) {
  return world_.update([&](World& world) -> Answer<Json> {
    const Attributes wanted{"create", "image.openshift.io", "imagesignatures", "", "", ""};
    const auto decision = decide(world.store, caller, wanted);
    if (!decision.allowed) {
      return forbidden(
          wanted.group, wanted.resource, "",
          fmt::format("User \"{}\" cannot create imagesignatures.image.openshift.io at the cluster scope: {}",
                      caller.name, decision.reason));
    }
    return add_image_signature(world, std::move(signature));
  });
}

}  // namespace sluice::sandbox
