#include "kube/objects/images.hpp"

#include <algorithm>
#include <utility>

namespace sluice::kube {

namespace {

Json head_of(const Resource& resource, std::string_view project, std::string_view name) {
  Json metadata = Json::object();
  metadata.set("name", name);
  if (!project.empty()) metadata.set("namespace", project);
  return Json::object()
      .set("kind", resource.kind)
      .set("apiVersion", resource.api_version())
      .set("metadata", std::move(metadata));
}

TagHistory read_history(const Json& json) {
  TagHistory history;
  history.tag = json.string_at("tag").value_or("");
  for (const auto& item : list_at(json, {"items"})) {
    history.items.push_back({item.string_at("created").value_or(""),
                             item.string_at("dockerImageReference").value_or(""), item.string_at("image").value_or(""),
                             item.integer_at("generation").value_or(0)});
  }
  history.conditions = conditions_at(json, {"conditions"});
  return history;
}

}  // namespace

ImageSource read_source(const Json* from) {
  if (from == nullptr) return {};
  return {from->string_at("kind").value_or(""), from->string_at("namespace").value_or(""),
          from->string_at("name").value_or("")};
}

Json to_json(const ImageSource& source) {
  Json out = Json::object();
  out.set("kind", source.kind);
  if (!source.project.empty()) out.set("namespace", source.project);
  return out.set("name", source.name);
}

TagSpec read_tag_spec(const Json& json) {
  TagSpec spec;
  spec.name = json.string_at("name").value_or("");
  if (const auto* from = json.find("from"); from != nullptr && from->is_object()) spec.from = read_source(from);
  spec.generation = json.integer_at("generation").value_or(0);
  spec.reference = json.bool_at("reference").value_or(false);
  spec.insecure = flag_at(json, {"importPolicy", "insecure"});
  spec.scheduled = flag_at(json, {"importPolicy", "scheduled"});
  spec.local = text_at(json, {"referencePolicy", "type"}) == "Local";
  return spec;
}

ImageStream ImageStream::named(std::string_view project, std::string_view name) {
  return ImageStream(head_of(kResource, project, name).set("spec", Json::object()));
}

std::vector<TagSpec> ImageStream::tag_specs() const {
  std::vector<TagSpec> out;
  for (const auto& item : list_at(json(), {"spec", "tags"})) out.push_back(read_tag_spec(item));
  return out;
}

std::optional<TagSpec> ImageStream::tag_spec(std::string_view tag) const {
  for (const auto& item : list_at(json(), {"spec", "tags"})) {
    if (item.string_at("name") == tag) return read_tag_spec(item);
  }
  return std::nullopt;
}

bool ImageStream::remove_tag_spec(std::string_view tag) {
  const auto& tags = list_at(json(), {"spec", "tags"});
  Json::Array left;
  for (const auto& item : tags) {
    if (item.string_at("name") != tag) left.push_back(item);
  }
  if (left.size() == tags.size()) return false;
  set_at(json(), {"spec", "tags"}, Json(std::move(left)));
  return true;
}

std::vector<TagHistory> ImageStream::tags() const {
  std::vector<TagHistory> out;
  for (const auto& item : list_at(json(), {"status", "tags"})) out.push_back(read_history(item));
  return out;
}

std::optional<TagHistory> ImageStream::tag(std::string_view name) const {
  for (const auto& item : list_at(json(), {"status", "tags"})) {
    if (item.string_at("tag") == name) return read_history(item);
  }
  return std::nullopt;
}

std::optional<TagItem> ImageStream::top(std::string_view tag) const {
  const auto history = this->tag(tag);
  if (!history || history->items.empty()) return std::nullopt;
  return history->items.front();
}

bool ImageStream::has_image(std::string_view digest) const {
  for (const auto& tag : list_at(json(), {"status", "tags"})) {
    for (const auto& item : list_at(tag, {"items"})) {
      if (item.string_at("image") == digest) return true;
    }
  }
  return false;
}

std::vector<Image::Layer> Image::layers() const {
  std::vector<Layer> out;
  for (const auto& item : list_at(json(), {"dockerImageLayers"})) {
    out.push_back({item.string_at("name").value_or(""), item.integer_at("size").value_or(0),
                   item.string_at("mediaType").value_or("")});
  }
  return out;
}

std::vector<Image::Child> Image::children() const {
  std::vector<Child> out;
  for (const auto& item : list_at(json(), {"dockerImageManifests"})) {
    out.push_back({item.string_at("digest").value_or(""), item.string_at("mediaType").value_or(""),
                   item.string_at("architecture").value_or(""), item.string_at("os").value_or(""),
                   item.string_at("variant").value_or(""), item.integer_at("manifestSize").value_or(0)});
  }
  return out;
}

std::vector<std::string> Image::signature_names() const {
  std::vector<std::string> out;
  for (const auto& item : list_at(json(), {"signatures"})) out.push_back(text_at(item, {"metadata", "name"}));
  return out;
}

ImageStreamTag ImageStreamTag::pointing(std::string_view project, std::string_view stream, std::string_view tag,
                                        const ImageSource& from, bool reference) {
  // As `oc tag` sends it; importMode is left out, as 3.11 would store nothing of it.
  Json spec = Json::object();
  spec.set("name", tag).set("from", to_json(from)).set("reference", reference).set("generation", nullptr);
  spec.set("importPolicy", Json::object()).set("referencePolicy", Json::object().set("type", "Source"));
  const auto name = std::string(stream) + ":" + std::string(tag);
  return ImageStreamTag(head_of(kResource, project, name).set("tag", std::move(spec)));
}

std::string ImageStreamTag::stream() const {
  const auto full = name();
  return full.substr(0, full.find(':'));
}

std::string ImageStreamTag::tag_name() const {
  const auto full = name();
  const auto colon = full.find(':');
  return colon == std::string::npos ? std::string() : full.substr(colon + 1);
}

std::optional<TagSpec> ImageStreamTag::spec() const {
  const auto* tag = json().find("tag");
  return tag != nullptr && tag->is_object() ? std::optional(read_tag_spec(*tag)) : std::nullopt;
}

Image ImageStreamTag::image() const {
  const auto* image = json().find("image");
  return image != nullptr ? Image(*image) : Image();
}

Image ImageStreamImage::image() const {
  const auto* image = json().find("image");
  return image != nullptr ? Image(*image) : Image();
}

std::vector<ImageStreamLayers::Blob> ImageStreamLayers::blobs() const {
  std::vector<Blob> out;
  const auto* blobs = json().find("blobs");
  if (blobs == nullptr) return out;
  for (const auto& [digest, blob] : blobs->members()) {
    out.push_back({digest, blob.integer_at("size"), blob.string_at("mediaType").value_or("")});
  }
  return out;
}

std::vector<ImageStreamLayers::Member> ImageStreamLayers::images() const {
  std::vector<Member> out;
  const auto* images = json().find("images");
  if (images == nullptr) return out;
  for (const auto& [digest, image] : images->members()) {
    out.push_back({digest, image.bool_at("imageMissing").value_or(false), image.string_at("config").value_or(""),
                   strings_at(image, {"layers"}), strings_at(image, {"manifests"})});
  }
  return out;
}

ImageStreamImport ImageStreamImport::of(std::string_view project, std::string_view stream, const Wish& wish,
                                        bool dry_run) {
  Json policy = Json::object();
  if (wish.insecure) policy.set("insecure", true);
  if (wish.scheduled) policy.set("scheduled", true);
  Json image = Json::object();
  image.set("from", Json::object().set("kind", "DockerImage").set("name", wish.pull_spec));
  image.set("to", Json::object().set("name", wish.tag));
  image.set("importPolicy", std::move(policy));
  image.set("referencePolicy", Json::object().set("type", wish.local ? "Local" : "Source"));
  Json spec = Json::object();
  spec.set("import", !dry_run).set("images", Json::array().push(std::move(image)));
  return ImageStreamImport(head_of(kResource, project, stream).set("spec", std::move(spec)));
}

std::vector<ImageStreamImport::Outcome> ImageStreamImport::outcomes() const {
  std::vector<Outcome> out;
  const auto add = [&](const Json& item) {
    Outcome outcome;
    outcome.tag = item.string_at("tag").value_or("");
    if (const auto* status = item.find("status")) outcome.failure = read_inner_status(*status);
    if (const auto* image = item.find("image")) outcome.image = Image(*image);
    out.push_back(std::move(outcome));
  };
  for (const auto& item : list_at(json(), {"status", "images"})) add(item);
  // A whole repository answers with its images below.
  for (const auto& item : list_at(json(), {"status", "repository", "images"})) add(item);
  if (const auto* repository = at(json(), {"status", "repository", "status"})) {
    if (auto failure = read_inner_status(*repository)) out.push_back({"", std::move(failure), Image()});
  }
  return out;
}

std::optional<ImageStream> ImageStreamImport::stream() const {
  const auto* stream = at(json(), {"status", "import"});
  return stream != nullptr && stream->is_object() ? std::optional<ImageStream>(ImageStream(*stream)) : std::nullopt;
}

std::vector<std::string> ImageSettings::external_hosts() const {
  auto out = strings_at(json(), {"spec", "externalRegistryHostnames"});
  for (auto& host : strings_at(json(), {"status", "externalRegistryHostnames"})) {
    if (std::find(out.begin(), out.end(), host) == out.end()) out.push_back(std::move(host));
  }
  return out;
}

}  // namespace sluice::kube
