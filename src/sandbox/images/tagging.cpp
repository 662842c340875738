#include "sandbox/images/tagging.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/images/history.hpp"
#include "sandbox/images/pull_spec.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kFromForm = "must be of the form <tag>, <repo>:<tag>, <id>, or <repo>@<id>";

Cause invalid_value(std::string field, std::string_view value, std::string_view why) {
  return {"FieldValueInvalid", fmt::format("Invalid value: \"{}\": {}", value, why), std::move(field)};
}

Json without_empty_texts(const Json& object) {
  auto kept = Json::object();
  for (const auto& [name, value] : object.members()) {
    if (value.is_null() || value.as_string() == "") continue;
    kept.append_unchecked(name, value);
  }
  return kept;
}

Json import_policy(const Json& sent, bool import_mode) {
  auto policy = Json::object();
  for (const auto* member : {"insecure", "scheduled"}) {
    if (flag_at(sent, {member})) policy.set(member, true);
  }
  if (import_mode) policy.set("importMode", sent.string_at("importMode").value_or("Legacy"));
  return policy;
}

std::string from_path(std::string_view tag) { return fmt::format("spec.tags[{}].from", tag); }

// Adds the event of one changed tag.
class Tagger {
 public:
  Tagger(const TaggingRules& rules, Json& stream) : rules_(rules), stream_(stream) {}

  std::optional<Cause> apply(const Json& reference) {
    const auto tag = text_at(reference, {"name"});
    if (text_at(reference, {"from", "kind"}) == "DockerImage") {
      if (flag_at(reference, {"reference"})) add_event(stream_, tag, foreign_event(reference));
      return std::nullopt;
    }
    const auto sent = text_at(reference, {"from", "name"});
    const auto from = split_from(name_of(stream_), text_at(reference, {"from", "kind"}), sent);
    if (!from) return invalid_value(from_path(tag) + ".name", sent, kFromForm);
    auto ns = text_at(reference, {"from", "namespace"});
    if (ns.empty()) ns = namespace_of(stream_);
    return from_stream(reference, tag, ns, *from);
  }

 private:
  TagEvent foreign_event(const Json& reference) const {
    return {rules_.now, text_at(reference, {"from", "name"}), "", number_at(reference, {"generation"})};
  }

  std::optional<Cause> from_stream(const Json& reference, const std::string& tag, const std::string& ns,
                                   const FromName& from) {
    const bool own = ns == namespace_of(stream_) && from.stream == name_of(stream_);
    const auto other = own ? nullptr : rules_.find(ns, from.stream);
    const auto sent = text_at(reference, {"from", "name"});
    if (!own && !other) {
      return Cause{"FieldValueNotFound", fmt::format("Not found: \"{}\"", sent), from_path(tag) + ".name"};
    }
    const auto& source = own ? stream_ : *other;
    const auto generation = number_at(reference, {"generation"});
    std::optional<TagEvent> event;
    if (text_at(reference, {"from", "kind"}) == "ImageStreamImage") {
      auto found = find_image(source, from.item, rules_.now);
      if (!found.ok()) {
        return invalid_value(from_path(tag) + ".name", sent, "error generating tag event: " + found.error().message);
      }
      event = *found;
    } else {
      event = newest_event(source, from.item);
      // A tag that is not there yet is accepted, and adds nothing.
      if (!event) return std::nullopt;
      // The server hands its own history item on and marks it: the source tag shows the alias's generation too.
      if (own) set_newest_generation(stream_, from.item, generation);
    }
    event->generation = generation;
    if (!flag_at(reference, {"reference"})) make_local(*event, ns, from.stream);
    add_event(stream_, tag, *event);
    return std::nullopt;
  }

  // An image of the integrated registry is pulled from the stream that now has it.
  void make_local(TagEvent& event, const std::string& ns, const std::string& source) const {
    auto spec = PullSpec::parse(event.reference);
    if (!spec || rules_.registry.empty() || spec->registry != rules_.registry) return;
    if (spec->path != ns + "/" + source) return;
    spec->path = namespace_of(stream_) + "/" + name_of(stream_);
    event.reference = spec->exact();
  }

  const TaggingRules& rules_;
  Json& stream_;
};

// The right to read the layers of the source, for tags that come from another project.
std::optional<Cause> check_source_right(const TaggingRules& rules, const Json& stream, const Json& reference) {
  const auto ns = text_at(reference, {"from", "namespace"});
  if (ns.empty() || ns == namespace_of(stream)) return std::nullopt;
  const auto path = from_path(text_at(reference, {"name"}));
  const auto sent = text_at(reference, {"from", "name"});
  const auto from = split_from(name_of(stream), text_at(reference, {"from", "kind"}), sent);
  if (!from) return invalid_value(path + ".name", sent, kFromForm);
  const auto denial = rules.denial(ns, from->stream);
  if (!denial) return std::nullopt;
  return Cause{"FieldValueForbidden", fmt::format("Forbidden: {}/{}: \"{}\" \"\"", ns, from->stream, *denial), path};
}

