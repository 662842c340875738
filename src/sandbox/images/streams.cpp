// ImageStreams: stored, with their history; layers and secrets as subresources.
#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/images/kinds.hpp"
#include "sandbox/images/layers.hpp"
#include "sandbox/images/limits.hpp"
#include "sandbox/images/stream_store.hpp"

namespace sluice::sandbox {

namespace {

Traits stream_traits() {
  auto traits = image_traits("imagestreams", "ImageStream",
                             {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"});
  traits.short_names = {"is"};
  traits.categories = {"all"};
  traits.counts_generation = true;
  traits.has_status = true;
  traits.needs_version = true;
  traits.subresources = {{"layers", "ImageStreamLayers", {"get"}, "", ""},
                         {"secrets", "SecretList", {"get"}, "", ""},
                         {"status", "ImageStream", {"get", "patch", "update"}, "", ""}};
  return traits;
}

class ImageStreams final : public Resource {
 public:
  ImageStreams() : Resource(stream_traits()) {}

  std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request) override {
    if (request.subresource == "layers") return layers(world, request);
    if (request.subresource == "secrets")
      return Answer<ApiReply>(ApiReply{200, read_pull_secrets(world, request.ns), ""});
    return std::nullopt;
  }

  Verdict prepare_create(World& world, const ApiRequest& request, Json& object) override {
    SLUICE_CHECK(check_stream_quota(world, request.ns, traits().plural, name_of(object)));
    return prepare_stream(world, request.caller, object);
  }

  Verdict prepare_update(World& world, const ApiRequest& request, const Json& before, Json& object) override {
    if (request.subresource != "status") return prepare_stream(world, request.caller, before, object);
    // Of the spec a status write keeps tags and repository only: lookupPolicy comes in with it.
    const auto& lookup = at(request.body, {"spec", "lookupPolicy", "local"});
    if (request.method == "PUT") set_at(object, {"spec", "lookupPolicy", "local"}, lookup.as_bool().value_or(false));
    return prepare_stream_status(world, object);
  }

  void created(World& world, const Key& key) override { count_stream(world, key.ns); }

  void show(const World& world, Json& object) const override { show_repositories(world, object); }

  std::optional<std::string> field(const Json& object, std::string_view path) const override {
    if (path == "spec.dockerImageRepository") return text_at(object, {"spec", "dockerImageRepository"});
    if (path == "status.dockerImageRepository") return text_at(object, {"status", "dockerImageRepository"});
    return std::nullopt;
  }

 private:
  static Answer<ApiReply> layers(World& world, const ApiRequest& request) {
    SLUICE_TRY(auto view, read_layers(world, request.ns, request.name, request.legacy));
    return ApiReply{200, std::move(view), ""};
  }
};

}  // namespace

std::unique_ptr<Resource> image_streams_kind() { return std::make_unique<ImageStreams>(); }

}  // namespace sluice::sandbox
