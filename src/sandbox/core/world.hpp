#pragma once
// World: everything that the sandbox knows, behind one lock. API handlers, the registry and the controllers change it;
// watches read its log. See README.md for the way of a request.

#include "base/guarded.hpp"
#include "sandbox/core/access.hpp"
#include "sandbox/core/refusal.hpp"
#include "sandbox/core/store.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

/// Which OpenShift is played.
enum class Profile : std::uint8_t { v3_11, v4 };

/// How the integrated registry is known. Changed by a knob.
struct RegistryNames {
  bool present = true;
  std::string internal;                 ///< host[:port] in pull specs
  std::optional<std::string> external;  ///< host[:port] of the route; empty: not exposed
  std::string listener;                 ///< 127.0.0.1:PORT, where it really listens
  std::string scheme = "http";          ///< of the listener
};

/// What a rollout comes to (knob "outcome").
struct Outcome {
  enum class Result : std::uint8_t {
    succeed,
    fail,           ///< the new containers crash, and the deployer gives up at the first crash
    hang,           ///< containers are never started
    fail_after,     ///< not ready, and after a while a crash
    unpullable,     ///< ErrImagePull, ImagePullBackOff
    init_crash,     ///< the first init container crashes until the time is up
    crash_loop,     ///< crashes until the time is up
    unschedulable,  ///< no node has room
    never_ready,    ///< runs, but its readiness probe fails
    quota,          ///< pods cannot be made: exceeded quota
  };
  Result result = Result::succeed;
  std::chrono::seconds after{0};
  std::string log{};  ///< last line of a container that crashes; empty: a usual one
};

/// A conflict that the next writes of an object meet (knob "conflict").
struct Knobs {
  std::map<Key, int> conflicts;                    ///< writes left that meet a phantom writer
  std::map<Key, Outcome> outcomes;                 ///< by workload (resource, namespace, name)
  std::map<std::string, Outcome> digest_outcomes;  ///< by image digest
  std::map<Key, std::int64_t> autoscale;      ///< replicas that a workload is given in the middle of its next rollout
  std::chrono::milliseconds step_delay{0};    ///< between the steps of a rollout
  std::chrono::milliseconds import_delay{0};  ///< before a background import
  bool automatic_nodes = true;                ///< pods and deployer pods move by themselves
  std::uint64_t watch_epoch = 0;              ///< raised: all watches end now
  std::uint64_t cut_epoch = 0;                ///< raised: the connections of all watches are cut now
  std::optional<std::uint64_t> watch_events;  ///< each watch ends after so many events
  std::uint64_t bookmark_epoch = 0;           ///< raised: every watch that asked for them gets a bookmark now
  std::uint64_t reimport_epoch = 0;           ///< raised: scheduled imports run now
  std::uint64_t continue_epoch = 0;           ///< raised: all continue tokens are expired
};

struct User {
  std::string name;
  std::string password;             ///< empty: cannot log in with one
  std::vector<std::string> groups;  ///< beside those that everybody has
  std::string uid;
};

/// Thread: none of its own; reach it through SharedWorld.
struct World {
  using Clock = std::chrono::system_clock;
  explicit World(Profile profile);

  Profile profile;
  std::chrono::seconds clock_offset{0};  ///< the knob "clock" moves the sandbox's time
  Clock::time_point now() const { return Clock::now() + clock_offset; }
  std::string now_text() const { return rfc3339(now()); }

  Store store;
  RegistryNames registry;
  Knobs knobs;
  std::map<std::string, User, std::less<>> users;
  std::map<std::string, Token, std::less<>> tokens;  ///< by the token itself
  std::string ca_pem;                                ///< of the sandbox's own authority; empty without TLS

  /// Whose token it is; empty for an unknown, expired or revoked one. Counts down `requests_left`.
  std::optional<Caller> authenticate(std::string_view token);
  /// The caller that an identity stands for ("ann", "system:serviceaccount:p:default", "system:admin").
  Caller caller_of(std::string_view identity) const;
  /// A new token; with `life`, one that expires.
  std::string new_token(std::string_view identity, std::optional<std::chrono::seconds> life = std::nullopt);
  /// A token whose text is given.
  void add_token(const std::string& text, Token token);
  /// By the token itself or the name of its object.
  void revoke(std::string_view object_name);
  bool may(const Caller& caller, const Attributes& wanted) const { return decide(store, caller, wanted).allowed; }

  bool project_exists(std::string_view name) const;
};

/// The world and its lock. `update` wakes watches and controllers.
using SharedWorld = Watched<World>;

}  // namespace sluice::sandbox
