// ImageStreamTags and ImageTags: views of one tag of a stream that can be written. Nothing of them is stored by itself.
#include "sandbox/api/generic.hpp"
#include "sandbox/api/lists.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/images/history.hpp"
#include "sandbox/images/kinds.hpp"
#include "sandbox/images/limits.hpp"
#include "sandbox/images/stream_store.hpp"
#include "sandbox/images/tag_view.hpp"
#include "sandbox/images/tagging.hpp"

#include <fmt/format.h>

#include <set>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kTags = "imagestreamtags";

Refusal bad_tag_name() { return bad_request("ImageStreamTags must be retrieved with <name>:<tag>"); }

Json new_stream(std::string_view ns, std::string_view name) {
  auto stream = Json::object();
  set_at(stream, {"metadata", "name"}, name);
  set_at(stream, {"metadata", "namespace"}, ns);
  set_at(stream, {"spec"}, Json::object());
  return stream;
}

Verdict check_tag(const World& world, std::string_view name, const Json& tag) {
  std::vector<Cause> causes;
  if (tag.is_object()) check_tag_reference(tag_reference(tag, world.profile == Profile::v4), "tag", causes);
  if (!causes.empty()) return invalid(kImageGroup, "ImageStreamTag", name, std::move(causes));
  return {};
}

// A tag write that has to make the stream counts against the quota of streams.
Verdict check_new_stream(const World& world, const ApiRequest& request, std::string_view tag_name) {
  SLUICE_CHECK(require_project(world, request));
  if (request.verb != "create" && world.profile == Profile::v3_11 && streams_are_counted(world, request.ns)) {
    return forbidden(kImageGroup, kTags, tag_name,
                     "unable to get previous usage since prior version of object was not found");
  }
  return check_stream_quota(world, request.ns, kTags, tag_name);
}

// Stores `next` in place of `before`; null: as a new stream. Returns what is stored.
Answer<ObjectRef> write_stream(World& world, const ApiRequest& request, const ObjectRef& before, Json next) {
  if (!before) return make_stream(world, request.caller, request.ns, std::move(next), StreamMaker::tag_write);
  const auto name = name_of(*before);
  if (meet_phantom_writer(world, stream_key(request.ns, name))) {
    // Until 4.11 a write that came between is the client's business.
    if (world.profile == Profile::v3_11) return modified(kImageGroup, "imagestreams", name);
    const auto now = find_stream(world, request.ns, name);
    next.set("metadata", at(*now, {"metadata"}));
    return change_stream(world, request.caller, *now, std::move(next));
  }
  return change_stream(world, request.caller, *before, std::move(next));
}

Answer<ApiReply> create_tag(World& world, const ApiRequest& request) {
  const auto sent_name = name_of(request.body);
  const auto& tag = at(request.body, {"tag"});
  SLUICE_CHECK(check_tag(world, sent_name, tag));
  const auto name = TagName::parse(sent_name);
  if (!name) {
    return Refusal{500, "", fmt::format("\"{}\" must be of the form <stream_name>:<tag>", sent_name), Json()};
  }
  const auto stream = find_stream(world, request.ns, name->stream);
  if (!stream) SLUICE_CHECK(check_new_stream(world, request, sent_name));
  auto next = stream ? *stream : new_stream(request.ns, name->stream);
  if (spec_tag(next, name->tag) != nullptr) return already_exists(kImageGroup, "imagestreamtag", sent_name);
  if (tag.is_object()) {
    auto reference = tag;
    const auto& annotations = at(request.body, {"metadata", "annotations"});
    if (annotations.is_object()) reference.set("annotations", annotations);
    set_spec_tag(next, name->tag, std::move(reference));
  }
  SLUICE_TRY(auto stored, write_stream(world, request, stream, std::move(next)));
  return ApiReply{201, tag_view(world, *stored, name->tag, {request.legacy, false}), ""};
}

