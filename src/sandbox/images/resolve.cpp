#include "sandbox/images/resolve.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/images/history.hpp"
#include "sandbox/images/stream_store.hpp"
#include "sandbox/images/tagging.hpp"

#include <fmt/format.h>

namespace sluice::sandbox {

std::string stream_repository(const World& world, std::string_view ns, std::string_view stream) {
  if (!world.registry.present || world.registry.internal.empty()) return "";
  return fmt::format("{}/{}/{}", world.registry.internal, ns, stream);
}

std::optional<std::string> resolve_tag_of(const Json& stream, std::string_view repository, std::string_view tag) {
  const auto event = newest_event(stream, tag);
  if (!event) return std::nullopt;
  const auto* reference = spec_tag(stream, tag);
  const bool local = reference != nullptr && text_at(*reference, {"referencePolicy", "type"}) == "Local";
  if (local && !repository.empty() && !event->image.empty()) return fmt::format("{}@{}", repository, event->image);
  return event->reference;
}

std::optional<std::string> resolve_tag(const World& world, std::string_view ns, std::string_view stream,
                                       std::string_view tag) {
  const auto found = find_stream(world, ns, stream);
  if (!found) return std::nullopt;
  return resolve_tag_of(*found, stream_repository(world, ns, stream), tag);
}

}  // namespace sluice::sandbox
