#include "sandbox/api/path.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace sluice::sandbox {

namespace {

std::string group_of_legacy(const Catalog& catalog, std::string_view plural) {
  for (const auto& resource : catalog.all()) {
    if (resource->traits().legacy && resource->traits().plural == plural) return resource->traits().group;
  }
  return "";
}

bool is_true(const Query& query, std::string_view name) {
  const auto found = query.find(name);
  return found != query.end() && (found->second == "true" || found->second == "1");
}

}  // namespace

std::optional<ApiPath> parse_api_path(std::string_view path, const Catalog& catalog) {
  auto parts = path_segments(path);
  ApiPath result;
  std::size_t used = 0;
  if (parts.size() > 3 && parts[0] == "apis") {
    result.group = parts[1];
    result.version = parts[2];
    used = 3;
  } else if (parts.size() > 2 && (parts[0] == "api" || parts[0] == "oapi")) {
    result.version = parts[1];
    result.legacy = parts[0] == "oapi";
    used = 2;
  } else {
    return std::nullopt;
  }
  parts.erase(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(used));
  if (parts.size() > 1 && parts[0] == "watch") {
    result.watch_prefix = true;
    parts.erase(parts.begin());
  }
  if (parts.size() > 2 && parts[0] == "namespaces") {
    result.ns = parts[1];
    parts.erase(parts.begin(), parts.begin() + 2);
  }
  result.plural = parts[0];
  if (parts.size() > 1) result.name = parts[1];
  if (parts.size() > 2) {
    result.subresource = text::join(std::vector<std::string>(parts.begin() + 2, parts.end()), "/");
  }
  if (result.legacy) result.group = group_of_legacy(catalog, result.plural);
  return result;
}

std::string verb_of(std::string_view method, const ApiPath& path, const Query& query) {
  if (path.watch_prefix && method == "GET") return "watch";
  if (method == "GET" || method == "HEAD") {
    if (!path.name.empty()) return "get";
    return is_true(query, "watch") ? "watch" : "list";
  }
  if (method == "POST") return "create";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return path.name.empty() ? "deletecollection" : "delete";
  return "";
}

Attributes attributes_of(const ApiPath& path, std::string_view verb) {
  Attributes wanted{std::string(verb), path.group, path.plural, path.subresource, path.ns, path.name};
  const bool project = (path.group == "project.openshift.io" && path.plural == "projects") ||
                       (path.group.empty() && path.plural == "namespaces");
  if (project) wanted.ns = path.name;
  return wanted;
}

}  // namespace sluice::sandbox
