#include "kube/paths.hpp"

#include "base/encoding.hpp"
#include "base/text.hpp"

#include <map>

namespace sluice::kube {

namespace {

// A part of a path that stays one part. Dots alone would lead elsewhere (RFC 3986 section 5.2.4).
std::string part(std::string_view text) {
  if (text == "." || text == "..") {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) out += "%2E";
    return out;
  }
  return encoding::percent(text, ":@");
}

}  // namespace

std::string path_of(const Resource& resource, std::string_view project, std::string_view name,
                    std::string_view subresource) {
  std::string path = resource.root();
  if (resource.namespaced && !project.empty()) path += "/namespaces/" + part(project);
  path += "/" + std::string(resource.plural);
  if (!name.empty()) path += "/" + part(name);
  if (!subresource.empty()) path += "/" + part(subresource);
  return path;
}

std::string form_of(const std::vector<std::pair<std::string_view, std::string>>& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    if (!out.empty()) out += '&';
    out += std::string(name) + "=" + encoding::percent(value);
  }
  return out;
}

std::string with_query(std::string path, const std::vector<std::pair<std::string_view, std::string>>& parameters) {
  const auto query = form_of(parameters);
  if (!query.empty()) path += "?" + query;
  return path;
}

std::string shown(const Resource& resource, std::string_view project, std::string_view name) {
  static const std::map<std::string_view, std::string_view> kWords{
      {"imagestreams", "the image stream"},
      {"imagestreamtags", "the tag"},
      {"imagestreamimages", "the image"},
      {"images", "the image"},
      {"deploymentconfigs", "the deployment config"},
      {"replicationcontrollers", "the replication controller"},
      {"deployments", "the deployment"},
      {"pods", "the pod"},
      {"projects", "the project"},
      {"routes", "the route"},
      {"users", "the user"}};
  std::string what;
  if (const auto word = kWords.find(resource.plural); word != kWords.end() && !name.empty()) {
    what = word->second;
  } else {
    what = std::string(resource.plural);
  }
  const bool in_project = resource.namespaced && !project.empty();
  if (name.empty()) return in_project ? what + " of " + text::printable(project, 80) : what;
  return what + " " + (in_project ? text::printable(project, 80) + "/" : "") + text::printable(name, 200);
}

}  // namespace sluice::kube
