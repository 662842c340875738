#pragma once
// How promotion gets at places: app decides what stands behind a target.

#include "base/result.hpp"
#include "engine/client.hpp"
#include "kube/client.hpp"
#include "memory/registry_memory.hpp"
#include "net/http.hpp"
#include "net/reply_stream.hpp"
#include "pipeline/pipeline.hpp"
#include "places/place.hpp"
#include "promotion/plan/side_settings.hpp"

#include <filesystem>
#include <string>

namespace sluice::promotion {

/// The API behind a target. Borrowed; null without one.
struct ClusterSide {
  std::string name;  ///< for people
  kube::Client* client = nullptr;
  net::ReplyStreams* streams = nullptr;  ///< for watches
  explicit operator bool() const { return client != nullptr; }
};

/// A container engine, and where it is written down what was brought into it. Borrowed.
struct EngineSide {
  engine::Client* client = nullptr;
  std::filesystem::path ledgers;
};

/// Thread: any. What it hands out lives as long as this object.
class Places {
 public:
  virtual ~Places() = default;
  /// The registry of a target; of a cluster with an API the integrated one, which is looked for when first asked for.
  /// Errors: config (an unknown cluster, an unreadable CA or password reference, a registry that is not exposed).
  virtual Result<places::Place*> place_of(const pipeline::Target& target) = 0;
  /// The API of a target. Errors: config (also when the cluster of this name is not the one of `target.server` any
  /// more), unauthenticated.
  virtual Result<ClusterSide> cluster_of(const pipeline::Target& target) {
    static_cast<void>(target);
    return ClusterSide{};
  }
  /// host[:port] under which the registry of a target is known from outside. Errors: as place_of.
  virtual Result<std::string> registry_host_of(const pipeline::Target& target) { return target.registry; }
  /// What the administrators wrote about this side. Asks nobody. Errors: as place_of.
  virtual Result<SideSettings> settings_of(const pipeline::Target& target) {
    static_cast<void>(target);
    return SideSettings{};
  }
  /// Whom the registry of a target knows us as, as far as it was spoken to; empty: nobody in particular.
  virtual std::string user_of(const pipeline::Target& target) {
    static_cast<void>(target);
    return {};
  }
  /// The container engine of this host, for images whose road is docker. Errors: config, unsupported (an address that
  /// cannot be used). Asks nobody yet.
  virtual Result<EngineSide> engine() { return Error(ErrorKind::unsupported, "no container engine can be used here"); }
  /// What an engine tells the registry of a target for us. Errors: as place_of, and those of finding credentials.
  virtual Result<engine::RegistryLogin> engine_login(const pipeline::Target& target, const std::string& image) {
    static_cast<void>(target);
    static_cast<void>(image);
    return engine::RegistryLogin{};
  }
  /// How the memories of plain registries are written.
  virtual memory::RegistryMemoryOptions memory_options() const { return {}; }
  /// For HTTP checks; null: none can be made.
  virtual net::Exchanger* exchanger_for_checks() { return nullptr; }
  virtual bool allow_local_checks() const { return false; }
};

/// The repository of an image in a target's project.
inline std::string repository_of(const pipeline::Target& target, const std::string& image) {
  return target.project + "/" + image;
}

}  // namespace sluice::promotion
