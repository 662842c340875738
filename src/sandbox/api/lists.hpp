#pragma once
// Lists: selectors, pages of one snapshot, and how an object looks inside a list.

#include "sandbox/core/resource.hpp"
#include "sandbox/core/world.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

/// labelSelector and fieldSelector of a list, a watch or a collection delete.
class Selection {
 public:
  /// Errors: 400 for a field that the kind does not know, or a selector that cannot be read.
  static Answer<Selection> parse(const Resource& resource, const ApiRequest& request);
  bool matches(const Resource& resource, const Json& object) const;
  bool everything() const { return labels_.empty() && fields_.empty(); }

 private:
  struct Term {
    enum class Op : std::uint8_t { equal, different, in, not_in, exists, missing };
    std::string key;
    Op op = Op::equal;
    std::vector<std::string> values;
    bool holds(const std::optional<std::string>& value) const;
  };
  static Answer<std::vector<Term>> parse_labels(std::string_view text);
  static std::vector<Term> parse_fields(std::string_view text);

  std::vector<Term> labels_;
  std::vector<Term> fields_;
};

/// Snapshots of lists that were cut by `limit`. Bounded: the oldest is forgotten, as etcd does after a while.
/// Thread: under the World's lock.
class Pages {
 public:
  Answer<ApiReply> list(World& world, Resource& resource, const ApiRequest& request);

 private:
  struct Snapshot {
    std::string token;
    std::uint64_t version = 0;
    std::uint64_t epoch = 0;
    std::size_t next = 0;
    std::vector<ObjectRef> objects;
  };
  Answer<Snapshot> start(World& world, Resource& resource, const ApiRequest& request);
  Answer<Snapshot> resume(World& world, const std::string& token);

  std::deque<Snapshot> snapshots_;
};

/// An object as it stands in a list or a watch frame, without kind and apiVersion.
Json shown_item(const World& world, const Resource& resource, const Json& object, bool legacy);
/// "image.openshift.io/v1", or "v1" for the core group and for /oapi.
std::string api_version(const Traits& traits, bool legacy);

}  // namespace sluice::sandbox
