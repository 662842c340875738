#include "sandbox/control/sandbox.hpp"

#include "net/server/http_server.hpp"
#include "net/transfer_loop.hpp"
#include "sandbox/api/server.hpp"
#include "sandbox/api/watch.hpp"
#include "sandbox/control/apply_scenario.hpp"
#include "sandbox/control/certificates.hpp"
#include "sandbox/control/control.hpp"
#include "sandbox/control/faults.hpp"
#include "sandbox/control/knobs.hpp"
#include "sandbox/control/made_image.hpp"
#include "sandbox/core/cluster_config.hpp"
#include "sandbox/core/controller_loop.hpp"
#include "sandbox/core/token_text.hpp"
#include "sandbox/images/world_backend.hpp"
#include "sandbox/registry/api.hpp"
#include "sandbox/registry/notifications.hpp"

#include <fmt/format.h>

#include <span>
#include <stop_token>

namespace sluice::sandbox {

namespace {

constexpr auto kAddress = "127.0.0.1";

net::ServerOptions server_options(unsigned handlers, std::size_t body_bytes) {
  net::ServerOptions options;
  options.handlers = handlers;
  options.max_body_bytes = body_bytes;
  return options;
}

}  // namespace

// In the order in which things stand on each other; destroyed the other way round.
struct Sandbox::Parts {
  explicit Parts(const SandboxOptions& wanted) : options(wanted), world(std::in_place, wanted.profile), hub(world) {}

  SandboxOptions options;
  Addresses addresses;
  SharedWorld world;
  std::stop_source stop;
  net::TransferLoop loop;  // for imports and pull-through
  Catalog catalog;
  FaultTable faults;
  WatchHub hub;
  std::unique_ptr<ControllerLoop> controllers;
  std::unique_ptr<ApiServer> api;
  std::unique_ptr<FaultyHandler> faulty_api;
  std::unique_ptr<ControlServer> control;
  // The integrated registry.
  WorldBackend backend{world, catalog};
  Notifications notifications{loop};
  std::unique_ptr<BlobStore> blobs;
  std::unique_ptr<RegistryApi> registry;
  std::unique_ptr<FaultyHandler> faulty_registry;
  std::string storage_url;  ///< where blobs are redirected to when a knob says so
  // Two pools: an import waits for the registry inside a handler of the API.
  net::HttpServer api_server{server_options(8, std::size_t{4} * 1024 * 1024)};
  net::HttpServer registry_server{server_options(8, std::size_t{8} * 1024 * 1024)};
  net::HttpServer control_server{server_options(2, std::size_t{32} * 1024 * 1024)};