// What an update wants the tag to be; the rules are the same for PUT and PATCH.
Answer<ApiReply> update_tag(World& world, const ApiRequest& request, const TagName& name, const Json& wanted) {
  const auto stream = find_stream(world, request.ns, name.stream);
  const auto sent_version = text_at(wanted, {"metadata", "resourceVersion"});
  if (!stream && !sent_version.empty()) return not_found(kImageGroup, kTags, name.text());
  if (stream) {
    const auto version = text_at(*stream, {"metadata", "resourceVersion"});
    if (!sent_version.empty() && sent_version != version) {
      return conflict(kImageGroup, kTags, name.text(),
                      fmt::format("another caller has updated the resource version to {}", version));
    }
  } else {
    SLUICE_CHECK(check_new_stream(world, request, name.text()));
  }
  SLUICE_CHECK(check_tag(world, name.text(), at(wanted, {"tag"})));
  auto next = stream ? *stream : new_stream(request.ns, name.stream);
  const auto* old = spec_tag(next, name.tag);
  const bool existed = old != nullptr;
  if (!existed && !at(wanted, {"tag"}).is_object()) {
    return bad_request(fmt::format("imagestreamtag {} is not a spec tag in imagestream {}/{}, cannot be updated",
                                   name.tag, request.ns, name.stream));
  }
  auto reference = at(wanted, {"tag"}).is_object() ? at(wanted, {"tag"}) : *old;
  reference.set("annotations", at(wanted, {"metadata", "annotations"}));
  set_spec_tag(next, name.tag, std::move(reference));
  SLUICE_TRY(auto stored, write_stream(world, request, stream, std::move(next)));
  return ApiReply{existed ? 200 : 201, tag_view(world, *stored, name.tag, {request.legacy, false}), ""};
}

Answer<ApiReply> put_tag(World& world, const ApiRequest& request) {
  const auto name = TagName::parse(request.name);
  if (!name) return bad_tag_name();
  const auto sent_name = name_of(request.body);
  if (!sent_name.empty() && sent_name != request.name) {
    return bad_request(
        fmt::format("the name of the object ({}) does not match the name on the URL ({})", sent_name, request.name));
  }
  return update_tag(world, request, *name, request.body);
}

Answer<ApiReply> patch_tag(World& world, const ApiRequest& request) {
  const auto name = TagName::parse(request.name);
  if (!name) return bad_tag_name();
  const auto stream = find_stream(world, request.ns, name->stream);
  const auto before =
      tag_view(world, stream ? *stream : new_stream(request.ns, name->stream), name->tag, {request.legacy, false});
  SLUICE_TRY(auto wanted, apply_patch(world, request, before));
  if (text_at(wanted, {"metadata", "resourceVersion"}) == text_at(before, {"metadata", "resourceVersion"})) {
    remove_at(wanted, {"metadata", "resourceVersion"});
  }
  return update_tag(world, request, *name, wanted);
}

Answer<ApiReply> delete_tag(World& world, const ApiRequest& request) {
  const auto name = TagName::parse(request.name);
  if (!name) return bad_tag_name();
  // Somebody else's write in between is met by reading again.
  meet_phantom_writer(world, stream_key(request.ns, name->stream));
  const auto stream = find_stream(world, request.ns, name->stream);
  if (!stream) return not_found(kImageGroup, kTags, name->stream);
  const auto uid = text_at(request.body, {"preconditions", "uid"});
  if (!uid.empty() && uid != uid_of(*stream)) {
    return conflict(kImageGroup, kTags, request.name, "the UID precondition was not met");
  }
  auto next = *stream;
  const bool had_spec = remove_spec_tag(next, name->tag);
  const bool had_history = remove_history(next, name->tag);
  if (!had_spec && !had_history) return not_found(kImageGroup, kTags, request.name);
  SLUICE_CHECK(change_stream(world, request.caller, *stream, std::move(next)));
  return ApiReply{200, plain_success(), ""};
}

// A list of views without a version of its own and without pages.
template <class Tags, class View>
Answer<ApiReply> list_views(World& world, const Resource& resource, const ApiRequest& request, Tags&& tags_of,
                            View&& view) {
  SLUICE_TRY(const auto selection, Selection::parse(resource, request));
  auto items = Json::array();
  for (const auto& stream : world.store.list(kImageStreams, request.ns)) {
    for (const auto& tag : tags_of(*stream)) {
      auto item = view(*stream, tag);
      if (selection.matches(resource, item)) items.push(std::move(item));
    }
  }
  const auto& traits = resource.traits();
  auto list = Json::object();
  auto metadata = Json::object();
  if (world.profile == Profile::v3_11) metadata.set("selfLink", self_link(traits, request.ns, "", request.legacy));
  list.set("metadata", std::move(metadata));
  list.set("items", std::move(items));
  return ApiReply{200, with_kind(traits.kind + "List", request.legacy, list), ""};
}

class ImageStreamTags final : public Resource {
 public:
  ImageStreamTags() : Resource(traits_of()) {}

