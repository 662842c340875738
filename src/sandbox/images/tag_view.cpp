#include "sandbox/images/tag_view.hpp"

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "sandbox/core/resource.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/images/history.hpp"
#include "sandbox/images/mapping.hpp"
#include "sandbox/images/resolve.hpp"
#include "sandbox/images/stream_store.hpp"
#include "sandbox/images/tagging.hpp"

#include <fmt/format.h>

namespace sluice::sandbox {

namespace {

void link_to(const World& world, Json& metadata, std::string_view plural, bool legacy) {
  if (world.profile != Profile::v3_11) return;
  metadata.set("selfLink", fmt::format("{}/namespaces/{}/{}/{}",
                                       legacy ? std::string("/oapi/v1") : fmt::format("/apis/{}/v1", kImageGroup),
                                       metadata.string_at("namespace").value_or(""), plural,
                                       encoding::percent(metadata.string_at("name").value_or(""))));
}

// The newest event that has an image; a tag that only refers to a foreign image counts as empty.
std::optional<TagEvent> image_event(const Json& stream, std::string_view tag) {
  auto event = newest_event(stream, tag);
  if (event && event->image.empty()) return std::nullopt;
  return event;
}

Json tag_metadata(const World& world, const Json& stream, std::string_view tag, std::string_view created,
                  std::string_view plural, bool legacy) {
  auto metadata = Json::object();
  metadata.set("name", fmt::format("{}:{}", name_of(stream), tag));
  metadata.set("namespace", namespace_of(stream));
  link_to(world, metadata, plural, legacy);
  metadata.set("uid", uid_of(stream));
  metadata.set("resourceVersion", text_at(stream, {"metadata", "resourceVersion"}));
  metadata.set("creationTimestamp", created);
  const auto& labels = at(stream, {"metadata", "labels"});
  if (!labels.members().empty()) metadata.set("labels", labels);
  const auto* reference = spec_tag(stream, tag);
  if (reference != nullptr && !at(*reference, {"annotations"}).members().empty()) {
    metadata.set("annotations", at(*reference, {"annotations"}));
  }
  return metadata;
}

Json image_in_view(const World& world, const Json& stream, std::string_view tag, const std::optional<TagEvent>& event,
                   bool in_list) {
  const auto stored = event && !in_list ? find_image_object(world, event->image) : nullptr;
  auto image = stored ? embedded_image(*stored) : blank_image();
  if (event) set_at(image, {"metadata", "name"}, event->image);
  const auto repository = stream_repository(world, namespace_of(stream), name_of(stream));
  const auto reference = event ? resolve_tag_of(stream, repository, tag) : std::nullopt;
  if (reference) {
    image.set("dockerImageReference", *reference);
  } else {
    image.remove("dockerImageReference");
  }
  // Annotations of the spec tag show on the image too.
  const auto* tagged = spec_tag(stream, tag);
  if (stored && tagged != nullptr) {
    for (const auto& [name, value] : at(*tagged, {"annotations"}).members()) {
      set_at(image, {"metadata", "annotations", name}, value);
    }
  }
  return image;
}

}  // namespace

std::optional<TagName> TagName::parse(std::string_view text) {
  const auto parts = text::split(text, ':');
  if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) return std::nullopt;
  return TagName{parts[0], parts[1]};
}

Json blank_image() {
  auto metadata = Json::object();
  metadata.set("creationTimestamp", Json());
  auto docker = Json::object();
  docker.set("kind", "DockerImage");
  docker.set("apiVersion", "1.0");
  docker.set("Id", "");
  docker.set("Created", Json());
  docker.set("ContainerConfig", Json::object());
  auto image = Json::object();
  image.set("metadata", std::move(metadata));
  image.set("dockerImageMetadata", std::move(docker));
  image.set("dockerImageMetadataVersion", "1.0");
  image.set("dockerImageLayers", Json());
  return image;
}

Json embedded_image(const Json& image) {
  auto shown = Json::object();
  for (const auto& [name, value] : image.members()) {
    if (name == "dockerImageManifest" || name == "dockerImageConfig") continue;
    shown.append_unchecked(name, value);
  }
  return shown;
}

Json tag_view(const World& world, const Json& stream, std::string_view tag, const TagViewOptions& options) {
  const auto event = image_event(stream, tag);
  const auto created = event ? event->created : text_at(stream, {"metadata", "creationTimestamp"});
  auto view = Json::object();
  view.set("metadata", tag_metadata(world, stream, tag, created, "imagestreamtags", options.legacy));
  const auto* reference = spec_tag(stream, tag);
  view.set("tag", reference == nullptr ? Json() : *reference);
  view.set("generation", event ? event->generation : 0);
  view.set("lookupPolicy", at(stream, {"spec", "lookupPolicy"}));
  if (const auto* history = history_of(stream, tag)) {
    const auto& conditions = at(*history, {"conditions"});
    if (!conditions.items().empty()) view.set("conditions", conditions);
  }
  view.set("image", image_in_view(world, stream, tag, event, options.in_list));
  return options.in_list ? view : with_kind("ImageStreamTag", options.legacy, view);
}

Answer<Json> read_tag(const World& world, std::string_view ns, const TagName& name, const TagViewOptions& options) {
  const auto stream = find_stream(world, ns, name.stream);
  if (!stream) return not_found(kImageGroup, "imagestreamtags", name.stream);
  const auto event = image_event(*stream, name.tag);
  if (!event) return not_found(kImageGroup, "imagestreamtags", name.text());
  // The store of images names the resource that the request is about, and the name that it missed itself.
  if (!find_image_object(world, event->image)) return not_found(kImageGroup, "imagestreamtags", event->image);
  return tag_view(world, *stream, name.tag, options);
}

Json image_tag_view(const World& world, const Json& stream, std::string_view tag, bool in_list) {
  const auto event = image_event(stream, tag);
  const auto* history = history_of(stream, tag);
  const auto created = event ? event->created : text_at(stream, {"metadata", "creationTimestamp"});
  auto view = Json::object();
  view.set("metadata", tag_metadata(world, stream, tag, created, "imagetags", false));
  const auto* reference = spec_tag(stream, tag);
  view.set("spec", reference == nullptr ? Json() : *reference);
  view.set("status", history == nullptr ? Json() : *history);
  view.set("image", event ? image_in_view(world, stream, tag, event, in_list) : Json());
  return in_list ? view : with_kind("ImageTag", false, view);
}

Answer<Json> read_stream_image(const World& world, std::string_view ns, std::string_view name, bool legacy) {
  const auto parts = text::split(name, '@');
  if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) {
    return bad_request("ImageStreamImages must be retrieved with <name>@<id>");
  }
  const auto stream = find_stream(world, ns, parts[0]);
  if (!stream) return not_found(kImageGroup, "imagestreamimages", parts[0]);
  auto event = find_image(*stream, parts[1], world.now_text());
  if (!event.ok() && !history_has(world, ns, parts[0], parts[1])) return event.error();
  const auto digest = event.ok() ? event->image : parts[1];
  const auto image = find_image_object(world, digest);
  if (!image) return not_found(kImageGroup, "imagestreamimages", digest);
  auto metadata = Json::object();
  metadata.set("name", name);
  metadata.set("namespace", ns);
  link_to(world, metadata, "imagestreamimages", legacy);
  metadata.set("creationTimestamp", at(*image, {"metadata", "creationTimestamp"}));
  auto view = Json::object();
  view.set("metadata", std::move(metadata));
  view.set("image", embedded_image(*image));
  return with_kind("ImageStreamImage", legacy, view);
}

}  // namespace sluice::sandbox
