#pragma once
// sluice.yaml as values: one app and its environments in order. See docs/pipeline.md and schemas/pipeline.schema.json.

#include "base/error.hpp"
#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::pipeline {

struct Clusters;

/// A road that was asked for: `via:` of an environment or target, or --via.
enum class Via : std::uint8_t { tag, mount, stream, import_images, docker };
std::string_view to_string(Via via);  ///< "tag", "mount", "stream", "import", "docker"
std::optional<Via> parse_via(std::string_view text);
/// Only a cluster with an API has this road.
bool needs_api(Via via);

/// How workloads get the new image.
enum class Deploy : std::uint8_t {
  trigger,  ///< the cluster's own triggers act when the tag moves
  patch,    ///< Sluice sets the image by digest; also for plain Kubernetes
};

/// One place that an environment consists of: a project of a cluster, or of a registry.
struct Target {
  std::string
      cluster;  ///< name in the clusters file, or a kubeconfig context; empty: the current context, or no cluster
  std::string registry;  ///< host[:port]; from `registry:`, or from the cluster's entry; may be empty when has_api
  std::string project;   ///< may have several path components; of a cluster: one
  bool has_api = false;  ///< a project of a cluster with an API
  std::string server{};  ///< host:port of that API; filled in when the cluster is opened (app), not by the parser
  /// What everybody who may promote reads alike about the place, whatever it is called: "uid:" and the uid of the
  /// project; of a plain registry "id:" and the id that its memory holds. Filled in when planning; empty: nobody knows.
  std::string place{};
  std::optional<Via> via{};  ///< the target's own, else the environment's
  Deploy deploy = Deploy::trigger;
  FilePosition position{};

  /// What the lease uses: "registry.example.com:5000/shop", "api.example.com:6443/shop".
  std::string id() const { return (has_api ? server : registry) + "/" + project; }
  /// What the plan hash uses: the same from every machine, where the place is known.
  std::string identity() const { return place.empty() ? id() : place; }
  /// What people see: "prod-a/shop" when a cluster is named, the project alone in the current context, else id().
  std::string label() const { return !cluster.empty() ? cluster + "/" + project : has_api ? project : id(); }
};

/// `verify:` of an environment: what has to hold after the switch.
struct Verify {
  bool rollout = true;                     ///< `rollout: none` switches following off
  std::chrono::seconds rollout_time{600};  ///< `rollout: 10m`
  std::chrono::seconds watch{0};           ///< `watch: 10m`: for so long pods must go on running
  std::string http;                        ///< https URL with {cluster} and {project}; empty: no check
  /// `grace: 30s`; `none`: as long as `rollout`. For so long a cause that no waiting heals may stand.
  std::optional<std::chrono::seconds> grace{std::chrono::seconds(30)};
  friend bool operator==(const Verify&, const Verify&) = default;
};

struct Environment {
  std::string name;
  std::vector<Target> targets;     ///< in order, at least one
  std::optional<std::string> tag;  ///< the tag written there
  Verify verify{};
  bool rollback_on_failure = false;    ///< `on-failure: rollback` (else `stop`)
  std::vector<std::string> accepts{};  ///< `accept:`: codes of findings that do not stop a promotion to it
  FilePosition position;
};

/// How images are found in the first environment.
struct Source {
  std::string tag = "latest";  ///< an exact tag, or a glob when it holds '*' or '?'
  bool is_pattern() const { return tag.find_first_of("*?") != std::string::npos; }
};

/// How much is told of who promotes.
enum class TellWho : std::uint8_t { full, identity, none };
std::string_view to_string(TellWho who);
std::optional<TellWho> parse_tell_who(std::string_view text);

/// `memory:`: what the places remember.
struct MemoryWish {
  bool at_place = true;          ///< `memory: local`: only our own records; other machines are not seen
  std::optional<TellWho> who{};  ///< empty: full on a cluster, identity in a registry, which may be public
};

struct Pipeline {
  std::string app;
  std::vector<std::string> images;  ///< names below a project, in the order of the file
  Source source;
  MemoryWish memory{};
  std::vector<Environment> environments;  ///< at least two, names unique
  std::filesystem::path file;

  /// Errors: config; unknown names come with a suggestion and the list (exit 2).
  Result<const Environment*> environment(std::string_view name) const;
  /// Position in `environments`. Precondition: `environment` belongs to this pipeline.
  std::size_t order_of(const Environment& environment) const;
};

/// Reads and checks a pipeline. Everything that is wrong stops here, with file, line, column and a suggestion.
/// Keys of the design that are not built yet are "not supported yet". Errors: config, not_found (no such file).
Result<Pipeline> parse_pipeline(std::string_view text, const std::filesystem::path& file, const Clusters& clusters);
Result<Pipeline> load_pipeline(const std::filesystem::path& file, const Clusters& clusters);

/// That no place stands twice and nothing is promoted onto itself. The parser has looked at names; once the servers of
/// targets are known, this looks again: two names may be one cluster. Errors: config, with the position of the target.
Status check_places(const Pipeline& pipeline);

}  // namespace sluice::pipeline