std::vector<Json> changed_tags(const Json* before, const Json& stream) {
  std::vector<Json> changed;
  for (const auto& reference : at(stream, {"spec", "tags"}).items()) {
    if (at(reference, {"from"}).is_null()) continue;
    const auto* old = before == nullptr ? nullptr : spec_tag(*before, text_at(reference, {"name"}));
    if (old == nullptr || tag_changed(*old, reference, namespace_of(stream))) changed.push_back(reference);
  }
  return changed;
}

bool is_stream_name(std::string_view name) {
  // [a-z0-9]+(?:[._-][a-z0-9]+)*
  bool separator = true;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!plain && (separator || (c != '.' && c != '_' && c != '-'))) return false;
    separator = !plain;
  }
  return !name.empty() && !separator;
}

}  // namespace

Json tag_reference(const Json& sent, bool import_mode) {
  auto tag = Json::object();
  tag.set("name", text_at(sent, {"name"}));
  const auto& annotations = at(sent, {"annotations"});
  tag.set("annotations", annotations.members().empty() ? Json() : annotations);
  if (at(sent, {"from"}).is_object()) tag.set("from", without_empty_texts(at(sent, {"from"})));
  if (flag_at(sent, {"reference"})) tag.set("reference", true);
  tag.set("generation", at(sent, {"generation"}).as_integer());
  tag.set("importPolicy", import_policy(at(sent, {"importPolicy"}), import_mode));
  auto policy = Json::object();
  const auto type = text_at(sent, {"referencePolicy", "type"});
  policy.set("type", type.empty() ? "Source" : type);
  tag.set("referencePolicy", std::move(policy));
  return tag;
}

void tidy_spec(Json& stream, bool import_mode) {
  std::map<std::string, Json> tags;
  for (const auto& sent : at(stream, {"spec", "tags"}).items()) {
    tags.insert_or_assign(text_at(sent, {"name"}), tag_reference(sent, import_mode));
  }
  auto spec = Json::object();
  auto lookup = Json::object();
  lookup.set("local", flag_at(stream, {"spec", "lookupPolicy", "local"}));
  spec.set("lookupPolicy", std::move(lookup));
  const auto repository = text_at(stream, {"spec", "dockerImageRepository"});
  if (!repository.empty()) spec.set("dockerImageRepository", repository);
  if (!tags.empty()) {
    auto list = Json::array();
    for (auto& [name, tag] : tags) list.push(std::move(tag));
    spec.set("tags", std::move(list));
  }
  stream.set("spec", std::move(spec));
}

const Json* spec_tag(const Json& stream, std::string_view tag) {
  for (const auto& reference : at(stream, {"spec", "tags"}).items()) {
    if (reference.string_at("name") == tag) return &reference;
  }
  return nullptr;
}

void set_spec_tag(Json& stream, std::string_view tag, Json reference) {
  reference.set("name", tag);
  auto& tags = make_at(stream, {"spec", "tags"});
  if (!tags.is_array()) tags = Json::array();
  auto& list = *tags.elements();
  const auto place = std::find_if(list.begin(), list.end(),
                                  [&](const Json& other) { return other.string_at("name").value_or("") >= tag; });
  if (place != list.end() && place->string_at("name") == tag) {
    *place = std::move(reference);
  } else {
    list.insert(place, std::move(reference));
  }
}

bool remove_spec_tag(Json& stream, std::string_view tag) {
  auto* tags = find_at(stream, {"spec", "tags"});
  if (tags == nullptr || !tags->is_array()) return false;
  const auto removed =
      std::erase_if(*tags->elements(), [&](const Json& entry) { return entry.string_at("name") == tag; });
  if (tags->items().empty()) remove_at(stream, {"spec", "tags"});
  return removed > 0;
}

bool tag_changed(const Json& before, const Json& after, std::string_view own_namespace) {
  if (at(after, {"from"}).is_null()) return false;
  const auto namespace_in = [&](const Json& reference) {
    const auto ns = text_at(reference, {"from", "namespace"});
    return ns.empty() ? std::string(own_namespace) : ns;
  };
  return namespace_in(before) != namespace_in(after) ||
         text_at(before, {"from", "name"}) != text_at(after, {"from", "name"}) ||
         flag_at(before, {"reference"}) != flag_at(after, {"reference"}) ||
         text_at(before, {"importPolicy", "importMode"}) != text_at(after, {"importPolicy", "importMode"});
}

void set_generations(const Json* before, Json& stream) {
  auto* tags = find_at(stream, {"spec", "tags"});
  const auto each_tag = [&](const auto& change) {
    if (tags == nullptr || !tags->is_array()) return;
    for (auto& reference : *tags->elements()) {
      change(reference, before == nullptr ? nullptr : spec_tag(*before, text_at(reference, {"name"})));
    }
  };
  // Whatever a client sends but 0 is put back first, so that it does not count as a change.
  each_tag([](Json& reference, const Json* old) {
    if (old != nullptr && reference.integer_at("generation") != 0) {
      reference.set("generation", at(*old, {"generation"}));
    }
  });
  std::int64_t generation = 1;
  if (before != nullptr) {
    generation = number_at(*before, {"metadata", "generation"});
    if (!same_tree(at(stream, {"spec"}), at(*before, {"spec"}))) ++generation;
  }
  set_at(stream, {"metadata", "generation"}, generation);
  each_tag([&](Json& reference, const Json* old) {
    const bool changed = old == nullptr || tag_changed(*old, reference, namespace_of(stream));
    if (changed || reference.integer_at("generation").value_or(0) == 0) reference.set("generation", generation);
  });
}

