#include "sandbox/api/generic.hpp"

#include "base/encoding.hpp"
#include "sandbox/api/lists.hpp"
#include "sandbox/core/tree.hpp"

#include <fmt/format.h>

namespace sluice::sandbox {

namespace {

// What clients may send and servers never store.
void strip(Json& object) {
  object.remove("kind");
  object.remove("apiVersion");
  remove_at(object, {"metadata", "selfLink"});
  for (const auto* member : {"annotations", "labels"}) {
    auto* map = find_at(object, {"metadata", member});
    if (map == nullptr) continue;
    if (map->is_object()) std::erase_if(*map->fields(), [](const auto& entry) { return entry.second.is_null(); });
    if (map->members().empty()) remove_at(object, {"metadata", member});
  }
  auto* metadata = object.find("metadata");
  if (metadata != nullptr && metadata->is_object()) {
    std::erase_if(*metadata->fields(), [](const auto& entry) { return entry.second.is_null(); });
  }
}

std::string storage_key(const Traits& traits, const ApiRequest& request) {
  return fmt::format("/{}/{}/{}/{}", traits.group.empty() ? "kubernetes.io" : "openshift.io", traits.plural, request.ns,
                     request.name);
}

Verdict check_version(const Traits& traits, const ApiRequest& request, const Json& before, const Json& object) {
  const auto sent = text_at(object, {"metadata", "resourceVersion"});
  if (sent.empty() && traits.needs_version) {
    return invalid(
        traits.group, traits.plural, request.name,
        {{"FieldValueInvalid", "Invalid value: 0x0: must be specified for an update", "metadata.resourceVersion"}});
  }
  if (!sent.empty() && sent != text_at(before, {"metadata", "resourceVersion"})) {
    return modified(traits.group, traits.plural, request.name);
  }
  const auto uid = uid_of(object);
  if (!uid.empty() && uid != uid_of(before)) {
    return conflict(traits.group, traits.plural, request.name,
                    fmt::format("StorageError: invalid object, Code: 4, Key: {}, ResourceVersion: 0, "
                                "AdditionalErrorMsg: Precondition failed: UID in precondition: {}, UID in object "
                                "meta: {}",
                                storage_key(traits, request), uid, uid_of(before)));
  }
  return {};
}

// Knob "conflict": somebody else writes just before us.
void phantom_write(World& world, const Key& key) {
  const auto knob = world.knobs.conflicts.find(key);
  if (knob == world.knobs.conflicts.end()) return;
  const auto now = world.store.get(key);
  if (now) {
    auto other = *now;
    annotate(other, "sandbox/phantom-writer", std::to_string(world.store.version()));
    world.store.replace(key, std::move(other));
  }
  if (--knob->second <= 0) world.knobs.conflicts.erase(knob);
}

// The object as the answer to a request: by a subresource it links to that.
ApiReply reply_with(int status, const World& world, const Resource& resource, const ObjectRef& object,
                    const ApiRequest& request) {
  auto body = shown(world, resource, object, request.legacy);
  auto* link = find_at(body, {"metadata", "selfLink"});
  if (link != nullptr && !request.subresource.empty()) {
    *link = fmt::format("{}/{}", link->as_string().value_or(""), request.subresource);
  }
  return {status, std::move(body), ""};
}

Answer<ApiReply> get(World& world, Resource& resource, const ApiRequest& request) {
  const auto& traits = resource.traits();
  const auto object = world.store.get(traits.key(request.ns, request.name));
  if (!object) return not_found(traits.group, traits.plural, request.name);
  return reply_with(200, world, resource, object, request);
}

Answer<ApiReply> create(World& world, Resource& resource, const ApiRequest& request) {
  SLUICE_TRY(auto object, create_object(world, resource, request, request.body));
  return ApiReply{201, shown(world, resource, object, request.legacy), ""};
}

Answer<ApiReply> update(World& world, Resource& resource, const ApiRequest& request) {
  const auto name = name_of(request.body);
  if (!name.empty() && name != request.name) {
    return bad_request(
        fmt::format("the name of the object ({}) does not match the name on the URL ({})", name, request.name));
  }
  phantom_write(world, resource.traits().key(request.ns, request.name));
  SLUICE_TRY(auto object, update_object(world, resource, request, request.body));
  return reply_with(200, world, resource, object, request);
}

Answer<ApiReply> patch(World& world, Resource& resource, const ApiRequest& request) {
  const auto& traits = resource.traits();
  const auto key = traits.key(request.ns, request.name);
  const auto before = world.store.get(key);
  if (!before) {
    // An unknown format is refused before the object is looked for.
    SLUICE_CHECK(apply_patch(world, request, Json::object()));
    return not_found(traits.group, traits.plural, request.name);
  }
  phantom_write(world, key);
  SLUICE_TRY(auto object, apply_patch(world, request, *world.store.get(key)));
  SLUICE_TRY(auto stored, update_object(world, resource, request, std::move(object)));
  return reply_with(200, world, resource, stored, request);
}

Answer<ApiReply> remove(World& world, Resource& resource, const ApiRequest& request) {
  const auto& traits = resource.traits();
  const auto key = traits.key(request.ns, request.name);
  const auto object = world.store.get(key);
  if (!object) return not_found(traits.group, traits.plural, request.name);
  const auto uid = text_at(request.body, {"preconditions", "uid"});
  if (!uid.empty() && uid != uid_of(*object)) {
    return conflict(traits.group, traits.kind, request.name,
                    fmt::format("the UID in the precondition ({}) does not match the UID in record ({}). The object "
                                "might have been deleted and then recreated",
                                uid, uid_of(*object)));
  }
  const auto last = world.store.remove(key);
  resource.removed(world, key, *last);
  return ApiReply{200, deleted_status(traits, request.name, uid_of(*object)), ""};
}

Answer<ApiReply> remove_all(World& world, Resource& resource, const ApiRequest& request) {
  const auto& traits = resource.traits();
  SLUICE_TRY(const auto selection, Selection::parse(resource, request));
  for (const auto& key : world.store.keys(traits.stored(), request.ns)) {
    const auto object = world.store.get(key);
    if (!object || !selection.matches(resource, *object)) continue;
    const auto last = world.store.remove(key);
    resource.removed(world, key, *last);
  }
  auto status = Json::object();
  status.set("kind", "Status");
  status.set("apiVersion", "v1");
  status.set("metadata", Json::object());
  status.set("status", "Success");
  return ApiReply{200, std::move(status), ""};
}

}  // namespace

Key Traits::key(std::string_view ns, std::string_view name) const {
  return {stored(), namespaced ? std::string(ns) : "", std::string(name)};
}

std::optional<Answer<ApiReply>> Resource::handle(World& /*world*/, const ApiRequest& /*request*/) {
  return std::nullopt;
}
bool Resource::leaves_lock(const ApiRequest& /*request*/) const { return false; }
Answer<ApiReply> Resource::handle_unlocked(Watched<World>& /*world*/, const ApiRequest& /*request*/) {
  return no_such_resource();
}
Verdict Resource::prepare_create(World& /*world*/, const ApiRequest& /*request*/, Json& /*object*/) { return {}; }
Verdict Resource::prepare_update(World& /*world*/, const ApiRequest& /*request*/, const Json& /*before*/,
                                 Json& /*object*/) {
  return {};
}
void Resource::created(World& /*world*/, const Key& /*key*/) {}
void Resource::removed(World& /*world*/, const Key& /*key*/, const Json& /*last*/) {}
void Resource::show(const World& /*world*/, Json& /*object*/) const {}
std::optional<std::string> Resource::field(const Json& /*object*/, std::string_view /*path*/) const {
  return std::nullopt;
}

void Catalog::add(std::unique_ptr<Resource> resource) {
  index_.insert_or_assign(resource->traits().resource(), resource.get());
  resources_.push_back(std::move(resource));
}
Resource* Catalog::find(std::string_view group, std::string_view plural) const {
  return find(qualified(group, plural));
}
Resource* Catalog::find(std::string_view resource) const {
  const auto found = index_.find(resource);
  return found == index_.end() ? nullptr : found->second;
}

Verdict require_project(const World& world, const ApiRequest& request) {
  if (request.ns.empty() || world.project_exists(request.ns)) return {};
  return not_found("", "namespaces", request.ns);
}

Answer<ObjectRef> create_object(World& world, Resource& resource, const ApiRequest& request, Json object) {
  const auto& traits = resource.traits();
  auto name = name_of(object);
  if (name.empty()) {
    const auto stem = text_at(object, {"metadata", "generateName"});
    if (stem.empty()) {
      return invalid(traits.group, traits.kind, "",
                     {{"FieldValueRequired", "Required value: name or generateName is required", "metadata.name"}});
    }
    name = stem + random_suffix(5);
  }
  const auto ns = namespace_of(object);
  if (traits.namespaced && !ns.empty() && ns != request.ns) {
    return bad_request("the namespace of the provided object does not match the namespace sent on the request");
  }
  if (traits.namespaced) SLUICE_CHECK(require_project(world, request));
  strip(object);
  set_at(object, {"metadata", "name"}, name);
  if (traits.namespaced) set_at(object, {"metadata", "namespace"}, request.ns);
  remove_at(object, {"metadata", "generation"});
  if (traits.counts_generation) set_at(object, {"metadata", "generation"}, 1);
  if (traits.has_status) object.remove("status");
  const auto key = traits.key(request.ns, name);
  SLUICE_CHECK(resource.prepare_create(world, request, object));
  if (world.store.get(key)) return already_exists(traits.group, traits.plural, name);
  auto stored = world.store.create(key, std::move(object));
  resource.created(world, key);
  return world.store.get(key) ? world.store.get(key) : stored;
}

Answer<ObjectRef> update_object(World& world, Resource& resource, const ApiRequest& request, Json object) {
  const auto& traits = resource.traits();
  const auto key = traits.key(request.ns, request.name);
  const auto before = world.store.get(key);
  if (!before) return not_found(traits.group, traits.plural, request.name);
  SLUICE_CHECK(check_version(traits, request, *before, object));
  strip(object);
  const bool status_only = request.subresource == "status";
  if (status_only) {
    auto status = at(object, {"status"});
    object = *before;
    object.set("status", std::move(status));
  } else if (traits.has_status) {
    // The hook sees what was sent; most kinds put the old one back.
    if (before->find("status") != nullptr) {
      if (!resource.sees_sent_status()) object.set("status", *before->find("status"));
    } else {
      object.remove("status");
    }
  }
  if (traits.counts_generation) set_at(object, {"metadata", "generation"}, at(*before, {"metadata", "generation"}));
  SLUICE_CHECK(resource.prepare_update(world, request, *before, object));
  if (traits.counts_generation && !status_only && !same_tree(at(object, {"spec"}), at(*before, {"spec"}))) {
    // A hook that needed the new number early has set it already.
    const auto next = number_at(*before, {"metadata", "generation"}) + 1;
    set_at(object, {"metadata", "generation"}, next);
  }
  return world.store.replace(key, std::move(object));
}

std::string self_link(const Traits& traits, std::string_view ns, std::string_view name, bool legacy) {
  std::string link = traits.group.empty() ? "/api/v1"
                     : legacy             ? "/oapi/v1"
                                          : fmt::format("/apis/{}/{}", traits.group, traits.version);
  if (!ns.empty() && traits.namespaced) link += fmt::format("/namespaces/{}", ns);
  link += "/" + traits.plural;
  if (!name.empty()) link += "/" + encoding::percent(name);
  return link;
}

Json shown(const World& world, const Resource& resource, const ObjectRef& object, bool legacy) {
  auto whole = shown_item(world, resource, *object, legacy);
  const auto& traits = resource.traits();
  auto result = Json::object();
  result.set("kind", traits.kind);
  result.set("apiVersion", api_version(traits, legacy));
  for (auto& [name, value] : *whole.fields()) result.append_unchecked(std::move(name), std::move(value));
  return result;
}

Json deleted_status(const Traits& traits, std::string_view name, std::string_view uid) {
  auto details = Json::object();
  details.set("name", name);
  if (!traits.group.empty()) details.set("group", traits.group);
  details.set("kind", traits.plural);
  if (!uid.empty()) details.set("uid", uid);
  auto status = Json::object();
  status.set("kind", "Status");
  status.set("apiVersion", "v1");
  status.set("metadata", Json::object());
  status.set("status", "Success");
  status.set("details", std::move(details));
  return status;
}

Answer<ApiReply> handle_generic(World& world, Resource& resource, const ApiRequest& request) {
  if (request.verb == "get") return get(world, resource, request);
  if (request.verb == "create") return create(world, resource, request);
  if (request.verb == "update") return update(world, resource, request);
  if (request.verb == "patch") return patch(world, resource, request);
  if (request.verb == "delete") return remove(world, resource, request);
  if (request.verb == "deletecollection") return remove_all(world, resource, request);
  return no_such_resource();
}

}  // namespace sluice::sandbox
