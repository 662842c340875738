#include "sandbox/core/cluster_config.hpp"

#include "sandbox/core/projects.hpp"
#include "sandbox/core/tree.hpp"

#include <fmt/format.h>

namespace sluice::sandbox {

namespace {

void put(World& world, const Key& key, Json object) {
  if (world.store.get(key)) {
    world.store.replace(key, std::move(object));
  } else {
    world.store.create(key, std::move(object));
  }
}

Json registry_route(const World& world) {
  auto object = Json::object();
  const bool old = world.profile == Profile::v3_11;
  // The sandbox's "route" is its listener, so the port stays with it.
  set_at(object, {"spec", "host"}, *world.registry.external);
  set_at(object, {"spec", "to", "kind"}, "Service");
  set_at(object, {"spec", "to", "name"}, old ? "docker-registry" : "image-registry");
  set_at(object, {"spec", "to", "weight"}, 100);
  set_at(object, {"spec", "tls", "termination"}, old ? "passthrough" : "reencrypt");
  set_at(object, {"spec", "wildcardPolicy"}, "None");
  auto ingress = Json::object();
  ingress.set("host", *world.registry.external);
  ingress.set("routerName", "router");
  set_at(object, {"status", "ingress"}, Json(Json::Array{std::move(ingress)}));
  return object;
}

void show_v4(World& world) {
  const auto& names = world.registry;
  const Key route{"routes.route.openshift.io", "openshift-image-registry", "default-route"};
  const bool exposed = names.present && names.external.has_value();
  if (exposed) {
    put(world, route, registry_route(world));
  } else if (world.store.get(route)) {
    world.store.remove(route);
  }
  auto images = Json::object();
  images.set("spec", Json::object());
  images.set("status", Json::object());
  if (names.present) set_at(images, {"status", "internalRegistryHostname"}, names.internal);
  if (exposed) set_at(images, {"status", "externalRegistryHostnames"}, Json(Json::Array{Json(*names.external)}));
  put(world, {"images.config.openshift.io", "", "cluster"}, std::move(images));
  auto operator_config = Json::object();
  set_at(operator_config, {"spec", "managementState"}, names.present ? "Managed" : "Removed");
  set_at(operator_config, {"spec", "defaultRoute"}, exposed);
  put(world, {"configs.imageregistry.operator.openshift.io", "", "cluster"}, std::move(operator_config));
}

}  // namespace

void add_cluster_projects(World& world) {
  for (const auto* name : {"default", "openshift", "kube-system"}) add_project(world, name, "");
  // Every cluster comes with streams that all may see; through them a client without rights finds the registry.
  add_shared_project(world.store, "openshift");
  auto stream = Json::object();
  set_at(stream, {"metadata", "generation"}, 1);
  set_at(stream, {"spec", "lookupPolicy", "local"}, false);
  world.store.create({"imagestreams.image.openshift.io", "openshift", "cli"}, std::move(stream));
  auto node = Json::object();
  set_at(node, {"metadata", "labels", "kubernetes.io/arch"}, "amd64");
  set_at(node, {"metadata", "labels", "kubernetes.io/os"}, "linux");
  set_at(node, {"status", "nodeInfo", "architecture"}, "amd64");
  set_at(node, {"status", "nodeInfo", "operatingSystem"}, "linux");
  world.store.create({"nodes", "", "sandbox"}, std::move(node));
  if (world.profile == Profile::v3_11) return;
  add_project(world, "openshift-image-registry", "");
  auto version = Json::object();
  set_at(version, {"status", "desired", "version"}, "4.14.0");
  world.store.create({"clusterversions.config.openshift.io", "", "version"}, std::move(version));
}

void show_registry(World& world) {
  // In 3.x the route is made by hand; the sandbox's registry has none, and shows its address in the streams only.
  if (world.profile == Profile::v4) show_v4(world);
}

}  // namespace sluice::sandbox
