#pragma once
// Events: what controllers and nodes tell about the objects that they work on. Clients read from them why a rollout
// does not come on. Source: Kubernetes core/v1 Event, recorded the way client-go's recorder does.

#include "base/json.hpp"
#include "sandbox/core/world.hpp"

#include <string>
#include <string_view>

namespace sluice::sandbox {

struct EventText {
  std::string_view type;  ///< Normal, Warning
  std::string_view reason;
  std::string_view message;
  std::string_view component;  ///< who says it
};

/// Records an event about an object of `resource`. The same one again raises its count.
void record_event(World& world, std::string_view resource, const Json& about, const EventText& text);

}  // namespace sluice::sandbox
