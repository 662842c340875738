#pragma once
// The object store: every stored object of the API, one counter of versions, and a bounded log of what changed.
// Like etcd behind a Kubernetes API server: each stored change has its own version, and a watch reads the log.

#include "base/json.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

/// Immutable once stored. Without kind, apiVersion and selfLink: those belong to the way it is asked for.
using ObjectRef = std::shared_ptr<const Json>;

/// "imagestreams.image.openshift.io" or "pods"; cluster-scoped objects have an empty namespace.
struct Key {
  std::string resource;
  std::string ns;
  std::string name;
  friend auto operator<=>(const Key&, const Key&) = default;
};

struct Change {
  enum class What : std::uint8_t { added, modified, deleted };
  What what = What::added;
  std::uint64_t version = 0;
  Key key;
  ObjectRef object;  ///< after the change; for deleted: the last state, with the version of the deletion
  ObjectRef before;  ///< null for added
};

/// Thread: none of its own; used under the lock of the World.
class Store {
 public:
  using Now = std::function<std::chrono::system_clock::time_point()>;
  explicit Store(Now now);

  /// Null when there is none.
  ObjectRef get(const Key& key) const;
  /// By name; `ns` empty: of all namespaces.
  std::vector<ObjectRef> list(std::string_view resource, std::string_view ns = {}) const;
  std::vector<Key> keys(std::string_view resource, std::string_view ns = {}) const;

  /// Everything inside a namespace.
  std::vector<Key> keys_in(std::string_view ns) const;

  /// Stores a new object: sets metadata.name, namespace, uid, resourceVersion and creationTimestamp.
  /// Precondition: there is none.
  ObjectRef create(const Key& key, Json object);
  /// Stores another state, or nothing at all when nothing but the resourceVersion differs. uid and creationTimestamp
  /// stay. Precondition: it exists.
  ObjectRef replace(const Key& key, Json object);
  /// Removes it; returns the last state. Precondition: it exists.
  ObjectRef remove(const Key& key);

  /// The version of the last change.
  std::uint64_t version() const { return version_; }
  /// A version that no object has: what lists of a server with other writers show.
  std::uint64_t tick() { return ++version_; }

  // The log. `oldest()` is the oldest version from which a watch can still start.
  std::uint64_t oldest() const { return oldest_; }
  /// Changes after `version`, in order; up to `limit`. Precondition: version >= oldest().
  std::vector<const Change*> changes_after(std::uint64_t version, std::size_t limit) const;
  /// Told of every change, under the lock, before anybody else can see it.
  void on_change(std::function<void(const Change&)> listener) { listener_ = std::move(listener); }
  /// Forgets the log: watches can start from the current version only.
  void compact();
  void keep(std::size_t changes) { kept_ = changes; }
  std::size_t log_size() const { return log_.size(); }
  std::size_t size() const;

 private:
  using Objects = std::map<std::pair<std::string, std::string>, ObjectRef>;  // (namespace, name)
  void log(Change change);

  Now now_;
  std::function<void(const Change&)> listener_;
  std::map<std::string, Objects, std::less<>> objects_;
  std::deque<Change> log_;
  std::uint64_t version_ = 1;
  std::uint64_t oldest_ = 1;
  std::size_t kept_ = 20'000;
};

/// RFC 3339 in UTC, whole seconds, as the API writes times.
std::string rfc3339(std::chrono::system_clock::time_point time);
/// A random version 4 UUID.
std::string new_uid();
/// `count` characters that generated names end with (no vowels, as Kubernetes does it).
std::string random_suffix(std::size_t count);

}  // namespace sluice::sandbox
