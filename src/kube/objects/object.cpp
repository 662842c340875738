#include "kube/objects/object.hpp"

#include <algorithm>

namespace sluice::kube {

std::string Resource::root() const {
  if (group.empty()) return "/api/" + std::string(version);
  return "/apis/" + std::string(group) + "/" + std::string(version);
}

std::string Resource::api_version() const {
  return group.empty() ? std::string(version) : std::string(group) + "/" + std::string(version);
}

std::string Resource::qualified() const {
  return group.empty() ? std::string(plural) : std::string(plural) + "." + std::string(group);
}

const Json* at(const Json& root, std::initializer_list<std::string_view> path) {
  const Json* here = &root;
  for (const auto step : path) {
    here = here->find(step);
    if (here == nullptr) return nullptr;
  }
  return here;
}

std::string text_at(const Json& root, std::initializer_list<std::string_view> path) {
  const auto* found = at(root, path);
  return found != nullptr ? found->as_string().value_or("") : std::string();
}

std::int64_t number_at(const Json& root, std::initializer_list<std::string_view> path) {
  const auto* found = at(root, path);
  return found != nullptr ? found->as_integer().value_or(0) : 0;
}

bool flag_at(const Json& root, std::initializer_list<std::string_view> path) {
  const auto* found = at(root, path);
  return found != nullptr && found->as_bool().value_or(false);
}

const Json::Array& list_at(const Json& root, std::initializer_list<std::string_view> path) {
  static const Json kNothing;
  const auto* found = at(root, path);
  return found != nullptr ? found->items() : kNothing.items();
}

Labels texts_at(const Json& root, std::initializer_list<std::string_view> path) {
  Labels out;
  const auto* found = at(root, path);
  if (found == nullptr) return out;
  for (const auto& [key, value] : found->members()) {
    if (auto text = value.as_string()) out.emplace(key, std::move(*text));
  }
  return out;
}

std::vector<std::string> strings_at(const Json& root, std::initializer_list<std::string_view> path) {
  std::vector<std::string> out;
  for (const auto& item : list_at(root, path)) {
    if (auto text = item.as_string()) out.push_back(std::move(*text));
  }
  return out;
}

std::vector<Condition> conditions_at(const Json& root, std::initializer_list<std::string_view> path) {
  std::vector<Condition> out;
  for (const auto& item : list_at(root, path)) {
    out.push_back({item.string_at("type").value_or(""), item.string_at("status").value_or(""),
                   item.string_at("reason").value_or(""), item.string_at("message").value_or(""),
                   item.string_at("lastTransitionTime").value_or(""), item.integer_at("generation").value_or(0)});
  }
  return out;
}

namespace {

void set_below(Json& here, const std::string_view* step, const std::string_view* end, Json value) {
  if (!here.is_object()) here = Json::object();
  if (step + 1 == end) {
    here.set(*step, std::move(value));
    return;
  }
  auto* next = here.find(*step);
  if (next == nullptr) {
    here.set(*step, Json::object());
    next = here.find(*step);
  }
  set_below(*next, step + 1, end, std::move(value));
}

}  // namespace

void set_at(Json& root, std::initializer_list<std::string_view> path, Json value) {
  if (path.size() == 0) {
    root = std::move(value);
  } else {
    set_below(root, path.begin(), path.end(), std::move(value));
  }
}

void Object::annotate(std::string_view key, std::string value) {
  set_at(json_, {"metadata", "annotations", key}, Json(std::move(value)));
}

bool Object::remove_annotation(std::string_view key) {
  auto* metadata = json_.find("metadata");
  auto* annotations = metadata != nullptr ? metadata->find("annotations") : nullptr;
  return annotations != nullptr && annotations->remove(key);
}

std::vector<OwnerReference> Object::owners() const {
  std::vector<OwnerReference> out;
  for (const auto& item : list_at(json_, {"metadata", "ownerReferences"})) {
    out.push_back({item.string_at("kind").value_or(""), item.string_at("name").value_or(""),
                   item.string_at("uid").value_or(""), item.bool_at("controller").value_or(false)});
  }
  return out;
}

std::optional<OwnerReference> Object::controller() const {
  const auto all = owners();
  const auto found = std::find_if(all.begin(), all.end(), [](const OwnerReference& owner) { return owner.controller; });
  return found != all.end() ? std::optional(*found) : std::nullopt;
}

std::string Object::shown() const {
  const auto in = project();
  return in.empty() ? name() : in + "/" + name();
}

}  // namespace sluice::kube
