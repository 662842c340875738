// The three patch formats of the Kubernetes API.
// Source: RFC 7386 (merge), RFC 6902 (JSON patch), strategic merge as Kubernetes' API conventions describe it.
#include "base/text.hpp"
#include "sandbox/core/resource.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace sluice::sandbox {

namespace {

constexpr std::size_t kMaxOperations = 10'000;

// 3.11 answers every patch that it cannot apply with a bare 500; newer servers tell them apart.
Refusal cannot_apply(const World& world, std::string message) {
  if (world.profile == Profile::v3_11) return {500, "", std::move(message), Json()};
  return {422, "Invalid", "the server rejected our request due to an error in our request", Json::object()};
}
Refusal malformed(const World& world, std::string message) {
  if (world.profile == Profile::v3_11) return {500, "", std::move(message), Json()};
  return bad_request("error decoding patch: " + message);
}

void merge(Json& target, const Json& patch) {
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (!target.is_object()) target = Json::object();
  for (const auto& [name, value] : patch.members()) {
    if (value.is_null()) {
      target.remove(name);
    } else if (auto* member = target.find(name)) {
      merge(*member, value);
    } else {
      merge(make_at(target, {name}), value);
    }
  }
}

// The member by which elements of a list are told apart; "" for lists that are replaced as a whole.
std::string merge_key(std::string_view field, const Json& element) {
  if (field == "tags") return element.find("tag") != nullptr ? "tag" : "name";
  if (field == "ports") return element.find("containerPort") != nullptr ? "containerPort" : "port";
  if (field == "conditions") return "type";
  if (field == "volumeMounts") return "mountPath";
  if (field == "ownerReferences") return "uid";
  for (const auto* named : {"containers", "initContainers", "env", "volumes", "imagePullSecrets", "secrets"}) {
    if (field == named) return "name";
  }
  return "";
}

void merge_strategic(Json& target, const Json& patch);

void merge_list(Json& target, const Json& patch, std::string_view field) {
  const auto key = patch.items().empty() ? "" : merge_key(field, patch.items().front());
  const bool replace = std::any_of(patch.items().begin(), patch.items().end(),
                                   [](const Json& entry) { return entry.string_at("$patch") == "replace"; });
  if (key.empty() || replace || !target.is_array()) {
    auto list = Json::array();
    for (const auto& entry : patch.items()) {
      if (!entry.string_at("$patch")) list.push(entry);
    }
    target = std::move(list);
    return;
  }
  auto& elements = *target.elements();
  for (const auto& entry : patch.items()) {
    const auto* wanted = entry.find(key);
    const auto same = [&](const Json& element) {
      const auto* value = element.find(key);
      return value != nullptr && wanted != nullptr && *value == *wanted;
    };
    if (entry.string_at("$patch") == "delete") {
      std::erase_if(elements, same);
      continue;
    }
    const auto found = std::find_if(elements.begin(), elements.end(), same);
    if (found != elements.end()) {
      merge_strategic(*found, entry);
    } else {
      auto fresh = Json::object();
      merge_strategic(fresh, entry);
      elements.push_back(std::move(fresh));
    }
  }
}

void merge_strategic(Json& target, const Json& patch) {
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (patch.string_at("$patch") == "replace") target = Json::object();
  if (!target.is_object()) target = Json::object();
  for (const auto& [name, value] : patch.members()) {
    if (name.starts_with("$")) continue;  // directives
    if (value.is_null() || value.string_at("$patch") == "delete") {
      target.remove(name);
    } else if (value.is_array()) {
      merge_list(make_at(target, {name}), value, name);
    } else if (value.is_object()) {
      merge_strategic(make_at(target, {name}), value);
    } else {
      target.set(name, value);
    }
  }
}

// A JSON pointer taken apart: RFC 6901.
std::vector<std::string> pointer_parts(std::string_view pointer) {
  std::vector<std::string> parts;
  if (pointer.empty()) return parts;
  for (auto part : text::split(pointer.substr(1), '/')) {
    std::string plain;
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (part[i] == '~' && i + 1 < part.size() && (part[i + 1] == '0' || part[i + 1] == '1')) {
        plain += part[++i] == '0' ? '~' : '/';
      } else {
        plain += part[i];
      }
    }
    parts.push_back(std::move(plain));
  }
  return parts;
}

std::optional<std::size_t> index_of(const std::string& part) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
  if (error != std::errc{} || end != part.data() + part.size()) return std::nullopt;
  return index;
}

Json* child(Json& parent, const std::string& part) {
  if (auto* list = parent.elements()) {
    const auto index = index_of(part);
    return index && *index < list->size() ? &(*list)[*index] : nullptr;
  }
  return parent.find(part);
}

class JsonPatch {
 public:
  JsonPatch(const World& world, Json document) : world_(world), document_(std::move(document)) {}

