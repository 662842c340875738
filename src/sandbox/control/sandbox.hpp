#pragma once
// Sandbox: a local look-alike of an OpenShift cluster with its registry. One process, loopback only, nothing kept
// unless a folder is given. What it is and is not like: docs/sandbox.md.

#include "base/json.hpp"
#include "base/result.hpp"
#include "sandbox/control/scenario.hpp"
#include "sandbox/core/world.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace sluice::sandbox {

struct SandboxOptions {
  Profile profile = Profile::v3_11;
  enum class Tls : std::uint8_t { api, all, none };
  Tls tls = Tls::api;
  std::optional<std::filesystem::path> storage;  ///< blobs in this folder; empty: in memory
  std::uint16_t api_port = 0;                    ///< 0: a free one
  std::uint16_t registry_port = 0;
  std::uint16_t control_port = 0;
  bool automatic_nodes = true;
};

/// Where a running sandbox is reached.
struct Addresses {
  std::string api;           ///< URL
  std::string registry;      ///< host:port of the listener
  std::string registry_url;  ///< with scheme
  std::string control;       ///< URL
  std::string control_token;
  std::string admin_token;
  std::string ca_pem;                 ///< empty without TLS
  std::string admin_certificate_pem;  ///< of a client that is system:admin; empty without TLS
  std::string admin_key_pem;
};

/// Thread: any. Destruction ends servers and controllers.
class Sandbox {
 public:
  /// Errors: unreachable (a port that is taken), storage (the folder), internal.
  static Result<std::unique_ptr<Sandbox>> start(const SandboxOptions& options);
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  const Addresses& addresses() const;
  SharedWorld& world();

  /// Adds what a scenario describes. Returns a token for every identity that it names.
  /// Errors: config (a refused object, with its position), usage (a knob).
  Result<std::map<std::string, std::string>> apply(const Scenario& scenario);
  /// One knob (knobs.hpp). Errors: usage.
  Status turn(const Json& settings);
  /// Counts for people and tests: objects, changes kept, watches, requests.
  Json state() const;

  struct Parts;

 private:
  explicit Sandbox(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace sluice::sandbox
