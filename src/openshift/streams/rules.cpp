#include "openshift/streams/rules.hpp"

#include "base/text.hpp"

namespace sluice::openshift {

std::string registry_host(std::string_view pull_spec) {
  const auto [host, rest] = text::cut(pull_spec, '/');
  return rest.empty() ? std::string() : std::string(host);
}

std::string top_image(const kube::ImageStream& stream, std::string_view tag) {
  const auto top = stream.top(tag);
  return top ? top->image : std::string();
}

bool would_wander(const kube::ImageStream& stream, std::string_view tag, std::string_view digest) {
  const auto spec = stream.tag_spec(tag);
  if (!spec) return false;
  if (spec->scheduled) return true;
  if (!spec->from) return false;
  if (spec->from->kind == "DockerImage") return !spec->from->name.ends_with("@" + std::string(digest));
  if (spec->from->kind != "ImageStreamTag") return false;
  // Tags of other streams are resolved once, those of the own stream are followed.
  const bool own_project = spec->from->project.empty() || spec->from->project == stream.project();
  const auto colon = spec->from->name.find(':');
  return own_project && (colon == std::string::npos || spec->from->name.substr(0, colon) == stream.name());
}

bool write_does_nothing(const kube::ImageStream& stream, std::string_view tag, const kube::ImageSource& from) {
  const auto spec = stream.tag_spec(tag);
  if (!spec || !spec->from || spec->reference) return false;
  const auto project = [&](const kube::ImageSource& source) {
    return source.project.empty() ? stream.project() : source.project;
  };
  // The kind does not count.
  return project(*spec->from) == project(from) && spec->from->name == from.name;
}

bool is_stored_here(const kube::ImageStream& stream, std::string_view digest) {
  const auto repository = stream.repository();
  if (repository.empty()) return false;
  bool found = false;
  for (const auto& tag : stream.tags()) {
    for (const auto& item : tag.items) {
      if (item.image != digest) continue;
      if (!item.pull_spec.starts_with(repository + "@")) return false;
      found = true;
    }
  }
  return found;
}

std::string resolved_pull_spec(const kube::ImageStream& stream, std::string_view tag) {
  const auto top = stream.top(tag);
  if (!top) return {};
  const auto spec = stream.tag_spec(tag);
  const auto repository = stream.repository();
  if (spec && spec->local && !repository.empty() && !top->image.empty()) return repository + "@" + top->image;
  return top->pull_spec;
}

}  // namespace sluice::openshift