std::vector<Cause> apply_spec_tags(const TaggingRules& rules, const Json* before, Json& stream) {
  const auto changed = changed_tags(before, stream);
  std::vector<Cause> causes;
  for (const auto& reference : changed) {
    if (auto cause = check_source_right(rules, stream, reference)) causes.push_back(std::move(*cause));
  }
  Tagger tagger(rules, stream);
  for (const auto& reference : changed) {
    if (auto cause = tagger.apply(reference)) causes.push_back(std::move(*cause));
  }
  follow_changed(before, stream);
  tidy_history(stream);
  return causes;
}

void check_tag_reference(const Json& reference, const std::string& path, std::vector<Cause>& causes) {
  const bool scheduled = flag_at(reference, {"importPolicy", "scheduled"});
  if (at(reference, {"from"}).is_object()) {
    const auto kind = text_at(reference, {"from", "kind"});
    const auto name = text_at(reference, {"from", "name"});
    if (name.empty()) causes.push_back({"FieldValueRequired", "Required value", path + ".from.name"});
    if (kind == "DockerImage") {
      const auto spec = PullSpec::parse(name);
      if (!spec && !name.empty()) {
        causes.push_back(invalid_value(path + ".from.name", name, "invalid reference format"));
      } else if (spec && !spec->digest.empty() && scheduled) {
        causes.push_back(invalid_value(path + ".from.name", name, "only tags can be scheduled for import"));
      }
    } else if (kind == "ImageStreamTag" || kind == "ImageStreamImage") {
      if (scheduled) {
        causes.push_back({"FieldValueInvalid",
                          "Invalid value: true: only tags pointing to Docker repositories may be scheduled for "
                          "background import",
                          path + ".importPolicy.scheduled"});
      }
    } else {
      causes.push_back({"FieldValueRequired",
                        "Required value: valid values are 'DockerImage', 'ImageStreamImage', 'ImageStreamTag'",
                        path + ".from.kind"});
    }
  }
  const auto mode = text_at(reference, {"importPolicy", "importMode"});
  if (!mode.empty() && mode != "Legacy" && mode != "PreserveOriginal") {
    causes.push_back(
        invalid_value(path + ".importPolicy.importMode", mode, "valid modes are 'Legacy', 'PreserveOriginal' or ''"));
  }
  const auto policy = text_at(reference, {"referencePolicy", "type"});
  if (policy != "Source" && policy != "Local") {
    causes.push_back(invalid_value(path + ".referencePolicy.type", policy, "valid values are \"Source\", \"Local\""));
  }
}

void check_stream(const Json& stream, std::vector<Cause>& causes) {
  constexpr std::size_t kLongestName = 255;
  const auto name = name_of(stream);
  if (!is_stream_name(name)) {
    causes.push_back(invalid_value("metadata.name", name, "must match \"[a-z0-9]+(?:[._-][a-z0-9]+)*\""));
  }
  if (namespace_of(stream).size() + 1 + name.size() > kLongestName) {
    causes.push_back(invalid_value("metadata.name", name,
                                   fmt::format("'namespace/name' cannot be longer than {} characters", kLongestName)));
  }
  const auto repository = text_at(stream, {"spec", "dockerImageRepository"});
  if (!repository.empty()) {
    const auto spec = PullSpec::parse(repository);
    if (!spec) {
      causes.push_back(invalid_value("spec.dockerImageRepository", repository, "invalid reference format"));
    } else if (!spec->tag.empty() || !spec->digest.empty()) {
      causes.push_back(invalid_value("spec.dockerImageRepository", repository,
                                     "the repository name may not contain a tag or an ID"));
    }
  }
  for (const auto& reference : at(stream, {"spec", "tags"}).items()) {
    check_tag_reference(reference, fmt::format("spec.tags[{}]", text_at(reference, {"name"})), causes);
  }
  for (const auto& entry : at(stream, {"status", "tags"}).items()) {
    std::size_t index = 0;
    for (const auto& item : at(entry, {"items"}).items()) {
      if (text_at(item, {"dockerImageReference"}).empty()) {
        causes.push_back(
            {"FieldValueRequired", "Required value",
             fmt::format("status.tags[{}].items[{}].dockerImageReference", text_at(entry, {"tag"}), index)});
      }
      ++index;
    }
  }
}

std::string joined(const std::vector<Cause>& causes) {
  std::vector<std::string> texts;
  for (const auto& cause : causes) {
    auto text = fmt::format("{}: {}", cause.field, cause.message);
    if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(std::move(text));
  }
  if (texts.size() == 1) return texts.front();
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

}  // namespace sluice::sandbox
