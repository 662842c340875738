#include "sandbox/sandbox.hpp"

#include "net/http_server.hpp"
#include "net/transfer_loop.hpp"
#include "sandbox/api_server.hpp"
#include "sandbox/apply_scenario.hpp"
#include "sandbox/certificates.hpp"
#include "sandbox/cluster_config.hpp"
#include "sandbox/control.hpp"
#include "sandbox/controller_loop.hpp"
#include "sandbox/faults.hpp"
#include "sandbox/knobs.hpp"
#include "sandbox/token_text.hpp"
#include "sandbox/watch.hpp"

#include <fmt/format.h>

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

Status open_listeners(Sandbox& sandbox, Sandbox::Parts& parts) {
  const auto tls = parts.options.tls;
  const bool api_tls = tls != SandboxOptions::Tls::none;
  const bool registry_tls = tls == SandboxOptions::Tls::all;
  SLUICE_TRY(const auto authority, make_authority({"localhost", "127.0.0.1", "::1",
                                                   "docker-registry.default.svc",
                                                   "image-registry.openshift-image-registry.svc"}));
  auto& addresses = parts.addresses;
  if (api_tls || registry_tls) addresses.ca_pem = authority.ca_pem;

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

  parts.world.update([&](World& world) {
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
  fill_catalog(parts);
  start_controllers(parts);
  SLUICE_CHECK(open_listeners(*sandbox, parts));
  return sandbox;
}

Result<std::map<std::string, std::string>> Sandbox::apply(const Scenario& scenario) {
  SLUICE_TRY(auto tokens, parts_->world.update([&](World& world) { return apply_people(world, scenario); }));
  SLUICE_CHECK(parts_->world.update([&](World& world) { return apply_objects(world, parts_->catalog, scenario); }));
  for (const auto& knob : scenario.knobs) {
    auto turned = turn(knob.settings);
    if (!turned.ok()) {
      return Error(ErrorKind::config, turned.error().message()).at(knob.node.position());
    }
  }
  return tokens;
}

Status Sandbox::turn(const Json& settings) {
  return sandbox::turn(settings, {parts_->world, parts_->faults, [](bool) {}, [](const Json&) { return Status{}; }});
}

Json Sandbox::state() const {
  auto state = parts_->world.with([](const World& world) {
    auto counts = Json::object();
    counts.set("version", world.store.version());
    counts.set("objects", world.store.size());
    counts.set("changes_kept", world.store.log_size());
    counts.set("time", world.now_text());
    return counts;
  });
  state.set("watches", parts_->hub.open());
  state.set("requests", parts_->api->requests());
  return state;
}

}  // namespace sluice::sandbox