  Verdict apply(const Json& operation) {
    const auto op = text_at(operation, {"op"});
    const auto path = text_at(operation, {"path"});
    const auto value = operation.find("value") != nullptr ? *operation.find("value") : Json();
    if (op == "test") return test(path, value);
    if (op == "remove") return remove(path);
    if (op == "add") return add(path, value);
    if (op == "replace") return replace(path, value);
    if (op == "move" || op == "copy") {
      const auto from = text_at(operation, {"from"});
      const auto* source = find(from);
      if (source == nullptr) return cannot_apply(world_, fmt::format("Unable to {} nonexistent path: {}", op, from));
      auto moved = *source;
      if (op == "move") SLUICE_CHECK(remove(from));
      return add(path, moved);
    }
    return cannot_apply(world_, fmt::format("Unexpected kind: {}", text::printable(op)));
  }
  Json take() { return std::move(document_); }

 private:
  Json* find(const std::string& path) {
    auto* here = &document_;
    for (const auto& part : pointer_parts(path)) {
      here = child(*here, part);
      if (here == nullptr) return nullptr;
    }
    return here;
  }
  // The container of a path and the last part of it.
  std::pair<Json*, std::string> split(const std::string& path) {
    auto parts = pointer_parts(path);
    if (parts.empty()) return {nullptr, ""};
    auto last = std::move(parts.back());
    parts.pop_back();
    auto* here = &document_;
    for (const auto& part : parts) {
      here = child(*here, part);
      if (here == nullptr) return {nullptr, last};
    }
    return {here, last};
  }
  Refusal no_path(std::string_view op, const std::string& path) {
    return cannot_apply(world_,
                        fmt::format("jsonpatch {} operation does not apply: doc is missing path: {}", op, path));
  }

  Verdict test(const std::string& path, const Json& value) {
    const auto* found = find(path);
    if (found != nullptr ? same_tree(*found, value) : value.is_null()) return {};
    return cannot_apply(world_, fmt::format("Testing value {} failed", path));
  }
  Verdict remove(const std::string& path) {
    const auto [parent, last] = split(path);
    if (parent == nullptr) return no_path("remove", path);
    if (auto* list = parent->elements()) {
      const auto index = index_of(last);
      if (!index || *index >= list->size()) {
        return cannot_apply(world_, fmt::format("Unable to access invalid index: {}", last));
      }
      list->erase(list->begin() + static_cast<std::ptrdiff_t>(*index));
      return {};
    }
    if (parent->remove(last)) return {};
    return cannot_apply(world_, fmt::format("Unable to remove nonexistent key: {}", last));
  }
  Verdict add(const std::string& path, const Json& value) {
    if (path.empty()) {
      document_ = value;
      return {};
    }
    const auto [parent, last] = split(path);
    if (parent == nullptr) return no_path("add", path);
    if (auto* list = parent->elements()) {
      const auto index = last == "-" ? std::optional(list->size()) : index_of(last);
      if (!index || *index > list->size()) {
        return cannot_apply(world_, fmt::format("Unable to access invalid index: {}", last));
      }
      list->insert(list->begin() + static_cast<std::ptrdiff_t>(*index), value);
      return {};
    }
    if (!parent->is_object()) return no_path("add", path);
    parent->set(last, value);
    return {};
  }
  Verdict replace(const std::string& path, const Json& value) {
    auto* found = find(path);
    if (found == nullptr) return no_path("replace", path);
    *found = value;
    return {};
  }

  const World& world_;
  Json document_;
};

Answer<Json> apply_json_patch(const World& world, const ApiRequest& request, const Json& before) {
  const auto operations = parse_json(request.raw_body);
  if (!operations.ok()) return malformed(world, "unexpected end of JSON input");
  if (!operations->is_array()) {
    return malformed(world, fmt::format("json: cannot unmarshal {} into Go value of type jsonpatch.Patch",
                                        operations->is_object() ? "object" : "value"));
  }
  if (operations->items().size() > kMaxOperations) {
    return Refusal{
        413, "RequestEntityTooLarge",
        fmt::format("Request entity is too large: The allowed maximum operations in a JSON patch is {}, got {}",
                    kMaxOperations, operations->items().size()),
        Json::object()};
  }
  JsonPatch patch(world, before);
  for (const auto& operation : operations->items()) SLUICE_CHECK(patch.apply(operation));
  return patch.take();
}

}  // namespace

Answer<Json> apply_patch(const World& world, const ApiRequest& request, const Json& before) {
  if (request.content_type == "application/json-patch+json") return apply_json_patch(world, request, before);
  const bool strategic = request.content_type == "application/strategic-merge-patch+json";
  if (!strategic && request.content_type != "application/merge-patch+json") {
    return Refusal{415, "UnsupportedMediaType", "415: Unsupported Media Type", Json::object()};
  }
  const auto patch = parse_json(request.raw_body);
  if (!patch.ok() || !patch->is_object()) return malformed(world, "Invalid JSON Patch");
  auto result = before;
  if (strategic) {
    merge_strategic(result, *patch);
  } else {
    merge(result, *patch);
  }
  return result;
}

}  // namespace sluice::sandbox
