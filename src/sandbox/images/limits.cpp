#include "sandbox/images/limits.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/images/history.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <set>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kGroup = "image.openshift.io";
constexpr std::string_view kStreams = "openshift.io/imagestreams";

struct Suffix {
  std::string_view text;
  double factor;
};
constexpr std::array<Suffix, 14> kSuffixes = {{{"Ki", 0x1p10},
                                               {"Mi", 0x1p20},
                                               {"Gi", 0x1p30},
                                               {"Ti", 0x1p40},
                                               {"Pi", 0x1p50},
                                               {"Ei", 0x1p60},
                                               {"m", 1e-3},
                                               {"k", 1e3},
                                               {"M", 1e6},
                                               {"G", 1e9},
                                               {"T", 1e12},
                                               {"P", 1e15},
                                               {"E", 1e18},
                                               {"", 1.0}}};

std::string exceeds(std::string_view what, std::string_view type, std::string_view usage, std::string_view limit) {
  return fmt::format("requested usage of {} exceeds the maximum limit per {} ({} > {})", what, type, usage, limit);
}

// The text of a quantity, which may be written as a number.
std::string quantity_text(const Json& value) {
  if (const auto number = value.as_integer()) return std::to_string(*number);
  return value.as_string().value_or("");
}

// Calls visit(max, text) for the limits of one type that set `resource`.
template <class Visit>
void each_limit(const std::vector<const Json*>& ranges, std::string_view type, std::string_view resource,
                Visit&& visit) {
  for (const auto* range : ranges) {
    for (const auto& limit : at(*range, {"spec", "limits"}).items()) {
      if (text_at(limit, {"type"}) != type) continue;
      const auto text = quantity_text(at(limit, {"max", resource}));
      if (const auto most = quantity(text)) visit(*most, text);
    }
  }
}

std::vector<ObjectRef> ranges_of(const World& world, std::string_view ns) {
  return world.store.list("limitranges", ns);
}

std::vector<const Json*> borrowed(const std::vector<ObjectRef>& objects) {
  std::vector<const Json*> pointers;
  pointers.reserve(objects.size());
  for (const auto& object : objects) pointers.push_back(object.get());
  return pointers;
}

std::int64_t counted(const World& world, std::string_view ns, std::string_view resource) {
  if (resource == kStreams) {
    return static_cast<std::int64_t>(world.store.keys("imagestreams.image.openshift.io", ns).size());
  }
  constexpr std::array<std::string_view, 7> kCounted = {"pods",
                                                        "services",
                                                        "secrets",
                                                        "configmaps",
                                                        "resourcequotas",
                                                        "persistentvolumeclaims",
                                                        "replicationcontrollers"};
  for (const auto plural : kCounted) {
    if (resource == plural) return static_cast<std::int64_t>(world.store.keys(plural, ns).size());
  }
  return 0;
}

}  // namespace

std::optional<std::int64_t> quantity(std::string_view text) {
  double number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (parsed.ec != std::errc{}) return std::nullopt;
  const std::string_view rest = text.substr(static_cast<std::size_t>(parsed.ptr - text.data()));
  for (const auto& suffix : kSuffixes) {
    if (rest != suffix.text) continue;
    const auto value = std::ceil(number * suffix.factor);
    if (value >= static_cast<double>(std::numeric_limits<std::int64_t>::max())) {
      return std::numeric_limits<std::int64_t>::max();
    }
    return static_cast<std::int64_t>(value);
  }
  return std::nullopt;
}

