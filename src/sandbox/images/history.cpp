#include "sandbox/images/history.hpp"

#include "base/text.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/images/pull_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sluice::sandbox {

namespace {

Json* entry_of(Json& stream, std::string_view tag) {
  auto* tags = find_at(stream, {"status", "tags"});
  if (tags == nullptr || !tags->is_array()) return nullptr;
  for (auto& entry : *tags->elements()) {
    if (entry.string_at("tag") == tag) return &entry;
  }
  return nullptr;
}

Json& make_entry(Json& stream, std::string_view tag) {
  if (auto* entry = entry_of(stream, tag)) return *entry;
  auto& tags = make_at(stream, {"status", "tags"});
  if (!tags.is_array()) tags = Json::array();
  auto entry = Json::object();
  entry.set("tag", tag);
  entry.set("items", Json());
  // Kept in the order of the names from the start.
  auto& list = *tags.elements();
  const auto place = std::find_if(list.begin(), list.end(),
                                  [&](const Json& other) { return other.string_at("tag").value_or("") > tag; });
  return *list.insert(place, std::move(entry));
}

Json::Array& items_of(Json& entry) {
  auto& items = make_at(entry, {"items"});
  if (!items.is_array()) items = Json::array();
  return *items.elements();
}

// Does the spec tag name `tag` of its own stream?
bool is_alias_of(const Json& stream, const Json& spec_tag, std::string_view tag) {
  if (text_at(spec_tag, {"from", "kind"}) != "ImageStreamTag") return false;
  const auto ns = text_at(spec_tag, {"from", "namespace"});
  if (!ns.empty() && ns != namespace_of(stream)) return false;
  const auto from = split_from(name_of(stream), "ImageStreamTag", text_at(spec_tag, {"from", "name"}));
  return from && from->stream == name_of(stream) && from->item == tag;
}

}  // namespace

TagEvent TagEvent::read(const Json& item) {
  return {text_at(item, {"created"}), text_at(item, {"dockerImageReference"}), text_at(item, {"image"}),
          number_at(item, {"generation"})};
}

Json TagEvent::to_json() const {
  auto item = Json::object();
  item.set("created", created);
  item.set("dockerImageReference", reference);
  item.set("image", image);
  item.set("generation", generation);
  return item;
}

const Json* history_of(const Json& stream, std::string_view tag) {
  for (const auto& entry : at(stream, {"status", "tags"}).items()) {
    if (entry.string_at("tag") == tag) return &entry;
  }
  return nullptr;
}

std::optional<TagEvent> newest_event(const Json& stream, std::string_view tag) {
  const auto* entry = history_of(stream, tag);
  if (entry == nullptr) return std::nullopt;
  const auto& items = at(*entry, {"items"}).items();
  if (items.empty()) return std::nullopt;
  return TagEvent::read(items.front());
}

Added add_event(Json& stream, std::string_view tag, const TagEvent& event) {
  auto& entry = make_entry(stream, tag);
  auto& items = items_of(entry);
  auto done = Added::on_top;
  if (items.empty()) {
    items.push_back(event.to_json());
  } else {
    auto top = TagEvent::read(items.front());
    const bool same_reference = top.reference == event.reference;
    const bool same_image = top.image == event.image;
    if (same_reference && same_image && top.generation == event.generation) return Added::nothing;
    if (same_reference && same_image) {
      top.generation = event.generation;
      done = Added::generation;
    } else if (same_reference) {
      top.image = event.image;
      done = Added::in_place;
    } else if (same_image) {
      top.reference = event.reference;
      done = Added::in_place;
    }
    if (done == Added::on_top) {
      items.insert(items.begin(), event.to_json());
    } else {
      items.front() = top.to_json();
    }
  }
  entry.remove("conditions");
  return done;
}

void set_newest_generation(Json& stream, std::string_view tag, std::int64_t generation) {
  auto* entry = entry_of(stream, tag);
  if (entry == nullptr) return;
  auto& items = items_of(*entry);
  if (!items.empty()) items.front().set("generation", generation);
}

