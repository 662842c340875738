#pragma once
// The history of the tags of an image stream (status.tags): adding an event, alias tags that follow, conditions, and
// finding an image in it. Pure: works on the Json of one ImageStream.
// Source: OpenShift image/v1 ImageStream, NamedTagEventList.

#include "base/json.hpp"
#include "sandbox/core/refusal.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::sandbox {

/// One item of a tag's history.
struct TagEvent {
  std::string created;    ///< RFC 3339
  std::string reference;  ///< pull spec
  std::string image;      ///< digest; empty for a tag that only refers
  std::int64_t generation = 0;

  static TagEvent read(const Json& item);
  Json to_json() const;
  friend bool operator==(const TagEvent&, const TagEvent&) = default;
};

/// What adding an event did.
enum class Added : std::uint8_t {
  nothing,     ///< the same reference, image and generation stand on top already
  generation,  ///< only the generation of the top moved
  in_place,    ///< the reference or the image of the top was replaced
  on_top,      ///< a new item
};

/// The entry of a tag in status.tags, or null. Borrowed.
const Json* history_of(const Json& stream, std::string_view tag);
/// The newest item; empty when there is none.
std::optional<TagEvent> newest_event(const Json& stream, std::string_view tag);

/// Adds an event to a tag. Any change clears the conditions of the tag; items are never trimmed.
Added add_event(Json& stream, std::string_view tag, const TagEvent& event);
/// Gives the newest item of a tag another generation.
void set_newest_generation(Json& stream, std::string_view tag, std::int64_t generation);

/// Adds `event` to every spec tag that is an alias of `tag` (kind ImageStreamTag, same stream).
void follow_aliases(Json& stream, std::string_view tag, const TagEvent& event);
/// The same for every tag whose newest item differs from `before` (null: a new stream).
void follow_changed(const Json* before, Json& stream);

/// Removes a tag from status.tags; true when it was there.
bool remove_history(Json& stream, std::string_view tag);

/// Sets the ImportSuccess condition of a tag, which gets an entry without items when it has none.
void set_condition(Json& stream, std::string_view tag, Json condition);
void clear_conditions(Json& stream, std::string_view tag);
/// The highest generation that the newest item or the condition of a tag shows: what was imported or tried last.
std::int64_t observed_generation(const Json& stream, std::string_view tag);

/// The newest event of an image whose digest is, or begins with, `id` ("sha256:ab.." or "ab..").
/// Refusals: 404 of "imagestreamimage"; 409 when several images match.
Answer<TagEvent> find_image(const Json& stream, std::string_view id, std::string_view now);
/// Calls `visit(tag, event)` for every item.
void each_event(const Json& stream, const std::function<void(const std::string&, const TagEvent&)>& visit);

/// Tags are stored and shown in the order of their names; no list rather than an empty one.
void tidy_history(Json& stream);

}  // namespace sluice::sandbox
