#include "sandbox/images/mapping.hpp"

#include "base/text.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/images/fields.hpp"
#include "sandbox/images/history.hpp"
#include "sandbox/images/layers.hpp"
#include "sandbox/images/limits.hpp"
#include "sandbox/images/pull_spec.hpp"
#include "sandbox/images/resolve.hpp"
#include "sandbox/images/stream_store.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kMappings = "imagestreammappings";
constexpr std::string_view kManaged = "openshift.io/image.managed";

Verdict check_mapping(const World& world, std::string_view ns, std::string_view stream, std::string_view tag,
                      Json& image) {
  std::vector<Cause> causes;
  if (tag.empty()) causes.push_back({"FieldValueRequired", "Required value", "tag"});
  const auto name = name_of(image);
  if (name.empty()) causes.push_back({"FieldValueRequired", "Required value", "image.metadata.name"});
  const auto reference = text_at(image, {"dockerImageReference"});
  const auto repository = stream_repository(world, ns, stream);
  if (reference.empty() && !repository.empty()) {
    image.set("dockerImageReference", fmt::format("{}@{}", repository, name));
  } else if (reference.empty()) {
    causes.push_back({"FieldValueRequired", "Required value", "image.dockerImageReference"});
  } else if (!PullSpec::parse(reference)) {
    causes.push_back({"FieldValueInvalid", fmt::format("Invalid value: \"{}\": invalid reference format", reference),
                      "image.dockerImageReference"});
  }
  if (!causes.empty()) return invalid(kImageGroup, "ImageStreamMapping", stream, std::move(causes));
  return {};
}

// Stores the Image unless it is there. Returns the pull spec that the history shows.
std::string store_image(World& world, std::string_view ns, std::string_view stream, const Json& image) {
  const auto name = name_of(image);
  if (!find_image_object(world, name)) {
    world.store.create({std::string(kImages), "", name}, image);
    return text_at(image, {"dockerImageReference"});
  }
  // An image that this registry holds is pulled from the stream that it is pushed to.
  const auto repository = stream_repository(world, ns, stream);
  if (annotation(image, kManaged) == "true" && !repository.empty()) return fmt::format("{}@{}", repository, name);
  return text_at(image, {"dockerImageReference"});
}

// "<digest>@<name>"
std::optional<std::string> image_of_signature(std::string_view name) {
  const auto parts = text::split(name, '@');
  if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) return std::nullopt;
  return parts[0];
}

}  // namespace

Verdict add_image_mapping(World& world, std::string_view ns, std::string_view stream_name, std::string_view tag,
                          Json image) {
  // Admission looks at the size before anything else does.
  image = complete_image(std::move(image));
  image.remove("signatures");
  SLUICE_CHECK(check_image_size(world, ns, kMappings, stream_name, image_size(image)));
  SLUICE_CHECK(check_mapping(world, ns, stream_name, tag, image));
  if (!find_stream(world, ns, stream_name)) return not_found(kImageGroup, kMappings, stream_name);
  // A concurrent change is met by reading again, as the server does up to ten times.
  meet_phantom_writer(world, stream_key(ns, stream_name));
  const auto reference = store_image(world, ns, stream_name, image);
  auto stream = *find_stream(world, ns, stream_name);
  const TagEvent event{world.now_text(), reference, name_of(image), number_at(stream, {"metadata", "generation"})};
  if (add_event(stream, tag, event) == Added::nothing) return {};
  follow_aliases(stream, tag, event);
  SLUICE_CHECK(change_stream_status(world, std::move(stream)));
  return {};
}

Verdict add_pushed_image(World& world, std::string_view ns, std::string_view stream, Json image) {
  image = complete_image(std::move(image));
  image.remove("signatures");
  SLUICE_CHECK(check_image_size(world, ns, kMappings, stream, image_size(image)));
  if (!find_stream(world, ns, stream)) return not_found(kImageGroup, kMappings, stream);
  store_image(world, ns, stream, image);
  return {};
}

std::optional<std::string> digest_of_tag(const World& world, std::string_view ns, std::string_view stream,
                                         std::string_view tag) {
  const auto found = find_stream(world, ns, stream);
  if (!found) return std::nullopt;
  const auto event = newest_event(*found, tag);
  if (!event || event->image.empty()) return std::nullopt;
  return event->image;
}

