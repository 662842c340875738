// Images, cluster-scoped and stored; and the kinds that only lead to them: signatures, images of a stream, mappings.
#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/images/fields.hpp"
#include "sandbox/images/kinds.hpp"
#include "sandbox/images/mapping.hpp"
#include "sandbox/images/pull_spec.hpp"
#include "sandbox/images/stream_store.hpp"
#include "sandbox/images/tag_view.hpp"

#include <fmt/format.h>

namespace sluice::sandbox {

namespace {

Traits images_traits() {
  auto traits = image_traits("images", "Image",
                             {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"});
  traits.namespaced = false;
  traits.needs_version = true;
  return traits;
}

class Images final : public Resource {
 public:
  Images() : Resource(images_traits()) {}

  Verdict prepare_create(World& /*world*/, const ApiRequest& /*request*/, Json& object) override {
    std::vector<Cause> causes;
    const auto reference = text_at(object, {"dockerImageReference"});
    if (reference.empty()) {
      causes.push_back({"FieldValueRequired", "Required value", "dockerImageReference"});
    } else if (!PullSpec::parse(reference)) {
      causes.push_back({"FieldValueInvalid", fmt::format("Invalid value: \"{}\": invalid reference format", reference),
                        "dockerImageReference"});
    }
    if (!causes.empty()) return invalid(kImageGroup, "Image", name_of(object), std::move(causes));
    object = complete_image(std::move(object));
    return {};
  }

  // What an image is follows from its digest; a write changes labels, annotations and signatures, and may drop the
  // text of manifest and config.
  Verdict prepare_update(World& /*world*/, const ApiRequest& /*request*/, const Json& before, Json& object) override {
    for (const auto& [name, value] : before.members()) {
      const bool text = name == "dockerImageManifest" || name == "dockerImageConfig";
      const bool fixed = name.starts_with("dockerImage") && name != "dockerImageReference";
      if (text && annotation(object, kManifestStored) == "true") {
        object.remove(name);
      } else if (fixed) {
        object.set(name, value);
      }
    }
    return {};
  }
};

class ImageSignatures final : public Resource {
 public:
  ImageSignatures() : Resource(traits_of()) {}

  std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request) override {
    if (request.verb == "create") return create(world, request);
    if (request.verb == "delete") return remove(world, request);
    return Answer<ApiReply>(no_such_resource());
  }

 private:
  static Traits traits_of() {
    auto traits = image_traits("imagesignatures", "ImageSignature", {"create", "delete"});
    traits.namespaced = false;
    return traits;
  }

  static Answer<ApiReply> create(World& world, const ApiRequest& request) {
    SLUICE_TRY(auto stored, add_image_signature(world, request.body));
    return ApiReply{201, with_kind("ImageSignature", request.legacy, stored), ""};
  }

  static Answer<ApiReply> remove(World& world, const ApiRequest& request) {
    SLUICE_CHECK(remove_image_signature(world, request.name));
    return ApiReply{200, plain_success(), ""};
  }
};

class ImageStreamImages final : public Resource {
 public:
  ImageStreamImages() : Resource(traits_of()) {}

  std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request) override {
    return get(world, request);
  }

 private:
  static Traits traits_of() {
    auto traits = image_traits("imagestreamimages", "ImageStreamImage", {"get"});
    traits.short_names = {"isimage"};
    return traits;
  }

  static Answer<ApiReply> get(const World& world, const ApiRequest& request) {
    SLUICE_TRY(auto view, read_stream_image(world, request.ns, request.name, request.legacy));
    return ApiReply{200, std::move(view), ""};
  }
};

class ImageStreamMappings final : public Resource {
 public:
  ImageStreamMappings() : Resource(image_traits("imagestreammappings", "ImageStreamMapping", {"create"})) {}

  std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request) override {
    return create(world, request);
  }

 private:
  static Answer<ApiReply> create(World& world, const ApiRequest& request) {
    const auto& body = request.body;
    auto image = at(body, {"image"}).is_object() ? at(body, {"image"}) : Json::object();
    SLUICE_CHECK(add_image_mapping(world, request.ns, name_of(body), text_at(body, {"tag"}), std::move(image)));
    auto status = plain_success();
    status.set("code", 201);
    return ApiReply{201, std::move(status), ""};
  }
};

}  // namespace

std::unique_ptr<Resource> images_kind() { return std::make_unique<Images>(); }
std::unique_ptr<Resource> image_signatures_kind() { return std::make_unique<ImageSignatures>(); }
std::unique_ptr<Resource> image_stream_images_kind() { return std::make_unique<ImageStreamImages>(); }
std::unique_ptr<Resource> image_stream_mappings_kind() { return std::make_unique<ImageStreamMappings>(); }

}  // namespace sluice::sandbox
