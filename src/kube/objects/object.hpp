#pragma once
// Object: what the API server sent, with names for the parts that every object has. The Json below stays whole, so that
// fields which nobody here knows survive a read, a change and a write. Nothing in here fails on odd input: a member
// that is absent or of another type reads as empty. Source: Kubernetes API conventions, "Metadata"; OpenShift objects
// follow the same.

#include "base/json.hpp"

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::kube {

/// One collection of the API: where it is, and what its objects are called.
struct Resource {
  std::string_view group;  ///< "" for the core group
  std::string_view version;
  std::string_view plural;
  std::string_view kind;
  bool namespaced = true;

  /// "/apis/GROUP/VERSION" or "/api/VERSION".
  std::string root() const;
  /// "image.openshift.io/v1" or "v1".
  std::string api_version() const;
  /// "imagestreams.image.openshift.io": how RBAC and error texts name it.
  std::string qualified() const;
};

using Labels = std::map<std::string, std::string, std::less<>>;

struct OwnerReference {
  std::string kind;
  std::string name;
  std::string uid;
  bool controller = false;
};

/// One entry of `status.conditions`.
struct Condition {
  std::string type;
  std::string status;  ///< "True", "False", "Unknown"
  std::string reason;
  std::string message;
  std::string last_transition;
  std::int64_t generation = 0;  ///< of image streams; 0 elsewhere
  bool is_true() const { return status == "True"; }
  bool is_false() const { return status == "False"; }
};

/// A value at a path of members, or null. Borrowed.
const Json* at(const Json& root, std::initializer_list<std::string_view> path);
std::string text_at(const Json& root, std::initializer_list<std::string_view> path);
std::int64_t number_at(const Json& root, std::initializer_list<std::string_view> path);
bool flag_at(const Json& root, std::initializer_list<std::string_view> path);
/// Elements of the array at a path; empty when there is none.
const Json::Array& list_at(const Json& root, std::initializer_list<std::string_view> path);
/// Members with text values of the object at a path.
Labels texts_at(const Json& root, std::initializer_list<std::string_view> path);
std::vector<std::string> strings_at(const Json& root, std::initializer_list<std::string_view> path);
std::vector<Condition> conditions_at(const Json& root, std::initializer_list<std::string_view> path);
/// Sets the value at a path and makes the objects on the way; what is in the way and is no object is replaced.
void set_at(Json& root, std::initializer_list<std::string_view> path, Json value);

/// Thread: as a plain value.
class Object {
 public:
  Object() = default;
  explicit Object(Json json) : json_(std::move(json)) {}

  const Json& json() const { return json_; }
  /// For changes on the way to a write.
  Json& json() { return json_; }

  std::string kind() const { return text_at(json_, {"kind"}); }
  std::string name() const { return text_at(json_, {"metadata", "name"}); }
  std::string project() const { return text_at(json_, {"metadata", "namespace"}); }
  std::string uid() const { return text_at(json_, {"metadata", "uid"}); }
  std::string resource_version() const { return text_at(json_, {"metadata", "resourceVersion"}); }
  std::string created() const { return text_at(json_, {"metadata", "creationTimestamp"}); }
  std::int64_t generation() const { return number_at(json_, {"metadata", "generation"}); }
  Labels labels() const { return texts_at(json_, {"metadata", "labels"}); }
  Labels annotations() const { return texts_at(json_, {"metadata", "annotations"}); }
  /// "" when there is no such annotation.
  std::string annotation(std::string_view key) const { return text_at(json_, {"metadata", "annotations", key}); }
  void annotate(std::string_view key, std::string value);
  /// True when it was there.
  bool remove_annotation(std::string_view key);
  std::vector<OwnerReference> owners() const;
  /// The owner that is marked as the controller.
  std::optional<OwnerReference> controller() const;
  /// "project/name", or "name" for what is in no project. What people are shown.
  std::string shown() const;

  friend bool operator==(const Object&, const Object&) = default;

 private:
  Json json_;
};

/// A list as one answer, or as the sum of its pages.
template <class T>
struct ListOf {
  std::vector<T> items;
  std::string resource_version;  ///< where a watch begins; empty for lists that cannot be watched
};

/// An object type with its place in the API.
template <class T>
concept Typed = requires(Json json) {
  { T::kResource } -> std::convertible_to<const Resource&>;
  T(std::move(json));
};

}  // namespace sluice::kube