bool history_has(const World& world, std::string_view ns, std::string_view stream, std::string_view digest) {
  return history_reference(world, ns, stream, digest).has_value();
}

std::optional<std::string> history_reference(const World& world, std::string_view ns, std::string_view stream,
                                             std::string_view digest) {
  const auto found = find_stream(world, ns, stream);
  if (!found) return std::nullopt;
  std::optional<std::string> reference;
  each_event(*found, [&](const std::string& /*tag*/, const TagEvent& event) {
    if (reference) return;
    if (event.image == digest) {
      reference = event.reference;
      return;
    }
    if (world.profile != Profile::v4 || event.image.empty()) return;
    // A child of a manifest list is pulled from where the list is.
    const auto list = find_image_object(world, event.image);
    if (!list) return;
    const auto& children = at(*list, {"dockerImageManifests"}).items();
    const bool child = std::any_of(children.begin(), children.end(),
                                   [&](const Json& entry) { return entry.string_at("digest") == digest; });
    if (!child) return;
    auto spec = PullSpec::parse(event.reference);
    if (!spec) return;
    spec->digest = digest;
    reference = spec->exact();
  });
  return reference;
}

bool history_references_blob(const World& world, std::string_view ns, std::string_view stream,
                             std::string_view digest) {
  const auto found = find_stream(world, ns, stream);
  return found && stream_names_blob(world, *found, digest);
}

Answer<Json> add_image_signature(World& world, Json signature) {
  const auto name = name_of(signature);
  const auto digest = image_of_signature(name);
  std::vector<Cause> causes;
  if (!digest) {
    causes.push_back({"FieldValueInvalid",
                      fmt::format("Invalid value: \"{}\": name must be of format <imageName>@<signatureName>", name),
                      "metadata.name"});
  }
  if (text_at(signature, {"type"}).empty()) causes.push_back({"FieldValueRequired", "Required value", "type"});
  if (text_at(signature, {"content"}).empty()) causes.push_back({"FieldValueRequired", "Required value", "content"});
  if (!causes.empty()) return invalid(kImageGroup, "ImageSignature", name, std::move(causes));
  const auto image = find_image_object(world, *digest);
  if (!image) return not_found(kImageGroup, "imagesignatures", *digest);
  for (const auto& other : at(*image, {"signatures"}).items()) {
    const bool same_content =
        at(other, {"type"}) == at(signature, {"type"}) && at(other, {"content"}) == at(signature, {"content"});
    if (name_of(other) == name || same_content) return already_exists(kImageGroup, "imageSignatures", name);
  }
  auto stored = Json::object();
  set_at(stored, {"metadata", "name"}, name);
  set_at(stored, {"metadata", "uid"}, new_uid());
  set_at(stored, {"metadata", "creationTimestamp"}, world.now_text());
  stored.set("type", text_at(signature, {"type"}));
  stored.set("content", text_at(signature, {"content"}));
  auto changed = *image;
  auto& list = make_at(changed, {"signatures"});
  if (!list.is_array()) list = Json::array();
  list.push(stored);
  world.store.replace({std::string(kImages), "", *digest}, std::move(changed));
  return stored;
}

Verdict remove_image_signature(World& world, std::string_view name) {
  const auto digest = image_of_signature(name);
  if (!digest) return bad_request("ImageSignatures must be accessed with <imageName>@<signatureName>");
  const auto image = find_image_object(world, *digest);
  if (!image) return not_found(kImageGroup, "imagesignatures", *digest);
  auto changed = *image;
  auto* list = changed.find("signatures");
  const auto removed = list != nullptr && list->is_array()
                           ? std::erase_if(*list->elements(), [&](const Json& entry) { return name_of(entry) == name; })
                           : 0;
  if (removed == 0) return not_found(kImageGroup, "imageSignatures", name);
  if (list->items().empty()) changed.remove("signatures");
  world.store.replace({std::string(kImages), "", *digest}, std::move(changed));
  return {};
}

bool is_limit_refusal(const Refusal& refusal) {
  if (refusal.code != 403 && refusal.code != 422) return false;
  if (refusal.message.find("exceeds the maximum limit") != std::string::npos) return true;
  return refusal.code == 403 && (refusal.message.find("exceeded quota:") != std::string::npos ||
                                 refusal.message.find("status unknown for quota:") != std::string::npos);
}

}  // namespace sluice::sandbox
