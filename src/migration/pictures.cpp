#include "migration/pictures.hpp"

#include "base/text.hpp"
#include "migration/values.hpp"
#include "pipeline/fields.hpp"

#include <array>
#include <utility>

namespace sluice::migration {

namespace {

// Names from outside. Source: OpenShift 4 "Exposing the registry" (default route), 3.11 "Exposing the Registry".
constexpr std::array<std::string_view, 2> kOuterNames{"default-route-openshift-image-registry.",
                                                      "docker-registry-default."};
// Names from inside; the service's address on 3.x is the first network of the default configuration.
constexpr std::array<std::string_view, 3> kInnerNames{"image-registry.openshift-image-registry.svc",
                                                      "docker-registry.default.svc", "172.30."};

Error not_read(std::string why) { return {ErrorKind::usage, std::move(why)}; }

std::pair<std::string_view, std::string_view> cut_tag(std::string_view text) {
  const auto slash = text.rfind('/');
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || (slash != std::string_view::npos && colon < slash)) return {text, "latest"};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

bool starts_with_any(std::string_view text, const auto& prefixes) {
  for (const auto prefix : prefixes) {
    if (text.starts_with(prefix)) return true;
  }
  return false;
}

Status check(const Picture& picture) {
  for (const auto& part : {picture.spot.project, picture.image}) {
    if (!is_known(part)) return not_read(why_unknown(part));
  }
  if (!oci::check_repository_path(picture.spot.project + "/" + picture.image)) {
    return not_read("the name of the repository is none");
  }
  if (picture.spot.on_cluster &&
      (picture.image.find('/') != std::string::npos || !pipeline::detail::is_dns_label(picture.spot.project))) {
    return not_read("no image stream can be called that");
  }
  // Unknown parts are taken for letters that a tag may have.
  auto tag = as_pattern(picture.tag);
  for (auto& c : tag) c = c == '*' ? '0' : c;
  if (!oci::check_tag(tag)) return not_read("the tag is none");
  return {};
}

}  // namespace

bool names_registry(std::string_view reference) {
  const auto slash = reference.find('/');
  if (slash == std::string_view::npos) return false;
  const auto first = reference.substr(0, slash);
  return !is_known(first) || first.find_first_of(".:") != std::string_view::npos || first == "localhost";
}

std::string cluster_key(std::string_view host) {
  auto key = text::lower(host.substr(0, host.find(':')));
  for (const auto prefix : kOuterNames) {
    if (!key.starts_with(prefix)) continue;
    key.erase(0, prefix.size());
    if (key.starts_with("apps.")) key.erase(0, 5);
    return key;
  }
  const auto dot = key.find('.');
  // "api.a.example.com" -> "a.example.com"; an address or a bare name stays.
  if (dot == std::string::npos || key.find_first_not_of("0123456789.") == std::string::npos) return key;
  return key.substr(dot + 1).find('.') == std::string::npos ? key : key.substr(dot + 1);
}

Result<Picture> picture_of(std::string_view text, std::string_view current, Notebook& notebook) {
  if (text.starts_with("docker://")) text.remove_prefix(9);
  const auto at = text.find('@');
  // Who logs in where is not a part of a reference, and nothing of it is repeated.
  if (at != std::string_view::npos && at < text.find('/')) return not_read("a registry was expected, and not a login");
  if (at != std::string_view::npos) {
    return not_read("it names an image by its digest, and a pipeline finds images by their tags");
  }
  std::string host = "docker.io";
  if (names_registry(text)) {
    const auto first = text.substr(0, text.find('/'));
    if (!is_known(first)) return not_read("its registry is not known: " + why_unknown(first));
    auto parsed = oci::parse_registry(first);
    if (!parsed) return not_read("the name of the registry is none");
    host = std::move(*parsed);
    text.remove_prefix(first.size() + 1);
  } else if (text.find('/') == std::string_view::npos) {
    if (!is_known(text.substr(0, text.find(':'))))
      return not_read("the whole image is not known: " + why_unknown(text));
  }
  const auto [path, tag] = cut_tag(text);
  const auto slash = path.rfind('/');
  Picture out;
  out.tag = tag;
  out.image = slash == std::string_view::npos ? path : path.substr(slash + 1);
  out.spot.project = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  out.spot.host = host;
  if (host == "docker.io" && out.spot.project.empty()) out.spot.project = "library";
  if (out.spot.project.empty()) {
    return not_read("the image stands in no project of the registry, and a pipeline needs one");
  }
  if (starts_with_any(host, kInnerNames)) {
    out.spot.on_cluster = true;
    out.spot.host = current;
  } else if (starts_with_any(host, kOuterNames)) {
    out.spot.on_cluster = true;
    out.spot.host = cluster_key(host);
    notebook.clusters[out.spot.host].registry = host;
  }
  SLUICE_CHECK(check(out));
  return out;
}

Result<Picture> stream_of(std::string_view text, std::string_view project, std::string_view current) {
  if (text.find('@') != std::string_view::npos) {
    return not_read("it names an image by its digest, and a pipeline finds images by their tags");
  }
  const auto [path, tag] = cut_tag(text);
  const auto slash = path.find('/');
  Picture out;
  out.spot.on_cluster = true;
  out.spot.host = current;
  out.tag = tag;
  out.image = slash == std::string_view::npos ? path : path.substr(slash + 1);
  out.spot.project = slash == std::string_view::npos ? project : path.substr(0, slash);
  if (out.spot.project.empty()) return not_read("the project is not named in the script");
  SLUICE_CHECK(check(out));
  return out;
}

}  // namespace sluice::migration
