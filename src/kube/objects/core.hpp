#pragma once
// Projects, accounts, routes, events, and what limits and rights there are.
// Source: k8s.io/api core/v1, authorization/v1; github.com/openshift/api project/v1, route/v1, user/v1.

#include "kube/objects/object.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sluice::kube {

class Project : public Object {
 public:
  static constexpr Resource kResource{"project.openshift.io", "v1", "projects", "Project", false};
  using Object::Object;
  std::string phase() const { return text_at(json(), {"status", "phase"}); }
  std::string display_name() const { return annotation("openshift.io/display-name"); }
};

class Namespace : public Object {
 public:
  static constexpr Resource kResource{"", "v1", "namespaces", "Namespace", false};
  using Object::Object;
  std::string phase() const { return text_at(json(), {"status", "phase"}); }
};

class User : public Object {
 public:
  static constexpr Resource kResource{"user.openshift.io", "v1", "users", "User", false};
  using Object::Object;
  std::vector<std::string> groups() const { return strings_at(json(), {"groups"}); }
};

class ServiceAccount : public Object {
 public:
  static constexpr Resource kResource{"", "v1", "serviceaccounts", "ServiceAccount"};
  using Object::Object;
  std::vector<std::string> secrets() const;
  std::vector<std::string> pull_secrets() const;
};

class Event : public Object {
 public:
  static constexpr Resource kResource{"", "v1", "events", "Event"};
  using Object::Object;
  std::string type() const { return text_at(json(), {"type"}); }  ///< "Normal" or "Warning"
  std::string reason() const { return text_at(json(), {"reason"}); }
  std::string message() const;  ///< made printable
  std::string about_kind() const { return text_at(json(), {"involvedObject", "kind"}); }
  std::string about_name() const { return text_at(json(), {"involvedObject", "name"}); }
  std::string about_uid() const { return text_at(json(), {"involvedObject", "uid"}); }
  std::string last_seen() const;
  std::int64_t count() const { return number_at(json(), {"count"}); }
};

class Route : public Object {
 public:
  static constexpr Resource kResource{"route.openshift.io", "v1", "routes", "Route"};
  using Object::Object;
  /// The host by which a router admitted it, else what the spec asks for.
  std::string host() const;
  /// "edge", "passthrough", "reencrypt"; "" for plain HTTP.
  std::string termination() const { return text_at(json(), {"spec", "tls", "termination"}); }
};

class ResourceQuota : public Object {
 public:
  static constexpr Resource kResource{"", "v1", "resourcequotas", "ResourceQuota"};
  using Object::Object;
  Labels hard() const { return texts_at(json(), {"status", "hard"}); }
  Labels used() const { return texts_at(json(), {"status", "used"}); }
  /// How many are left of something that is counted in whole numbers; empty when it is not limited.
  std::optional<std::int64_t> left(std::string_view what) const;
};

class LimitRange : public Object {
 public:
  static constexpr Resource kResource{"", "v1", "limitranges", "LimitRange"};
  using Object::Object;
  struct Limit {
    std::string type;  ///< "openshift.io/Image", "openshift.io/ImageStream", "Container", ...
    Labels max;        ///< quantities as they are written: "1Gi"
  };
  std::vector<Limit> limits() const;
  /// The smallest `max` of one type; empty when there is none that can be read.
  std::optional<std::int64_t> max_of(std::string_view type, std::string_view what) const;
};

/// A whole number in the notation of Kubernetes: "5", "100Mi", "2k". Empty for what is none or does not fit; fractions
/// are rounded up, as the API does. Source: k8s.io/apimachinery api/resource, "Quantity".
std::optional<std::int64_t> parse_quantity(std::string_view text);

/// What a review asks: may somebody do `verb` to this?
struct AccessQuestion {
  std::string verb;
  std::string group;
  std::string resource;
  std::string subresource{};
  std::string project{};
  std::string name{};
  /// "update imagestreams/layers of prod/web".
  std::string shown() const;
};

/// The answer: not allowed is no error.
struct AccessAnswer {
  bool allowed = false;
  std::string reason;  ///< made printable
};
/// Reads the answer in any of its forms, `status.allowed` or `allowed` at the top.
AccessAnswer read_access_answer(const Json& review);

}  // namespace sluice::kube