  ~Parts() { stop.request_stop(); }
};

Sandbox::Sandbox(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Sandbox::~Sandbox() = default;
const Addresses& Sandbox::addresses() const { return parts_->addresses; }
SharedWorld& Sandbox::world() { return parts_->world; }

namespace {

std::optional<net::ListenerTls> listener_tls(const Authority& authority, bool on, bool clients) {
  if (!on) return std::nullopt;
  return net::ListenerTls{authority.server.certificate_pem, authority.server.key_pem, clients ? authority.ca_pem : ""};
}

void fill_catalog(Sandbox::Parts& parts) {
  parts.world.with([&](World& world) {
    add_core_resources(parts.catalog, world);
    add_access_resources(parts.catalog, world);
    add_image_resources(parts.catalog, world, parts.loop);
    add_workload_resources(parts.catalog, world);
  });
}

void start_controllers(Sandbox::Parts& parts) {
  Controllers controllers;
  add_project_controllers(controllers);
  add_image_controllers(controllers, parts.loop);
  add_workload_controllers(controllers);
  parts.controllers = std::make_unique<ControllerLoop>(parts.world, std::move(controllers));
}

Status open_registry(Sandbox::Parts& parts, const Authority& authority) {
  auto medium = memory_medium();
  if (parts.options.storage) {
    SLUICE_TRY(medium, folder_medium(*parts.options.storage));
  }
  parts.blobs = std::make_unique<BlobStore>(std::move(medium));
  const auto release = parts.options.profile == Profile::v3_11 ? RegistryRelease::v3_11 : RegistryRelease::v4_14;
  parts.registry = std::make_unique<RegistryApi>(
      RegistryGround{parts.backend, *parts.blobs, parts.notifications, parts.loop, release, parts.stop.get_token()});
  parts.faulty_registry =
      std::make_unique<FaultyHandler>(*parts.registry, parts.faults, "registry", parts.stop.get_token());
  const bool tls = parts.options.tls == SandboxOptions::Tls::all;
  SLUICE_TRY(const auto port,
             parts.registry_server.listen(kAddress, parts.options.registry_port, *parts.faulty_registry,
                                          listener_tls(authority, tls, false)));
  SLUICE_TRY(const auto storage_port, parts.registry_server.listen(kAddress, 0, parts.registry->object_storage()));
  parts.storage_url = fmt::format("http://{}:{}", kAddress, storage_port);
  parts.addresses.registry = fmt::format("{}:{}", kAddress, port);
  parts.addresses.registry_url = fmt::format("{}://{}", tls ? "https" : "http", parts.addresses.registry);
  return {};
}

Status open_listeners(Sandbox& sandbox, Sandbox::Parts& parts) {
  const auto tls = parts.options.tls;
  const bool api_tls = tls != SandboxOptions::Tls::none;
  const bool registry_tls = tls == SandboxOptions::Tls::all;
  SLUICE_TRY(const auto authority, make_authority({"localhost", "127.0.0.1", "::1", "docker-registry.default.svc",
                                                   "image-registry.openshift-image-registry.svc"}));
  auto& addresses = parts.addresses;
  if (api_tls || registry_tls) addresses.ca_pem = authority.ca_pem;
  if (api_tls) {
    addresses.admin_certificate_pem = authority.admin.certificate_pem;
    addresses.admin_key_pem = authority.admin.key_pem;
  }

  parts.api = std::make_unique<ApiServer>(parts.world, parts.catalog, parts.hub);
  parts.faulty_api = std::make_unique<FaultyHandler>(*parts.api, parts.faults, "api", parts.stop.get_token());
  SLUICE_TRY(const auto api_port, parts.api_server.listen(kAddress, parts.options.api_port, *parts.faulty_api,
                                                          listener_tls(authority, api_tls, true)));
  addresses.api = fmt::format("{}://{}:{}", api_tls ? "https" : "http", kAddress, api_port);
  // The metadata of a real cluster always says https.
  parts.api->set_issuer(addresses.api);

  addresses.control_token = random_token();
  parts.control = std::make_unique<ControlServer>(sandbox, addresses.control_token);
  SLUICE_TRY(const auto control_port,
             parts.control_server.listen(kAddress, parts.options.control_port, *parts.control));
  addresses.control = fmt::format("http://{}:{}", kAddress, control_port);

  SLUICE_CHECK(open_registry(parts, authority));
  parts.world.update([&](World& world) {
    world.registry.listener = addresses.registry;
    world.registry.external = addresses.registry;
    world.ca_pem = addresses.ca_pem;
    world.registry.scheme = registry_tls ? "https" : "http";
    world.knobs.automatic_nodes = parts.options.automatic_nodes;
    add_cluster_projects(world);
    show_registry(world);
    addresses.admin_token = world.new_token("system:admin");
  });
  return {};
}

}  // namespace

Result<std::unique_ptr<Sandbox>> Sandbox::start(const SandboxOptions& options) {
  std::unique_ptr<Sandbox> sandbox(new Sandbox(std::make_unique<Parts>(options)));
  auto& parts = *sandbox->parts_;
  parts.faults.on_restart([&parts] { parts.world.update([](World& world) { ++world.knobs.cut_epoch; }); });
  fill_catalog(parts);
  start_controllers(parts);
  SLUICE_CHECK(open_listeners(*sandbox, parts));
  return sandbox;
}

namespace {

// Pushes an image the way a client does, as an administrator: blobs first, then its manifests.
Status push(Sandbox::Parts& parts, const Scenario::Image& wanted) {
  const auto failed = [&](const std::string& why) {
    return Error(ErrorKind::config, fmt::format("the image {}/{}:{} could not be pushed: {}", wanted.project,
                                                wanted.stream, wanted.tag, why))
        .at(wanted.node.position());
  };
  const auto repository = wanted.project + "/" + wanted.stream;
  const auto image = make_image(wanted);
  for (const auto& blob : image.blobs) {
    auto kept = parts.blobs->put(blob);
    if (!kept.ok()) return failed(kept.error().sentence());
    parts.blobs->link(Link::blob, repository, kept->text());
  }
  for (const auto& manifest : image.manifests) {
    const bool last = &manifest == &image.manifests.back();
    net::ServerRequest request;
    request.method = "PUT";
    request.target = fmt::format("/v2/{}/manifests/{}", repository, last ? wanted.tag : manifest.digest);
    request.headers.add("Host", parts.addresses.registry);
    request.headers.add("Content-Type", manifest.media_type);
    request.headers.add("Authorization", "Bearer " + parts.addresses.admin_token);
    const auto receiver = parts.registry->receive(request);
    receiver->take(std::as_bytes(std::span(manifest.bytes)));
    const auto reply = parts.registry->handle(request, receiver.get());
    if (reply.status != 201) return failed(reply.body);
  }
  return {};
}

}  // namespace

Result<std::map<std::string, std::string>> Sandbox::apply(const Scenario& scenario) {
  SLUICE_TRY(auto tokens, parts_->world.update([&](World& world) { return apply_people(world, scenario); }));
  SLUICE_CHECK(parts_->world.update([&](World& world) { return apply_objects(world, parts_->catalog, scenario); }));
  for (const auto& image : scenario.images) SLUICE_CHECK(push(*parts_, image));
  SLUICE_CHECK(parts_->world.update([&](World& world) { return apply_workloads(world, parts_->catalog, scenario); }));
  for (const auto& knob : scenario.knobs) {
    auto turned = turn(knob.settings);
    if (!turned.ok()) {
      return Error(ErrorKind::config, turned.error().message()).at(knob.node.position());
    }
  }
  return tokens;
}

Status Sandbox::turn(const Json& settings) {
  return sandbox::turn(settings,
                       {parts_->world, parts_->faults,
                        [this](bool on) { parts_->registry->redirect_blobs(on ? parts_->storage_url : ""); },
                        [this](const Json& endpoints) { return parts_->notifications.set_endpoints(endpoints); }});
}

Json Sandbox::state() const {
  auto state = parts_->world.with([this](const World& world) {
    auto counts = Json::object();
    counts.set("version", world.store.version());
    counts.set("objects", world.store.size());
    counts.set("changes_kept", world.store.log_size());
    counts.set("time", world.now_text());
    counts.set("idle", parts_->controllers->idle(world));
    return counts;
  });
  state.set("watches", parts_->hub.open());
  state.set("requests", parts_->api->requests());
  state.set("requests_cut", parts_->faults.cut());
  state.set("requests_denied", parts_->faults.denied());
  state.set("registry_requests", parts_->registry->requests());
  state.set("registry_unauthorized", parts_->registry->unauthorized());
  return state;
}

}  // namespace sluice::sandbox
