#include "sandbox/workloads/counts.hpp"

#include "sandbox/core/tree.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <limits>

namespace sluice::sandbox {

namespace {

Json condition_json(const Condition& condition, std::string_view transition, std::string_view now) {
  auto entry = Json::object();
  entry.set("type", condition.type);
  entry.set("status", condition.status);
  if (condition.progress_time) entry.set("lastUpdateTime", now);
  entry.set("lastTransitionTime", transition);
  if (!condition.reason.empty()) entry.set("reason", condition.reason);
  if (!condition.message.empty()) entry.set("message", condition.message);
  return entry;
}

void put_condition(Json& status, const Condition& condition, std::string_view now) {
  std::string transition(now);
  if (const auto* old = find_condition(status, condition.type);
      old != nullptr && text_at(*old, {"status"}) == condition.status) {
    transition = text_at(*old, {"lastTransitionTime"});
  }
  drop_condition(status, condition.type);
  auto& list = make_at(status, {"conditions"});
  if (!list.is_array()) list = Json::array();
  list.push(condition_json(condition, transition, now));
}

bool carries(const Json& labels, const Json& wanted) {
  return std::all_of(wanted.members().begin(), wanted.members().end(), [&](const auto& entry) {
    const auto* value = labels.find(entry.first);
    return value != nullptr && *value == entry.second;
  });
}

}  // namespace

std::int64_t number_in(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

TimePoint parse_time(std::string_view text) {
  std::tm parts{};
  const std::string copy(text);
  const auto* end = strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (end == nullptr) return {};
  return std::chrono::system_clock::from_time_t(timegm(&parts));
}

bool pod_is_active(const Json& pod) {
  const auto phase = text_at(pod, {"status", "phase"});
  return phase != "Succeeded" && phase != "Failed" && at(pod, {"metadata", "deletionTimestamp"}).is_null();
}

bool pod_is_ready(const Json& pod) { return condition_status(at(pod, {"status"}), "Ready") == "True"; }

bool pod_is_available(const Json& pod, std::chrono::seconds min_ready, TimePoint now) {
  if (!pod_is_ready(pod)) return false;
  if (min_ready.count() == 0) return true;
  const auto* ready = find_condition(at(pod, {"status"}), "Ready");
  return parse_time(text_at(*ready, {"lastTransitionTime"})) + min_ready <= now;
}

PodCounts count_pods(const std::vector<ObjectRef>& pods, const Json& pod_template, std::chrono::seconds min_ready,
                     TimePoint now) {
  PodCounts counts;
  const auto& wanted = at(pod_template, {"metadata", "labels"});
  for (const auto& pod : pods) {
    if (!pod_is_active(*pod)) continue;
    ++counts.active;
    if (carries(at(*pod, {"metadata", "labels"}), wanted)) ++counts.labelled;
    if (pod_is_ready(*pod)) ++counts.ready;
    if (pod_is_available(*pod, min_ready, now)) ++counts.available;
  }
  return counts;
}

std::int64_t scaled(const Json& value, std::int64_t total, bool round_up) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  if (const auto number = value.as_integer()) return std::clamp<std::int64_t>(*number, 0, kMost);
  total = std::clamp<std::int64_t>(total, 0, kMost);
  const auto text = value.as_string().value_or("");
  std::int64_t percent = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), percent);
  if (read.ec != std::errc() || percent < 0 || percent > 100'000) return 0;
  return (total * percent + (round_up ? 99 : 0)) / 100;
}

Fences fences(const Json& max_surge, const Json& max_unavailable, std::int64_t replicas) {
  Fences result{scaled(max_surge, replicas, true), scaled(max_unavailable, replicas, false)};
  // With neither a rollout could not move at all.
  if (result.surge == 0 && result.unavailable == 0) result.unavailable = 1;
  return result;
}

const Json* find_condition(const Json& status, std::string_view type) {
  for (const auto& condition : at(status, {"conditions"}).items()) {
    if (text_at(condition, {"type"}) == type) return &condition;
  }
  return nullptr;
}

std::string condition_status(const Json& status, std::string_view type) {
  const auto* found = find_condition(status, type);
  return found == nullptr ? "" : text_at(*found, {"status"});
}

std::string condition_reason(const Json& status, std::string_view type) {
  const auto* found = find_condition(status, type);
  return found == nullptr ? "" : text_at(*found, {"reason"});
}

void set_condition(Json& status, const Condition& condition, std::string_view now) {
  const auto* old = find_condition(status, condition.type);
  if (old != nullptr && text_at(*old, {"status"}) == condition.status &&
      text_at(*old, {"reason"}) == condition.reason) {
    return;
  }
  put_condition(status, condition, now);
}

void refresh_condition(Json& status, const Condition& condition, std::string_view now) {
  put_condition(status, condition, now);
}

void drop_condition(Json& status, std::string_view type) {
  auto* conditions = status.find("conditions");
  if (conditions == nullptr || conditions->elements() == nullptr) return;
  std::erase_if(*conditions->elements(), [&](const Json& entry) { return text_at(entry, {"type"}) == type; });
}

Json status_copy(const Json& object) {
  const auto& status = at(object, {"status"});
  return status.is_object() ? status : Json::object();
}

Json& status_in(Json& object) {
  auto& status = make_at(object, {"status"});
  if (!status.is_object()) status = Json::object();
  return status;
}

void set_count(Json& status, std::string_view name, std::int64_t count) {
  if (count == 0) {
    status.remove(name);
  } else {
    status.set(name, count);
  }
}

}  // namespace sluice::sandbox
