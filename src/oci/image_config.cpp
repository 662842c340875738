// The config blob of an image, read for people: what is of an unexpected type counts as absent.
// Source: image-spec config.md.

#include "base/json.hpp"
#include "oci/descriptor.hpp"
#include "oci/manifest.hpp"

#include <fmt/format.h>

namespace sluice::oci {

namespace {

// A list of texts. Docker also takes a bare text where it means a list of one.
std::vector<std::string> texts_at(const Json& object, std::string_view key) {
  std::vector<std::string> out;
  const auto* found = object.find(key);
  if (found == nullptr) return out;
  if (auto one = found->as_string()) out.push_back(std::move(*one));
  for (const auto& item : found->items()) {
    if (auto text = item.as_string()) out.push_back(std::move(*text));
  }
  return out;
}

}  // namespace

Result<ImageConfig> parse_image_config(std::string_view bytes) {
  auto document = parse_json(bytes, {.max_bytes = kMaxManifestBytes});
  if (!document.ok()) {
    return Error(ErrorKind::protocol, fmt::format("the image's config is {}", document.error().message()));
  }
  if (!document->is_object()) return Error(ErrorKind::protocol, "the image's config is JSON but no object");

  ImageConfig config;
  config.platform = detail::read_platform(*document);
  config.created = document->string_at("created").value_or("");
  if (const auto* root = document->find("rootfs")) config.diff_ids = texts_at(*root, "diff_ids");
  const auto* run = document->find("config");
  if (run == nullptr) return config;
  config.entrypoint = texts_at(*run, "Entrypoint");
  config.command = texts_at(*run, "Cmd");
  if (const auto* labels = run->find("Labels")) {
    for (const auto& [key, value] : labels->members()) {
      if (auto text = value.as_string()) config.labels.emplace_back(key, std::move(*text));
    }
  }
  if (const auto* ports = run->find("ExposedPorts")) {
    for (const auto& [port, nothing] : ports->members()) config.exposed_ports.push_back(port);
  }
  return config;
}

}  // namespace sluice::oci
