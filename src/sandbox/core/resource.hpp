#pragma once
// Resource: how the API treats one kind of object. Most kinds are stored and differ in a few hooks only; virtual ones
// (imagestreamtags, access reviews) answer for themselves.

#include "base/guarded.hpp"
#include "base/json.hpp"
#include "net/http.hpp"
#include "sandbox/core/access.hpp"
#include "sandbox/core/refusal.hpp"
#include "sandbox/core/store.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

struct World;

/// A request of the resource API, taken apart.
struct ApiRequest {
  std::string method;
  std::string verb;     ///< get, list, watch, create, update, patch, delete, deletecollection
  bool legacy = false;  ///< came by /oapi/v1: apiVersion "v1"
  std::string ns;
  std::string name;                                       ///< decoded; empty for collections
  std::string subresource;                                ///< "" or "status", "layers", ...
  std::map<std::string, std::string, std::less<>> query;  ///< decoded
  std::string content_type;                               ///< media type only, lower case
  std::string raw_body;
  Json body;  ///< of POST, PUT and DELETE; null when there was none
  Caller caller;
};

/// What goes back. `body` null: no body (204).
struct ApiReply {
  int status = 200;
  Json body;
  std::string text;  ///< instead of body: text/plain
};

/// What is fixed about a kind.
struct Traits {
  std::string group;  ///< "" for the core group
  std::string version = "v1";
  std::string plural;
  std::string kind;
  bool namespaced = true;
  std::vector<std::string> verbs;  ///< as discovery lists them
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  bool legacy = false;             ///< also under /oapi/v1 (3.11)
  bool counts_generation = false;  ///< metadata.generation: 1, +1 with every change of spec
  bool has_status = false;         ///< status is not written with the spec
  bool needs_version = false;      ///< PUT without resourceVersion is 422
  /// Subresources, with the verbs that discovery lists and the kind that they show.
  struct Sub {
    std::string name;
    std::string kind;
    std::vector<std::string> verbs;
    std::string group;  ///< of the kind, when another one ("extensions")
    std::string version;
  };
  std::vector<Sub> subresources;

  Key key(std::string_view ns, std::string_view name) const;
  std::string resource() const { return qualified(group, plural); }
  /// Under which name its objects are stored; another view of the same objects says so (projects are namespaces).
  std::string stored_as;
  std::string stored() const { return stored_as.empty() ? resource() : stored_as; }
};

/// Thread: every call is made under the World's lock, except handle_unlocked.
class Resource {
 public:
  explicit Resource(Traits traits) : traits_(std::move(traits)) {}
  virtual ~Resource() = default;
  Resource(const Resource&) = delete;
  Resource& operator=(const Resource&) = delete;

  const Traits& traits() const { return traits_; }

  /// Answers a request altogether, rights already checked; empty: the generic way (generic.hpp). Here virtual kinds
  /// and subresources other than status are handled.
  virtual std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request);

  /// True for requests that reach out to other hosts: handle_unlocked is called instead, without the lock.
  virtual bool leaves_lock(const ApiRequest& request) const;
  virtual Answer<ApiReply> handle_unlocked(Watched<World>& world, const ApiRequest& request);

  /// Defaults and checks a new object. metadata.name and namespace are set; generation is 1 when counted.
  virtual Verdict prepare_create(World& world, const ApiRequest& request, Json& object);
  /// Defaults and checks a changed one, after the generic rules (status or spec kept, generation raised when spec
  /// differs once this hook has run). `request.subresource` is "" or "status".
  virtual Verdict prepare_update(World& world, const ApiRequest& request, const Json& before, Json& object);
  /// True when prepare_update wants the status that a PUT of the whole object carries, and puts the stored one back
  /// by itself (DeploymentConfigs: a raised latestVersion starts a rollout).
  virtual bool sees_sent_status() const { return false; }
  /// Called after an object was stored or removed (cascades).
  virtual void created(World& world, const Key& key);
  virtual void removed(World& world, const Key& key, const Json& last);
  /// Adds what is computed on every read (lists and watches too).
  virtual void show(const World& world, Json& object) const;
  /// Field selectors beside metadata.name and metadata.namespace; empty: not supported.
  virtual std::optional<std::string> field(const Json& object, std::string_view path) const;

 private:
  Traits traits_;
};

/// All resources that the API serves.
class Catalog {
 public:
  void add(std::unique_ptr<Resource> resource);
  /// Null when there is none.
  Resource* find(std::string_view group, std::string_view plural) const;
  /// By "imagestreams.image.openshift.io".
  Resource* find(std::string_view resource) const;
  const std::vector<std::unique_ptr<Resource>>& all() const { return resources_; }

 private:
  std::vector<std::unique_ptr<Resource>> resources_;
  std::map<std::string, Resource*, std::less<>> index_;
};

// What generic and virtual kinds share (generic.cpp).

/// The object as it is sent: kind, apiVersion, selfLink (3.11), computed members.
Json shown(const World& world, const Resource& resource, const ObjectRef& object, bool legacy);
/// Creates through the same hooks as a POST does, without looking at rights. For virtual kinds and scenarios.
Answer<ObjectRef> create_object(World& world, Resource& resource, const ApiRequest& request, Json object);
/// Updates through the same hooks as a PUT does.
Answer<ObjectRef> update_object(World& world, Resource& resource, const ApiRequest& request, Json object);
/// "metadata.selfLink" of 3.11.
std::string self_link(const Traits& traits, std::string_view ns, std::string_view name, bool legacy);
/// The three patch formats (merge, JSON, strategic) applied to `before`, as `profile` answers errors.
Answer<Json> apply_patch(const World& world, const ApiRequest& request, const Json& before);

// Each part of the API adds its kinds.
void add_core_resources(Catalog& catalog, const World& world);    ///< core_resources.cpp
void add_access_resources(Catalog& catalog, const World& world);  ///< access_resources.cpp
/// image_*.cpp; `exchanger` reaches the registries that images are imported from.
void add_image_resources(Catalog& catalog, const World& world, net::Exchanger& exchanger);
void add_image_policies(Catalog& catalog);                          ///< image_policies.cpp; 4.x alone
void add_workload_resources(Catalog& catalog, const World& world);  ///< workload_*.cpp

}  // namespace sluice::sandbox