  std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request) override {
    if (request.verb == "list") return list(world, request);
    if (request.verb == "create") return create_tag(world, request);
    if (request.verb == "update") return put_tag(world, request);
    if (request.verb == "patch") return patch_tag(world, request);
    if (request.verb == "delete") return delete_tag(world, request);
    return get(world, request);
  }

 private:
  static Traits traits_of() {
    auto traits =
        image_traits(std::string(kTags), "ImageStreamTag", {"create", "delete", "get", "list", "patch", "update"});
    traits.short_names = {"istag"};
    return traits;
  }

  static Answer<ApiReply> get(const World& world, const ApiRequest& request) {
    const auto name = TagName::parse(request.name);
    if (!name) return bad_tag_name();
    SLUICE_TRY(auto view, read_tag(world, request.ns, *name, {request.legacy, false}));
    return ApiReply{200, std::move(view), ""};
  }

  Answer<ApiReply> list(World& world, const ApiRequest& request) const {
    const auto with_image = [](const Json& stream) {
      std::vector<std::string> tags;
      for (const auto& entry : at(stream, {"status", "tags"}).items()) {
        const auto tag = text_at(entry, {"tag"});
        const auto event = newest_event(stream, tag);
        if (event && !event->image.empty()) tags.push_back(tag);
      }
      return tags;
    };
    return list_views(world, *this, request, with_image, [&](const Json& stream, const std::string& tag) {
      return tag_view(world, stream, tag, {request.legacy, true});
    });
  }
};

// ImageTags differ in what they show: spec and status apart, and tags without an image too.
class ImageTags final : public Resource {
 public:
  ImageTags() : Resource(traits_of()) {}

  std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request) override {
    if (request.verb == "list") return list(world, request);
    if (request.verb == "delete") return delete_tag(world, request);
    if (request.verb == "get") return get(world, request);
    return write(world, request);
  }

 private:
  static Traits traits_of() {
    auto traits = image_traits("imagetags", "ImageTag", {"create", "delete", "get", "list", "patch", "update"});
    traits.short_names = {"itag"};
    traits.legacy = false;
    return traits;
  }

  static std::set<std::string> tags_of(const Json& stream) {
    std::set<std::string> tags;
    for (const auto& reference : at(stream, {"spec", "tags"}).items()) tags.insert(text_at(reference, {"name"}));
    for (const auto& entry : at(stream, {"status", "tags"}).items()) tags.insert(text_at(entry, {"tag"}));
    return tags;
  }

  static Answer<ApiReply> get(const World& world, const ApiRequest& request) {
    const auto name = TagName::parse(request.name);
    if (!name) return bad_request("ImageTags must be retrieved with <name>:<tag>");
    const auto stream = find_stream(world, request.ns, name->stream);
    if (!stream || !tags_of(*stream).contains(name->tag)) return not_found(kImageGroup, "imagetags", request.name);
    return ApiReply{200, image_tag_view(world, *stream, name->tag, false), ""};
  }

  Answer<ApiReply> list(World& world, const ApiRequest& request) const {
    return list_views(world, *this, request, tags_of, [&](const Json& stream, const std::string& tag) {
      return image_tag_view(world, stream, tag, true);
    });
  }

  // The same writes as through imagestreamtags, with the reference in `spec` instead of `tag`.
  static Answer<ApiReply> write(World& world, const ApiRequest& request) {
    auto as_tag = request;
    if (request.verb == "patch") {
      SLUICE_TRY(auto before, get(world, request));
      SLUICE_TRY(as_tag.body, apply_patch(world, request, before.body));
      as_tag.verb = "update";
    }
    as_tag.body.set("tag", at(as_tag.body, {"spec"}));
    auto written = request.verb == "create" ? create_tag(world, as_tag) : put_tag(world, as_tag);
    if (!written.ok()) return std::move(written).error();
    const auto name = TagName::parse(request.verb == "create" ? name_of(request.body) : request.name);
    const auto stream = find_stream(world, request.ns, name->stream);
    return ApiReply{written->status, image_tag_view(world, *stream, name->tag, false), ""};
  }
};

}  // namespace

std::unique_ptr<Resource> image_stream_tags_kind() { return std::make_unique<ImageStreamTags>(); }
std::unique_ptr<Resource> image_tags_kind() { return std::make_unique<ImageTags>(); }

}  // namespace sluice::sandbox
