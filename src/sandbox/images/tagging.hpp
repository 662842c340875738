#pragma once
// What a change of spec.tags means: defaults, checks, generations, and the events that it adds to the history. Pure:
// what it must know of the world comes in as functions.
// Source: OpenShift image/v1 TagReference; the strategy of the image stream registry.

#include "base/json.hpp"
#include "sandbox/core/refusal.hpp"
#include "sandbox/core/store.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

/// What tagging asks the world.
struct TaggingRules {
  std::string now;           ///< RFC 3339
  std::string registry;      ///< internal host of the integrated registry; empty: none
  bool import_mode = false;  ///< importPolicy.importMode exists (4.12 and later)
  /// Another stream; null when there is none.
  std::function<ObjectRef(const std::string& ns, const std::string& name)> find;
  /// Why the writer may not read the layers of that stream ("no RBAC policy matched"); empty: allowed.
  std::function<std::optional<std::string>(const std::string& ns, const std::string& name)> denial;
};

/// One tag reference in the form in which it is stored: known members only, defaults filled in.
Json tag_reference(const Json& sent, bool import_mode);
/// The whole spec in that form; tags by name, the last of equal names wins.
void tidy_spec(Json& stream, bool import_mode);
/// The spec tag of a stream, or null. Borrowed.
const Json* spec_tag(const Json& stream, std::string_view tag);
/// Adds or replaces a spec tag.
void set_spec_tag(Json& stream, std::string_view tag, Json reference);
bool remove_spec_tag(Json& stream, std::string_view tag);

/// True when the source differs: from.namespace, from.name, reference or the import mode. Neither from.kind nor
/// generation counts.
bool tag_changed(const Json& before, const Json& after, std::string_view own_namespace);

/// Sets metadata.generation and the generations of spec tags for a write: new and changed tags get the stream's, 0
/// asks for a new one, any other number that a client sends is ignored. `before` null: a new stream.
void set_generations(const Json* before, Json& stream);

/// Adds the events of all changed spec tags and lets aliases follow. Empty when all is well, else the causes.
std::vector<Cause> apply_spec_tags(const TaggingRules& rules, const Json* before, Json& stream);

/// Checks one tag reference; fields in the causes begin with `path` ("tag", "spec.tags[live]").
void check_tag_reference(const Json& reference, const std::string& path, std::vector<Cause>& causes);
/// Checks a whole stream but for what apply_spec_tags finds.
void check_stream(const Json& stream, std::vector<Cause>& causes);

/// Errors as Go joins them: one as it is, several in brackets, equal ones once.
std::string joined(const std::vector<Cause>& causes);

}  // namespace sluice::sandbox