void follow_aliases(Json& stream, std::string_view tag, const TagEvent& event) {
  std::vector<std::string> followers;
  for (const auto& spec_tag : at(stream, {"spec", "tags"}).items()) {
    if (is_alias_of(stream, spec_tag, tag)) followers.push_back(text_at(spec_tag, {"name"}));
  }
  for (const auto& follower : followers) {
    if (follower != tag) add_event(stream, follower, event);
  }
}

void follow_changed(const Json* before, Json& stream) {
  std::vector<std::pair<std::string, TagEvent>> moved;
  for (const auto& entry : at(stream, {"status", "tags"}).items()) {
    const auto tag = text_at(entry, {"tag"});
    const auto top = newest_event(stream, tag);
    if (!top) continue;
    if (before != nullptr && newest_event(*before, tag) == top) continue;
    moved.emplace_back(tag, *top);
  }
  for (const auto& [tag, event] : moved) follow_aliases(stream, tag, event);
}

bool remove_history(Json& stream, std::string_view tag) {
  auto* tags = find_at(stream, {"status", "tags"});
  if (tags == nullptr || !tags->is_array()) return false;
  const auto removed =
      std::erase_if(*tags->elements(), [&](const Json& entry) { return entry.string_at("tag") == tag; });
  tidy_history(stream);
  return removed > 0;
}

void set_condition(Json& stream, std::string_view tag, Json condition) {
  auto list = Json::array();
  list.push(std::move(condition));
  make_entry(stream, tag).set("conditions", std::move(list));
}

void clear_conditions(Json& stream, std::string_view tag) {
  if (auto* entry = entry_of(stream, tag)) entry->remove("conditions");
}

std::int64_t observed_generation(const Json& stream, std::string_view tag) {
  const auto* entry = history_of(stream, tag);
  if (entry == nullptr) return 0;
  std::int64_t highest = 0;
  if (const auto top = newest_event(stream, tag)) highest = top->generation;
  for (const auto& condition : at(*entry, {"conditions"}).items()) {
    if (text_at(condition, {"type"}) != "ImportSuccess") continue;
    highest = std::max(highest, number_at(condition, {"generation"}));
  }
  return highest;
}

void each_event(const Json& stream, const std::function<void(const std::string&, const TagEvent&)>& visit) {
  for (const auto& entry : at(stream, {"status", "tags"}).items()) {
    const auto tag = text_at(entry, {"tag"});
    for (const auto& item : at(entry, {"items"}).items()) visit(tag, TagEvent::read(item));
  }
}

Answer<TagEvent> find_image(const Json& stream, std::string_view id, std::string_view now) {
  constexpr std::string_view kGroup = "image.openshift.io";
  std::set<std::string> images;
  TagEvent found;
  each_event(stream, [&](const std::string& /*tag*/, const TagEvent& event) {
    const auto hex = text::cut(event.image, ':').second;
    if (!event.image.starts_with(id) && (hex.empty() || !hex.starts_with(id))) return;
    if (images.insert(event.image).second) found = event;
  });
  if (images.empty()) return not_found(kGroup, "imagestreamimage", id);
  if (images.size() > 1) {
    return conflict(kGroup, "imagestreamimage", id,
                    fmt::format("multiple images match the prefix \"{}\": {}", id, fmt::join(images, ", ")));
  }
  found.created = now;
  found.generation = 0;
  return found;
}

void tidy_history(Json& stream) {
  auto* tags = find_at(stream, {"status", "tags"});
  if (tags == nullptr) return;
  if (!tags->is_array() || tags->items().empty()) {
    remove_at(stream, {"status", "tags"});
    return;
  }
  std::stable_sort(tags->elements()->begin(), tags->elements()->end(),
                   [](const Json& a, const Json& b) { return text_at(a, {"tag"}) < text_at(b, {"tag"}); });
}

}  // namespace sluice::sandbox
