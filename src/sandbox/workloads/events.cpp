#include "sandbox/workloads/events.hpp"

#include "base/hash.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/workloads/kinds.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::sandbox {

namespace {

// A real cluster forgets events after an hour or two; here the oldest of a project make room, many at a time.
constexpr std::size_t kKeptPerProject = 1000;
constexpr std::size_t kForgottenAtOnce = 250;

void make_room(World& world, const std::string& ns) {
  auto events = world.store.list(kEvents, ns);
  if (events.size() < kKeptPerProject) return;
  std::vector<std::pair<std::string, Key>> by_age;
  by_age.reserve(events.size());
  for (const auto& event : events) by_age.emplace_back(text_at(*event, {"lastTimestamp"}), key_of(kEvents, *event));
  std::sort(by_age.begin(), by_age.end());
  for (std::size_t i = 0; i < kForgottenAtOnce; ++i) world.store.remove(by_age[i].second);
}

Json involved(std::string_view resource, const Json& about) {
  const auto type = type_of(resource);
  auto object = Json::object();
  object.set("kind", type.kind);
  object.set("namespace", namespace_of(about));
  object.set("name", name_of(about));
  object.set("uid", uid_of(about));
  object.set("apiVersion", type.api_version);
  object.set("resourceVersion", text_at(about, {"metadata", "resourceVersion"}));
  return object;
}

}  // namespace

void record_event(World& world, std::string_view resource, const Json& about, const EventText& text) {
  const auto ns = namespace_of(about);
  const auto digest = hash_hex(HashAlgorithm::sha256,
                               fmt::format("{}\n{}\n{}\n{}", uid_of(about), text.type, text.reason, text.message));
  const Key key{std::string(kEvents), ns, fmt::format("{}.{}", name_of(about), digest.substr(0, 16))};
  const auto now = world.now_text();
  if (const auto before = world.store.get(key)) {
    auto again = *before;
    again.set("count", number_at(again, {"count"}) + 1);
    again.set("lastTimestamp", now);
    world.store.replace(key, std::move(again));
    return;
  }
  // Looked at now and then only: counting is not free.
  if (digest.starts_with('0')) make_room(world, ns);
  auto event = Json::object();
  event.set("involvedObject", involved(resource, about));
  event.set("reason", text.reason);
  event.set("message", text.message);
  set_at(event, {"source", "component"}, text.component);
  event.set("firstTimestamp", now);
  event.set("lastTimestamp", now);
  event.set("count", 1);
  event.set("type", text.type);
  event.set("eventTime", Json());
  event.set("reportingComponent", "");
  event.set("reportingInstance", "");
  world.store.create(key, std::move(event));
}

}  // namespace sluice::sandbox
