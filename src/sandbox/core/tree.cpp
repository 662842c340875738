#include "sandbox/core/tree.hpp"

#include <algorithm>

namespace sluice::sandbox {

const Json& at(const Json& object, Path path) {
  static const Json kMissing;
  const auto* here = &object;
  for (const auto part : path) {
    here = here->find(part);
    if (here == nullptr) return kMissing;
  }
  return *here;
}

std::string text_at(const Json& object, Path path) { return at(object, path).as_string().value_or(""); }

std::int64_t number_at(const Json& object, Path path, std::int64_t otherwise) {
  return at(object, path).as_integer().value_or(otherwise);
}

bool flag_at(const Json& object, Path path, bool otherwise) { return at(object, path).as_bool().value_or(otherwise); }

Json& make_at(Json& object, Path path) {
  auto* here = &object;
  for (const auto part : path) {
    if (!here->is_object()) *here = Json::object();
    auto* next = here->find(part);
    if (next == nullptr) {
      here->append_unchecked(std::string(part), Json());
      next = &here->fields()->back().second;
    }
    here = next;
  }
  return *here;
}

void set_at(Json& object, Path path, Json value) { make_at(object, path) = std::move(value); }

Json* find_at(Json& object, Path path) {
  auto* here = &object;
  for (const auto part : path) {
    here = here->find(part);
    if (here == nullptr) return nullptr;
  }
  return here;
}

void remove_at(Json& object, Path path) {
  auto* here = &object;
  const auto* last = path.end() - 1;
  for (const auto* part = path.begin(); part != last; ++part) {
    here = here->find(*part);
    if (here == nullptr) return;
  }
  here->remove(*last);
}

void default_at(Json& object, Path path, Json value) {
  auto& member = make_at(object, path);
  if (member.is_null()) member = std::move(value);
}

std::string name_of(const Json& object) { return text_at(object, {"metadata", "name"}); }
std::string namespace_of(const Json& object) { return text_at(object, {"metadata", "namespace"}); }
std::string uid_of(const Json& object) { return text_at(object, {"metadata", "uid"}); }

std::string annotation(const Json& object, std::string_view key) {
  return text_at(object, {"metadata", "annotations", key});
}
std::string label(const Json& object, std::string_view key) { return text_at(object, {"metadata", "labels", key}); }

void annotate(Json& object, std::string_view key, std::string_view value) {
  set_at(object, {"metadata", "annotations", key}, value);
}

bool remove_annotation(Json& object, std::string_view key) {
  auto* annotations = find_at(object, {"metadata", "annotations"});
  if (annotations == nullptr || !annotations->remove(key)) return false;
  if (annotations->members().empty()) remove_at(object, {"metadata", "annotations"});
  return true;
}

bool same_tree(const Json& a, const Json& b) {
  if (a.is_object() && b.is_object()) {
    if (a.members().size() != b.members().size()) return false;
    return std::all_of(a.members().begin(), a.members().end(), [&](const auto& member) {
      const auto* other = b.find(member.first);
      return other != nullptr && same_tree(member.second, *other);
    });
  }
  if (a.is_array() && b.is_array()) {
    return std::equal(a.items().begin(), a.items().end(), b.items().begin(), b.items().end(), same_tree);
  }
  return a == b;
}

}  // namespace sluice::sandbox
