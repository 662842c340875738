#include "sandbox/images/stream_store.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/images/history.hpp"
#include "sandbox/images/limits.hpp"
#include "sandbox/images/resolve.hpp"
#include "sandbox/images/tagging.hpp"

#include <fmt/format.h>

namespace sluice::sandbox {

namespace {

TaggingRules rules_of(const World& world, const Caller& caller) {
  TaggingRules rules;
  rules.now = world.now_text();
  if (world.registry.present) rules.registry = world.registry.internal;
  rules.import_mode = world.profile == Profile::v4;
  rules.find = [&world](const std::string& ns, const std::string& name) { return find_stream(world, ns, name); };
  rules.denial = [&world, &caller](const std::string& ns, const std::string& name) -> std::optional<std::string> {
    const auto decision =
        decide(world.store, caller, {"get", std::string(kImageGroup), "imagestreams", "layers", ns, name});
    if (decision.allowed) return std::nullopt;
    return decision.reason;
  };
  return rules;
}

// What tagging or a limit has against a stream comes wrapped in an internal error without a field.
Refusal wrapped(const Json& stream, const std::string& why) {
  return invalid(kImageGroup, "ImageStream", name_of(stream), {{"InternalError", "Internal error: " + why, "[]"}});
}

Verdict tag_and_check(World& world, const Caller& caller, const Json* before, Json& stream) {
  const auto name = name_of(stream);
  std::vector<Cause> causes;
  const auto tagging = apply_spec_tags(rules_of(world, caller), before, stream);
  if (!tagging.empty()) {
    const auto inner = fmt::format("imagestreams \"{}\" is invalid: {}", name, joined(tagging));
    causes.push_back({"InternalError", "Internal error: " + inner, "[]"});
  } else if (const auto limit = stream_limit(world, namespace_of(stream), stream)) {
    return wrapped(stream, *limit);
  }
  check_stream(stream, causes);
  if (!causes.empty()) return invalid(kImageGroup, "ImageStream", name, std::move(causes));
  return {};
}

void keep_repository(const World& world, Json& stream) {
  set_at(stream, {"status", "dockerImageRepository"}, stream_repository(world, namespace_of(stream), name_of(stream)));
  remove_at(stream, {"status", "publicDockerImageRepository"});
}

Json status_items(const Json& sent) {
  if (!sent.is_array()) return Json();
  auto items = Json::array();
  for (const auto& item : sent.items()) items.push(TagEvent::read(item).to_json());
  return items;
}

}  // namespace

Key stream_key(std::string_view ns, std::string_view name) {
  return {std::string(kImageStreams), std::string(ns), std::string(name)};
}

ObjectRef find_stream(const World& world, std::string_view ns, std::string_view name) {
  return world.store.get(stream_key(ns, name));
}

ObjectRef find_image_object(const World& world, std::string_view digest) {
  return world.store.get({std::string(kImages), "", std::string(digest)});
}

Verdict prepare_stream(World& world, const Caller& caller, Json& stream) {
  tidy_spec(stream, world.profile == Profile::v4);
  set_generations(nullptr, stream);
  SLUICE_CHECK(tag_and_check(world, caller, nullptr, stream));
  keep_repository(world, stream);
  return {};
}

Verdict prepare_stream(World& world, const Caller& caller, const Json& before, Json& stream) {
  tidy_spec(stream, world.profile == Profile::v4);
  set_generations(&before, stream);
  SLUICE_CHECK(tag_and_check(world, caller, &before, stream));
  keep_repository(world, stream);
  return {};
}

Verdict prepare_stream_status(World& world, Json& stream) {
  auto tags = Json::array();
  for (const auto& sent : at(stream, {"status", "tags"}).items()) {
    auto entry = Json::object();
    entry.set("tag", text_at(sent, {"tag"}));
    entry.set("items", status_items(at(sent, {"items"})));
    const auto& conditions = at(sent, {"conditions"});
    if (!conditions.items().empty()) entry.set("conditions", conditions);
    tags.push(std::move(entry));
  }
  auto status = Json::object();
  status.set("tags", std::move(tags));
  stream.set("status", std::move(status));
  tidy_history(stream);
  keep_repository(world, stream);
  std::vector<Cause> causes;
  if (const auto limit = stream_limit(world, namespace_of(stream), stream)) {
    causes.push_back({"FieldValueForbidden", "Forbidden: " + *limit, "imageStream"});
  }
  check_stream(stream, causes);
  if (!causes.empty()) return invalid(kImageGroup, "ImageStream", name_of(stream), std::move(causes));
  return {};
}

Answer<ObjectRef> make_stream(World& world, const Caller& caller, std::string_view ns, Json stream, StreamMaker maker) {
  const auto key = stream_key(ns, name_of(stream));
  set_at(stream, {"metadata", "namespace"}, ns);
  SLUICE_CHECK(prepare_stream(world, caller, stream));
  if (maker == StreamMaker::tag_write && world.profile == Profile::v3_11) {
    remove_at(stream, {"status", "dockerImageRepository"});
  }
  auto stored = world.store.create(key, std::move(stream));
  count_stream(world, ns);
  return stored;
}

Answer<ObjectRef> change_stream(World& world, const Caller& caller, const Json& before, Json stream) {
  SLUICE_CHECK(prepare_stream(world, caller, before, stream));
  return world.store.replace(stream_key(namespace_of(before), name_of(before)), std::move(stream));
}

Answer<ObjectRef> change_stream_status(World& world, Json stream) {
  SLUICE_CHECK(prepare_stream_status(world, stream));
  const auto key = stream_key(namespace_of(stream), name_of(stream));
  return world.store.replace(key, std::move(stream));
}

bool meet_phantom_writer(World& world, const Key& key) {
  const auto knob = world.knobs.conflicts.find(key);
  if (knob == world.knobs.conflicts.end()) return false;
  if (--knob->second <= 0) world.knobs.conflicts.erase(knob);
  const auto now = world.store.get(key);
  if (!now) return false;
  auto other = *now;
  annotate(other, "sandbox/phantom-writer", std::to_string(world.store.version()));
  world.store.replace(key, std::move(other));
  return true;
}

void show_repositories(const World& world, Json& stream, bool with_public) {
  const auto ns = namespace_of(stream);
  const auto name = name_of(stream);
  set_at(stream, {"status", "dockerImageRepository"}, stream_repository(world, ns, name));
  if (with_public && world.registry.present && world.registry.external) {
    set_at(stream, {"status", "publicDockerImageRepository"},
           fmt::format("{}/{}/{}", *world.registry.external, ns, name));
  }
}

Json plain_success() {
  auto status = Json::object();
  status.set("kind", "Status");
  status.set("apiVersion", "v1");
  status.set("metadata", Json::object());
  status.set("status", "Success");
  return status;
}

Json with_kind(std::string_view kind, bool legacy, const Json& object) {
  auto whole = Json::object();
  whole.set("kind", kind);
  whole.set("apiVersion", legacy ? std::string("v1") : fmt::format("{}/v1", kImageGroup));
  for (const auto& [name, value] : object.members()) whole.append_unchecked(name, value);
  return whole;
}

}  // namespace sluice::sandbox