std::string binary_quantity(std::int64_t value) {
  constexpr std::array<std::string_view, 7> kUnits = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  std::size_t unit = 0;
  while (value != 0 && value % 1024 == 0 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{}{}", value, kUnits[unit]);
}

StreamUsage usage_of(const Json& stream) {
  std::set<std::string> images;
  each_event(stream, [&](const std::string& /*tag*/, const TagEvent& event) {
    if (!event.image.empty()) images.insert(event.image);
  });
  std::set<std::string> sources;
  for (const auto& reference : at(stream, {"spec", "tags"}).items()) {
    if (!at(reference, {"from"}).is_object()) continue;
    auto ns = text_at(reference, {"from", "namespace"});
    if (ns.empty()) ns = namespace_of(stream);
    sources.insert(
        fmt::format("{}\n{}\n{}", text_at(reference, {"from", "kind"}), ns, text_at(reference, {"from", "name"})));
  }
  return {static_cast<std::int64_t>(images.size()), static_cast<std::int64_t>(sources.size())};
}

std::vector<std::string> exceeded(const StreamUsage& usage, const std::vector<const Json*>& ranges) {
  constexpr std::string_view kType = "openshift.io/ImageStream";
  std::vector<std::string> reasons;
  const auto check = [&](std::string_view resource, std::int64_t used) {
    each_limit(ranges, kType, resource, [&](std::int64_t most, const std::string& text) {
      if (used > most) reasons.push_back(exceeds(resource, kType, std::to_string(used), text));
    });
  };
  check("openshift.io/images", usage.images);
  check("openshift.io/image-tags", usage.tags);
  return reasons;
}

std::optional<std::string> too_large(std::int64_t size, const std::vector<const Json*>& ranges) {
  constexpr std::string_view kType = "openshift.io/Image";
  std::optional<std::string> reason;
  each_limit(ranges, kType, "storage", [&](std::int64_t most, const std::string& text) {
    if (size > most && !reason) reason = exceeds("storage", kType, binary_quantity(size), text);
  });
  return reason;
}

std::optional<std::string> stream_limit(const World& world, std::string_view ns, const Json& stream) {
  const auto ranges = ranges_of(world, ns);
  if (ranges.empty()) return std::nullopt;
  const auto reasons = exceeded(usage_of(stream), borrowed(ranges));
  if (reasons.empty()) return std::nullopt;
  const auto all = reasons.size() == 1 ? reasons.front() : fmt::format("[{}]", fmt::join(reasons, ", "));
  return forbidden(kGroup, "ImageStream", name_of(stream), all).message;
}

Verdict check_image_size(const World& world, std::string_view ns, std::string_view plural, std::string_view name,
                         std::int64_t size) {
  const auto ranges = ranges_of(world, ns);
  if (const auto reason = too_large(size, borrowed(ranges))) return forbidden(kGroup, plural, name, *reason);
  return {};
}

bool streams_are_counted(const World& world, std::string_view ns) {
  for (const auto& quota : world.store.list("resourcequotas", ns)) {
    if (!at(*quota, {"spec", "hard", kStreams}).is_null()) return true;
  }
  return false;
}

Verdict check_stream_quota(const World& world, std::string_view ns, std::string_view plural, std::string_view name) {
  for (const auto& quota : world.store.list("resourcequotas", ns)) {
    const auto hard = quantity_text(at(*quota, {"spec", "hard", kStreams}));
    const auto most = quantity(hard);
    if (!most) continue;
    const auto& used = at(*quota, {"status", "used", kStreams});
    if (used.is_null()) {
      return forbidden(kGroup, plural, name, fmt::format("status unknown for quota: {}", name_of(*quota)));
    }
    if (quantity(quantity_text(used)).value_or(0) + 1 <= *most) continue;
    return forbidden(kGroup, plural, name,
                     fmt::format("exceeded quota: {0}, requested: {1}=1, used: {1}={2}, limited: {1}={3}",
                                 name_of(*quota), kStreams, quantity_text(used), hard));
  }
  return {};
}

void count_stream(World& world, std::string_view ns) {
  for (const auto& key : world.store.keys("resourcequotas", ns)) {
    const auto quota = world.store.get(key);
    const auto& used = at(*quota, {"status", "used", kStreams});
    if (used.is_null()) continue;
    auto changed = *quota;
    set_at(changed, {"status", "used", kStreams}, std::to_string(quantity(quantity_text(used)).value_or(0) + 1));
    world.store.replace(key, std::move(changed));
  }
}

void resync_quota(World& world, std::string_view ns, std::string_view name) {
  const Key key{"resourcequotas", std::string(ns), std::string(name)};
  const auto quota = world.store.get(key);
  if (!quota) return;
  auto changed = *quota;
  auto hard = Json::object();
  auto used = Json::object();
  for (const auto& [resource, limit] : at(*quota, {"spec", "hard"}).members()) {
    hard.set(resource, quantity_text(limit));
    used.set(resource, std::to_string(counted(world, ns, resource)));
  }
  auto status = Json::object();
  if (!hard.members().empty()) {
    status.set("hard", std::move(hard));
    status.set("used", std::move(used));
  }
  changed.set("status", std::move(status));
  world.store.replace(key, std::move(changed));
}

void resync_quota(World& world) {
  for (const auto& key : world.store.keys("resourcequotas")) resync_quota(world, key.ns, key.name);
}

}  // namespace sluice::sandbox
