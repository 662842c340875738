#pragma once
// What the path and method of a request mean: a resource with its verb, or something else. Pure.

#include "sandbox/core/http_text.hpp"
#include "sandbox/core/resource.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::sandbox {

struct ApiPath {
  std::string group;
  std::string version;
  std::string plural;
  bool legacy = false;        ///< /oapi/v1
  bool watch_prefix = false;  ///< /apis/G/V/watch/...
  std::string ns;
  std::string name;
  std::string subresource;
};

/// Empty for paths that name no resource ("/apis/apps", "/version").
std::optional<ApiPath> parse_api_path(std::string_view path, const Catalog& catalog);

/// get, list, watch, create, update, patch, delete, deletecollection; "" for a method that means nothing here.
std::string verb_of(std::string_view method, const ApiPath& path, const Query& query);

/// What access is decided on. A project is inside itself.
Attributes attributes_of(const ApiPath& path, std::string_view verb);

}  // namespace sluice::sandbox
